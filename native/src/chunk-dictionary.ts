/**
 * Dictionaries of a column chunk: codes in order of first sight, or as entries are numbered, then
 * renumbered in the order of the values, so that the smallest and largest code of a page give its
 * bounds.
 */
import { kind, entriesAt } from "./column-open";
import {
  codesAt,
  counterAt,
  DICTIONARY_BYTES_MAX,
  dictionaryAt,
  dictionaryEntryAt,
  isMerge,
  levelsAt,
  MERGE_NUMBERS_MAX,
  nextEpoch,
  numberSlotsAt,
  numberSlotsMask,
  NUMBERS_MAX,
  ordinalAt,
  recordAt,
  recordSpareAt,
  remapAt,
  SMALL_MAX,
  smallCodeAt,
  smallSeenAt,
  statAt,
} from "./cut";
import { KIND_DOUBLE, KIND_I32, KIND_ORDER, KIND_U32, ORDER_RESIDUAL } from "./layout";
import { copyOver } from "./page-bits";

/** Where the dictionary's values and page lie, and how many there are. */
export let dictionaryCount: u32 = 0;
export let dictionaryEnd: u32 = 0;

/** A record's word at 8: its code, and above it how many bytes are left, MORE for over eight. */
const CODE_MASK: u32 = 0xffffff;
const MORE: u32 = 9;

/**
 * Maps entries (u32 each) to codes; false when the column is better PLAIN. `known`: there are these
 * entries alone, each with a text of its own, and each occurs; 0: who knows.
 */
export function codeStrings(from: u32, count: u32, known: u32): bool {
  const isKnown = known > 0 && kind != KIND_ORDER;
  if (!(isKnown ? takeEntries(known, count >> 1) : findEntries(from, count))) return false;
  if (kind != KIND_ORDER) {
    sortStrings();
    if (isKnown) recode(from, count);
    else if (!isSorted) recode(codesAt, count);
  }
  let at = dictionaryAt;
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    if ((i & (WARM_AHEAD - 1)) == 0) warm(dictionaryEntryAt + i * 4, dictionaryCount - i);
    at = putEntry(load<u32>(dictionaryEntryAt + i * 4), at);
  }
  dictionaryEnd = at;
  return true;
}

/** Entries in the order of first sight, and the values as places among them. */
function findEntries(from: u32, count: u32): bool {
  const epoch = nextEpoch();
  const limit = count >> 1;
  let codes: u32 = 0;
  let bytes: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const entry = load<u32>(from + i * 4);
    const slot = remapAt + entry * 8;
    if (load<u32>(slot) != epoch) {
      bytes += 4 + load<u32>(entriesAt + entry * 8, 4);
      if (codes >= limit || bytes > DICTIONARY_BYTES_MAX) return false;
      store<u32>(slot, epoch);
      store<u32>(slot, codes, 4);
      store<u32>(dictionaryEntryAt + codes * 4, entry);
      codes += 1;
    }
    store<u32>(codesAt + i * 4, load<u32>(slot, 4));
  }
  dictionaryCount = codes;
  return true;
}

/** Entries as they are numbered. */
function takeEntries(known: u32, limit: u32): bool {
  if (known > limit) return false;
  let bytes: u32 = 0;
  for (let entry: u32 = 0; entry < known; entry++) {
    bytes += 4 + load<u32>(entriesAt + entry * 8, 4);
    if (bytes > DICTIONARY_BYTES_MAX) return false;
    store<u32>(dictionaryEntryAt + entry * 4, entry);
  }
  dictionaryCount = known;
  return true;
}

/** Values that warm() fetches at once; a power of two. */
export const WARM_AHEAD: u32 = 64;

/**
 * Touches the texts of the next entries in the list. Sorted rows come to them in no order, and a
 * loop this short waits for many cache misses at a time, a loop that copies for one.
 */
export function warm(list: u32, count: u32): void {
  let sum: u32 = 0;
  const end = list + min(count, WARM_AHEAD) * 4;
  for (let p = list; p < end; p += 4) {
    sum += load<u8>(load<u32>(entriesAt + load<u32>(p) * 8));
  }
  store<u32>(statAt, sum, 32); // so that the loads are not optimized away
}

/** A byte array value: length and bytes. An attribute order is written with the file's numbers. */
// @ts-ignore: decorator
@inline
export function putEntry(entry: u32, out: u32): u32 {
  const at = entriesAt + entry * 8;
  const length = load<u32>(at, 4);
  if (kind == KIND_ORDER) return putOrder(load<u32>(at), length, out);
  store<u32>(out, length);
  copyOver(out + 4, load<u32>(at), length);
  return out + 4 + length;
}

function putOrder(from: u32, length: u32, out: u32): u32 {
  let at = out + 4;
  for (let p = from; p < from + length; p += 2) {
    const column: u32 = load<u16>(p);
    const number: u32 = column == ORDER_RESIDUAL ? 0 : load<u16>(ordinalAt + column * 2);
    if (number < 128) {
      store<u8>(at, number);
      at += 1;
    } else {
      store<u8>(at, (number & 127) | 128);
      store<u8>(at, number >> 7, 1);
      at += 2;
    }
  }
  store<u32>(out, at - out - 4);
  return at;
}

/**
 * Sorts by eight bytes at a time: those that are equal so far are a run, and each round sorts the
 * runs that are left by their next eight. Texts lie apart in memory, so they are loaded once a
 * round and not once a comparison.
 */
function sortStrings(): void {
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    store<u32>(recordAt + i * 16, i, 8);
    store<u32>(recordAt + i * 16, load<u32>(dictionaryEntryAt + i * 4), 12);
  }
  memory.fill(levelsAt, 0, dictionaryCount); // a byte a place: whether a run begins there
  for (let depth = commonPrefix(), left = true; left; depth += 8) {
    left = false;
    for (let first: u32 = 0; first < dictionaryCount; ) {
      let end = first + 1;
      while (end < dictionaryCount && !load<u8>(levelsAt + end)) end += 1;
      if (end - first > 1) {
        sortRun(first, end, depth);
        left = true;
      }
      first = end;
    }
  }
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    store<u32>(dictionaryEntryAt + i * 4, load<u32>(recordAt + i * 16, 12));
  }
  placeCodes();
}

/** Sorts the records [first, end) by the bytes [depth, depth + 8) and marks the runs in them. */
function sortRun(first: u32, end: u32, depth: u32): void {
  for (let at = recordAt + first * 16; at < recordAt + end * 16; at += 16) {
    const entry = entriesAt + load<u32>(at, 12) * 8;
    const length = load<u32>(entry, 4) - depth;
    let key: u64 = 0;
    if (length) {
      key = bswap<u64>(load<u64>(load<u32>(entry) + depth));
      if (length < 8) key &= ~(<u64>0) << <u64>(64 - length * 8);
    }
    store<u64>(at, key);
    store<u32>(at, (load<u32>(at, 8) & CODE_MASK) | (min(length, MORE) << 24), 8);
  }
  mergeSort(first, end);
  for (let i = first + 1; i < end; i++) {
    const at = recordAt + i * 16;
    const same = load<u64>(at) == load<u64>(at - 16) &&
      load<u32>(at, 8) >> 24 == MORE && load<u32>(at - 16, 8) >> 24 == MORE;
    store<u8>(levelsAt + i, u8(!same));
  }
}

/** How many bytes all strings of the dictionary begin with. */
function commonPrefix(): u32 {
  const first = entriesAt + load<u32>(dictionaryEntryAt) * 8;
  const from = load<u32>(first);
  let common = load<u32>(first, 4);
  for (let i: u32 = 1; i < dictionaryCount && common; i++) {
    const entry = entriesAt + load<u32>(dictionaryEntryAt + i * 4) * 8;
    const at = load<u32>(entry);
    common = min(common, load<u32>(entry, 4));
    for (let byte: u32 = 0; byte < common; byte += 8) {
      const difference = load<u64>(at + byte) ^ load<u64>(from + byte);
      if (difference) common = min(common, byte + (<u32>ctz<u64>(difference) >> 3));
    }
  }
  return common;
}

/** Whether the last placeCodes() found each code in its place. */
let isSorted: bool = true;

/** Notes at counterAt of each code the place of its record, now that they are sorted. */
function placeCodes(): void {
  isSorted = true;
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    const code = load<u32>(recordAt + i * 16, 8) & CODE_MASK;
    store<u32>(counterAt + code * 4, i);
    if (code != i) isSorted = false;
  }
}

/** Codes of the values at `from`, which become the places of their records. */
function recode(from: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(codesAt + i * 4, load<u32>(counterAt + load<u32>(from + i * 4) * 4));
  }
}

/** Sorts the records [first, end) by key, then by how much text is left. */
function mergeSort(first: u32, end: u32): void {
  let from = recordAt;
  let to = recordSpareAt;
  for (let width: u32 = 1; width < end - first; width <<= 1) {
    for (let left = first; left < end; left += width << 1) {
      const middle = min(left + width, end);
      merge(from, to, left, middle, min(middle + width, end));
    }
    const swap = from;
    from = to;
    to = swap;
  }
  if (from == recordAt) return;
  memory.copy(recordAt + first * 16, from + first * 16, (end - first) * 16);
}

function merge(from: u32, to: u32, left: u32, middle: u32, end: u32): void {
  let a = from + left * 16;
  let b = from + middle * 16;
  const aEnd = b;
  const bEnd = from + end * 16;
  for (let out = to + left * 16; out < to + end * 16; out += 16) {
    if (b == bEnd || (a < aEnd && !follows(a, b))) {
      v128.store(out, v128.load(a));
      a += 16;
    } else {
      v128.store(out, v128.load(b));
      b += 16;
    }
  }
}

/** Whether record a belongs behind record b. */
// @ts-ignore: decorator
@inline
function follows(a: u32, b: u32): bool {
  const keyA = load<u64>(a);
  const keyB = load<u64>(b);
  if (keyA != keyB) return keyA > keyB;
  return load<u32>(a, 8) >> 24 > load<u32>(b, 8) >> 24;
}

/**
 * Maps numbers of which all are small to codes by a table; false when some are not, or too many
 * are distinct. They are i32 or u32 (narrow) or i64.
 */
export function codeSmall(from: u32, count: u32, narrow: bool): bool {
  // Roots have -1 for a parent.
  const bias: u32 = kind == KIND_U32 ? 0 : 1;
  memory.fill(smallSeenAt, 0, SMALL_MAX);
  if (narrow) {
    for (let p = from; p < from + count * 4; p += 4) {
      const place = load<u32>(p) + bias;
      if (place >= SMALL_MAX) return false;
      store<u8>(smallSeenAt + place, 1);
    }
  } else {
    for (let p = from; p < from + count * 8; p += 8) {
      const place = load<u64>(p) + bias;
      if (place >= SMALL_MAX) return false;
      store<u8>(smallSeenAt + <u32>place, 1);
    }
  }
  let codes: u32 = 0;
  for (let place: u32 = 0; place < SMALL_MAX; place++) {
    if (!load<u8>(smallSeenAt + place)) continue;
    store<u32>(smallCodeAt + place * 4, codes);
    store<u64>(dictionaryEntryAt + codes * 8, <u64>place - bias);
    codes += 1;
  }
  if (codes > count >> 1) return false;
  dictionaryCount = codes;
  if (narrow) {
    for (let i: u32 = 0; i < count; i++) {
      const place = load<u32>(from + i * 4) + bias;
      store<u32>(codesAt + i * 4, load<u32>(smallCodeAt + place * 4));
    }
  } else {
    for (let i: u32 = 0; i < count; i++) {
      const place = load<u32>(from + i * 8) + bias;
      store<u32>(codesAt + i * 4, load<u32>(smallCodeAt + place * 4));
    }
  }
  putNumbers();
  return true;
}

/** Maps numbers (u64 each) to codes; false when there are too many distinct ones. */
export function codeNumbers(from: u32, count: u32): bool {
  if (kind != KIND_DOUBLE && codeSmall(from, count, false)) return true;
  const epoch = nextEpoch();
  let limit = min(NUMBERS_MAX, count >> 1);
  if (isMerge) limit = max(limit, min(MERGE_NUMBERS_MAX, count >> 2));
  let codes: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<u64>(from + i * 8);
    const slot = numberSlot(value, epoch);
    if (load<u32>(slot, 8) != epoch) {
      if (codes >= limit) return false;
      store<u64>(slot, value);
      store<u32>(slot, epoch, 8);
      store<u32>(slot, codes, 12);
      store<u64>(recordAt + codes * 16, sortKey(value));
      store<u32>(recordAt + codes * 16, codes, 8);
      codes += 1;
    }
    store<u32>(codesAt + i * 4, load<u32>(slot, 12));
  }
  dictionaryCount = codes;
  mergeSort(0, codes);
  placeCodes();
  if (!isSorted) recode(codesAt, count);
  for (let i: u32 = 0; i < codes; i++) {
    store<u64>(dictionaryEntryAt + i * 8, valueOfKey(load<u64>(recordAt + i * 16)));
  }
  putNumbers();
  return true;
}

// @ts-ignore: decorator
@inline
function numberSlot(value: u64, epoch: u32): u32 {
  let place = <u32>((value * 0x9e3779b97f4a7c15) >> 40) & numberSlotsMask;
  let slot = numberSlotsAt + place * 16;
  while (load<u32>(slot, 8) == epoch && load<u64>(slot) != value) {
    place = (place + 1) & numberSlotsMask;
    slot = numberSlotsAt + place * 16;
  }
  return slot;
}

/** A number that sorts unsigned as the value does by its type; its own inverse is below. */
function sortKey(value: u64): u64 {
  if (kind == KIND_U32) return value;
  if (kind == KIND_DOUBLE && <i64>value < 0) return ~value;
  return value ^ (<u64>1 << 63);
}

function valueOfKey(key: u64): u64 {
  if (kind == KIND_U32) return key;
  if (kind == KIND_DOUBLE && <i64>key >= 0) return ~key;
  return key ^ (<u64>1 << 63);
}

function putNumbers(): void {
  let at = dictionaryAt;
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    const value = load<u64>(dictionaryEntryAt + i * 8);
    if (kind == KIND_U32 || kind == KIND_I32) {
      store<u32>(at, <u32>value);
      at += 4;
    } else {
      store<u64>(at, value);
      at += 8;
    }
  }
  dictionaryEnd = at;
}

/** The dictionary of trace ids: `count` places that begin at `first`. */
export function setDictionary(count: u32, end: u32): void {
  dictionaryCount = count;
  dictionaryEnd = end;
}
