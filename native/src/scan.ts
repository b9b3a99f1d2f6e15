/**
 * Questions to whole vectors, answered as bitmaps: bit i of `out` is row i; rows are rounded up to
 * 64, and the bits behind the last row are 0.
 *
 * A group is a range of rows (a trace), or of events (a span): `starts` holds groups + 1 numbers.
 */
import { groupAt } from "./starts";

/**
 * table[code] for each code: `width` is that of the codes in bytes, `table` has bytes 0 and 1.
 * Codes of one byte may look at all of 256 bytes of the table, whatever lies there.
 */
export function testCodes(codes: u32, width: u32, rows: u32, table: u32, out: u32): void {
  const whole = rows & ~63;
  if (width == 1) testBytes(codes, whole, table, out);
  else if (width == 2) testShorts(codes, whole, table, out);
  else {
    for (let row: u32 = 0; row < whole; row += 64) {
      let word: u64 = 0;
      for (let i: u32 = 0; i < 64; i += 8) {
        const p = codes + (row + i) * 4;
        const low = fourOf(table, load<u32>(p), load<u32>(p, 4), load<u32>(p, 8), load<u32>(p, 12));
        const high = fourOf(table, load<u32>(p, 16), load<u32>(p, 20), load<u32>(p, 24),
          load<u32>(p, 28));
        word |= <u64>(low | (high << 4)) << i;
      }
      store<u64>(out + (row >> 3), word);
    }
  }
  if (whole == rows) return;
  let word: u64 = 0;
  for (let row = whole; row < rows; row++) {
    word |= <u64>load<u8>(table + codeAt(codes, width, row)) << (row & 63);
  }
  store<u64>(out + (whole >> 3), word);
}

/** The same for the rows of `within` alone, a bitmap: for few of them. */
export function testFew(codes: u32, width: u32, rows: u32, within: u32, table: u32,
                        out: u32): void {
  for (let row: u32 = 0; row < rows; row += 64) {
    let left = load<u64>(within + (row >> 3));
    let word: u64 = 0;
    for (; left != 0; left &= left - 1) {
      const bit = <u32>ctz<u64>(left);
      word |= <u64>load<u8>(table + codeAt(codes, width, row + bit)) << bit;
    }
    store<u64>(out + (row >> 3), word);
  }
}

/** What the table has for four codes, as four bits. */
// @ts-ignore: decorator
@inline
function fourOf(table: u32, a: u32, b: u32, c: u32, d: u32): u32 {
  return <u32>load<u8>(table + a) | (<u32>load<u8>(table + b) << 1)
    | (<u32>load<u8>(table + c) << 2) | (<u32>load<u8>(table + d) << 3);
}

/**
 * The table as 256 bits, by the low half of a code in 16 bytes, whose bits are its high half: so
 * 16 codes are looked up at once.
 */
function testBytes(codes: u32, rows: u32, table: u32, out: u32): void {
  let low = i8x16.splat(0);
  let high = i8x16.splat(0);
  for (let half: u32 = 0; half < 8; half++) {
    const bit = i8x16.splat(<i8>(<i32>1 << <i32>half));
    const one = i8x16.splat(1);
    const below = i8x16.eq(v128.and(v128.load(table + half * 16), one), one);
    const above = i8x16.eq(v128.and(v128.load(table + 128 + half * 16), one), one);
    low = v128.or(low, v128.and(below, bit));
    high = v128.or(high, v128.and(above, bit));
  }
  for (let row: u32 = 0; row < rows; row += 64) {
    const p = codes + row;
    const word = <u64>lookUp(v128.load(p), low, high)
      | (<u64>lookUp(v128.load(p, 16), low, high) << 16)
      | (<u64>lookUp(v128.load(p, 32), low, high) << 32)
      | (<u64>lookUp(v128.load(p, 48), low, high) << 48);
    store<u64>(out + (row >> 3), word);
  }
}

// @ts-ignore: decorator
@inline
function lookUp(codes: v128, low: v128, high: v128): u32 {
  const place = v128.and(codes, i8x16.splat(15));
  const half = i8x16.shr_u(codes, 4);
  const bits = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  const isHigh = i8x16.lt_s(codes, i8x16.splat(0));
  const here = v128.bitselect(i8x16.swizzle(high, place), i8x16.swizzle(low, place), isHigh);
  const bit = i8x16.swizzle(bits, half);
  return i8x16.bitmask(i8x16.eq(v128.and(here, bit), bit));
}

/** Columns that few rows have: 64 rows without a value are passed over at once. */
function testShorts(codes: u32, rows: u32, table: u32, out: u32): void {
  const isNone = !load<u8>(table);
  for (let row: u32 = 0; row < rows; row += 64) {
    const from = codes + row * 2;
    let word: u64 = 0;
    if (!isNone || hasShort(from)) {
      for (let i: u32 = 0; i < 64; i += 8) {
        const a = load<u64>(from + i * 2);
        const b = load<u64>(from + i * 2, 8);
        const low = fourOf(table, <u32>(a & 0xffff), <u32>((a >> 16) & 0xffff),
          <u32>((a >> 32) & 0xffff), <u32>(a >> 48));
        const high = fourOf(table, <u32>(b & 0xffff), <u32>((b >> 16) & 0xffff),
          <u32>((b >> 32) & 0xffff), <u32>(b >> 48));
        word |= <u64>(low | (high << 4)) << i;
      }
    }
    store<u64>(out + (row >> 3), word);
  }
}

/** Whether one of 64 codes of two bytes is not 0. */
// @ts-ignore: decorator
@inline
function hasShort(p: u32): bool {
  const a = v128.or(v128.or(v128.load(p), v128.load(p, 16)),
    v128.or(v128.load(p, 32), v128.load(p, 48)));
  const b = v128.or(v128.or(v128.load(p, 64), v128.load(p, 80)),
    v128.or(v128.load(p, 96), v128.load(p, 112)));
  return v128.any_true(v128.or(a, b));
}

/** code == `code`. */
export function equalCodes(codes: u32, width: u32, rows: u32, code: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row += 64) {
    const here = min<u32>(64, rows - row);
    let word: u64 = 0;
    if (here == 64 && width == 1) {
      const wanted = i8x16.splat(<i8>code);
      const p = codes + row;
      word = <u64><u32>i8x16.bitmask(i8x16.eq(v128.load(p), wanted))
        | (<u64><u32>i8x16.bitmask(i8x16.eq(v128.load(p, 16), wanted)) << 16)
        | (<u64><u32>i8x16.bitmask(i8x16.eq(v128.load(p, 32), wanted)) << 32)
        | (<u64><u32>i8x16.bitmask(i8x16.eq(v128.load(p, 48), wanted)) << 48);
    } else if (here == 64 && width == 2) {
      const wanted = i16x8.splat(<i16>code);
      for (let part: u32 = 0; part < 4; part++) {
        const p = codes + (row + part * 16) * 2;
        const a = i16x8.eq(v128.load(p), wanted);
        const b = i16x8.eq(v128.load(p, 16), wanted);
        const bits = <u64><u32>i8x16.bitmask(i8x16.narrow_i16x8_s(a, b));
        word |= bits << (part * 16);
      }
    } else {
      for (let i: u32 = 0; i < here; i++) {
        word |= <u64>u32(codeAt(codes, width, row + i) == code) << i;
      }
    }
    store<u64>(out + (row >> 3), word);
  }
}

// @ts-ignore: decorator
@inline
export function codeAt(codes: u32, width: u32, row: u32): u32 {
  if (width == 1) return load<u8>(codes + row);
  if (width == 2) return load<u16>(codes + row * 2);
  return load<u32>(codes + row * 4);
}

/** low <= value <= high. */
export function rangeLongs(values: u32, rows: u32, low: i64, high: i64, out: u32): void {
  const lowest = i64x2.splat(low);
  const highest = i64x2.splat(high);
  const whole = rows & ~63;
  for (let row: u32 = 0; row < whole; row += 64) {
    let word: u64 = 0;
    for (let i: u32 = 0; i < 64; i += 8) {
      const p = values + (row + i) * 8;
      const bits = <u32>i64x2.bitmask(within(v128.load(p), lowest, highest))
        | (<u32>i64x2.bitmask(within(v128.load(p, 16), lowest, highest)) << 2)
        | (<u32>i64x2.bitmask(within(v128.load(p, 32), lowest, highest)) << 4)
        | (<u32>i64x2.bitmask(within(v128.load(p, 48), lowest, highest)) << 6);
      word |= <u64>bits << i;
    }
    store<u64>(out + (row >> 3), word);
  }
  if (whole == rows) return;
  let word: u64 = 0;
  for (let row = whole; row < rows; row++) {
    const value = load<i64>(values + row * 8);
    word |= <u64>u32(value >= low && value <= high) << (row & 63);
  }
  store<u64>(out + (whole >> 3), word);
}

// @ts-ignore: decorator
@inline
function within(value: v128, lowest: v128, highest: v128): v128 {
  return v128.and(i64x2.ge_s(value, lowest), i64x2.le_s(value, highest));
}

/** The same for doubles; NaN is in no range. */
export function rangeDoubles(values: u32, rows: u32, low: f64, high: f64, out: u32): void {
  for (let row: u32 = 0; row < rows; row += 64) {
    const here = min<u32>(64, rows - row);
    let word: u64 = 0;
    for (let i: u32 = 0; i < here; i++) {
      const value = load<f64>(values + (row + i) * 8);
      word |= <u64>u32(value >= low && value <= high) << i;
    }
    store<u64>(out + (row >> 3), word);
  }
}

/** The first after `group` that begins behind `row`: it is near, or far where bits are few. */
// @ts-ignore: decorator
@inline
function groupEnd(starts: u32, group: u32, groups: u32, row: u32): u32 {
  let low = group;
  let step: u32 = 1;
  while (low + step < groups && load<u32>(starts + (low + step) * 4) <= row) {
    low += step;
    step <<= 1;
  }
  return groupAt(starts, low, min<u32>(groups, low + step), row) + 1;
}

/** Groups with a bit among their rows; `out` has a bit a group. Returns how many. */
export function groupsWith(bits: u32, starts: u32, groups: u32, out: u32): u32 {
  memory.fill(out, 0, ((groups + 63) >> 6) * 8);
  const rows = load<u32>(starts + groups * 4);
  let found: u32 = 0;
  let group: u32 = 0;
  let end: u32 = 0; // of the rows of the groups before `group`
  for (let row = nextBit(bits, 0, rows, 0); row < rows; row = nextBit(bits, end, rows, 0)) {
    if (end <= row) {
      group = groupEnd(starts, group, groups, row);
      end = load<u32>(starts + group * 4);
    }
    const byte = out + ((group - 1) >> 3);
    store<u8>(byte, load<u8>(byte) | (<u8>1 << <u8>((group - 1) & 7)));
    found += 1;
  }
  return found;
}

/** All rows of the groups whose bit is set. `out` has room for all rows of all groups. */
export function rowsOfGroups(groupBits: u32, starts: u32, groups: u32, out: u32): void {
  const rows = load<u32>(starts + groups * 4);
  memory.fill(out, 0, ((rows + 63) >> 6) * 8);
  let from: u32 = 0;
  while (from < groups) {
    // From one group that is in to the next that is not: groups follow each other.
    const first = nextBit(groupBits, from, groups, 0);
    if (first == groups) return;
    from = nextBit(groupBits, first, groups, -1);
    setBits(out, load<u32>(starts + first * 4), load<u32>(starts + from * 4));
  }
}

/** The first bit from `at` on that is set (`flip` 0) or not (-1); `end` when there is none. */
// @ts-ignore: decorator
@inline
function nextBit(bits: u32, at: u32, end: u32, flip: i64): u32 {
  while (at < end) {
    const word = (load<u64>(bits + ((at >> 6) << 3)) ^ <u64>flip) >> <u64>(at & 63);
    if (word) return min<u32>(end, at + <u32>ctz<u64>(word));
    at = (at | 63) + 1;
  }
  return end;
}

/** Sets the bits [first, end). */
// @ts-ignore: decorator
@inline
function setBits(bits: u32, first: u32, end: u32): void {
  if (first >= end) return;
  const low = bits + ((first >> 6) << 3);
  const high = bits + (((end - 1) >> 6) << 3);
  const head = <u64>-1 << <u64>(first & 63);
  const tail = <u64>-1 >> <u64>(63 - ((end - 1) & 63));
  if (low == high) {
    store<u64>(low, load<u64>(low) | (head & tail));
    return;
  }
  store<u64>(low, load<u64>(low) | head);
  for (let p = low + 8; p < high; p += 8) store<u64>(p, -1);
  store<u64>(high, load<u64>(high) | tail);
}

/** The number of set bits. `bytes` is a multiple of 8. */
export function countBits(bits: u32, bytes: u32): u32 {
  let count: u64 = 0;
  for (let p = bits; p < bits + bytes; p += 8) count += popcnt<u64>(load<u64>(p));
  return <u32>count;
}

/** Writes the numbers of the set bits to `out` (u32); returns how many, `most` at most. */
export function listBits(bits: u32, bytes: u32, out: u32, most: u32): u32 {
  let count: u32 = 0;
  for (let p: u32 = 0; p < bytes; p += 8) {
    let word = load<u64>(bits + p);
    while (word) {
      if (count == most) return count;
      store<u32>(out + count * 4, p * 8 + <u32>ctz<u64>(word));
      count += 1;
      word &= word - 1;
    }
  }
  return count;
}
