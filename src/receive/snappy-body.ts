/**
 * Snappy bodies: one block, or a stream of chunks with checksums.
 *
 *   block  := size varint · elements
 *   stream := identifier · chunk*
 *   chunk  := type u8 · length u24 · (0: crc u32, block | 1: crc u32, bytes | ≥ 128: skipped)
 *
 * A block says its size first and the library allocates it at once, so the claim is checked
 * against the limit, and against what its bytes can hold at all. Formats: format_description.txt
 * and framing_format.txt of snappy.
 */
import { uncompressSync } from "snappy";
import { bodyDamaged, decompressedTooLarge } from "./body-error.ts";
import { crc32c } from "./crc32c.ts";

/** The densest element is a copy of 64 bytes written in three. */
const GROWTH_MAX = 22;
/** framing_format.txt: the most that one chunk holds. */
const CHUNK_BYTES_MAX = 65536;

const STREAM_IDENTIFIER = [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];
const CHUNK_COMPRESSED = 0;
const CHUNK_STORED = 1;
const CHUNK_SKIPPABLE = 0x80; // and above
const CRC_BYTES = 4;

/** Either format: as a block, a stream's identifier would copy from before its own start. */
export function decompressSnappy(body: Uint8Array, bytesMax: number): Uint8Array {
  return startsWithIdentifier(body)
    ? decompressSnappyStream(body, bytesMax)
    : decompressBlock(body, bytesMax);
}

export function decompressSnappyStream(body: Uint8Array, bytesMax: number): Uint8Array {
  if (!startsWithIdentifier(body)) throw damaged("no stream identifier");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; at < body.byteLength; ) {
    if (at + 4 > body.byteLength) throw damaged("cut off");
    const type = body[at];
    const end = at + 4 + (view.getUint32(at, true) >>> 8);
    if (end > body.byteLength) throw damaged("cut off");
    if (type === CHUNK_COMPRESSED || type === CHUNK_STORED) {
      const part = readChunk(body.subarray(at, end), bytesMax - total);
      total += part.byteLength;
      parts.push(part);
    } else if (type < CHUNK_SKIPPABLE) throw damaged(`unknown chunk type ${type}`);
    at = end;
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts, total);
}

function readChunk(chunk: Uint8Array, bytesMax: number): Uint8Array {
  const start = 4 + CRC_BYTES;
  if (chunk.byteLength < start) throw damaged("chunk without checksum");
  const stored = chunk[0] === CHUNK_STORED;
  const data = chunk.subarray(start);
  if (blockSize(data, stored) > CHUNK_BYTES_MAX) throw damaged("chunk over 64 KiB");
  if (stored && data.byteLength > bytesMax) throw decompressedTooLarge(bytesMax);
  const part = stored ? data : decompressBlock(data, bytesMax);
  const expected = new DataView(chunk.buffer, chunk.byteOffset).getUint32(4, true);
  if (masked(crc32c(part)) !== expected) throw damaged("checksum differs");
  return part;
}

function decompressBlock(block: Uint8Array, bytesMax: number): Uint8Array {
  const size = blockSize(block, false);
  if (size > bytesMax) throw decompressedTooLarge(bytesMax);
  if (size > block.byteLength * GROWTH_MAX) throw damaged("impossible size");
  let out: string | Uint8Array;
  try {
    // copyOutputData: the default hands out external memory, which costs many times the copy.
    out = uncompressSync(block, { asBuffer: true, copyOutputData: true });
  } catch (error) {
    throw damaged("block", error);
  }
  if (typeof out === "string") throw damaged("text");
  return out;
}

/** What the block claims to hold, from its first bytes; of a stored one, what it does. */
function blockSize(block: Uint8Array, stored: boolean): number {
  if (stored) return block.byteLength;
  let size = 0;
  for (let at = 0, unit = 1; at < 5 && at < block.byteLength; at++, unit *= 128) {
    size += (block[at] & 127) * unit;
    if (block[at] < 128) return size;
  }
  throw damaged("size cut off");
}

function startsWithIdentifier(body: Uint8Array): boolean {
  return STREAM_IDENTIFIER.every((byte, index) => body[index] === byte);
}

/** framing_format.txt: turned and shifted, so that checksums of checksums do not cancel out. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}

function damaged(what: string, cause?: unknown) {
  return bodyDamaged("snappy", what, cause);
}
