/** A sidecar against its checksums, and against the traces of its data file. */
import { blockCorrupt } from "../block/block-error.ts";
import {
  BLOOM_BLOCK_BYTES,
  readSidecarHeader,
  SIDECAR_HEADER_BYTES,
  TRACE_INDEX_ENTRY_BYTES,
} from "../block/block-format.ts";
import type { FileCache } from "../block/file-cache.ts";
import { bloomBlock, bloomHas } from "../block/trace-hash.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { FirstRow } from "./verify-columns.ts";

/** Behind the header's own checksum. */
const ZEROS_FROM = 36;

export interface SidecarWork {
  readonly files: FileCache;
  readonly path: string;
  readonly meta: BlockMeta;
  /** undefined: the data file does not tell. */
  readonly traces: readonly FirstRow[] | undefined;
}

/** Throws block_corrupt. */
export function verifySidecar({ files, path, meta, traces }: SidecarWork): void {
  const size = files.size(path);
  if (size !== meta.sidecarBytes) throw blockCorrupt("sidecar has not the bytes of the meta");
  const bytes = files.read(path, 0, size);
  const header = readSidecarHeader(bytes);
  if (header === undefined) throw blockCorrupt("sidecar header");
  if (bytes.subarray(ZEROS_FROM, SIDECAR_HEADER_BYTES).some((byte) => byte !== 0)) {
    throw blockCorrupt("sidecar header has bytes that are of nothing");
  }
  const { bloomOffset, bloomBlocks, indexOffset, indexEntries } = header;
  const bloomEnd = bloomOffset + bloomBlocks * BLOOM_BLOCK_BYTES;
  const indexEnd = indexOffset + indexEntries * TRACE_INDEX_ENTRY_BYTES;
  const follows = bloomOffset === SIDECAR_HEADER_BYTES && indexOffset === bloomEnd;
  if (!follows || indexEnd !== size || bloomBlocks === 0) throw blockCorrupt("sidecar's parts");
  const bloom = bytes.slice(bloomOffset, bloomEnd);
  const index = bytes.slice(indexOffset, indexEnd);
  if (Bun.hash.crc32(bloom) !== header.bloomCrc) throw blockCorrupt("bloom filter crc");
  if (Bun.hash.crc32(index) !== header.indexCrc) throw blockCorrupt("trace index crc");
  if (indexEntries !== meta.traces) throw blockCorrupt("trace index has not the meta's traces");
  if (traces === undefined) return;
  const words = new Uint32Array(bloom.buffer);
  for (const trace of traces) {
    const at = (bloomBlock(trace, bloomBlocks) * BLOOM_BLOCK_BYTES) / 4;
    if (!bloomHas(trace, words.subarray(at, at + BLOOM_BLOCK_BYTES / 4))) {
      throw blockCorrupt(`bloom filter lacks the trace at row ${trace.row}`);
    }
  }
  compareIndex(new Uint32Array(index.buffer), traces);
}

/** Entries are sorted by hash; those of one hash are in no order. */
function compareIndex(index: Uint32Array, traces: readonly FirstRow[]): void {
  const found = new BigUint64Array(index.length / 2);
  for (let i = 0; i < found.length; i++) {
    if (i > 0 && index[i * 2] < index[i * 2 - 2]) throw blockCorrupt("trace index is not sorted");
    found[i] = (BigInt(index[i * 2]) << 32n) | BigInt(index[i * 2 + 1]);
  }
  const wanted = BigUint64Array.from(
    traces,
    ({ high, row }) => (BigInt(high) << 32n) | BigInt(row),
  );
  found.sort();
  wanted.sort();
  const isSame = found.length === wanted.length && found.every((entry, i) => entry === wanted[i]);
  if (!isSame) throw blockCorrupt("trace index does not point at the first rows of the traces");
}
