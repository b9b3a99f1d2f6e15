/** Who keeps vectors: for later steps (VectorCache), or for the one at hand (StepKeeper). */
import type { StepScratch } from "./step-scratch.ts";

export interface Keeper {
  /**
   * What was made under this name, or is made now: `fill` gets the address of `bytes` bytes, a
   * multiple of 64, which hold anything, and returns what the vector is.
   */
  get<T>(name: string, bytes: () => number, fill: (at: number) => T): T;
}

export class StepKeeper implements Keeper {
  readonly #scratch: StepScratch;
  readonly #made = new Map<string, unknown>();

  constructor(scratch: StepScratch) {
    this.#scratch = scratch;
  }

  get<T>(name: string, bytes: () => number, fill: (at: number) => T): T {
    // What is kept under a name is what `fill` of that name returned.
    if (this.#made.has(name)) return this.#made.get(name) as T;
    const value = fill(this.#scratch.keep(bytes()));
    this.#made.set(name, value);
    return value;
  }
}
