/**
 * Counts and sums over time for metrics. A row's slot is u16: its place in time, NO_SLOT when it
 * does not count. A row's group is a word; those from `size` on are not counted.
 */
import { codeAt } from "./scan";

export const NO_SLOT: u32 = 0xffff;

/** Of each trace the first and the last start of its rows, u64 a trace each. */
export function startsOfTraces(times: u32, starts: u32, traces: u32, first: u32, last: u32): void {
  for (let trace: u32 = 0; trace < traces; trace++) {
    const end = load<u32>(starts + trace * 4, 4);
    let least: u64 = u64.MAX_VALUE;
    let most: u64 = 0;
    for (let row = load<u32>(starts + trace * 4); row < end; row++) {
      const time = load<u64>(times + row * 8);
      least = min<u64>(least, time);
      most = max<u64>(most, time);
    }
    store<u64>(first + trace * 8, least);
    store<u64>(last + trace * 8, most);
  }
}

let slotFirst: i64 = 0;
let slotLast: i64 = 0;
let slotStep: i64 = 0;
let slotsPerNano: f64 = 0;

/** Slot i is (first + i * step, first + (i + 1) * step]: for the two functions below. */
export function setSlots(first: i64, step: i64, slots: u32): void {
  slotFirst = first;
  slotStep = step;
  slotLast = first + step * <i64>slots;
  slotsPerNano = 1 / <f64>step;
}

// @ts-ignore: decorator
@inline
export function slotOfTime(time: i64): u32 {
  if (time <= slotFirst || time > slotLast) return NO_SLOT;
  // A quotient of doubles is one off at most.
  const past = time - slotFirst - 1;
  let slot = <i64>(<f64>past * slotsPerNano);
  if (slot * slotStep > past) slot -= 1;
  else if ((slot + 1) * slotStep <= past) slot += 1;
  return <u32>slot;
}

/**
 * The slot of each row with a bit in `bits`, NO_SLOT for others: u16 a row, with room for 8 more.
 * `first` and `last` are those of startsOfTraces(): mostly all rows of a trace are in one slot.
 */
export function slotTraces(times: u32, starts: u32, traces: u32, first: u32, last: u32, bits: u32,
                           out: u32): void {
  for (let trace: u32 = 0; trace < traces; trace++) {
    const begin = load<u32>(starts + trace * 4);
    const end = load<u32>(starts + trace * 4, 4);
    const from = load<i64>(first + trace * 8);
    const to = load<i64>(last + trace * 8);
    const slot = slotOfTime(from);
    const isOne = slot == NO_SLOT ? to <= slotFirst || from > slotLast
      : to <= slotFirst + <i64>(slot + 1) * slotStep;
    if (isOne) {
      const all = i16x8.splat(<i16>slot);
      for (let row = begin; row < end; row += 8) v128.store(out + row * 2, all);
    } else {
      for (let row = begin; row < end; row++) {
        store<u16>(out + row * 2, slotOfTime(load<i64>(times + row * 8)));
      }
    }
  }
  clearSlots(bits, load<u32>(starts + traces * 4), out);
}

/** Rows without a bit have no slot. */
function clearSlots(bits: u32, rows: u32, out: u32): void {
  const none = i16x8.splat(-1);
  for (let row: u32 = 0; row < rows; row += 64) {
    const word = load<u64>(bits + (row >> 3));
    const here = min<u32>(64, rows - row);
    let missing = ~word;
    if (here < 64) missing &= ((<u64>1) << <u64>here) - 1;
    if (!missing) continue;
    if (!word && here == 64) {
      for (let i: u32 = 0; i < 8; i++) v128.store(out + row * 2 + i * 16, none);
      continue;
    }
    while (missing) {
      store<u16>(out + (row + <u32>ctz<u64>(missing)) * 2, NO_SLOT);
      missing &= missing - 1;
    }
  }
}

/** 1 for slots from `from` on, 0 for those below; NO_SLOT stays. */
export function sidesOfSlots(slotOf: u32, rows: u32, from: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    store<u16>(out + row * 2, slot == NO_SLOT ? NO_SLOT : u32(slot >= from));
  }
}

/** Slots of the rows with a bit in `bits` are `by` higher. */
export function shiftSlots(slotOf: u32, bits: u32, rows: u32, by: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (!((load<u8>(bits + (row >> 3)) >> <u8>(row & 7)) & 1)) continue;
    const slot: u32 = load<u16>(slotOf + row * 2);
    if (slot != NO_SLOT) store<u16>(slotOf + row * 2, slot + by);
  }
}

/** Slots of the rows with a bit, one behind the other, with room for 8 more. Returns how many. */
export function packSlots(slotOf: u32, bits: u32, rows: u32, out: u32): u32 {
  let to = out;
  for (let row: u32 = 0; row < rows; row += 64) {
    let word = load<u64>(bits + (row >> 3));
    if (word == u64.MAX_VALUE) {
      memory.copy(to, slotOf + row * 2, 128);
      to += 128;
      continue;
    }
    const from = slotOf + row * 2;
    while (word) {
      store<u16>(to, load<u16>(from + <u32>ctz<u64>(word) * 2));
      word &= word - 1;
      to += 2;
    }
  }
  return (to - out) >> 1;
}

const NO_ROW: u32 = 0xffffffff;

/**
 * Of each stretch of time the two traces that come first, told by their first row with a slot.
 * Rows whose value, a double, is NaN count not at all; `values` is 0 where all have one. `first`
 * and `last` are those of startsOfTraces(), slots those of setSlots(), `stretchOf` bytes a slot.
 *
 * At `out` are, told by the caller, u64 the last nanosecond of each stretch, u64 of each the time
 * below which a row is wanted; and of each the two rows, words, NO_ROW where there are fewer. Most
 * traces come later, and need no look at their rows.
 */
export function exemplarRows(slotOf: u32, times: u32, starts: u32, traces: u32, first: u32,
                             last: u32, values: u32, stretchOf: u32, stretches: u32,
                             out: u32): void {
  const wanted = wantedOf(out, stretches);
  const found = emptyRows(out, stretches);
  for (let trace: u32 = 0; trace < traces; trace++) {
    const from = load<u64>(first + trace * 8);
    const slot = slotOfTime(from);
    if (slot != NO_SLOT) {
      const at = <u32>load<u8>(stretchOf + slot) * 8;
      if (load<u64>(wanted + at) <= from && load<u64>(last + trace * 8) <= load<u64>(out + at)) {
        continue;
      }
    }
    const row = firstCounted(slotOf, times, load<u32>(starts + trace * 4),
                             load<u32>(starts + trace * 4, 4), values);
    if (row == NO_ROW) continue;
    const at = <u32>load<u8>(stretchOf + load<u16>(slotOf + row * 2)) * 8;
    offerRow(row, times, wanted + at, found + at);
  }
}

// @ts-ignore: decorator
@inline
export function wantedOf(out: u32, stretches: u32): u32 {
  return out + stretches * 8;
}

/** Where the two rows of each stretch are; there are none yet. */
// @ts-ignore: decorator
@inline
export function emptyRows(out: u32, stretches: u32): u32 {
  const found = out + stretches * 16;
  memory.fill(found, 0xff, stretches * 8);
  return found;
}

// @ts-ignore: decorator
@inline
export function firstCounted(slotOf: u32, times: u32, row: u32, end: u32, values: u32): u32 {
  let first = NO_ROW;
  let least: u64 = 0;
  for (; row < end; row++) {
    if (load<u16>(slotOf + row * 2) == NO_SLOT) continue;
    const time = load<u64>(times + row * 8);
    if (first != NO_ROW && time >= least) continue;
    if (values && isNaN(load<f64>(values + row * 8))) continue;
    first = row;
    least = time;
  }
  return first;
}

// @ts-ignore: decorator
@inline
export function offerRow(row: u32, times: u32, wanted: u32, found: u32): void {
  const time = load<u64>(times + row * 8);
  if (time >= load<u64>(wanted)) return;
  const before = load<u32>(found);
  const isFirst = before == NO_ROW || time < load<u64>(times + before * 8);
  store<u32>(found, isFirst ? row : before);
  const second = isFirst ? before : row;
  store<u32>(found, second, 4);
  if (second != NO_ROW) store<u64>(wanted, load<u64>(times + second * 8));
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

/**
 * Counts rows in cells: words at `out`, and one more behind them for rows that are in none. A row's
 * cell is its slot and what the table (words) says of its code.
 *
 * Neighbouring rows mostly count in one cell, and would wait for each other's sum: each of four has
 * a table of its own, `apart` bytes behind the one before (0: there is but one).
 */
export function tallyCodes(slotOf: u32, codes: u32, width: u32, table: u32, rows: u32, cells: u32,
                           apart: u32, out: u32): void {
  if (width == 1) tallyAs<u8>(slotOf, codes, table, rows, cells, apart, out);
  else if (width == 2) tallyAs<u16>(slotOf, codes, table, rows, cells, apart, out);
  else tallyAs<u32>(slotOf, codes, table, rows, cells, apart, out);
}

function tallyAs<T>(slotOf: u32, codes: u32, table: u32, rows: u32, cells: u32, apart: u32,
                    out: u32): void {
  const whole = rows & ~7;
  for (let row: u32 = 0; row < whole; row += 8) {
    if (i16x8.all_true(i16x8.eq(v128.load(slotOf + row * 2), i16x8.splat(-1)))) continue;
    for (let i = row; i < row + 8; i += 4) {
      const at = codes + i * <u32>sizeof<T>();
      const a = load<u32>(table + <u32>load<T>(at) * 4);
      const b = load<u32>(table + <u32>load<T>(at, sizeof<T>()) * 4);
      const c = load<u32>(table + <u32>load<T>(at, sizeof<T>() * 2) * 4);
      const d = load<u32>(table + <u32>load<T>(at, sizeof<T>() * 3) * 4);
      const slots = load<u64>(slotOf + i * 2);
      countCell(a, <u32>slots & NO_SLOT, cells, out);
      countCell(b, <u32>(slots >> 16) & NO_SLOT, cells, out + apart);
      countCell(c, <u32>(slots >> 32) & NO_SLOT, cells, out + apart * 2);
      countCell(d, <u32>(slots >> 48), cells, out + apart * 3);
    }
  }
  for (let row = whole; row < rows; row++) {
    const group = load<u32>(table + <u32>load<T>(codes + row * <u32>sizeof<T>()) * 4);
    countCell(group, load<u16>(slotOf + row * 2), cells, out);
  }
}

/** The same where code 0 is in no cell: only rows that have another are looked at. */
export function tallyPresent(slotOf: u32, codes: u32, width: u32, table: u32, rows: u32, cells: u32,
                             apart: u32, out: u32): void {
  if (width == 1) presentAs<u8>(slotOf, codes, table, rows, cells, apart, out);
  else if (width == 2) presentAs<u16>(slotOf, codes, table, rows, cells, apart, out);
  else presentAs<u32>(slotOf, codes, table, rows, cells, apart, out);
}

function presentAs<T>(slotOf: u32, codes: u32, table: u32, rows: u32, cells: u32, apart: u32,
                      out: u32): void {
  const whole = rows & ~15;
  for (let row: u32 = 0; row < whole; row += 16) {
    let mask = presentMask<T>(codes + row * <u32>sizeof<T>());
    if (mask == 0xffff) {
      for (let i = row; i < row + 16; i += 4) {
        const at = codes + i * <u32>sizeof<T>();
        const slots = load<u64>(slotOf + i * 2);
        const a = load<u32>(table + <u32>load<T>(at) * 4);
        const b = load<u32>(table + <u32>load<T>(at, sizeof<T>()) * 4);
        const c = load<u32>(table + <u32>load<T>(at, sizeof<T>() * 2) * 4);
        const d = load<u32>(table + <u32>load<T>(at, sizeof<T>() * 3) * 4);
        countCell(a, <u32>slots & NO_SLOT, cells, out);
        countCell(b, <u32>(slots >> 16) & NO_SLOT, cells, out + apart);
        countCell(c, <u32>(slots >> 32) & NO_SLOT, cells, out + apart * 2);
        countCell(d, <u32>(slots >> 48), cells, out + apart * 3);
      }
      continue;
    }
    while (mask) {
      const i = row + <u32>ctz<u32>(mask);
      mask &= mask - 1;
      const group = load<u32>(table + <u32>load<T>(codes + i * <u32>sizeof<T>()) * 4);
      countCell(group, load<u16>(slotOf + i * 2), cells, out + apart * (i & 3));
    }
  }
  for (let row = whole; row < rows; row++) {
    const group = load<u32>(table + <u32>load<T>(codes + row * <u32>sizeof<T>()) * 4);
    countCell(group, load<u16>(slotOf + row * 2), cells, out);
  }
}

/** A bit for each of 16 codes that is not 0. */
// @ts-ignore: decorator
@inline
function presentMask<T>(at: u32): u32 {
  const zero = i64x2.splat(0);
  if (sizeof<T>() == 1) return <u32>i8x16.bitmask(i8x16.ne(v128.load(at), zero));
  if (sizeof<T>() == 2) {
    const low = <u32>i16x8.bitmask(i16x8.ne(v128.load(at), zero));
    return low | (<u32>i16x8.bitmask(i16x8.ne(v128.load(at, 16), zero)) << 8);
  }
  return <u32>i32x4.bitmask(i32x4.ne(v128.load(at), zero))
    | (<u32>i32x4.bitmask(i32x4.ne(v128.load(at, 16), zero)) << 4)
    | (<u32>i32x4.bitmask(i32x4.ne(v128.load(at, 32), zero)) << 8)
    | (<u32>i32x4.bitmask(i32x4.ne(v128.load(at, 48), zero)) << 12);
}

// @ts-ignore: decorator
@inline
export function countCell(group: u32, slot: u32, cells: u32, out: u32): void {
  // Groups that are in no cell are far above all.
  const cell = slot == NO_SLOT ? cells : min<u32>(group + slot, cells);
  store<u32>(out + cell * 4, load<u32>(out + cell * 4) + 1);
}

/** The same with two columns of codes. */
export function tallyPairs(slotOf: u32, codes: u32, width: u32, table: u32, next: u32,
                           nextWidth: u32, nextTable: u32, rows: u32, cells: u32, apart: u32,
                           out: u32): void {
  if (width == 1 && nextWidth == 1) {
    pairsAs<u8, u8>(slotOf, codes, table, next, nextTable, rows, cells, apart, out);
  } else if (width == 2 && nextWidth == 1) {
    pairsAs<u16, u8>(slotOf, codes, table, next, nextTable, rows, cells, apart, out);
  } else {
    for (let row: u32 = 0; row < rows; row++) {
      const group = load<u32>(table + codeAt(codes, width, row) * 4);
      const other = load<u32>(nextTable + codeAt(next, nextWidth, row) * 4);
      countCell(group + other, load<u16>(slotOf + row * 2), cells, out + apart * (row & 3));
    }
  }
}

function pairsAs<A, B>(slotOf: u32, codes: u32, table: u32, next: u32, nextTable: u32, rows: u32,
                       cells: u32, apart: u32, out: u32): void {
  const whole = rows & ~7;
  for (let row: u32 = 0; row < whole; row += 8) {
    if (i16x8.all_true(i16x8.eq(v128.load(slotOf + row * 2), i16x8.splat(-1)))) continue;
    for (let i = row; i < row + 8; i += 4) {
      const p = codes + i * <u32>sizeof<A>();
      const q = next + i * <u32>sizeof<B>();
      const a = load<u32>(table + <u32>load<A>(p) * 4)
        + load<u32>(nextTable + <u32>load<B>(q) * 4);
      const b = load<u32>(table + <u32>load<A>(p, sizeof<A>()) * 4)
        + load<u32>(nextTable + <u32>load<B>(q, sizeof<B>()) * 4);
      const c = load<u32>(table + <u32>load<A>(p, sizeof<A>() * 2) * 4)
        + load<u32>(nextTable + <u32>load<B>(q, sizeof<B>() * 2) * 4);
      const d = load<u32>(table + <u32>load<A>(p, sizeof<A>() * 3) * 4)
        + load<u32>(nextTable + <u32>load<B>(q, sizeof<B>() * 3) * 4);
      const slots = load<u64>(slotOf + i * 2);
      countCell(a, <u32>slots & NO_SLOT, cells, out);
      countCell(b, <u32>(slots >> 16) & NO_SLOT, cells, out + apart);
      countCell(c, <u32>(slots >> 32) & NO_SLOT, cells, out + apart * 2);
      countCell(d, <u32>(slots >> 48), cells, out + apart * 3);
    }
  }
  for (let row = whole; row < rows; row++) {
    const group = load<u32>(table + <u32>load<A>(codes + row * <u32>sizeof<A>()) * 4)
      + load<u32>(nextTable + <u32>load<B>(next + row * <u32>sizeof<B>()) * 4);
    countCell(group, load<u16>(slotOf + row * 2), cells, out);
  }
}

/** Groups (`slots` words each) that are not all 0: their numbers to `out`. Returns how many. */
export function filledGroups(at: u32, groups: u32, slots: u32, out: u32): u32 {
  let found: u32 = 0;
  for (let group: u32 = 0; group < groups; group++) {
    let p = at + group * slots * 4;
    const end = p + slots * 4;
    let any: u64 = 0;
    for (; p + 8 <= end; p += 8) any |= load<u64>(p);
    if (p < end) any |= load<u32>(p);
    if (!any) continue;
    store<u32>(out + found * 4, group);
    found += 1;
  }
  return found;
}

/** Adds the three tables behind the first one to it. */
export function sumTables(at: u32, words: u32, apart: u32): void {
  for (let i: u32 = 0; i < words; i++) {
    const p = at + i * 4;
    store<u32>(p, load<u32>(p) + load<u32>(p + apart) + load<u32>(p + apart * 2)
      + load<u32>(p + apart * 3));
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

/** Whole numbers; NaN where `present` (0: all there) has no bit. */
export function doublesOfLongs(values: u32, present: u32, rows: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const value = isPresent(present, row) ? <f64>load<i64>(values + row * 8) : NaN;
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
    // Of 1 and less there is no bit left.
    const below = select<i64>(value - 1, 0, value > 1);
    store<u8>(out + row, 64 - <u32>clz<i64>(below));
  }
  if (!present) return;
  for (let row: u32 = 0; row < rows; row++) if (!isPresent(present, row)) store<u8>(out + row, 0);
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
