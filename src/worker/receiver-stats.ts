/**
 * What receivers counted, asked of all ingress threads at once. Who asks meanwhile gets the same
 * answer, for threads do not say whom they answer.
 *
 * Threads: main.
 */
import type { Thread } from "./thread.ts";
import type { IngressRequest, ReceiverSnapshot } from "./worker-protocol.ts";

/** A thread that does not answer by then is left out. */
const WAIT_MS = 1000;

export class ReceiverStats {
  #asked: Promise<readonly ReceiverSnapshot[]> | undefined;
  #onAnswer: (receivers: readonly ReceiverSnapshot[]) => void = () => {};

  /** By thread and receiver. */
  ask(threads: readonly Thread<IngressRequest>[]): Promise<readonly ReceiverSnapshot[]> {
    this.#asked ??= this.#askAll(threads).finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  answered(receivers: readonly ReceiverSnapshot[]): void {
    this.#onAnswer(receivers);
  }

  async #askAll(threads: readonly Thread<IngressRequest>[]): Promise<readonly ReceiverSnapshot[]> {
    const all: ReceiverSnapshot[] = [];
    let missing = threads.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onAnswer = (receivers) => {
      all.push(...receivers);
      missing -= 1;
      if (missing === 0) resolve();
    };
    const timer = setTimeout(resolve, WAIT_MS);
    for (const thread of threads) thread.post({ type: "stats" });
    await promise;
    clearTimeout(timer);
    return all;
  }
}
