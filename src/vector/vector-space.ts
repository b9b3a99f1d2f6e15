/**
 * Pages of a region of the shared memory, given out in runs, the lowest that fit: pages that were
 * touched once cost memory, whether they are in use or not.
 */
import { assert } from "../base/assert.ts";
import { KiB } from "../base/bytes.ts";

/** Small enough for the vectors of a small tenant, large enough that a search for room is short. */
export const PAGE_BYTES = 16 * KiB;

export class VectorSpace {
  readonly #used: Uint8Array;
  /** All pages below it are in use. */
  #lowest = 0;
  /** All pages from here on are free. */
  #end = 0;
  #free: number;

  /** `base` is a multiple of 64. */
  constructor(base: number, bytes: number) {
    assert(base % 64 === 0, "vectors: base is not aligned");
    this.#used = new Uint8Array(Math.floor(bytes / PAGE_BYTES));
    this.#free = this.#used.length;
  }

  get pages(): number {
    return this.#used.length;
  }

  get freePages(): number {
    return this.#free;
  }

  /** After the last page that is in use. */
  get end(): number {
    return this.#end;
  }

  isUsed(page: number): boolean {
    return this.#used[page] === 1;
  }

  /** Where the free pages right before this one begin; itself when there are none. */
  freeBefore(page: number): number {
    let first = page;
    while (first > 0 && this.#used[first - 1] === 0) first--;
    return first;
  }

  /** The first of `pages` pages in a row below `end`; undefined when there are none. */
  take(pages: number, end: number): number | undefined {
    if (pages > this.#free) return undefined;
    const first = this.#find(pages, end);
    if (first !== undefined) this.takeAt(first, pages);
    return first;
  }

  /** All of them are free. */
  takeAt(first: number, pages: number): void {
    this.#used.fill(1, first, first + pages);
    if (first === this.#lowest) this.#lowest = first + pages;
    this.#end = Math.max(this.#end, first + pages);
    this.#free -= pages;
  }

  give(first: number, pages: number): void {
    assert(this.#used[first] === 1, "vectors: pages given back twice");
    this.#used.fill(0, first, first + pages);
    this.#free += pages;
    this.#lowest = Math.min(this.#lowest, first);
    if (first + pages === this.#end) this.#end = this.freeBefore(first);
  }

  #find(pages: number, end: number): number | undefined {
    const used = this.#used;
    for (let first = this.#lowest; first + pages <= end; ) {
      let at = first;
      while (at < first + pages && used[at] === 0) at++;
      if (at === first + pages) return first;
      first = at + 1;
    }
    return undefined;
  }
}
