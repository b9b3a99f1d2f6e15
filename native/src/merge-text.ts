/**
 * Texts of the column at hand in a merge: each distinct one once, as an entry, so that codes and
 * dictionary follow as in a cut. When there are too many for a dictionary, or none is wanted, every
 * value is an entry of its own.
 *
 * An attribute order is translated from the numbers of its file to those of the merge (u16 each),
 * which each file of the output then turns into its own.
 */
import {
  arenaAt,
  arenaEndAt,
  cutEntries,
  DICTIONARY_BYTES_MAX,
  entryCap,
  INTERN_SLOTS,
  internSlotsAt,
  SLOT_BYTES,
} from "./cut";
import { equal, hash } from "./intern";
import { ORDER_RESIDUAL } from "./layout";
import { copyOver } from "./page-bits";

/** No entry: no room, or not what an attribute order can be. */
export const NO_ROOM: u32 = 0xfffffffe;
export const NO_ENTRY: u32 = 0xffffffff;

let entries: u32 = 0;
let arenaPos: u32 = 0;
let interns: bool = false;
let internedBytes: u32 = 0;
let epoch: u32 = 0; // slots of others are free
/** Numbers of the input's orders, by theirs: u16 each; 0: orders are texts like others. */
let numbersAt: u32 = 0;
let numbersCount: u32 = 0;

/** Forgets all texts. */
export function beginTexts(intern: bool): void {
  entries = 0;
  arenaPos = arenaAt;
  interns = intern;
  internedBytes = 0;
  if (intern) epoch += 1;
}

/** For the input at hand: `count` numbers of columns, from the one of order number 1 on. */
export function setOrderNumbers(at: u32, count: u32): void {
  numbersAt = at;
  numbersCount = count;
}

/** The entry of a text; NO_ROOM, or NO_ENTRY when it is no attribute order. */
export function entryOf(from: u32, length: u32): u32 {
  let at = from;
  let bytes = length;
  if (numbersAt) {
    if (arenaEndAt - arenaPos < length * 2 + 32) return NO_ROOM;
    bytes = translate(from, length);
    if (bytes == NO_ENTRY) return NO_ENTRY;
    at = arenaPos;
  }
  return entryOfHash(at, bytes, interns ? hash(at, bytes) : 0);
}

/** How many texts there are, each an entry; 0: some are several, as it was given up to look. */
export function distinctTexts(): u32 {
  return interns ? entries : 0;
}

/** Whether texts are looked for as they are. */
export function internsPlain(): bool {
  return interns && !numbersAt;
}

/** Fetches where a text with this hash would be. */
// @ts-ignore: decorator
@inline
export function touchSlot(h: u32): u32 {
  return load<u32>(slotOf(h));
}

/** Fetches the text that is there: of another time it is any of the arena, or none. */
// @ts-ignore: decorator
@inline
export function touchText(h: u32): u32 {
  return load<u8>(load<u32>(slotOf(h), 8));
}

// @ts-ignore: decorator
@inline
function slotOf(h: u32): u32 {
  return internSlotsAt + (h & (INTERN_SLOTS - 1)) * SLOT_BYTES;
}

/** The entry of a text as it is, or NO_ROOM. */
export function entryOfHash(at: u32, bytes: u32, h: u32): u32 {
  if (interns) {
    const known = find(at, bytes, h);
    if (known != NO_ENTRY) return known;
  }
  if (entries >= entryCap || arenaEndAt - arenaPos < bytes + 32) return NO_ROOM;
  if (at != arenaPos) copyOver(arenaPos, at, bytes);
  return addEntry(bytes);
}

/** Whether each text is an entry of its own, as it is. */
export function keepsAll(): bool {
  return !interns && !numbersAt;
}

/** Keeps all of [from, end); what to add to an address in it, or 0 when there is no room. */
export function keepBytes(from: u32, end: u32): u32 {
  if (arenaEndAt - arenaPos < end - from + 32) return 0;
  const at = arenaPos;
  memory.copy(at, from, end - from);
  arenaPos += end - from;
  return at - from;
}

/** The entry of a text that is kept already; NO_ROOM. */
// @ts-ignore: decorator
@inline
export function entryAt(at: u32, bytes: u32): u32 {
  if (entries >= entryCap) return NO_ROOM;
  store<u32>(cutEntries + entries * 8, at);
  store<u32>(cutEntries + entries * 8, bytes, 4);
  entries += 1;
  return entries - 1;
}

/** Room for an entry of at most `bytes`; its address, or 0 when there is none. */
export function roomFor(bytes: u32): u32 {
  return entries >= entryCap || arenaEndAt - arenaPos < bytes + 32 ? 0 : arenaPos;
}

/** The entry of what was written from the last roomFor() on. */
export function addEntry(bytes: u32): u32 {
  store<u32>(cutEntries + entries * 8, arenaPos);
  store<u32>(cutEntries + entries * 8, bytes, 4);
  arenaPos += bytes;
  entries += 1;
  return entries - 1;
}

/** The entry of this text, or NO_ENTRY: then the next entry will be it. */
function find(at: u32, bytes: u32, h: u32): u32 {
  const slotsEnd = internSlotsAt + INTERN_SLOTS * SLOT_BYTES;
  let slot = slotOf(h);
  while (load<u32>(slot) == epoch) {
    if (load<u32>(slot, 12) == bytes && equal(load<u32>(slot, 8), at, bytes)) {
      return load<u32>(slot, 4);
    }
    slot += SLOT_BYTES;
    if (slot == slotsEnd) slot = internSlotsAt;
  }
  internedBytes += bytes + 4;
  if (internedBytes > DICTIONARY_BYTES_MAX) interns = false;
  else {
    store<u32>(slot, epoch);
    store<u32>(slot, entries, 4);
    store<u32>(slot, arenaPos, 8);
    store<u32>(slot, bytes, 12);
  }
  return NO_ENTRY;
}

/** Writes the order at arenaPos in the numbers of the merge; returns its bytes. */
function translate(from: u32, length: u32): u32 {
  let out = arenaPos;
  for (let p = from; p < from + length; ) {
    let number: u32 = 0;
    let shift: u32 = 0;
    let byte: u32 = 128;
    while (byte & 128) {
      if (p >= from + length || shift > 14) return NO_ENTRY;
      byte = load<u8>(p++);
      number |= (byte & 127) << shift;
      shift += 7;
    }
    if (number > numbersCount) return NO_ENTRY;
    store<u16>(out, number ? load<u16>(numbersAt + (number - 1) * 2) : ORDER_RESIDUAL);
    out += 2;
  }
  return out - arenaPos;
}
