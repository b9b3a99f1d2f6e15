/**
 * DELTA_BINARY_PACKED: integers as differences from one to the next, packed by blocks.
 *
 *   page  := block values · miniblocks a block · values · first value (zigzag) · block*
 *   block := least difference (zigzag) · a bit width for each miniblock (u8) · miniblock*
 *
 * Values before those asked for are summed up, not made: bits as two 32-bit halves in doubles,
 * which are exact for the 2^21 values that a block may have here, one bigint step a block.
 */
import { blockCorrupt } from "./block-error.ts";
import { bitsAt } from "./parquet-hybrid-read.ts";

/** Writers use 128; more would only lose what the widths gain. */
const BLOCK_VALUES_MAX = 65536;

interface State {
  readonly bytes: Uint8Array;
  at: number;
}

/** Signed, 64 bits, modulo 2^64. `skip` and `count` must be bounded by the caller. */
export function deltaValues(
  bytes: Uint8Array,
  { skip, count }: { readonly skip: number; readonly count: number },
): bigint[] {
  const state: State = { bytes, at: 0 };
  const blockValues = small(state);
  const miniblocks = small(state);
  const total = small(state);
  const isShaped =
    miniblocks > 0 &&
    blockValues <= BLOCK_VALUES_MAX &&
    blockValues % miniblocks === 0 &&
    (blockValues / miniblocks) % 8 === 0 &&
    blockValues > 0;
  if (!isShaped) throw blockCorrupt("shape of a delta page");
  const end = skip + count;
  if (end > total) throw blockCorrupt("delta page has fewer values");
  let value = zigzag(state);
  const values: bigint[] = [];
  if (skip === 0) values.push(value);
  const perMiniblock = blockValues / miniblocks;
  for (let index = 1; index < end; ) {
    const least = zigzag(state);
    const widthsAt = state.at;
    state.at += miniblocks;
    if (state.at > bytes.length) throw cutOff();
    let low = 0;
    let high = 0;
    let summed = 0;
    for (let mini = 0; mini < miniblocks && index < end; mini++) {
      const width = bytes[widthsAt + mini];
      const bit = enter(state, width, perMiniblock);
      const here = Math.min(perMiniblock, end - index);
      const passed = Math.min(here, Math.max(0, skip - index));
      low += sumOf(bytes, { bit, stride: width, width: Math.min(width, 32), count: passed });
      if (width > 32) {
        const part = { bit: bit + 32, stride: width, width: width - 32, count: passed };
        high += sumOf(bytes, part);
      }
      summed += passed;
      index += here;
      if (passed === here) continue;
      value = total64(value, { least, summed, low, high });
      low = 0;
      high = 0;
      summed = 0;
      for (let i = passed; i < here; i++) {
        value = BigInt.asIntN(64, value + least + difference(bytes, bit + i * width, width));
        values.push(value);
      }
    }
    value = total64(value, { least, summed, low, high });
  }
  return values;
}

interface Packed {
  readonly bit: number;
  /** Bits from one number to the next. */
  readonly stride: number;
  /** At most 32. */
  readonly width: number;
  readonly count: number;
}

/** Of packed numbers; the hot loop of a page, so narrow ones are read by one load each. */
function sumOf(bytes: Uint8Array, { bit, stride, width, count }: Packed): number {
  if (width === 0 || count === 0) return 0;
  let sum = 0;
  let at = bit;
  // A load of four bytes must stay inside: the last ones are read one by one.
  const lastBit = bit + (count - 1) * stride;
  const isInside = (lastBit >>> 3) + 4 <= bytes.length;
  if (width <= 25 && isInside) {
    const mask = (1 << width) - 1;
    for (let i = 0; i < count; i++) {
      const p = at >>> 3;
      const word = bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24);
      sum += (word >>> (at & 7)) & mask;
      at += stride;
    }
    return sum;
  }
  for (let i = 0; i < count; i++) {
    sum += bitsAt(bytes, at, width) >>> 0;
    at += stride;
  }
  return sum;
}

/** Passes a miniblock; returns its first bit. */
function enter(state: State, width: number, values: number): number {
  if (width > 64) throw blockCorrupt("bit width of a delta page");
  const bit = state.at * 8;
  state.at += (width * values) / 8;
  if (state.at > state.bytes.length) throw cutOff();
  return bit;
}

interface Sum {
  readonly least: bigint;
  readonly summed: number;
  readonly low: number;
  readonly high: number;
}

function total64(value: bigint, { least, summed, low, high }: Sum): bigint {
  if (summed === 0) return value;
  const sum = least * BigInt(summed) + BigInt(low) + (BigInt(high) << 32n);
  return BigInt.asIntN(64, value + sum);
}

function difference(bytes: Uint8Array, bit: number, width: number): bigint {
  if (width <= 32) return BigInt(bitsAt(bytes, bit, width) >>> 0);
  const high = bitsAt(bytes, bit + 32, width - 32) >>> 0;
  return BigInt(bitsAt(bytes, bit, 32)) | (BigInt(high) << 32n);
}

/** A varint that is a count. */
function small(state: State): number {
  const value = varint(state);
  if (value > 0xffffffffn) throw blockCorrupt("shape of a delta page");
  return Number(value);
}

function zigzag(state: State): bigint {
  const value = varint(state);
  return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
}

function varint(state: State): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (state.at >= state.bytes.length) throw cutOff();
    const byte = state.bytes[state.at++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return BigInt.asUintN(64, value);
  }
  throw blockCorrupt("number of a delta page");
}

function cutOff() {
  return blockCorrupt("delta page cut off");
}
