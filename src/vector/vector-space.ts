/**
 * A region of the shared memory, given out in runs of pages. First fit, from where the last one
 * was found: what is taken together mostly goes together.
 */
import { assert } from "../base/assert.ts";
import { KiB } from "../base/bytes.ts";

/** Small enough for the vectors of a small tenant, large enough that a search for room is short. */
export const PAGE_BYTES = 16 * KiB;

export class VectorSpace {
  readonly #base: number;
  readonly #used: Uint8Array;
  #next = 0;
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
    const first = this.#find(this.#next, pages) ?? this.#find(0, pages);
    if (first === undefined) return undefined;
    this.#used.fill(1, first, first + pages);
    this.#next = first + pages;
    this.#free -= pages;
    return this.#base + first * PAGE_BYTES;
  }

  give(at: number, pages: number): void {
    const first = (at - this.#base) / PAGE_BYTES;
    assert(this.#used[first] === 1, "vectors: pages given back twice");
    this.#used.fill(0, first, first + pages);
    this.#free += pages;
    if (first < this.#next) this.#next = first;
  }

  #find(from: number, pages: number): number | undefined {
    const used = this.#used;
    for (let first = from; first + pages <= used.length; ) {
      let end = first;
      while (end < first + pages && used[end] === 0) end++;
      if (end === first + pages) return first;
      first = end + 1;
    }
    return undefined;
  }
}
