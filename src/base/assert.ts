/**
 * Stops the thread when the program itself is wrong.
 *
 * For programmer errors only: bad input, a full disk and a slow store are expected and are
 * EngineErrors. Pass a constant string, so that a passing assert allocates nothing.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}
