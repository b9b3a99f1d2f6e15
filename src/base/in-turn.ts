/** Pieces of work that must not run side by side: each begins when the one before has ended. */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  async run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    // Whoever asked for it hears of its failure.
    this.#last = mine.catch(() => undefined);
    return await mine;
  }
}
