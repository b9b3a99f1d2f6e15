/** When vectors that went were used last: whoever comes back soon was no passer-by. */

/** A question that reads more than this is not remembered, and passes by each time. */
const NAMES_MAX = 2048;

interface Uses {
  /** The last question that used it, and the one before; 0: none that is known of. */
  readonly used: number;
  readonly usedBefore: number;
}

export class RecentUses {
  /** The one that went first first. */
  readonly #uses = new Map<string, Uses>();

  put(name: string, { used, usedBefore }: Uses): void {
    this.#uses.set(name, { used, usedBefore });
    for (const oldest of this.#uses.keys()) {
      if (this.#uses.size <= NAMES_MAX) break;
      this.#uses.delete(oldest);
    }
  }

  /** The last one before this question. 0: it is not known, or no longer. */
  take(name: string, question: number): number {
    const uses = this.#uses.get(name);
    if (uses === undefined) return 0;
    this.#uses.delete(name);
    return uses.used < question ? uses.used : uses.usedBefore;
  }
}
