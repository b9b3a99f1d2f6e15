/**
 * The same as in tally.ts where few rows count: these are listed, row numbers in their order as
 * words, and no other row is looked at.
 */
import { codeAt } from "./scan";
import { groupAt } from "./starts";
import {
  countCell, emptyRows, firstCounted, NO_SLOT, offerRow, slotOfTime, wantedOf,
} from "./tally";

/** Slots of all rows as slotTraces() has them; and rows that have one to `list`. How many. */
export function slotFew(times: u32, rows: u32, bits: u32, out: u32, list: u32): u32 {
  memory.fill(out, 0xff, rows * 2);
  let to = list;
  for (let begin: u32 = 0; begin < rows; begin += 64) {
    let word = load<u64>(bits + (begin >> 3));
    while (word) {
      const row = begin + <u32>ctz<u64>(word);
      word &= word - 1;
      const slot = slotOfTime(load<i64>(times + row * 8));
      if (slot == NO_SLOT) continue;
      store<u16>(out + row * 2, slot);
      store<u32>(to, row);
      to += 4;
    }
  }
  return (to - list) >> 2;
}

/** As exemplarRows(), of `count` rows. */
export function exemplarsFew(list: u32, count: u32, slotOf: u32, times: u32, starts: u32,
                             traces: u32, values: u32, stretchOf: u32, stretches: u32,
                             out: u32): void {
  const wanted = wantedOf(out, stretches);
  const found = emptyRows(out, stretches);
  let trace: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(list + i * 4);
    const slot: u32 = load<u16>(slotOf + row * 2);
    const at = <u32>load<u8>(stretchOf + slot) * 8;
    // Most come later, and which trace they are of does not matter.
    if (load<u64>(times + row * 8) >= load<u64>(wanted + at)) continue;
    trace = groupAt(starts, trace, traces, row);
    const first = firstCounted(slotOf, times, load<u32>(starts + trace * 4),
                               load<u32>(starts + trace * 4, 4), values);
    if (first == row) offerRow(row, times, wanted + at, found + at);
  }
}

/** As tallyCodes(), of `count` rows, with one table. */
export function tallyFew(list: u32, count: u32, slotOf: u32, codes: u32, width: u32, table: u32,
                         cells: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(list + i * 4);
    const group = load<u32>(table + codeAt(codes, width, row) * 4);
    countCell(group, load<u16>(slotOf + row * 2), cells, out);
  }
}
