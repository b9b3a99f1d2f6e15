/**
 * Collects old garbage of a thread. The runtime counts the shared memory, gigabytes of addresses,
 * as a part of every thread's heap, and looks through the old part of a heap only when the whole
 * has doubled. What is under way while it looks through the young part becomes old: of each
 * request half a kilobyte, of a crowd of senders their bodies. So old garbage would gather until
 * memory ends. New arrays do not count in the size before a collection has seen them: who drops
 * many at once says so to a GarbageCount.
 *
 * Threads: each has a heap of its own, and needs a watch of its own.
 */
import { heapSize } from "bun:jsc";
import { MiB } from "./bytes.ts";

const LOOK_MS = 500;
/** A collection takes some 10 ms: at full load one in a minute. */
const GROWTH_BYTES_MAX = 32 * MiB;

export class HeapWatch {
  readonly #growthBytesMax: number;
  /** The least since the last collection. */
  #bytes = heapSize();

  constructor(growthBytesMax = GROWTH_BYTES_MAX) {
    this.#growthBytesMax = growthBytesMax;
  }

  /** Collects when the heap has grown by more than it may. Takes some 60 µs. */
  look(): void {
    const bytes = heapSize();
    this.#bytes = Math.min(this.#bytes, bytes);
    if (bytes - this.#bytes <= this.#growthBytesMax) return;
    Bun.gc(true);
    this.#bytes = heapSize();
  }
}

/** From now on this thread looks by itself, whenever its loop turns; it may end all the same. */
export function watchHeap(): void {
  const watch = new HeapWatch();
  setInterval(() => watch.look(), LOOK_MS).unref();
}
