/** How much of something a client may do that is of no use: so many at once, so many a second. */
export class Budget {
  readonly #max: number;
  readonly #perSecond: number;
  #left: number;
  #filledMs: number;

  constructor(max: number, perSecond: number, nowMs: number) {
    this.#max = max;
    this.#perSecond = perSecond;
    this.#left = max;
    this.#filledMs = nowMs;
  }

  /** False: it was too much. The time is asked for when it matters. */
  take(nowMs: () => number): boolean {
    if (this.#left < 1) {
      const now = nowMs();
      const more = ((now - this.#filledMs) / 1000) * this.#perSecond;
      this.#left = Math.min(this.#max, this.#left + more);
      this.#filledMs = now;
    }
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  giveBack(): void {
    this.#left = Math.min(this.#max, this.#left + 1);
  }
}
