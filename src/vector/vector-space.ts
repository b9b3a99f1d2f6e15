/**
 * A region of the shared memory, given out in runs of pages, the lowest that fit: pages that were
 * touched once cost memory, whether they are in use or not.
 */
import { assert } from "../base/assert.ts";
import { KiB } from "../base/bytes.ts";

/** Small enough for the vectors of a small tenant, large enough that a search for room is short. */
export const PAGE_BYTES = 16 * KiB;

export class VectorSpace {
  readonly #base: number;
  readonly #used: Uint8Array;
  /** All pages below it are in use. */
  #lowest = 0;
  #free: number;

  /** `base` is a multiple of 64. */
  constructor(base: number, bytes: number) {
    assert(base % 64 === 0, "vectors: base is not aligned");
    this.#base = base;
    this.#used = new Uint8Array(Math.floor(bytes / PAGE_BYTES));
    this.#free = this.#used.length;
  }

  get pages(): number {
    return this.#used.length;
  }

  get freePages(): number {
    return this.#free;
  }

  /** The address of `pages` pages in a row; undefined when there are none. */
  take(pages: number): number | undefined {
    if (pages > this.#free) return undefined;
    const first = this.#find(pages);
    if (first === undefined) return undefined;
    this.#used.fill(1, first, first + pages);
    if (first === this.#lowest) this.#lowest = first + pages;
    this.#free -= pages;
    return this.#base + first * PAGE_BYTES;
  }

  give(at: number, pages: number): void {
    const first = (at - this.#base) / PAGE_BYTES;
    assert(this.#used[first] === 1, "vectors: pages given back twice");
    this.#used.fill(0, first, first + pages);
    this.#free += pages;
    this.#lowest = Math.min(this.#lowest, first);
  }

  #find(pages: number): number | undefined {
    const used = this.#used;
    for (let first = this.#lowest; first + pages <= used.length; ) {
      let end = first;
      while (end < first + pages && used[end] === 0) end++;
      if (end === first + pages) return first;
      first = end + 1;
    }
    return undefined;
  }
}
