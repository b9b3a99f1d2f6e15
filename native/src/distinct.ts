/**
 * Which values occur among some rows: for lists of names and values. Bit i of `bits` is row i;
 * there are none behind the last row.
 */
import { codeAt } from "./scan";

const ALL: u64 = 0xffffffffffffffff;

/** out[code] = 1 for each code that a row with a bit has, 0 for others below `size`. */
export function markCodes(codes: u32, width: u32, rows: u32, bits: u32, size: u32, out: u32): void {
  memory.fill(out, 0, size);
  for (let row: u32 = 0; row < rows; row += 64) {
    let word = load<u64>(bits + (row >> 3));
    if (word == ALL) {
      if (width == 1) {
        for (let i: u32 = row; i < row + 64; i++) store<u8>(out + load<u8>(codes + i), 1);
      } else if (width == 2) {
        for (let i: u32 = row; i < row + 64; i++) store<u8>(out + load<u16>(codes + i * 2), 1);
      } else {
        for (let i: u32 = row; i < row + 64; i++) store<u8>(out + load<u32>(codes + i * 4), 1);
      }
      continue;
    }
    while (word) {
      store<u8>(out + codeAt(codes, width, row + <u32>ctz<u64>(word)), 1);
      word &= word - 1;
    }
  }
}

/** Whether a row with a bit has a code other than 0. */
export function hasCode(codes: u32, width: u32, rows: u32, bits: u32): bool {
  for (let row: u32 = 0; row < rows; row += 64) {
    let word = load<u64>(bits + (row >> 3));
    while (word) {
      if (codeAt(codes, width, row + <u32>ctz<u64>(word))) return true;
      word &= word - 1;
    }
  }
  return false;
}

/** Whether two bitmaps have a bit in common. `bytes` is a multiple of 8. */
export function hasCommon(a: u32, b: u32, bytes: u32): bool {
  for (let p: u32 = 0; p < bytes; p += 8) if (load<u64>(a + p) & load<u64>(b + p)) return true;
  return false;
}

/**
 * The distinct values of 8 bytes of rows with a bit, in order of appearance. `table` is scratch of
 * `slots` u32, a power of two and at least twice the number of these rows. Returns how many.
 */
export function distinctLongs(values: u32, rows: u32, bits: u32, table: u32, slots: u32,
                              out: u32): u32 {
  memory.fill(table, 0, slots * 4);
  const mask = slots - 1;
  let found: u32 = 0;
  for (let row: u32 = 0; row < rows; row += 64) {
    let word = load<u64>(bits + (row >> 3));
    while (word) {
      const value = load<u64>(values + (row + <u32>ctz<u64>(word)) * 8);
      word &= word - 1;
      let slot = <u32>((value * 0x9e3779b97f4a7c15) >> 32) & mask;
      while (true) {
        const known = load<u32>(table + slot * 4);
        if (!known) {
          store<u64>(out + found * 8, value);
          store<u32>(table + slot * 4, ++found);
          break;
        }
        if (load<u64>(out + (known - 1) * 8) == value) break;
        slot = (slot + 1) & mask;
      }
    }
  }
  return found;
}
