/**
 * The bloom filters of a bucket's blocks in shared memory: a trace by id looks at them all, and
 * goes on with the few blocks that may have it. Bounded: blocks beyond it are asked by their file.
 *
 * Threads: the store thread; others read what they were given.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { EngineError } from "../base/error.ts";
import {
  BLOOM_BLOCK_BYTES,
  readSidecarHeader,
  SIDECAR_HEADER_BYTES,
  TRACE_INDEX_ENTRY_BYTES,
} from "../block/block-format.ts";
import type { BlockMeta } from "../model/block-meta.ts";

export class BlockFilters {
  readonly #bytesMax: number;
  readonly #filters = new Map<string, SharedArrayBuffer>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): SharedArrayBuffer | undefined {
    return this.#filters.get(id);
  }

  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax;
  }

  /** Copies it, if there is room. */
  put(id: string, filter: Uint8Array): void {
    if (this.#filters.has(id) || !this.hasRoom(filter.length)) return;
    if (filter.length === 0 || filter.length % BLOOM_BLOCK_BYTES !== 0) return;
    const shared = new SharedArrayBuffer(filter.length);
    new Uint8Array(shared).set(filter);
    this.#filters.set(id, shared);
    this.#bytes += filter.length;
  }

  remove(id: string): void {
    this.#bytes -= this.#filters.get(id)?.byteLength ?? 0;
    this.#filters.delete(id);
  }
}

/** Of a sidecar the header and the filter; the trace index follows them. */
export function filterEnd({ sidecarBytes, traces }: BlockMeta): number {
  return Math.max(SIDECAR_HEADER_BYTES, sidecarBytes - traces * TRACE_INDEX_ENTRY_BYTES);
}

/** Reads it from a file that has these parts. Throws EngineError when they are damaged. */
export function readFilter(path: string, meta: BlockMeta): Uint8Array {
  const bytes = readStart(path, filterEnd(meta));
  const header = readSidecarHeader(bytes);
  if (header === undefined)
    throw new EngineError("block_corrupt", `block ${meta.id}: sidecar header`);
  const { bloomOffset, bloomBlocks, bloomCrc } = header;
  const filter = bytes.slice(bloomOffset, bloomOffset + bloomBlocks * BLOOM_BLOCK_BYTES);
  if (Bun.hash.crc32(filter) !== bloomCrc) {
    throw new EngineError("block_corrupt", `block ${meta.id}: bloom filter crc`);
  }
  return filter;
}

function readStart(path: string, length: number): Uint8Array {
  const fd = openSync(path, "r");
  try {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(fd, bytes, done, length - done, done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(fd);
  }
}
