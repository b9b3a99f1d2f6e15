/**
 * The sidecar of a block: whether a trace may be in it, and at which row it begins.
 *
 * The filter is read and held against its checksum once, and kept when it is small. Of the index
 * one small piece is read, around where the hash should be: hashes are spread evenly. A piece has
 * no checksum, so what it says must be verified by the trace ids themselves; when nothing of it
 * holds although the filter said yes, checkIndex() tells damage from the filter's false alarm.
 */
import { KiB } from "../base/bytes.ts";
import { blockCorrupt } from "./block-error.ts";
import {
  BLOOM_BLOCK_BYTES,
  readSidecarHeader,
  SIDECAR_HEADER_BYTES,
  type SidecarHeader,
  TRACE_INDEX_ENTRY_BYTES,
} from "./block-format.ts";
import type { FileCache, ValueCache } from "./file-cache.ts";
import { bloomBlock, bloomHas, type TraceHash } from "./trace-hash.ts";

/** What is kept of a sidecar. */
export interface Sidecar {
  readonly header: SidecarHeader;
  /** undefined: too large to be kept, but checked. */
  readonly bloom: Uint8Array | undefined;
  isIndexChecked: boolean;
}

export interface SidecarCaches {
  readonly files: FileCache;
  readonly sidecars: ValueCache<Sidecar>;
}

/** The filter of 50,000 traces. */
const BLOOM_HELD_BYTES = 64 * KiB;
const SIDECAR_HELD_BYTES = 256;
const ENTRIES_MAX = 2 ** 28;

export class SidecarReader {
  readonly #caches: SidecarCaches;
  readonly #path: string;
  readonly #sidecar: Sidecar;

  constructor(caches: SidecarCaches, path: string) {
    this.#caches = caches;
    this.#path = path;
    this.#sidecar = caches.sidecars.get(path) ?? this.#load();
  }

  /** False: the trace is not in this block. */
  mayHave(hash: TraceHash): boolean {
    const { header, bloom } = this.#sidecar;
    const at = bloomBlock(hash, header.bloomBlocks) * BLOOM_BLOCK_BYTES;
    const block = bloom?.subarray(at, at + BLOOM_BLOCK_BYTES);
    return bloomHas(hash, words(block ?? this.#read(header.bloomOffset + at, BLOOM_BLOCK_BYTES)));
  }

  /** First rows of all traces with this hash; almost always one. */
  rowsOf(hash: TraceHash): number[] {
    const { indexEntries: count } = this.#sidecar.header;
    const expected = (hash.high / 4294967296) * count;
    // Four deviations of where the hash may be off; then all that is left.
    const spread = 2 * Math.sqrt(count) + 16;
    const first = Math.max(0, Math.floor(expected - spread));
    const end = Math.min(count, Math.ceil(expected + spread));
    const near = this.#entries(first, end);
    const isInside = (near.at(0) ?? 0) < hash.high || first === 0;
    const isWhole = isInside && ((near.at(-2) ?? 0) > hash.high || end === count);
    return matches(isWhole ? near : this.#entries(0, count), hash.high);
  }

  /** Throws block_corrupt when the index is not as it was written. Once a sidecar. */
  checkIndex(): void {
    if (this.#sidecar.isIndexChecked) return;
    const { indexOffset, indexEntries, indexCrc } = this.#sidecar.header;
    const index = this.#read(indexOffset, indexEntries * TRACE_INDEX_ENTRY_BYTES);
    if (Bun.hash.crc32(index) !== indexCrc) throw blockCorrupt("trace index crc");
    this.#sidecar.isIndexChecked = true;
  }

  #load(): Sidecar {
    const header = readSidecarHeader(this.#read(0, SIDECAR_HEADER_BYTES));
    if (header === undefined) throw blockCorrupt("sidecar header");
    const { bloomOffset, bloomBlocks, bloomCrc, indexOffset, indexEntries } = header;
    const size = this.#caches.files.size(this.#path);
    const bloomBytes = bloomBlocks * BLOOM_BLOCK_BYTES;
    const indexBytes = indexEntries * TRACE_INDEX_ENTRY_BYTES;
    const fits = bloomOffset + bloomBytes <= size && indexOffset + indexBytes <= size;
    if (!fits || bloomBlocks === 0 || indexEntries > ENTRIES_MAX) {
      throw blockCorrupt("sidecar cut off");
    }
    const bloom = this.#read(bloomOffset, bloomBytes);
    if (Bun.hash.crc32(bloom) !== bloomCrc) throw blockCorrupt("bloom filter crc");
    const isKept = bloom.length <= BLOOM_HELD_BYTES;
    const sidecar = { header, bloom: isKept ? bloom : undefined, isIndexChecked: false };
    const bytes = SIDECAR_HELD_BYTES + (isKept ? bloom.length : 0);
    return this.#caches.sidecars.put({ file: this.#path }, sidecar, bytes);
  }

  /** Pairs of hash and row. */
  #entries(first: number, end: number): Uint32Array {
    const at = this.#sidecar.header.indexOffset + first * TRACE_INDEX_ENTRY_BYTES;
    return words(this.#read(at, (end - first) * TRACE_INDEX_ENTRY_BYTES));
  }

  #read(from: number, bytes: number): Uint8Array {
    return this.#caches.files.read(this.#path, from, bytes);
  }
}

/**
 * The trace index as it was written, {hash u32, first row u32} a trace. `bytes` is the length of
 * the sidecar. Throws EngineError.
 */
export function readTraceIndex(files: FileCache, path: string, bytes: number): Uint8Array {
  const sidecar = files.read(path, 0, bytes);
  const header = readSidecarHeader(sidecar);
  if (header === undefined) throw blockCorrupt("sidecar header");
  const { indexOffset, indexEntries, indexCrc } = header;
  const end = indexOffset + indexEntries * TRACE_INDEX_ENTRY_BYTES;
  if (indexEntries > ENTRIES_MAX || end > bytes) throw blockCorrupt("sidecar cut off");
  const index = sidecar.subarray(indexOffset, end);
  if (Bun.hash.crc32(index) !== indexCrc) throw blockCorrupt("trace index crc");
  return index;
}

/** Little-endian words; of views that may begin anywhere. */
function words(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
}

function matches(entries: Uint32Array, hash: number): number[] {
  const rows: number[] = [];
  for (let i = 0; i < entries.length; i += 2) if (entries[i] === hash) rows.push(entries[i + 1]);
  return rows;
}
