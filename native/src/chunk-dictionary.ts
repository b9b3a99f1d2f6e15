/**
 * Dictionaries of a column chunk: codes in order of first sight, then renumbered in the order of
 * the values, so that the smallest and largest code of a page give its bounds.
 */
import { kind, entriesAt, KIND_DOUBLE, KIND_I32, KIND_ORDER, KIND_U32 } from "./column-open";
import {
  codesAt,
  counterAt,
  DICTIONARY_BYTES_MAX,
  dictionaryAt,
  dictionaryEntryAt,
  nextEpoch,
  NUMBER_SLOTS,
  numberSlotsAt,
  NUMBERS_MAX,
  ordinalAt,
  recordAt,
  recordSpareAt,
  remapAt,
} from "./cut";
import { ORDER_RESIDUAL } from "./layout";
import { copyOver } from "./page-bits";

/** Where the dictionary's values and page lie, and how many there are. */
export let dictionaryCount: u32 = 0;
export let dictionaryEnd: u32 = 0;

/** Maps entries (u32 each) to codes; false when the column is better PLAIN. */
export function codeStrings(from: u32, count: u32): bool {
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
  if (kind != KIND_ORDER) sortStrings(count);
  let at = dictionaryAt;
  for (let i: u32 = 0; i < codes; i++) at = putEntry(load<u32>(dictionaryEntryAt + i * 4), at);
  dictionaryEnd = at;
  return true;
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

function sortStrings(count: u32): void {
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    const entry = load<u32>(dictionaryEntryAt + i * 4);
    store<u64>(recordAt + i * 16, stringPrefix(entry));
    store<u32>(recordAt + i * 16, i, 8);
    store<u32>(recordAt + i * 16, entry, 12);
  }
  const sorted = mergeSort(dictionaryCount, true);
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    store<u32>(dictionaryEntryAt + i * 4, load<u32>(sorted + i * 16, 12));
  }
  renumber(sorted, count);
}

/** The first eight bytes as a number that sorts like them. */
function stringPrefix(entry: u32): u64 {
  const at = entriesAt + entry * 8;
  const length = load<u32>(at, 4);
  if (length == 0) return 0;
  const word = bswap<u64>(load<u64>(load<u32>(at)));
  return length >= 8 ? word : word & (~(<u64>0) << <u64>(64 - length * 8));
}

/** Codes become places in `sorted`. */
function renumber(sorted: u32, count: u32): void {
  let same: u32 = 1;
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    const code = load<u32>(sorted + i * 16, 8);
    store<u32>(counterAt + code * 4, i);
    if (code != i) same = 0;
  }
  if (same) return;
  for (let i: u32 = 0; i < count; i++) {
    const at = codesAt + i * 4;
    store<u32>(at, load<u32>(counterAt + load<u32>(at) * 4));
  }
}

/** Sorts the records by key, then (for strings) by all bytes; returns where they ended up. */
function mergeSort(count: u32, strings: bool): u32 {
  let from = recordAt;
  let to = recordSpareAt;
  for (let width: u32 = 1; width < count; width <<= 1) {
    for (let left: u32 = 0; left < count; left += width << 1) {
      const middle = min(left + width, count);
      merge(from, to, left, middle, min(middle + width, count), strings);
    }
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

function merge(from: u32, to: u32, left: u32, middle: u32, end: u32, strings: bool): void {
  let a = from + left * 16;
  let b = from + middle * 16;
  const aEnd = b;
  const bEnd = from + end * 16;
  for (let out = to + left * 16; out < to + end * 16; out += 16) {
    if (b == bEnd || (a < aEnd && !follows(a, b, strings))) {
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
function follows(a: u32, b: u32, strings: bool): bool {
  const keyA = load<u64>(a);
  const keyB = load<u64>(b);
  if (keyA != keyB) return keyA > keyB;
  return strings && compareEntries(load<u32>(a, 12), load<u32>(b, 12)) > 0;
}

/** Bytewise, as Parquet orders strings. */
export function compareEntries(a: u32, b: u32): i32 {
  const entryA = entriesAt + a * 8;
  const entryB = entriesAt + b * 8;
  const lengthA = load<u32>(entryA, 4);
  const lengthB = load<u32>(entryB, 4);
  const p = load<u32>(entryA);
  const q = load<u32>(entryB);
  const both = min(lengthA, lengthB);
  for (let i: u32 = 0; i < both; i++) {
    const difference = <i32>load<u8>(p + i) - <i32>load<u8>(q + i);
    if (difference) return difference;
  }
  return lengthA < lengthB ? -1 : i32(lengthA > lengthB);
}

/** Maps numbers (u64 each) to codes; false when there are too many distinct ones. */
export function codeNumbers(from: u32, count: u32): bool {
  const epoch = nextEpoch();
  const limit = min(NUMBERS_MAX, count >> 1);
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
  const sorted = mergeSort(codes, false);
  renumber(sorted, count);
  putNumbers(sorted);
  return true;
}

// @ts-ignore: decorator
@inline
function numberSlot(value: u64, epoch: u32): u32 {
  let place = <u32>((value * 0x9e3779b97f4a7c15) >> 40) & (NUMBER_SLOTS - 1);
  let slot = numberSlotsAt + place * 16;
  while (load<u32>(slot, 8) == epoch && load<u64>(slot) != value) {
    place = (place + 1) & (NUMBER_SLOTS - 1);
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

function putNumbers(sorted: u32): void {
  let at = dictionaryAt;
  for (let i: u32 = 0; i < dictionaryCount; i++) {
    const value = valueOfKey(load<u64>(sorted + i * 16));
    store<u64>(dictionaryEntryAt + i * 8, value);
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
