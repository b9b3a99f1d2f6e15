/**
 * Questions to whole vectors, answered as bitmaps: bit i of `out` is row i; rows are rounded up to
 * 64, and the bits behind the last row are 0.
 *
 * A group is a range of rows (a trace), or of events (a span): `starts` holds groups + 1 numbers.
 */

/**
 * table[code] for each code: `width` is that of the codes in bytes, `table` has `size` bytes 0 and
 * 1, and 15 more that hold anything.
 */
export function testCodes(codes: u32, width: u32, rows: u32, table: u32, size: u32,
                          out: u32): void {
  if (width == 1 && size <= SHUFFLED_MAX) return testShuffled(codes, rows, table, size, out);
  for (let row: u32 = 0; row < rows; row += 64) {
    const here = min<u32>(64, rows - row);
    let word: u64 = 0;
    let i: u32 = 0;
    if (width == 1) {
      for (; i + 4 <= here; i += 4) {
        const p = codes + row + i;
        const low = load<u8>(table + load<u8>(p)) | (load<u8>(table + load<u8>(p, 1)) << 1);
        const high = load<u8>(table + load<u8>(p, 2)) | (load<u8>(table + load<u8>(p, 3)) << 1);
        word |= <u64>(low | (high << 2)) << i;
      }
    } else if (width == 2) {
      for (; i + 4 <= here; i += 4) {
        const p = codes + (row + i) * 2;
        const low = load<u8>(table + load<u16>(p)) | (load<u8>(table + load<u16>(p, 2)) << 1);
        const high = load<u8>(table + load<u16>(p, 4)) | (load<u8>(table + load<u16>(p, 6)) << 1);
        word |= <u64>(low | (high << 2)) << i;
      }
    }
    for (; i < here; i++) word |= <u64>load<u8>(table + codeAt(codes, width, row + i)) << i;
    store<u64>(out + (row >> 3), word);
  }
}

/** Up to here looking 16 codes up at once, 16 values at a time, is faster than one by one. */
const SHUFFLED_MAX: u32 = 128;

/** Codes of one byte: each run of 16 values is a register that the codes choose from. */
function testShuffled(codes: u32, rows: u32, table: u32, size: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row += 64) {
    let word: u64 = 0;
    for (let part: u32 = 0; part < 4; part++) {
      // Behind the last row there is room to read, and what is read there is cut off below.
      const at = row + part * 16;
      if (at >= rows) break;
      let index = v128.load(codes + at);
      let found = i8x16.splat(0);
      for (let value: u32 = 0; value < size; value += 16) {
        // What lies behind the table is not chosen by any code.
        found = v128.or(found, i8x16.swizzle(v128.load(table + value), index));
        index = i8x16.sub(index, i8x16.splat(16));
      }
      word |= <u64><u32>i8x16.bitmask(i8x16.shl(found, 7)) << (part * 16);
    }
    if (rows - row < 64) word &= ((<u64>1) << <u64>(rows - row)) - 1;
    store<u64>(out + (row >> 3), word);
  }
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
  for (let row: u32 = 0; row < rows; row += 64) {
    const here = min<u32>(64, rows - row);
    let word: u64 = 0;
    let i: u32 = 0;
    for (; i + 2 <= here; i += 2) {
      const value = v128.load(values + (row + i) * 8);
      const isIn = v128.and(i64x2.ge_s(value, lowest), i64x2.le_s(value, highest));
      word |= <u64><u32>i64x2.bitmask(isIn) << i;
    }
    if (i < here) {
      const value = load<i64>(values + (row + i) * 8);
      word |= <u64>u32(value >= low && value <= high) << i;
    }
    store<u64>(out + (row >> 3), word);
  }
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

/** Groups with a bit among their rows; `out` has a bit a group. Returns how many. */
export function groupsWith(bits: u32, starts: u32, groups: u32, out: u32): u32 {
  memory.fill(out, 0, ((groups + 63) >> 6) * 8);
  const rows = load<u32>(starts + groups * 4);
  let found: u32 = 0;
  let group: u32 = 0;
  let end: u32 = 0; // of the rows of the groups before `group`
  for (let row = nextBit(bits, 0, rows); row < rows; row = nextBit(bits, end, rows)) {
    while (end <= row) {
      group += 1;
      end = load<u32>(starts + group * 4);
    }
    const byte = out + ((group - 1) >> 3);
    store<u8>(byte, load<u8>(byte) | (<u8>1 << <u8>((group - 1) & 7)));
    found += 1;
  }
  return found;
}

/** The first set bit from `bit` on; `end` or more when there is none. */
// @ts-ignore: decorator
@inline
function nextBit(bits: u32, bit: u32, end: u32): u32 {
  if (bit >= end) return end;
  const word = load<u64>(bits + ((bit >> 6) << 3)) >> <u64>(bit & 63);
  if (word) return bit + <u32>ctz<u64>(word);
  for (let base = (bit & ~63) + 64; base < end; base += 64) {
    const next = load<u64>(bits + (base >> 3));
    if (next) return base + <u32>ctz<u64>(next);
  }
  return end;
}

/** All rows of the groups whose bit is set. `out` has room for all rows of all groups. */
export function rowsOfGroups(groupBits: u32, starts: u32, groups: u32, out: u32): void {
  const rows = load<u32>(starts + groups * 4);
  memory.fill(out, 0, ((rows + 63) >> 6) * 8);
  for (let group: u32 = 0; group < groups; group++) {
    if (!((load<u8>(groupBits + (group >> 3)) >> (group & 7)) & 1)) continue;
    const end = load<u32>(starts + group * 4, 4);
    for (let row = load<u32>(starts + group * 4); row < end; row++) {
      const byte = out + (row >> 3);
      store<u8>(byte, load<u8>(byte) | (<u8>1 << <u8>(row & 7)));
    }
  }
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
