/** Waits that grow from one failure to the next, with jitter, so that many do not come at once. */
import type { Prng } from "../base/prng.ts";

export interface PatienceOptions {
  readonly firstMs: number;
  readonly mostMs: number;
  readonly random: Prng;
}

export class Patience {
  readonly #options: PatienceOptions;
  #failures = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  get failures(): number {
    return this.#failures;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** How long to wait now that it failed once more. */
  failed(): number {
    const { firstMs, mostMs, random } = this.#options;
    const ms = Math.min(mostMs, firstMs * 2 ** Math.min(this.#failures++, 30));
    return ms * (0.5 + random.unit() / 2);
  }
}
