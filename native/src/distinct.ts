/**
 * Which values occur among some rows: for lists of names and values. Bit i of `bits` is row i;
 * there are none behind the last row.
 */
import { codeAt } from "./scan";

/**
 * out[code] = 1 for each code from 1 to `most` that a row with a bit has, 0 for the others; out[0]
 * may be either. Ends when all are found, which is soon where they are spread.
 */
export function markCodes(codes: u32, width: u32, rows: u32, bits: u32, most: u32,
                          out: u32): void {
  memory.fill(out, 0, most + 1);
  // Code 0 is no find.
  store<u8>(out, 1);
  let left = most;
  for (let row: u32 = 0; row < rows && left; row += 64) {
    let word = load<u64>(bits + (row >> 3));
    while (word) {
      const at = out + codeAt(codes, width, row + <u32>ctz<u64>(word));
      word &= word - 1;
      if (load<u8>(at)) continue;
      store<u8>(at, 1);
      left -= 1;
    }
  }
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
