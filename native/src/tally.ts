/**
 * Counts and sums over time for metrics. A row's slot is u16: its place in time, NO_SLOT when it
 * does not count. A row's group is u32; NO_GROUP when it belongs to none.
 */
import { codeAt } from "./scan";

const NO_SLOT: u32 = 0xffff;
const NO_GROUP: u32 = 0xffffffff;

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
  for (let row: u32 = 0; row < rows; row++) {
    if (!((load<u8>(bits + (row >> 3)) >> (row & 7)) & 1)) {
      store<u16>(out + row * 2, NO_SLOT);
      continue;
    }
    const time = load<i64>(times + row * 8);
    if (time <= low || time > high) {
      if (time <= first || time > last) {
        store<u16>(out + row * 2, NO_SLOT);
        continue;
      }
      slot = <u32>((time - first - 1) / step);
      low = first + <i64>slot * step;
      high = low + step;
    }
    found += 1;
    store<u16>(out + row * 2, slot);
  }
  return found;
}

/** out[i] = table[code], words. */
export function mapCodes(codes: u32, width: u32, rows: u32, table: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    store<u32>(out + row * 4, load<u32>(table + codeAt(codes, width, row) * 4));
  }
}

/** The same where the code is not 0; other places stay. */
export function overlayCodes(codes: u32, width: u32, rows: u32, table: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const code = codeAt(codes, width, row);
    if (code) store<u32>(out + row * 4, load<u32>(table + code * 4));
  }
}

/** groups[i] = groups[i] * size + next[i]. */
export function combine(groups: u32, next: u32, rows: u32, size: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const at = groups + row * 4;
    store<u32>(at, load<u32>(at) * size + load<u32>(next + row * 4));
  }
}

/** out[group * slots + slot] += 1, words. */
export function tallyRows(slotOf: u32, groups: u32, rows: u32, slots: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot == NO_SLOT) continue;
    const group = load<u32>(groups + row * 4);
    if (group == NO_GROUP) continue;
    const at = out + (group * slots + slot) * 4;
    store<u32>(at, load<u32>(at) + 1);
  }
}

/** The same, the group read from the codes by a table of words. */
export function tallyCodes(slotOf: u32, codes: u32, width: u32, table: u32, rows: u32,
                           slots: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot == NO_SLOT) continue;
    const group = load<u32>(table + codeAt(codes, width, row) * 4);
    if (group == NO_GROUP) continue;
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

/** The same where the code is not 0; other places stay. */
export function overlayDoubles(codes: u32, width: u32, rows: u32, table: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const code = codeAt(codes, width, row);
    if (code) store<f64>(out + row * 8, load<f64>(table + code * 8));
  }
}

/** Whole numbers as doubles; where `present` (0: all there) has no bit, the place stays. */
export function doublesOfLongs(values: u32, present: u32, rows: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (present && !((load<u8>(present + (row >> 3)) >> (row & 7)) & 1)) continue;
    store<f64>(out + row * 8, <f64>load<i64>(values + row * 8));
  }
}

export function copyDoubles(values: u32, present: u32, rows: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (present && !((load<u8>(present + (row >> 3)) >> (row & 7)) & 1)) continue;
    store<f64>(out + row * 8, load<f64>(values + row * 8));
  }
}

/**
 * By group and slot, four doubles each: how many, their sum, the least, the most. NaN is no value.
 * `out` begins as 0, 0, Infinity, -Infinity.
 */
export function tallyValues(slotOf: u32, groups: u32, values: u32, rows: u32, slots: u32,
                            out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot == NO_SLOT) continue;
    const group = load<u32>(groups + row * 4);
    const value = load<f64>(values + row * 8);
    if (group == NO_GROUP || value != value) continue;
    const at = out + (group * slots + slot) * 32;
    store<f64>(at, load<f64>(at) + 1);
    store<f64>(at, load<f64>(at, 8) + value, 8);
    if (value < load<f64>(at, 16)) store<f64>(at, value, 16);
    if (value > load<f64>(at, 24)) store<f64>(at, value, 24);
  }
}

/** Begins the table of tallyValues. */
export function clearValues(at: u32, cells: u32): void {
  for (let cell: u32 = 0; cell < cells; cell++) {
    store<f64>(at + cell * 32, 0);
    store<f64>(at + cell * 32, 0, 8);
    store<f64>(at + cell * 32, Infinity, 16);
    store<f64>(at + cell * 32, -Infinity, 24);
  }
}

/**
 * By group, bucket and slot: how many values are in (2^(e-1), 2^e]; bucket 0 is e = `least`, lower
 * values are left out, higher ones counted in the last of `buckets`.
 */
export function tallyBuckets(slotOf: u32, groups: u32, values: u32, rows: u32, slots: u32,
                             least: i32, buckets: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot == NO_SLOT) continue;
    const group = load<u32>(groups + row * 4);
    const value = load<f64>(values + row * 8);
    if (group == NO_GROUP || !(value > 0)) continue;
    const bits = reinterpret<u64>(value);
    // Of a power of two its own exponent, of others the next one.
    let exponent = <i32>(bits >> 52) - 1023 + i32((bits & 0xfffffffffffff) != 0);
    exponent -= least;
    if (exponent < 0) continue;
    const bucket = min<u32>(<u32>exponent, buckets - 1);
    const at = out + ((group * buckets + bucket) * slots + slot) * 4;
    store<u32>(at, load<u32>(at) + 1);
  }
}
