/**
 * Calls the collector by what is left to it. On its own it goes by the size of its heap, does not
 * see most of what arrays hold outside, and lets as much gather as there is memory: what is kept
 * afterwards is the peak.
 *
 * Threads: each has a heap of its own, and needs a count of its own.
 */
export class GarbageCount {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** So much was dropped, about; collects when that makes `bytesMax` since the last time. */
  note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#bytesMax) return;
    this.#bytes = 0;
    Bun.gc(true);
  }

  /** So much of it was given back otherwise. */
  freed(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes - bytes);
  }
}
