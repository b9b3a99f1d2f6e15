/** When vectors that went were used last: whoever comes back soon was no passer-by. */

/** A question that reads more than this is not remembered, and passes by each time. */
const NAMES_MAX = 2048;

export class RecentUses {
  /** The one that went first first. */
  readonly #questions = new Map<string, number>();

  put(name: string, question: number): void {
    this.#questions.set(name, question);
    for (const oldest of this.#questions.keys()) {
      if (this.#questions.size <= NAMES_MAX) break;
      this.#questions.delete(oldest);
    }
  }

  /** 0: it is not known, or no longer. */
  take(name: string): number {
    const question = this.#questions.get(name) ?? 0;
    this.#questions.delete(name);
    return question;
  }
}
