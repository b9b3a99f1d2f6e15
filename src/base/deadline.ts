/** The ends that a wait has besides its result. */

export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

export interface Deadline {
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** For the client, when the time is over. */
  readonly message: string;
}

/**
 * The result of the work; or ClientGone or DeadlineExceeded as soon as one is true, whether or not
 * the work heeds the signal that it gets. What it settles to after that is dropped.
 */
export async function withDeadline<Result>(
  { signal, timeoutMs, message }: Deadline,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  // Work that throws at once leaves nobody to hear of the other end.
  ended.catch(() => undefined);
  const end = (reason: Error) => {
    // In this order: the work may reject as soon as it is told.
    reject(reason);
    controller.abort(reason);
  };
  const gone = () => end(new ClientGone("context canceled"));
  const timer = setTimeout(() => end(new DeadlineExceeded(message)), timeoutMs);
  if (signal.aborted) gone();
  signal.addEventListener("abort", gone, { once: true });
  try {
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", gone);
  }
}
