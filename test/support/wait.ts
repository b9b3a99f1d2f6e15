/** Waiting for a condition, with a deadline: the tests' only way to let time pass. */
const POLL_MS = 10;
const DEADLINE_MS = 60_000;

/**
 * Asks until the answer is neither undefined nor false, and gives it. `describe` tells what stood
 * there when the time was over.
 */
export async function waitFor<T>(
  ask: () => T | Promise<T>,
  describe: () => string,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<T, undefined | false>> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (performance.now() > endMs) throw new Error(`test: waited in vain: ${describe()}`);
    await Bun.sleep(POLL_MS);
  }
}
