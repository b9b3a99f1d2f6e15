/** Ids of streams that were closed lately; of older ones nothing is known. */
const KEPT = 256;

export class RecentIds {
  readonly #kept = new Set<number>();

  add(id: number): void {
    this.#kept.add(id);
    if (this.#kept.size <= KEPT) return;
    for (const oldest of this.#kept) {
      this.#kept.delete(oldest);
      break;
    }
  }

  has(id: number): boolean {
    return this.#kept.has(id);
  }
}
