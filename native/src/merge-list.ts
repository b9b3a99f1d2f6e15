/** Attributes that are lists: the elements of each, as they stand in the page, are one entry. */
import { listType, markPresent } from "./column-open";
import { denseAt, inLevelsAt, inRepeatsAt } from "./cut";
import { TYPE_BOOLS, TYPE_STRINGS } from "./layout";
import { bodyAt, PAGE_BAD, PAGE_FULL, PAGE_GOOD, pieceCount, pieceFirst } from "./merge-page";
import { addEntry, roomFor } from "./merge-text";

const LIST_NULL: u32 = 0;
const LIST_FILLED: u32 = 2;

let elementAt: u32 = 0; // of bools: which bit

/**
 * Levels lie decoded at inLevelsAt and inRepeatsAt. An entry is the number of elements (u32) and
 * then the elements: PLAIN, bools a byte each.
 */
export function mergeLists(end: u32, entries: u32, places: u32, rows: u32, onlyLevels: bool): u32 {
  elementAt = listType == TYPE_BOOLS ? 0 : bodyAt;
  let row: u32 = 0;
  for (let i: u32 = 0; i < entries; ) {
    if (row >= rows || load<u8>(inRepeatsAt + i)) return PAGE_BAD;
    const level: u32 = load<u8>(inLevelsAt + i);
    let next = i + 1;
    while (next < entries && load<u8>(inRepeatsAt + next)) next += 1;
    const place = load<u32>(places + row * 4);
    const inside = place - pieceFirst < pieceCount;
    row += 1;
    const count = level == LIST_FILLED ? next - i : 0;
    i = next;
    if (level != LIST_NULL && inside) markPresent(place);
    if (onlyLevels || level == LIST_NULL) continue;
    const from = elementAt;
    if (!passElements(end, count)) return PAGE_BAD;
    if (!inside) continue;
    const room = roomFor(4 + (listType == TYPE_BOOLS ? count : elementAt - from));
    if (!room) return PAGE_FULL;
    store<u32>(denseAt + place * 4, addEntry(putElements(room, from, count)));
  }
  return row == rows ? PAGE_GOOD : PAGE_BAD;
}

/** Moves elementAt behind `count` elements. */
function passElements(end: u32, count: u32): bool {
  if (listType == TYPE_BOOLS) {
    elementAt += count;
    return ((elementAt + 7) >> 3) <= end - bodyAt;
  }
  if (listType != TYPE_STRINGS) {
    if (<u64>count * 8 > <u64>(end - elementAt)) return false;
    elementAt += count * 8;
    return true;
  }
  for (let i: u32 = 0; i < count; i++) {
    if (end - elementAt < 4 || load<u32>(elementAt) > end - elementAt - 4) return false;
    elementAt += 4 + load<u32>(elementAt);
  }
  return true;
}

/** Returns the bytes of the entry. */
function putElements(room: u32, from: u32, count: u32): u32 {
  store<u32>(room, count);
  if (listType != TYPE_BOOLS) {
    memory.copy(room + 4, from, elementAt - from);
    return 4 + elementAt - from;
  }
  for (let i: u32 = 0; i < count; i++) {
    const bit = from + i;
    store<u8>(room + 4 + i, (<u32>load<u8>(bodyAt + (bit >> 3)) >> (bit & 7)) & 1);
  }
  return 4 + count;
}
