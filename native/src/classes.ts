/**
 * Classes of 64-bit numbers, a byte each: what is less has no higher class. A range of numbers is
 * found over the bytes, and only numbers of the classes at its ends are looked at themselves.
 *
 * Class 0 is below zero, 1 is 0 to 1023, and from there on each power of two has four: of times in
 * nanoseconds all that matter are told apart.
 */

const SMALL: u64 = 1024;
const SMALL_BITS: u64 = 10;

// @ts-ignore: decorator
@inline
function classOf(value: i64): u32 {
  if (value < 0) return 0;
  if (<u64>value < SMALL) return 1;
  const power = 63 - clz<u64>(<u64>value);
  return <u32>(2 + (power - SMALL_BITS) * 4 + ((<u64>value >> (power - 2)) & 3));
}

/** Of each of `rows` i64 at `values`, to `out`, whose bytes up to a multiple of 64 become 0. */
export function classesOfLongs(values: u32, rows: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    store<u8>(out + row, classOf(load<i64>(values + row * 8)));
  }
  const padding = ((rows + 63) & ~63) - rows;
  memory.fill(out + rows, 0, padding);
}

/** A bitmap of the rows with low <= value <= high. */
export function rangeClasses(classes: u32, values: u32, rows: u32, low: i64, high: i64,
                             out: u32): void {
  if (low > high) {
    memory.fill(out, 0, ((rows + 63) >> 6) * 8);
    return;
  }
  const lowest = i8x16.splat(<i8>classOf(low));
  const highest = i8x16.splat(<i8>classOf(high));
  for (let row: u32 = 0; row < rows; row += 64) {
    let inside: u64 = 0;
    let edge: u64 = 0;
    for (let part: u32 = 0; part < 64; part += 16) {
      const here = v128.load(classes + row + part);
      const within = v128.and(i8x16.gt_u(here, lowest), i8x16.lt_u(here, highest));
      const ends = v128.or(i8x16.eq(here, lowest), i8x16.eq(here, highest));
      inside |= <u64>i8x16.bitmask(within) << part;
      edge |= <u64>i8x16.bitmask(ends) << part;
    }
    if (row + 64 > rows) {
      const mask = (<u64>1 << (rows & 63)) - 1;
      inside &= mask;
      edge &= mask;
    }
    while (edge != 0) {
      const bit = ctz<u64>(edge);
      const value = load<i64>(values + (row + <u32>bit) * 8);
      inside |= <u64>u32(value >= low && value <= high) << bit;
      edge &= edge - 1;
    }
    store<u64>(out + (row >> 3), inside);
  }
}

/** The same for the rows of `within` alone, a bitmap: for few of them. */
export function rangeFew(values: u32, rows: u32, within: u32, low: i64, high: i64,
                         out: u32): void {
  for (let row: u32 = 0; row < rows; row += 64) {
    let left = load<u64>(within + (row >> 3));
    let word: u64 = 0;
    for (; left != 0; left &= left - 1) {
      const bit = <u32>ctz<u64>(left);
      const value = load<i64>(values + (row + bit) * 8);
      word |= <u64>u32(value >= low && value <= high) << bit;
    }
    store<u64>(out + (row >> 3), word);
  }
}
