/**
 * Refusals of a server that stops, held back until nobody is let in any more: who is told earlier
 * comes back at once, and may stand in the queue of a listener when it closes, which the kernel
 * answers with a reset.
 *
 * Threads: one ingress Worker; its receivers share them.
 */
export class HeldAnswers {
  readonly #bytesMax: number;
  readonly #released = Promise.withResolvers<void>();
  #bytes = 0;
  #count = 0;
  #isOver = false;

  /** The runtime keeps bodies of requests that wait: `bytesMax` of them together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Resolves when the answer may go. Undefined: now, for a body of that length. */
  hold(bytes: number): Promise<void> | undefined {
    if (this.#isOver || this.#count >= COUNT_MAX || this.#bytes + bytes > this.#bytesMax) {
      return undefined;
    }
    this.#count += 1;
    this.#bytes += bytes;
    return this.#released.promise;
  }

  release(): void {
    this.#isOver = true;
    this.#released.resolve();
  }
}

/** Who waits beyond these is answered at once. */
const COUNT_MAX = 1000;
