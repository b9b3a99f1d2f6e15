/** How much of the machine a thread gets when several want it. */
import { setPriority } from "node:os";
import { threadId } from "./thread-cpu.ts";

/**
 * Lets other threads of the machine go first: `nice` is 1 to 19. Where threads have no priority of
 * their own, or it may not be lowered, it stays as it is.
 */
export function lowerThreadPriority(nice: number): void {
  const id = threadId();
  // To the system, 0 is the process as a whole.
  if (id === 0) return;
  try {
    setPriority(id, nice);
  } catch {}
}
