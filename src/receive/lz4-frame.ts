/**
 * LZ4 frames (what the Collector sends as `Content-Encoding: lz4`), decompressed within a bound.
 *
 * Ours, because no package that is kept up bounds its output: a block may grow 255-fold, so the
 * bound has to hold while bytes are written and not afterwards.
 *
 *   frame := magic · flags · block size · [content size u64] · [dictionary id u32] · checksum u8 ·
 *            block* · end mark u32 0 · [content checksum u32]
 *   block := size u32 (high bit: stored) · bytes · [block checksum u32]
 *
 * Checksums are xxHash32; they are not verified: protobuf validation and TCP stand behind.
 * Frames may follow each other, and skippable ones are skipped. Format: lz4_Frame_format.md.
 */
import { EngineError } from "../base/error.ts";

const MAGIC = 0x184d2204;
const SKIPPABLE = 0x184d2a50;
const STORED = 0x8000_0000;
const MATCH_BYTES_MIN = 4;
const GROWTH_START = 65536;

export function decompressLz4(input: Uint8Array, bytesMax: number): Uint8Array {
  const out = new Output(bytesMax);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  while (at < input.byteLength) {
    need(input, at, 8);
    const magic = view.getUint32(at, true);
    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE) at += 8 + view.getUint32(at + 4, true);
    else if (magic === MAGIC) at = readFrame(input, view, { at: at + 4, out });
    else throw damaged("no frame");
  }
  if (at !== input.byteLength) throw damaged("cut off");
  return out.finish();
}

function readFrame(
  input: Uint8Array,
  view: DataView,
  { at, out }: { at: number; out: Output },
): number {
  const flags = input[at];
  if (flags >> 6 !== 1) throw damaged("unknown version");
  const contentSize = (flags & 8) !== 0;
  if ((flags & 1) !== 0) throw damaged("dictionaries are not supported");
  at += 3 + (contentSize ? 8 : 0);
  const start = out.length;
  for (;;) {
    need(input, at, 4);
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word & ~STORED;
    need(input, at, size);
    const block = input.subarray(at, at + size);
    if ((word & STORED) !== 0) out.append(block);
    // Linked blocks look back into earlier ones, independent ones only into themselves.
    else readBlock(block, out, (flags & 0x20) !== 0 ? out.length : start);
    at += size + ((flags & 0x10) !== 0 ? 4 : 0);
  }
  return at + ((flags & 4) !== 0 ? 4 : 0);
}

function readBlock(block: Uint8Array, out: Output, start: number): void {
  let at = 0;
  const length = (nibble: number): number => {
    let value = nibble;
    if (nibble < 15) return value;
    for (;;) {
      if (at >= block.byteLength) throw damaged("length cut off");
      const byte = block[at++];
      value += byte;
      if (byte !== 255) return value;
    }
  };
  while (at < block.byteLength) {
    const token = block[at++];
    const literals = length(token >> 4);
    need(block, at, literals);
    out.append(block.subarray(at, at + literals));
    at += literals;
    if (at === block.byteLength) return; // the last sequence has no match
    need(block, at, 2);
    const distance = block[at] | (block[at + 1] << 8);
    at += 2;
    const matched = length(token & 15) + MATCH_BYTES_MIN;
    if (distance === 0 || distance > out.length - start) throw damaged("match before the start");
    out.repeat(distance, matched);
  }
}

/** Grows by doubling up to its bound. */
class Output {
  readonly #bytesMax: number;
  #bytes: Uint8Array;
  length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bytes = new Uint8Array(Math.min(bytesMax, GROWTH_START));
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.byteLength;
  }

  /** Copies `count` bytes from `distance` back; they may overlap, which repeats a pattern. */
  repeat(distance: number, count: number): void {
    this.#reserve(count);
    let source = this.length - distance;
    let left = count;
    while (left > 0) {
      const piece = Math.min(left, this.length - source);
      this.#bytes.copyWithin(this.length, source, source + piece);
      this.length += piece;
      left -= piece;
      source = this.length - distance;
    }
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed > this.#bytesMax) {
      throw new EngineError("too_large", `body over ${this.#bytesMax} bytes when decompressed`);
    }
    if (needed <= this.#bytes.byteLength) return;
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, needed * 2)));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}

function need(bytes: Uint8Array, at: number, count: number): void {
  if (at + count > bytes.byteLength) throw damaged("cut off");
}

function damaged(what: string): EngineError {
  return new EngineError("malformed", `lz4 body is damaged: ${what}`);
}
