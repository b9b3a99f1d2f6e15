/**
 * Vectors that are kept between questions, within a bound: the least recently used go first, but
 * none that the step at hand has touched. A step may have more than the bound, up to the whole
 * region. Whoever works with vectors does so in steps, without waiting for anything in between, and
 * holds none beyond.
 *
 * Threads: one.
 */
import { EngineError } from "../base/error.ts";
import type { Keeper } from "./keeper.ts";
import { PAGE_BYTES, VectorSpace } from "./vector-space.ts";

interface Entry {
  readonly value: unknown;
  readonly at: number;
  readonly pages: number;
  step: number;
}

export class VectorCache implements Keeper {
  readonly #space: VectorSpace;
  /** In the order of use: the oldest first. */
  readonly #entries = new Map<string, Entry>();
  #step = 1;
  #pagesMax: number;

  constructor(base: number, bytes: number) {
    this.#space = new VectorSpace(base, bytes);
    this.#pagesMax = this.#space.pages;
  }

  get heldBytes(): number {
    return (this.#space.pages - this.#space.freePages) * PAGE_BYTES;
  }

  /** The bound. What is kept beyond it goes when room is needed next. */
  set bytesMax(bytes: number) {
    this.#pagesMax = Math.min(this.#space.pages, Math.ceil(bytes / PAGE_BYTES));
  }

  /** From here on what earlier steps got is no longer theirs. */
  beginStep(): void {
    this.#step++;
  }

  /**
   * What was made under this name, or is made now: `fill` gets the address of `bytes` bytes, which
   * hold anything, and returns what the vector is.
   */
  get<T>(name: string, bytes: () => number, fill: (at: number) => T): T {
    const known = this.find<T>(name);
    if (known !== undefined) return known;
    const pages = Math.max(1, Math.ceil(bytes() / PAGE_BYTES));
    const at = this.#take(pages);
    let value: T;
    try {
      value = fill(at);
    } catch (error) {
      this.#space.give(at, pages);
      throw error;
    }
    this.#entries.set(name, { value, at, pages, step: this.#step });
    return value;
  }

  /** What was made under this name; undefined: nothing is kept under it. */
  find<T>(name: string): T | undefined {
    const known = this.#entries.get(name);
    if (known === undefined) return undefined;
    if (known.step !== this.#step) {
      known.step = this.#step;
      this.#entries.delete(name);
      this.#entries.set(name, known);
    }
    // What is kept under a name is what `fill` of that name returned.
    return known.value as T;
  }

  /** Lets go of everything whose name begins so. */
  forget(prefix: string): void {
    for (const [name, entry] of this.#entries) if (name.startsWith(prefix)) this.#drop(name, entry);
  }

  #take(pages: number): number {
    while (this.#space.pages - this.#space.freePages + pages > this.#pagesMax) {
      if (!this.#dropOldest()) break;
    }
    for (;;) {
      const at = this.#space.take(pages);
      if (at !== undefined) return at;
      if (!this.#dropOldest()) {
        throw new EngineError("overloaded", "the query needs more memory than it may have");
      }
    }
  }

  #dropOldest(): boolean {
    for (const [name, entry] of this.#entries) {
      if (entry.step === this.#step) return false;
      this.#drop(name, entry);
      return true;
    }
    return false;
  }

  #drop(name: string, entry: Entry): void {
    this.#entries.delete(name);
    this.#space.give(entry.at, entry.pages);
  }
}
