/** Who keeps vectors: for later steps (VectorCache), or for the one at hand (StepKeeper). */
import type { StepScratch } from "./step-scratch.ts";

export interface Keeper {
  /**
   * What was made under this name, or is made now: `fill` gets the address of `bytes` bytes, a
   * multiple of 64, which hold anything, and returns what the vector is.
   */
  get<T>(name: string, bytes: () => number, fill: (at: number) => T): T;
  /** What was made under this name; undefined: nothing is kept under it. */
  find<T>(name: string): T | undefined;
}

export class StepKeeper implements Keeper {
  readonly #scratch: StepScratch;
  readonly #made = new Map<string, unknown>();

  constructor(scratch: StepScratch) {
    this.#scratch = scratch;
  }

  get<T>(name: string, bytes: () => number, fill: (at: number) => T): T {
    if (this.#made.has(name)) return this.find<T>(name) as T;
    const value = fill(this.#scratch.keep(bytes()));
    this.#made.set(name, value);
    return value;
  }

  find<T>(name: string): T | undefined {
    // What is kept under a name is what `fill` of that name returned.
    return this.#made.get(name) as T | undefined;
  }
}
