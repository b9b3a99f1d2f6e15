/** Names and numbers of a block's files; FORMAT.md describes them. */
import { createHash } from "node:crypto";

export const CREATED_BY = "vivace version 1";
/** Of the columns' meaning; it stands in the footer and in meta.json. */
export const FORMAT_VERSION = 1;
/** Of merged blocks: parents refer to ids; since 2 split bytes, and several frames a page. */
export const MERGED_FORMAT_VERSION = 3;

/** A tenant with fewer rows in a cut shares a block with others. */
export const OWN_BLOCK_ROWS = 8192;

// ---- sidecar.bin, little-endian:
//   0 magic · 4 version · 8 bloom offset · 12 bloom blocks · 16 bloom crc32 · 20 index offset ·
//   24 index entries · 28 index crc32 · 32 crc32 of the 32 bytes before · zeros to 64
export const SIDECAR_MAGIC = 0x31435356; // "VSC1"
export const SIDECAR_VERSION = 1;
export const SIDECAR_HEADER_BYTES = 64;
export const BLOOM_BLOCK_BYTES = 32;
export const TRACE_INDEX_ENTRY_BYTES = 8;

/** 10.5 bits a trace: one in a hundred foreign ids passes. */
const BLOOM_BITS = 10.5;

export function bloomBlocksFor(traces: number): number {
  return Math.max(1, Math.ceil((traces * BLOOM_BITS) / (BLOOM_BLOCK_BYTES * 8)));
}

export interface SidecarHeader {
  readonly bloomOffset: number;
  readonly bloomBlocks: number;
  readonly bloomCrc: number;
  readonly indexOffset: number;
  readonly indexEntries: number;
  readonly indexCrc: number;
}

export function writeSidecarHeader(header: SidecarHeader): Uint8Array {
  const bytes = new Uint8Array(SIDECAR_HEADER_BYTES);
  const words = [
    ...[SIDECAR_MAGIC, SIDECAR_VERSION, header.bloomOffset, header.bloomBlocks, header.bloomCrc],
    ...[header.indexOffset, header.indexEntries, header.indexCrc],
  ];
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
  view.setUint32(32, Bun.hash.crc32(bytes.subarray(0, 32)), true);
  return bytes;
}

/** undefined when the bytes are no header of this version, or damaged. */
export function readSidecarHeader(bytes: Uint8Array): SidecarHeader | undefined {
  if (bytes.length < SIDECAR_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SIDECAR_HEADER_BYTES);
  const word = (i: number) => view.getUint32(i * 4, true);
  if (word(0) !== SIDECAR_MAGIC || word(1) !== SIDECAR_VERSION) return undefined;
  if (word(8) !== Bun.hash.crc32(bytes.slice(0, 32))) return undefined;
  return {
    ...{ bloomOffset: word(2), bloomBlocks: word(3), bloomCrc: word(4) },
    ...{ indexOffset: word(5), indexEntries: word(6), indexCrc: word(7) },
  };
}

export interface BlockCover {
  readonly nodeId: string;
  /** undefined: a block that several tenants share. */
  readonly tenant: string | undefined;
  readonly walFrom: number;
  readonly walTo: number;
}

/** The id follows from what the block covers, so that a cut done twice is the same block. */
export function blockId(cover: BlockCover): string {
  const text = JSON.stringify([cover.nodeId, cover.tenant ?? null, cover.walFrom, cover.walTo]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
