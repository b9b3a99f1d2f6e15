/**
 * Bits of Parquet pages: varints, bit packing, the RLE / bit-packed hybrid, definition and
 * repetition levels, DELTA_BINARY_PACKED. Each writer takes where to write and returns where it
 * ended. May write up to 15 bytes beyond.
 */
import { presentAt } from "./cut";

/** Below one present value in this many, levels are written as runs instead of a bitmap. */
const SPARSE: u32 = 48;

// @ts-ignore: decorator
@inline
export function putVarint(out: u32, value: u64): u32 {
  let left = value;
  let at = out;
  while (left >= 128) {
    store<u8>(at, <u32>(left & 127) | 128);
    at += 1;
    left >>= 7;
  }
  store<u8>(at, <u32>left);
  return at + 1;
}

// @ts-ignore: decorator
@inline
export function zigzag(value: u64): u64 {
  return (value << 1) ^ <u64>(<i64>value >> 63);
}

/** Bits that the largest of `count` codes needs. */
// @ts-ignore: decorator
@inline
export function codeWidth(count: u32): u32 {
  return count > 1 ? 32 - clz<u32>(count - 1) : 0;
}

/** Copies with stores of 16 bytes; both ends may be overrun. Short strings are the usual case. */
// @ts-ignore: decorator
@inline
export function copyOver(to: u32, from: u32, length: u32): void {
  if (length > 256) {
    memory.copy(to, from, length);
    return;
  }
  for (let i: u32 = 0; i < length; i += 16) v128.store(to + i, v128.load(from + i));
}

/** Packs `count` u32 values of `width` bits, filled up with zeros to a multiple of eight. */
export function packBits(from: u32, count: u32, width: u32, out: u32): u32 {
  let bits: u64 = 0;
  let filled: u32 = 0;
  let at = out;
  const end = from + count * 4;
  for (let p = from; p < end; p += 4) {
    bits |= <u64>load<u32>(p) << <u64>filled;
    filled += width;
    if (filled >= 32) {
      store<u32>(at, <u32>bits);
      at += 4;
      bits >>= 32;
      filled -= 32;
    }
  }
  // The padding may be up to 7 values of 20 bits: zeros, a byte at a time.
  filled += ((8 - (count & 7)) & 7) * width;
  while (filled >= 8) {
    store<u8>(at, <u32>(bits & 255));
    at += 1;
    bits >>= 8;
    filled -= 8;
  }
  return at;
}

/**
 * The same for whole groups of eight: w bytes each, made in registers. Overruns by 8 bytes.
 * Widths of 16 and more take the general way.
 */
function packGroups(from: u32, count: u32, width: u32, out: u32): u32 {
  const whole = count & ~7;
  if (width > 15) return packBits(from, count, width, out);
  const w = <u64>width;
  let at = out;
  for (let p = from; p < from + whole * 4; p += 32) {
    const low = <u64>load<u32>(p) | (<u64>load<u32>(p, 4) << w) |
      (<u64>load<u32>(p, 8) << (2 * w)) | (<u64>load<u32>(p, 12) << (3 * w));
    const high = <u64>load<u32>(p, 16) | (<u64>load<u32>(p, 20) << w) |
      (<u64>load<u32>(p, 24) << (2 * w)) | (<u64>load<u32>(p, 28) << (3 * w));
    store<u64>(at, low | (high << (4 * w)));
    if (width > 8) store<u64>(at, high >> (64 - 4 * w), 8);
    at += width;
  }
  return whole < count ? packBits(from + whole * 4, count - whole, width, at) : at;
}

/** A run shorter than this costs more in headers than it saves. */
const RUN_MIN: u32 = 8;

// @ts-ignore: decorator
@inline
function isSame(at: u32, value: v128): bool {
  return i32x4.all_true(i32x4.eq(v128.load(at), value));
}

/** Codes as runs where many are equal, bit-packed groups of eight elsewhere. */
export function putHybrid(from: u32, count: u32, width: u32, out: u32): u32 {
  let at = out;
  let pos: u32 = 0;
  let literals: u32 = 0; // before pos; whole groups
  while (pos + 8 <= count) {
    const first = from + pos * 4;
    const value = load<u32>(first);
    const same = i32x4.splat(value);
    if (!isSame(first, same) || !isSame(first + 16, same)) {
      literals += 8;
      pos += 8;
      continue;
    }
    let next = pos + 8;
    while (next + 4 <= count && isSame(from + next * 4, same)) next += 4;
    while (next < count && load<u32>(from + next * 4) == value) next += 1;
    if (next - pos < RUN_MIN && next < count) {
      literals += 8;
      pos += 8;
      continue;
    }
    at = putLiterals(from + (pos - literals) * 4, literals, width, at);
    literals = 0;
    at = putRun(at, value, next - pos, width);
    pos = next;
  }
  return putLiterals(from + (pos - literals) * 4, literals + count - pos, width, at);
}

function putLiterals(from: u32, count: u32, width: u32, out: u32): u32 {
  if (count == 0) return out;
  const at = putVarint(out, <u64>((((count + 7) >> 3) << 1) | 1));
  return packGroups(from, count, width, at);
}

export function putRun(out: u32, value: u32, count: u32, width: u32): u32 {
  let at = putVarint(out, <u64>count << 1);
  for (let bits: u32 = 0; bits < width; bits += 8) {
    store<u8>(at, (value >> bits) & 255);
    at += 1;
  }
  return at;
}

// @ts-ignore: decorator
@inline
export function isPresent(index: u32): u32 {
  return (<u32>load<u8>(presentAt + (index >> 3)) >> (index & 7)) & 1;
}

/** Eight presence bits that begin at any index. */
// @ts-ignore: decorator
@inline
export function presentByte(index: u32): u32 {
  return (<u32>load<u16>(presentAt + (index >> 3)) >> (index & 7)) & 255;
}

/** The same 32 bits at a time; the bitmap has room behind it. */
// @ts-ignore: decorator
@inline
function presentWord(index: u32): u32 {
  return <u32>(load<u64>(presentAt + (index >> 3)) >> <u64>(index & 7));
}

export function countPresent(first: u32, end: u32): u32 {
  let sum: u32 = 0;
  let index = first;
  for (; index + 32 <= end; index += 32) sum += popcnt<u32>(presentWord(index));
  if (index < end) sum += popcnt<u32>(presentWord(index) & ((1 << (end - index)) - 1));
  return sum;
}

/** Levels 0 and 1 of [first, end), of which `values` are present, with their length in front. */
export function putPresence(first: u32, end: u32, values: u32, out: u32): u32 {
  const count = end - first;
  let at = out + 4;
  if (values == count) at = putRun(at, 1, count, 1);
  else if (values == 0) at = putRun(at, 0, count, 1);
  else if (values * SPARSE < count) at = putSparse(first, end, at);
  else {
    at = putVarint(at, <u64>((((count + 7) >> 3) << 1) | 1));
    const stop = at + ((count + 7) >> 3);
    for (let index = first; at < stop; index += 32, at += 4) store<u32>(at, presentWord(index));
    // Bits behind the last level must not come from the next page.
    if (count & 7) store<u8>(stop - 1, <u32>load<u8>(stop - 1) & ((1 << (count & 7)) - 1));
    at = stop;
  }
  store<u32>(out, at - out - 4);
  return at;
}

function putSparse(first: u32, end: u32, out: u32): u32 {
  let at = out;
  let from = first;
  while (from < end) {
    let index = from;
    while (index < end && !isPresent(index)) index = skipAbsent(index);
    if (index > end) index = end;
    if (index > from) at = putRun(at, 0, index - from, 1);
    from = index;
    while (index < end && isPresent(index)) index += 1;
    if (index > from) at = putRun(at, 1, index - from, 1);
    from = index;
  }
  return at;
}

/** The next present index, or one at least 32 further. */
// @ts-ignore: decorator
@inline
function skipAbsent(index: u32): u32 {
  const word = presentWord(index);
  return word ? index + ctz<u32>(word) : index + 32;
}

const BLOCK_VALUES: u32 = 128;
const MINI_VALUES: u32 = 32;

/** DELTA_BINARY_PACKED: blocks of 128 values in four miniblocks of 32. */
export function putDelta(from: u32, count: u32, out: u32): u32 {
  let at = putVarint(out, BLOCK_VALUES);
  at = putVarint(at, 4);
  at = putVarint(at, <u64>count);
  at = putVarint(at, count ? zigzag(load<u64>(from)) : 0);
  for (let i: u32 = 1; i < count; i += BLOCK_VALUES) {
    at = putDeltaBlock(from + i * 8, min(count - i, BLOCK_VALUES), at);
  }
  return at;
}

function putDeltaBlock(from: u32, count: u32, out: u32): u32 {
  let least: i64 = i64.MAX_VALUE;
  const end = from + count * 8;
  for (let p = from; p < end; p += 8) {
    const delta = <i64>(load<u64>(p) - load<u64>(p - 8));
    if (delta < least) least = delta;
  }
  let at = putVarint(out, zigzag(<u64>least));
  const widths = at;
  store<u32>(widths, 0);
  at += 4;
  let mini: u32 = 0;
  for (let p = from; p < end; p += MINI_VALUES * 8, mini++) {
    const stop = min(p + MINI_VALUES * 8, end);
    let all: u64 = 0;
    for (let q = p; q < stop; q += 8) {
      all |= load<u64>(q) - load<u64>(q - 8) - <u64>least;
    }
    const width = all ? 64 - <u32>clz<u64>(all) : 0;
    store<u8>(widths + mini, width);
    if (width) at = putMini(p, stop, <u64>least, width, at);
  }
  return at;
}

/** One miniblock, filled up with zeros to 32 values: 4 * width bytes. */
function putMini(from: u32, end: u32, least: u64, width: u32, out: u32): u32 {
  let bits: u64 = 0;
  let filled: u32 = 0;
  let at = out;
  for (let p = from; p < end; p += 8) {
    const value = load<u64>(p) - load<u64>(p - 8) - least;
    bits |= value << <u64>filled;
    filled += width;
    if (filled >= 64) {
      store<u64>(at, bits);
      at += 8;
      filled -= 64;
      bits = filled ? value >> <u64>(width - filled) : 0;
    }
  }
  const stop = out + 4 * width;
  while (at < stop) {
    store<u64>(at, bits);
    at += 8;
    bits = 0;
  }
  return stop;
}
