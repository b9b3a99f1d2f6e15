/** What a server with blocks in a bucket says of itself in its metrics. */
import { readFileSync } from "node:fs";
import type { Server } from "../test/support/server.ts";

export interface StoreCounts {
  readonly cpu: number;
  readonly flushed: number;
  /** Objects, parts, and what begins and ends an upload in parts; refused ones too. */
  readonly puts: number;
  /** Inputs of merges. */
  readonly merged: number;
  readonly requests: number;
  readonly polls: number;
  readonly pollSeconds: number;
}

export async function storeCounts(server: Server): Promise<StoreCounts> {
  const text = await (await server.get("/metrics")).text();
  const sum = (pattern: RegExp) =>
    text
      .split("\n")
      .filter((line) => pattern.test(line))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  const requests = "^tempodb_backend_request_duration_seconds_count";
  return {
    cpu: sum(/^process_cpu_seconds_total /),
    flushed: sum(/^tempo_live_store_local_blocks_flushed_total /),
    puts: sum(new RegExp(`${requests}.*(PUT|POST)`)),
    merged: sum(/^tempodb_compaction_blocks_total /),
    requests: sum(new RegExp(requests)),
    polls: sum(/^vivace_store_polls_total /),
    pollSeconds: sum(/^vivace_store_poll_seconds /),
  };
}

const TICKS_PER_SECOND = 100;

/** CPU of all threads of a process, those that ended too. Asks it nothing. Linux. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
