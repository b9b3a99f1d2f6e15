/**
 * Whose turn it is to compact a window of a bucket, so that two processes seldom do the same work.
 * It is put if absent, for a stretch of time that all clocks count alike. What is right does not
 * depend on it: clocks may differ, and a process may stop for longer than its turn.
 */
import { leaseKey } from "./bucket-keys.ts";
import type { ObjectStore } from "./object-store.ts";

export interface LeaseOptions {
  readonly store: ObjectStore;
  /** The same after a restart. */
  readonly holder: string;
  /** How long a turn is. */
  readonly turnMs: number;
}

export class BucketLeases {
  readonly #options: LeaseOptions;
  /** By key. */
  readonly #known = new Map<string, { readonly untilMs: number; readonly isOurs: boolean }>();

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether the window is ours now, and if so, for what is begun now. */
  async take(window: string, nowMs: number): Promise<boolean> {
    const { turnMs } = this.#options;
    for (const [key, { untilMs }] of this.#known) if (untilMs < nowMs) this.#known.delete(key);
    const untilMs = (Math.floor(nowMs / turnMs) + 1) * turnMs;
    if (!(await this.#takeUntil(window, untilMs))) return false;
    // What begins late in a turn ends in the next one.
    if (untilMs - nowMs < turnMs / 4) await this.#takeUntil(window, untilMs + turnMs);
    return true;
  }

  async #takeUntil(window: string, untilMs: number): Promise<boolean> {
    const { store, holder } = this.#options;
    const key = leaseKey(window, untilMs);
    const known = this.#known.get(key);
    if (known !== undefined) return known.isOurs;
    const own = new TextEncoder().encode(holder);
    const isOurs =
      (await store.putIfAbsent(key, own)) ||
      // Of before a restart, or of a call whose answer did not arrive.
      Buffer.compare((await store.get(key)) ?? new Uint8Array(0), own) === 0;
    this.#known.set(key, { untilMs, isOurs });
    return isOurs;
  }
}
