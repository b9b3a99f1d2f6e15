/** Starts of groups of rows (words, ascending): which group a row is in. */

/** The last of the groups [from, end) that begins at `row` or before; the first of them does. */
// @ts-ignore: decorator
@inline
export function groupAt(starts: u32, from: u32, end: u32, row: u32): u32 {
  let low = from;
  let high = end;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (load<u32>(starts + middle * 4) <= row) low = middle;
    else high = middle;
  }
  return low;
}
