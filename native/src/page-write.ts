/**
 * Data pages of the chunk at hand, one a call: rows until 20,480 of them or about 768 KiB, values
 * first, then their levels in front.
 */
import {
  chunkIndexEnd,
  chunkIndexFirst,
  chunkRowEnd,
  chunkRowFirst,
  DELTA,
  DICTIONARY,
  encoding,
  indexOfRow,
  listAt,
  sortedTraceIdAt,
  SPLIT,
  valueCount,
} from "./chunk-begin";
import { dictionaryCount, putEntry, warm, WARM_AHEAD } from "./chunk-dictionary";
import { clearBounds, findBounds } from "./chunk-stats";
import { entriesAt, indexRowAt, kind, listType, required, scope } from "./column-open";
import { codesAt, isMerge, pageAt } from "./cut";
import {
  KIND_BOOL,
  KIND_DOUBLE,
  KIND_FIXED16,
  KIND_INT,
  KIND_LIST,
  KIND_ORDER,
  KIND_TIME,
  KIND_TRACE,
  KIND_U32,
  SCOPE_SPAN,
  TYPE_BOOLS,
  TYPE_DOUBLES,
  TYPE_STRINGS,
} from "./layout";
import {
  codeWidth,
  copyOver,
  countPresent,
  isPresent,
  packBits,
  putDelta,
  putHybrid,
  putPresence,
} from "./page-bits";
import {
  childLevels,
  flatLevels,
  levelCount,
  levelNulls,
  listLevels,
} from "./page-levels";
import { next, readVarint } from "./wire";

/** Rows of a page: a trace is a few pages of some columns, and a page is worth compressing. */
const PAGE_ROWS: u32 = 20480;
/** Values of events and links, of which a row may have many. */
const PAGE_CHILDREN: u32 = 65536;
/** A page of byte arrays ends with the first row beyond this. */
const PAGE_BYTES: u32 = 768 << 10;

let pageStart: u32 = 0;
let pageRow: u32 = 0; // next row
let pageRowFirst: u32 = 0;
let pageIndex: u32 = 0; // next index
let pageValue: u32 = 0; // next value of the list
let rowEnd: u32 = 0;
let indexEnd: u32 = 0;
let boolBits: u32 = 0; // bits of a page of bool lists

/**
 * Another way to write the same values, for who has time to see which is smaller: codes in whole
 * bytes, which compress where packed bits do not; numbers of eight bytes split by bytes.
 */
let isOther: bool = false;

export function setOther(other: bool): void {
  isOther = other;
}

/** Whether there is another way. */
export function hasOther(): bool {
  if (encoding == DICTIONARY) return dictionaryCount > 1 && codeWidth(dictionaryCount) % 8 != 0;
  return kind == KIND_TIME || kind == KIND_INT || kind == KIND_DOUBLE;
}

// @ts-ignore: decorator
@inline
function isSplit(): bool {
  return isOther && encoding != DICTIONARY;
}

/** Of the pages; chunkEncoding() is that of the first way. */
export function pageEncoding(): u32 {
  return isSplit() ? SPLIT : encoding;
}

export function beginPages(): void {
  pageRow = chunkRowFirst;
  pageIndex = chunkIndexFirst;
  pageValue = 0;
}

/** Writes the next page; returns its bytes, or 0 when the chunk has no more rows. */
export function nextPage(): u32 {
  clearBounds();
  if (pageRow >= chunkRowEnd) return 0;
  pageRowFirst = pageRow;
  choosePageEnd();
  const first = pageIndex;
  const values = encoding == DICTIONARY || !isByteArray()
    ? (required ? indexEnd - first : countPresent(first, indexEnd))
    : 0;
  const firstValue = pageValue;
  const isRaw = isByteArray() && encoding != DICTIONARY;
  const end = valueCount == 0 ? pageAt : isRaw ? putByteArrays(first) : putValues(values);
  if (isRaw) {
    putLevels(first, pageValue - firstValue);
  } else {
    pageValue += values;
    putLevels(first, values);
    findBounds(firstValue, values);
  }
  pageRow = rowEnd;
  pageIndex = indexEnd;
  return end - pageStart;
}

// @ts-ignore: decorator
@inline
function isByteArray(): bool {
  // strings, bytes; lists and attribute orders
  return kind <= 1 || kind == KIND_LIST || kind == KIND_ORDER;
}

function choosePageEnd(): void {
  // Nothing is in it but one run: a merge has a page for all.
  if (isMerge && valueCount == 0 && (scope == SCOPE_SPAN || chunkIndexFirst == chunkIndexEnd)) {
    rowEnd = chunkRowEnd;
    indexEnd = chunkIndexEnd;
    return;
  }
  rowEnd = min(pageRow + PAGE_ROWS, chunkRowEnd);
  if (scope == SCOPE_SPAN) {
    indexEnd = rowEnd;
    return;
  }
  indexEnd = min(indexOfRow(rowEnd), chunkIndexEnd);
  if (indexEnd - pageIndex <= PAGE_CHILDREN) return;
  rowEnd = max(load<u32>(indexRowAt + (pageIndex + PAGE_CHILDREN) * 4), pageRow + 1);
  indexEnd = min(indexOfRow(rowEnd), chunkIndexEnd);
}

/** The page's values when their number is known beforehand; returns the end. */
function putValues(count: u32): u32 {
  if (encoding == DICTIONARY) {
    const tight = codeWidth(dictionaryCount);
    const width = isOther ? (tight + 7) & ~7 : tight;
    store<u8>(pageAt, width);
    return putHybrid(codesAt + pageValue * 4, count, width, pageAt + 1);
  }
  if (isSplit()) return putSplit(listAt + pageValue * 8, count);
  if (encoding == DELTA) return putDelta(listAt + pageValue * 8, count, pageAt);
  if (count == 0) return pageAt;
  if (kind == KIND_BOOL) {
    packBits(codesAt + pageValue * 4, count, 1, pageAt);
    return pageAt + ((count + 7) >> 3);
  }
  if (kind == KIND_TRACE) return putTraceIds(count);
  if (kind == KIND_U32) {
    for (let i: u32 = 0; i < count; i++) {
      store<u32>(pageAt + i * 4, load<u32>(listAt + (pageValue + i) * 8));
    }
    return pageAt + count * 4;
  }
  const width: u32 = kind == KIND_FIXED16 ? 16 : 8;
  memory.copy(pageAt, listAt + pageValue * width, count * width);
  return pageAt + count * width;
}

/** BYTE_STREAM_SPLIT: the first byte of all values, then their second … */
function putSplit(from: u32, count: u32): u32 {
  const whole = count & ~7;
  for (let i: u32 = 0; i < whole; i += 8) splitEight(from + i * 8, pageAt + i, count);
  for (let i = whole; i < count; i++) {
    const value = load<u64>(from + i * 8);
    let at = pageAt + i;
    for (let shift: u64 = 0; shift < 64; shift += 8) {
      store<u8>(at, <u32>((value >> shift) & 255));
      at += count;
    }
  }
  return pageAt + count * 8;
}

/** Eight values: the bytes of one place in each, side by side, `apart` from those of the next. */
function splitEight(from: u32, to: u32, apart: u32): void {
  const a = v128.load(from);
  const b = v128.load(from, 16);
  const c = v128.load(from, 32);
  const d = v128.load(from, 48);
  const lowA = quarters(a, b, false);
  const lowB = quarters(c, d, false);
  putTwo(v128.shuffle<u32>(lowA, lowB, 0, 4, 1, 5), to, apart);
  putTwo(v128.shuffle<u32>(lowA, lowB, 2, 6, 3, 7), to + apart * 2, apart);
  const highA = quarters(a, b, true);
  const highB = quarters(c, d, true);
  putTwo(v128.shuffle<u32>(highA, highB, 0, 4, 1, 5), to + apart * 4, apart);
  putTwo(v128.shuffle<u32>(highA, highB, 2, 6, 3, 7), to + apart * 6, apart);
}

/** Of four values the first (last) four bytes, those of one place together. */
// @ts-ignore: decorator
@inline
function quarters(a: v128, b: v128, isLast: bool): v128 {
  return isLast
    ? v128.shuffle<u8>(a, b, 4, 12, 20, 28, 5, 13, 21, 29, 6, 14, 22, 30, 7, 15, 23, 31)
    : v128.shuffle<u8>(a, b, 0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
}

// @ts-ignore: decorator
@inline
function putTwo(both: v128, to: u32, apart: u32): void {
  store<u64>(to, i64x2.extract_lane(both, 0));
  store<u64>(to + apart, i64x2.extract_lane(both, 1));
}

function putTraceIds(count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const id = sortedTraceIdAt(load<u32>(listAt + (pageValue + i) * 4));
    v128.store(pageAt + i * 16, v128.load(id));
  }
  return pageAt + count * 16;
}

/** Byte arrays until the page is full; cuts indexEnd and rowEnd there. Returns the end. */
function putByteArrays(first: u32): u32 {
  let at = pageAt;
  let lists = codesAt;
  boolBits = 0;
  let row = pageRow;
  for (let index = first; index < indexEnd; index++) {
    const newRow = scope == SCOPE_SPAN ? index : load<u32>(indexRowAt + index * 4);
    if (newRow != row) {
      row = newRow;
      if (at - pageAt >= PAGE_BYTES) {
        rowEnd = row;
        indexEnd = index;
        break;
      }
    }
    if (!required && !isPresent(index)) continue;
    if ((pageValue & (WARM_AHEAD - 1)) == 0) warm(listAt + pageValue * 4, valueCount - pageValue);
    const entry = load<u32>(listAt + pageValue * 4);
    pageValue += 1;
    if (kind == KIND_LIST) {
      at = putList(entry, at);
      store<u32>(lists, listElements);
      lists += 4;
    } else {
      at = putEntry(entry, at);
    }
  }
  return at;
}

let listElements: u32 = 0;

/** The elements of an ArrayValue, PLAIN; the kernel let through canonical ones only. */
function putList(entry: u32, out: u32): u32 {
  let p = load<u32>(entriesAt + entry * 8);
  const end = p + load<u32>(entriesAt + entry * 8, 4);
  let at = out;
  if (isMerge) return putElements(p, end, out);
  listElements = 0;
  while (p < end) {
    const bytes = <u32>readVarint(p + 1);
    const value = next;
    p = value + bytes;
    listElements += 1;
    if (listType == TYPE_STRINGS) {
      const length = <u32>readVarint(value + 1);
      store<u32>(at, length);
      copyOver(at + 4, next, length);
      at += 4 + length;
    } else if (listType == TYPE_BOOLS) {
      at = putBool(u32(readVarint(value + 1) != 0));
    } else {
      store<u64>(at, listType == TYPE_DOUBLES ? load<u64>(value, 1) : readVarint(value + 1));
      at += 8;
    }
  }
  return at;
}

/** The elements of merge-list.ts. */
function putElements(from: u32, end: u32, out: u32): u32 {
  listElements = load<u32>(from);
  if (listType != TYPE_BOOLS) {
    memory.copy(out, from + 4, end - from - 4);
    return out + (end - from - 4);
  }
  let at = out;
  for (let p = from + 4; p < end; p++) at = putBool(load<u8>(p));
  return at;
}

function putBool(bit: u32): u32 {
  const at = pageAt + (boolBits >> 3);
  if ((boolBits & 7) == 0) store<u8>(at, 0);
  store<u8>(at, <u32>load<u8>(at) | (bit << (boolBits & 7)));
  boolBits += 1;
  return at + 1;
}

/** Puts the levels right in front of pageAt and sets pageStart. */
function putLevels(first: u32, values: u32): void {
  if (scope != SCOPE_SPAN) {
    pageStart = childLevels(pageRow, rowEnd, first, indexEnd);
  } else if (kind == KIND_LIST) {
    pageStart = listLevels(first, indexEnd);
  } else {
    flatLevels(indexEnd - first, values);
    pageStart = pageAt;
    if (!required) pageStart = putFlatLevels(first, values);
  }
}

function putFlatLevels(first: u32, values: u32): u32 {
  // A bitmap of the page's rows at the most; written where there is room, then moved.
  const room = pageAt - (1 << 20);
  const bytes = putPresence(first, indexEnd, values, room) - room;
  const at = pageAt - bytes;
  memory.copy(at, room, bytes);
  return at;
}

export function pageBytesAt(): u32 {
  return pageStart;
}

/** Bytes of the page's levels, which come first. */
export function pageLevelBytes(): u32 {
  return pageAt - pageStart;
}

export function pageFirstRow(): u32 {
  return pageRowFirst - chunkRowFirst;
}

export function pageRows(): u32 {
  return rowEnd - pageRowFirst;
}

/** Level entries: rows of a flat column, more of a list. */
export function pageEntries(): u32 {
  return levelCount;
}

export function pageNulls(): u32 {
  return levelNulls;
}
