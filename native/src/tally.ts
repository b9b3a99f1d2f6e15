/**
 * Counts and sums over time for metrics. A row's slot is u16: its place in time, NO_SLOT when it
 * does not count. A row's group is a word; those from `size` on are not counted.
 */
import { codeAt } from "./scan";

const NO_SLOT: u32 = 0xffff;

/**
 * Slot i is (first + i * step, first + (i + 1) * step]; rows outside, and those without a bit in
 * `bits`, get NO_SLOT. Returns how many have one. Spans of a trace mostly share a slot.
 */
export function slotRows(times: u32, rows: u32, bits: u32, first: i64, step: i64, slots: u32,
                         out: u32): u32 {
  let low: i64 = 0; // the slot of the row before is (low, high]
  let high: i64 = 0;
  let slot: u32 = NO_SLOT;
  let found: u32 = 0;
  const last = first + step * <i64>slots;
  for (let begin: u32 = 0; begin < rows; begin += 64) {
    const word = load<u64>(bits + (begin >> 3));
    const end = min<u32>(rows, begin + 64);
    if (!word) {
      memory.fill(out + begin * 2, 0xff, (end - begin) * 2);
      continue;
    }
    for (let row = begin; row < end; row++) {
      let here = NO_SLOT;
      if ((word >> <u64>(row & 63)) & 1) {
        const time = load<i64>(times + row * 8);
        if (time > low && time <= high) {
          here = slot;
          found += 1;
        } else if (time > first && time <= last) {
          slot = <u32>((time - first - 1) / step);
          low = first + <i64>slot * step;
          high = low + step;
          here = slot;
          found += 1;
        }
      }
      store<u16>(out + row * 2, here);
    }
  }
  return found;
}

/** Slots of the rows with a bit in `bits` are `by` higher. */
export function shiftSlots(slotOf: u32, bits: u32, rows: u32, by: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (!((load<u8>(bits + (row >> 3)) >> <u8>(row & 7)) & 1)) continue;
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot != NO_SLOT) store<u16>(slotOf + row * 2, slot + by);
  }
}

/**
 * Rows with a slot, the first one from each of `places` evenly spread rows on: their numbers to
 * `out`, ascending and each once. Returns how many.
 */
export function sampleRows(slotOf: u32, rows: u32, places: u32, out: u32): u32 {
  let found: u32 = 0;
  let row: u32 = 0;
  for (let place: u32 = 0; place < places; place++) {
    const from = <u32>(<u64>place * <u64>rows / <u64>places);
    if (row < from) row = from;
    while (row < rows && load<u16>(slotOf + row * 2) == NO_SLOT) row++;
    if (row >= rows) break;
    store<u32>(out + found * 4, row);
    found += 1;
    row += 1;
  }
  return found;
}

/** out[group * slots + slot] += 1, words, of groups below `size`. */
export function tallyRows(slotOf: u32, groups: u32, rows: u32, size: u32, slots: u32,
                          out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot == NO_SLOT) continue;
    const group = load<u32>(groups + row * 4);
    if (group >= size) continue;
    const at = out + (group * slots + slot) * 4;
    store<u32>(at, load<u32>(at) + 1);
  }
}

/** The same, the group read from the codes by a table of words. */
export function tallyCodes(slotOf: u32, codes: u32, width: u32, table: u32, rows: u32, size: u32,
                           slots: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot == NO_SLOT) continue;
    const group = load<u32>(table + codeAt(codes, width, row) * 4);
    if (group >= size) continue;
    const at = out + (group * slots + slot) * 4;
    store<u32>(at, load<u32>(at) + 1);
  }
}

/** Doubles by code, of a table of them; code 0 has its own. */
export function doublesOfCodes(codes: u32, width: u32, rows: u32, table: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    store<f64>(out + row * 8, load<f64>(table + codeAt(codes, width, row) * 8));
  }
}

// @ts-ignore: decorator
@inline
function isPresent(present: u32, row: u32): bool {
  return !present || ((load<u8>(present + (row >> 3)) >> <u8>(row & 7)) & 1) != 0;
}

/** Whole numbers divided by `unit`; NaN where `present` (0: all there) has no bit. */
export function doublesOfLongs(values: u32, present: u32, rows: u32, unit: f64, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const value = isPresent(present, row) ? <f64>load<i64>(values + row * 8) / unit : NaN;
    store<f64>(out + row * 8, value);
  }
}

export function doublesOfDoubles(values: u32, present: u32, rows: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const value = isPresent(present, row) ? load<f64>(values + row * 8) : NaN;
    store<f64>(out + row * 8, value);
  }
}

/**
 * By group and slot, four doubles each: how many, their sum, the least, the most. NaN is no value;
 * groups from `size` on are not counted. `out` begins as clearValues() leaves it.
 */
export function tallyValues(slotOf: u32, groups: u32, values: u32, rows: u32, size: u32,
                            slots: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot == NO_SLOT) continue;
    const group = load<u32>(groups + row * 4);
    const value = load<f64>(values + row * 8);
    if (group >= size || value != value) continue;
    const at = out + (group * slots + slot) * 32;
    store<f64>(at, load<f64>(at) + 1);
    store<f64>(at, load<f64>(at, 8) + value, 8);
    if (value < load<f64>(at, 16)) store<f64>(at, value, 16);
    if (value > load<f64>(at, 24)) store<f64>(at, value, 24);
  }
}

export function clearValues(at: u32, cells: u32): void {
  for (let cell: u32 = 0; cell < cells; cell++) {
    store<f64>(at + cell * 32, 0);
    store<f64>(at + cell * 32, 0, 8);
    store<f64>(at + cell * 32, Infinity, 16);
    store<f64>(at + cell * 32, -Infinity, 24);
  }
}

/**
 * Of whole numbers from 2 on the power of two that they are at most: a byte, 2^1 to 2^63; 0 for
 * others and where `present` has no bit.
 */
export function powersOfLongs(values: u32, present: u32, rows: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const value = load<i64>(values + row * 8);
    const isIn = value >= 2 && isPresent(present, row);
    store<u8>(out + row, isIn ? 64 - <u32>clz<i64>(value - 1) : 0);
  }
}

/** The least power of two of a double, -1074, is code 1. */
const POWER_BIAS: i32 = 1075;

/**
 * The same of doubles above zero: 16 bits, the exponent + POWER_BIAS; 0 where the power would be
 * infinite, too.
 */
export function powersOfDoubles(values: u32, present: u32, rows: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const value = load<f64>(values + row * 8);
    let code: i32 = 0;
    if (value > 0 && isPresent(present, row)) code = powerOf(value) + POWER_BIAS;
    store<u16>(out + row * 2, code > 1023 + POWER_BIAS ? 0 : code);
  }
}

/** The exponent of the least power of two that is not below; values below 2^-1022 are multiples. */
// @ts-ignore: decorator
@inline
function powerOf(value: f64): i32 {
  const bits = reinterpret<u64>(value);
  const exponent = <i32>(bits >> 52);
  if (exponent) return exponent - 1023 + i32((bits & 0xfffffffffffff) != 0);
  return bits == 1 ? -1074 : 64 - <i32>clz<u64>(bits - 1) - 1074;
}
