/** CPU time of single threads, from Linux's /proc. Elsewhere there is none: 0. */
import { readFileSync, readlinkSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** The kernel's number of the calling thread, or 0. */
export function threadId(): number {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1)) || 0;
  } catch {
    return 0;
  }
}

/** Seconds of CPU, user and system, that a thread of this process has used. */
export function threadCpuSeconds(id: number): number {
  if (id === 0) return 0;
  try {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
