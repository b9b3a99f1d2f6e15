/**
 * A segment of the index: metas and filters of many blocks in one object, so that a start costs a
 * few requests. It repeats what metas and sidecars say, never changes, and may be lost.
 *
 *   magic "VSI1" · header bytes u32 · crc32 of the header u32 · header · filters
 *   header := zstd of JSON { version, blocks: [{ meta, offset, bytes, crc }] }
 *
 * Offsets count from the first filter; a filter is the bloom filter of the block's sidecar as it
 * lies there. A block whose filter was not at hand has 0 bytes. All numbers are little-endian.
 */
import { EngineError } from "../base/error.ts";
import { type BlockMeta, checkedBlockMeta } from "../model/block-meta.ts";

export const INDEX_PREFACE_BYTES = 12;
const MAGIC = 0x31495356; // "VSI1"
const VERSION = 1;
/** Some thousand metas of shared blocks with a thousand tenants each. */
const HEADER_BYTES_MAX = 64 * 1024 * 1024;

export interface IndexedBlock {
  readonly meta: BlockMeta;
  /** Empty: not at hand. */
  readonly filter: Uint8Array;
}

export interface IndexEntry {
  readonly meta: BlockMeta;
  /** Of the segment. */
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
}

export function indexSegment(blocks: readonly IndexedBlock[]): Uint8Array {
  let offset = 0;
  const entries = blocks.map(({ meta, filter }) => {
    const entry = { meta, offset, bytes: filter.length, crc: Bun.hash.crc32(filter) };
    offset += filter.length;
    return entry;
  });
  const json = new TextEncoder().encode(JSON.stringify({ version: VERSION, blocks: entries }));
  const header = Bun.zstdCompressSync(json, { level: 1 });
  const preface = new DataView(new ArrayBuffer(INDEX_PREFACE_BYTES));
  preface.setUint32(0, MAGIC, true);
  preface.setUint32(4, header.length, true);
  preface.setUint32(8, Bun.hash.crc32(header), true);
  const filters = blocks.map(({ filter }) => filter);
  return Buffer.concat([new Uint8Array(preface.buffer), header, ...filters]);
}

/** Bytes of the header behind the preface. Throws block_corrupt. */
export function indexHeaderBytes(preface: Uint8Array): number {
  if (preface.length < INDEX_PREFACE_BYTES) throw corrupt("cut off");
  const view = new DataView(preface.buffer, preface.byteOffset, INDEX_PREFACE_BYTES);
  if (view.getUint32(0, true) !== MAGIC) throw corrupt("magic");
  const bytes = view.getUint32(4, true);
  if (bytes === 0 || bytes > HEADER_BYTES_MAX) throw corrupt("header too long");
  return bytes;
}

/**
 * What is in a segment of `size` bytes, of which `start` holds preface and header at least. Throws
 * block_corrupt.
 */
export function readIndexHeader(start: Uint8Array, size: number): IndexEntry[] {
  const bytes = indexHeaderBytes(start);
  const first = INDEX_PREFACE_BYTES + bytes;
  if (start.length < first) throw corrupt("header cut off");
  const header = start.slice(INDEX_PREFACE_BYTES, first);
  const crc = new DataView(start.buffer, start.byteOffset).getUint32(8, true);
  if (Bun.hash.crc32(header) !== crc) throw corrupt("header crc");
  const value = parsed(header);
  if (value["version"] !== VERSION) throw corrupt(`version ${String(value["version"])} is unknown`);
  const { blocks } = value as { blocks?: unknown };
  if (!Array.isArray(blocks)) throw corrupt("blocks are missing");
  return blocks.map((block) => {
    if (!isEntry(block)) throw corrupt("an entry is wrong");
    const { meta, offset, bytes: length, crc: sum } = block;
    if (first + offset + length > size) throw corrupt("a filter is cut off");
    return { meta: checkedBlockMeta(meta), offset: first + offset, bytes: length, crc: sum };
  });
}

interface Entry {
  readonly meta: unknown;
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const { offset, bytes, crc } = value as Record<string, unknown>;
  return [offset, bytes, crc].every((one) => Number.isSafeInteger(one) && Number(one) >= 0);
}

function parsed(header: Uint8Array<ArrayBuffer>): Record<string, unknown> {
  try {
    const json = Bun.zstdDecompressSync(header);
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // What zstd and JSON say of damaged bytes helps nobody.
  }
  throw corrupt("header is not what was written");
}

function corrupt(reason: string): EngineError {
  return new EngineError("block_corrupt", `index segment: ${reason}`);
}
