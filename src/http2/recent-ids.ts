/** Ids of streams that were closed lately; of older ones nothing is known. */
const KEPT = 256;

export class RecentIds {
  /** Zero is no id. */
  readonly #kept = new Int32Array(KEPT);
  #next = 0;

  add(id: number): void {
    this.#kept[this.#next] = id;
    this.#next = (this.#next + 1) % KEPT;
  }

  has(id: number): boolean {
    return this.#kept.includes(id);
  }
}
