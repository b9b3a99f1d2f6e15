/**
 * LZ4 frames (what the Collector sends as `Content-Encoding: lz4`), decompressed within a bound.
 *
 * Ours, because no package that is kept up bounds its output: a block may grow 255-fold, so the
 * bound has to hold while bytes are written and not afterwards.
 *
 *   frame := magic u32 · flags u8 · block size u8 · [content size u64] · [dictionary id u32] ·
 *            header checksum u8 · block* · end mark u32 0 · [content checksum u32]
 *   block := size u32 (high bit: stored) · bytes · [checksum u32]
 *   bytes := (token u8 · [length u8*] · literals · distance u16 · [length u8*])*, the last one
 *            without a match
 *
 * Frames may follow each other, and skippable ones are skipped. Checksums are xxHash32 with seed
 * 0. Formats: lz4_Frame_format.md and lz4_Block_format.md of lz4.
 */
import { bodyDamaged, decompressedTooLarge } from "./body-error.ts";

const MAGIC = 0x184d_2204;
const SKIPPABLE = 0x184d_2a50; // and the fifteen after it
const FLAG_INDEPENDENT = 0x20;
const FLAG_BLOCK_CHECKSUM = 0x10;
const FLAG_CONTENT_SIZE = 8;
const FLAG_CONTENT_CHECKSUM = 4;
const FLAG_DICTIONARY = 1;
const STORED = 0x8000_0000;

const MATCH_BYTES_MIN = 4;
/** Below this a loop over bytes costs less than a call that copies. */
const CALL_BYTES_MIN = 24;
const GROWTH_START = 65536;

export function decompressLz4(input: Uint8Array, bytesMax: number): Uint8Array {
  const out = new Output(bytesMax, input.byteLength);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.byteLength === 0) throw damaged("empty");
  for (let at = 0; at < input.byteLength; ) {
    need(input, at + 8);
    const magic = view.getUint32(at, true);
    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE) at += 8 + view.getUint32(at + 4, true);
    else if (magic === MAGIC) at = readFrame(input, at + 4, out);
    else throw damaged("no frame");
    need(input, at);
  }
  return out.bytes.subarray(0, out.length);
}

interface FrameHeader {
  readonly flags: number;
  readonly blockBytesMax: number;
  readonly contentBytes: bigint | undefined;
  /** Where the blocks begin. */
  readonly end: number;
}

function readHeader(input: Uint8Array, at: number): FrameHeader {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const flags = input[at];
  if (flags >> 6 !== 1) throw damaged("unknown version");
  if ((flags & FLAG_DICTIONARY) !== 0) throw damaged("dictionaries are not supported");
  const sizeCode = (input[at + 1] >> 4) & 7;
  if (sizeCode < 4) throw damaged("unknown block size");
  const hasSize = (flags & FLAG_CONTENT_SIZE) !== 0;
  const end = at + (hasSize ? 11 : 3);
  need(input, end);
  const checksum = (xxHash32(input.subarray(at, end - 1)) >>> 8) & 255;
  if (checksum !== input[end - 1]) throw damaged("header checksum differs");
  return {
    flags,
    blockBytesMax: 1 << (8 + 2 * sizeCode),
    contentBytes: hasSize ? view.getBigUint64(at + 2, true) : undefined,
    end,
  };
}

function readFrame(input: Uint8Array, start: number, out: Output): number {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const { flags, blockBytesMax, contentBytes, end } = readHeader(input, start);
  if (contentBytes !== undefined) out.promise(contentBytes);
  const frameStart = out.length;
  let at = end;
  for (;;) {
    need(input, at + 4);
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word & ~STORED;
    need(input, at + size);
    const block = input.subarray(at, at + size);
    at += size;
    if ((flags & FLAG_BLOCK_CHECKSUM) !== 0) at = checkChecksum(view, at, block);
    const blockStart = out.length;
    // Linked blocks look back into earlier ones, independent ones only into themselves.
    const reach = (flags & FLAG_INDEPENDENT) !== 0 ? blockStart : frameStart;
    if ((word & STORED) !== 0) out.append(block);
    else readBlock(block, out, reach);
    if (out.length - blockStart > blockBytesMax) throw damaged("block over its size");
  }
  const content = out.bytes.subarray(frameStart, out.length);
  if (contentBytes !== undefined && contentBytes !== BigInt(content.byteLength)) {
    throw damaged("content size differs");
  }
  return (flags & FLAG_CONTENT_CHECKSUM) !== 0 ? checkChecksum(view, at, content) : at;
}

function readBlock(block: Uint8Array, out: Output, reach: number): void {
  const end = block.byteLength;
  let { bytes, length } = out;
  let at = 0;
  while (at < end) {
    const token = block[at++];
    let literals = token >> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (at >= end) throw damaged("length cut off");
        more = block[at++];
        literals += more;
      } while (more === 255);
    }
    if (at + literals > end) throw damaged("literals cut off");
    if (length + literals > bytes.byteLength) bytes = out.reserve(length, literals);
    if (literals < CALL_BYTES_MIN) {
      for (const stop = at + literals; at < stop; ) bytes[length++] = block[at++];
    } else {
      bytes.set(block.subarray(at, at + literals), length);
      at += literals;
      length += literals;
    }
    if (at === end) break; // the last sequence has no match
    if (at + 2 > end) throw damaged("distance cut off");
    const distance = block[at] | (block[at + 1] << 8);
    at += 2;
    let matched = (token & 15) + MATCH_BYTES_MIN;
    if (matched === 15 + MATCH_BYTES_MIN) {
      let more: number;
      do {
        if (at >= end) throw damaged("length cut off");
        more = block[at++];
        matched += more;
      } while (more === 255);
    }
    if (distance === 0 || distance > length - reach) throw damaged("match before the start");
    if (length + matched > bytes.byteLength) bytes = out.reserve(length, matched);
    length = repeat(bytes, length, { distance, matched });
  }
  out.length = length;
}

/** Copies from `distance` back; a copy that overlaps itself repeats a pattern. */
function repeat(
  bytes: Uint8Array,
  length: number,
  { distance, matched }: { distance: number; matched: number },
): number {
  const end = length + matched;
  if (matched < CALL_BYTES_MIN) {
    for (let to = length; to < end; to++) bytes[to] = bytes[to - distance];
    return end;
  }
  const source = length - distance;
  // Each round doubles what there is of the pattern.
  for (let to = length; to < end; ) {
    const piece = Math.min(end - to, to - source);
    bytes.copyWithin(to, source, source + piece);
    to += piece;
  }
  return end;
}

/** Grows by doubling up to its bound. */
class Output {
  readonly #bytesMax: number;
  bytes: Uint8Array;
  length = 0;

  constructor(bytesMax: number, inputBytes: number) {
    this.#bytesMax = bytesMax;
    this.bytes = new Uint8Array(Math.min(bytesMax, Math.max(GROWTH_START, inputBytes * 4)));
  }

  /** A frame says that it holds so much. Nothing is taken for it: it may lie. */
  promise(contentBytes: bigint): void {
    if (contentBytes > BigInt(this.#bytesMax - this.length)) {
      throw decompressedTooLarge(this.#bytesMax);
    }
  }

  append(part: Uint8Array): void {
    if (this.length + part.byteLength > this.bytes.byteLength) {
      this.reserve(this.length, part.byteLength);
    }
    this.bytes.set(part, this.length);
    this.length += part.byteLength;
  }

  /** Keeps the first `length` bytes and makes room for `more`; the bytes are others then. */
  reserve(length: number, more: number): Uint8Array {
    const needed = length + more;
    if (needed > this.#bytesMax) throw decompressedTooLarge(this.#bytesMax);
    const grown = new Uint8Array(Math.min(this.#bytesMax, needed * 2));
    grown.set(this.bytes.subarray(0, length));
    this.bytes = grown;
    return grown;
  }
}

/** Returns where the checksum ends. */
function checkChecksum(view: DataView, at: number, covered: Uint8Array): number {
  if (at + 4 > view.byteLength) throw damaged("cut off");
  if (xxHash32(covered) !== view.getUint32(at, true)) throw damaged("checksum differs");
  return at + 4;
}

function xxHash32(bytes: Uint8Array): number {
  return Bun.hash.xxHash32(bytes);
}

function need(bytes: Uint8Array, end: number): void {
  if (end > bytes.byteLength) throw damaged("cut off");
}

function damaged(what: string) {
  return bodyDamaged("lz4", what);
}
