/**
 * Rows into groups by what their columns hold. Groups are words, 0 and up. Rows without a slot do
 * not count: their groups are anything that tables have a place for.
 */
import { codeAt } from "./scan";

const NO_SLOT: u32 = 0xffff;

/** out[i] = table[code], words. */
export function mapCodes(codes: u32, width: u32, rows: u32, table: u32, out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    store<u32>(out + row * 4, load<u32>(table + codeAt(codes, width, row) * 4));
  }
}

/** groups[i] = groups[i] * size + table[code]. */
export function combineCodes(groups: u32, codes: u32, width: u32, table: u32, rows: u32,
                             size: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const at = groups + row * 4;
    const code = load<u32>(table + codeAt(codes, width, row) * 4);
    store<u32>(at, load<u32>(at) * size + code);
  }
}

/**
 * Codes below `size` of the rows that have a slot, renamed to 0, 1, … in order of appearance; what
 * each was goes to `list`. `table` is scratch of `size` words; `out` may be the codes, when they
 * are words. Returns how many there are.
 */
export function renumberRows(slotOf: u32, codes: u32, width: u32, rows: u32, table: u32, size: u32,
                             list: u32, out: u32): u32 {
  memory.fill(table, 0, size * 4);
  let found: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    let group: u32 = 0;
    if (load<u16>(slotOf + row * 2) != NO_SLOT) {
      const code = codeAt(codes, width, row);
      const at = table + code * 4;
      group = load<u32>(at);
      if (!group) {
        store<u32>(list + found * 4, code);
        group = ++found;
        store<u32>(at, group);
      }
      group -= 1;
    }
    store<u32>(out + row * 4, group);
  }
  return found;
}

// @ts-ignore: decorator
@inline
function slotOfLong(value: u64, mask: u32): u32 {
  const mixed = (value ^ (value >> 29)) * 0x9e3779b97f4a7c15;
  return <u32>(mixed >> 32) & mask;
}

/**
 * Pairs of a row's group and table[code], renamed to 0, 1, … in order of appearance, in place of
 * the groups; each pair goes to `list` (u64: the group in the high half). `slots` is scratch of
 * `mask` + 1 words, a power of two and at least twice the rows. Returns how many there are.
 */
export function pairGroups(slotOf: u32, groups: u32, codes: u32, width: u32, table: u32, rows: u32,
                           slots: u32, mask: u32, list: u32): u32 {
  memory.fill(slots, 0, (mask + 1) * 4);
  let found: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    if (load<u16>(slotOf + row * 2) == NO_SLOT) continue;
    const group = load<u32>(groups + row * 4);
    const code = load<u32>(table + codeAt(codes, width, row) * 4);
    const place = place64((<u64>group << 32) | <u64>code, slots, mask, list, found);
    if (place == found) found += 1;
    store<u32>(groups + row * 4, place);
  }
  return found;
}

/** The value's place in the list, at whose end it is put when it is new. */
// @ts-ignore: decorator
@inline
function place64(value: u64, slots: u32, mask: u32, list: u32, found: u32): u32 {
  let slot = slotOfLong(value, mask);
  while (true) {
    const known = load<u32>(slots + slot * 4);
    if (!known) break;
    if (load<u64>(list + (known - 1) * 8) == value) return known - 1;
    slot = (slot + 1) & mask;
  }
  store<u64>(list + found * 8, value);
  store<u32>(slots + slot * 4, found + 1);
  return found;
}

/**
 * Values of 8 bytes as codes 1, 2, … in order of appearance, 0 for entries without a bit in
 * `present` (0: all have one) and, where `slotOf` is not 0, for those without a slot. The values
 * go to `list`; `slots` as for pairGroups. Returns how many there are.
 */
export function codeLongs(slotOf: u32, values: u32, present: u32, entries: u32, slots: u32,
                          mask: u32, list: u32, out: u32): u32 {
  memory.fill(slots, 0, (mask + 1) * 4);
  let found: u32 = 0;
  for (let i: u32 = 0; i < entries; i++) {
    let code: u32 = 0;
    const isCounted = !slotOf || load<u16>(slotOf + i * 2) != NO_SLOT;
    if (isCounted && (!present || (load<u8>(present + (i >> 3)) >> (i & 7)) & 1)) {
      code = place64(load<u64>(values + i * 8), slots, mask, list, found) + 1;
      if (code > found) found = code;
    }
    store<u32>(out + i * 4, code);
  }
  return found;
}

/** Where `out` is 0 and the code is one of those marked in `table` (bytes): code + `offset`. */
export function fillCodes(codes: u32, width: u32, entries: u32, table: u32, offset: u32,
                          out: u32): void {
  for (let i: u32 = 0; i < entries; i++) {
    if (load<u32>(out + i * 4)) continue;
    const code = codeAt(codes, width, i);
    if (load<u8>(table + code)) store<u32>(out + i * 4, code + offset);
  }
}

/**
 * Of each row's list the code of the first entry that has one; `empty` for rows whose list has no
 * entry with a bit in `elements`.
 */
export function firstCodes(starts: u32, rows: u32, elements: u32, codes: u32, empty: u32,
                           out: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const end = load<u32>(starts + row * 4, 4);
    let code = empty;
    for (let i = load<u32>(starts + row * 4); i < end; i++) {
      if (!((load<u8>(elements + (i >> 3)) >> (i & 7)) & 1)) continue;
      code = load<u32>(codes + i * 4);
      if (code) break;
    }
    store<u32>(out + row * 4, code);
  }
}

/** For each row the code of its trace's root; 0 where there is none (0xffffffff in `roots`). */
export function codesOfRoots(roots: u32, starts: u32, traces: u32, codes: u32, width: u32,
                             out: u32): void {
  for (let trace: u32 = 0; trace < traces; trace++) {
    const root = load<u32>(roots + trace * 4);
    const code = root == 0xffffffff ? 0 : codeAt(codes, width, root);
    const end = load<u32>(starts + trace * 4, 4);
    for (let row = load<u32>(starts + trace * 4); row < end; row++) store<u32>(out + row * 4, code);
  }
}
