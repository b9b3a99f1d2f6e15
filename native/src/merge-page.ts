/**
 * Pages of the inputs into the column at hand: levels and values are decoded, and each value is put
 * where its row (event, link) lies in the output. A column of which not all fits is opened piece by
 * piece: what lies outside of the piece is passed over.
 *
 *   beginMergeColumn · setPiece · beginTexts, then per input: beginInput · mergeDictionary ·
 *   mergePage or skipRows per page
 *
 * The bytes may be damaged: every read stays before `end`, and what does not fit is PAGE_BAD.
 */
import {
  begin,
  kind,
  markPresent,
  required,
  scope,
  setListType,
} from "./column-open";
import {
  denseAt,
  IN_ENTRIES_MAX,
  inCodesAt,
  inEventPlaceAt,
  inEventsAt,
  inLevelsAt,
  inLinkPlaceAt,
  inLinksAt,
  inPageAt,
  inPlaceAt,
  inRepeatsAt,
  inValuesAt,
  mappedAt,
  statAt,
} from "./cut";
import { hash } from "./intern";
import {
  KIND_BOOL,
  KIND_BYTES,
  KIND_FIXED16,
  KIND_FIXED8,
  KIND_I32,
  KIND_INT,
  KIND_LIST,
  KIND_ORDER,
  KIND_STRING,
  KIND_TIME,
  KIND_U32,
  SCOPE_EVENT,
  SCOPE_SPAN,
} from "./layout";
import { mergeLists } from "./merge-list";
import { addKinds } from "./merge-order";
import { put, putAll, putPresent } from "./merge-put";
import {
  beginTexts,
  entryAt,
  entryOf,
  entryOfHash,
  internsPlain,
  keepBytes,
  keepsAll,
  NO_ENTRY,
  NO_ROOM,
  touchSlot,
  touchText,
} from "./merge-text";
import { BAD, undelta, unpack, unpackBools, unpackLevels } from "./vector-decode";

export const PAGE_GOOD: u32 = 0;
export const PAGE_BAD: u32 = 1;
/** No more room for texts: a smaller piece may fit. */
export const PAGE_FULL: u32 = 2;

const PLAIN: u32 = 0;
const PLAIN_DICTIONARY: u32 = 2;
const DELTA: u32 = 5;
const DICTIONARY: u32 = 8;
const SPLIT: u32 = 9;

/** Values of a dictionary at the most, less one. */
const CODES_MASK: u32 = (1 << 20) - 1;

/** Texts whose places are fetched at once. */
const HASHED_AHEAD: u32 = 32;

let levelsOnly: bool = false;
export let pieceFirst: u32 = 0;
export let pieceCount: u32 = 0;
let rowBase: u32 = 0; // of the input's rows among all
let definitionMax: u32 = 0;
let mapped: u32 = 0; // entries of the dictionary
let childNext: u32 = 0; // the next event (link), counted over all inputs

// what is decoded of the page at hand
export let bodyAt: u32 = 0; // after the levels
export let valueAt: u32 = 0;
export let valueWidth: u32 = 0;

/** Opens a column of the output; with `onlyLevels` just to know which rows have a value. */
export function beginMergeColumn(newKind: u32, newScope: u32, isRequired: bool, lists: u32,
                                 onlyLevels: bool): void {
  begin(newKind, newScope, isRequired);
  setListType(lists);
  levelsOnly = onlyLevels;
}

/** Rows, or events or links, of the output that are taken; the others are passed over. */
export function setPiece(first: u32, count: u32, intern: bool): void {
  pieceFirst = first;
  pieceCount = count;
  childNext = 0;
  beginTexts(intern);
}

/** `rows` of inputs come before; `levels` is the largest definition level of its column. */
export function beginInput(rows: u32, levels: u32): void {
  rowBase = rows;
  definitionMax = levels;
  mapped = 0;
}

/** For those who read levels on their own. */
export function startPage(from: u32): void {
  bodyAt = from;
}

/** Kinds of input rows from `rowFirst` on, while KIND_U32 is the open column. */
export function readKinds(from: u32, end: u32, encoding: u32, count: u32, rowFirst: u32): u32 {
  bodyAt = from;
  if (count > IN_ENTRIES_MAX) return PAGE_BAD;
  const result = decodeValues(end, encoding, count);
  if (result == PAGE_GOOD) addKinds(valueAt, count, rowBase + rowFirst);
  return result;
}

export function inPage(): u32 {
  return inPageAt;
}

// @ts-ignore: decorator
@inline
function isText(): bool {
  return kind == KIND_STRING || kind == KIND_BYTES || kind == KIND_ORDER;
}

// @ts-ignore: decorator
@inline
function isNarrow(): bool {
  return isText() || kind == KIND_U32 || kind == KIND_I32 || kind == KIND_BOOL;
}

/** A dictionary page of `count` values, PLAIN. */
export function mergeDictionary(from: u32, end: u32, count: u32): u32 {
  if (count > CODES_MASK + 1) return PAGE_BAD;
  mapped = count;
  if (levelsOnly) return PAGE_GOOD;
  if (isText()) return textsTo(from, end, count, mappedAt);
  const bytes = count * (isNarrow() ? 4 : 8);
  if (bytes > end - from) return PAGE_BAD;
  memory.copy(mappedAt, from, bytes);
  return PAGE_GOOD;
}

/** `count` PLAIN texts as entries (u32) to `out`. */
function textsTo(from: u32, end: u32, count: u32, out: u32): u32 {
  if (keepsAll()) return allTextsTo(from, end, count, out);
  let p = from;
  let hashed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (end - p < 4) return PAGE_BAD;
    const length = load<u32>(p);
    if (length > end - p - 4) return PAGE_BAD;
    if (i == hashed && internsPlain()) hashed = hashSome(p, end, out + i * 4, i, count);
    const entry = i < hashed
      ? entryOfHash(p + 4, length, load<u32>(out + i * 4))
      : entryOf(p + 4, length);
    if (entry == NO_ROOM) return PAGE_FULL;
    if (entry == NO_ENTRY) return PAGE_BAD;
    store<u32>(out + i * 4, entry);
    p += 4 + length;
  }
  return PAGE_GOOD;
}

/**
 * Hashes of the next texts to `out`, and into the cache their slots, then the texts that these
 * name: loops this short wait for many misses at a time. Returns how many texts are hashed by then.
 */
function hashSome(from: u32, end: u32, out: u32, first: u32, count: u32): u32 {
  let p = from;
  let sum: u32 = 0;
  let i = first;
  for (const stop = min(first + HASHED_AHEAD, count); i < stop; i++) {
    // Texts that are cut off are told when their turn comes.
    if (end - p < 4) break;
    const length = load<u32>(p);
    if (length > end - p - 4) break;
    const h = hash(p + 4, length);
    sum += touchSlot(h);
    store<u32>(out + (i - first) * 4, h);
    p += 4 + length;
  }
  for (let h = out; h < out + (i - first) * 4; h += 4) sum += touchText(load<u32>(h));
  store<u32>(statAt, sum, 32); // so that the loads are not optimized away
  return i;
}

/** They are kept as they lie: to copy each by itself takes as long as all else of it. */
function allTextsTo(from: u32, end: u32, count: u32, out: u32): u32 {
  if (count == 0) return PAGE_GOOD;
  const shift = keepBytes(from, end);
  if (shift == 0) return PAGE_FULL;
  let p = from;
  for (let i: u32 = 0; i < count; i++) {
    if (end - p < 4) return PAGE_BAD;
    const length = load<u32>(p);
    if (length > end - p - 4) return PAGE_BAD;
    const entry = entryAt(p + 4 + shift, length);
    if (entry == NO_ROOM) return PAGE_FULL;
    store<u32>(out + i * 4, entry);
    p += 4 + length;
  }
  return PAGE_GOOD;
}

/** A page of `entries` and `rows` that begins with this row of its input. */
export function mergePage(from: u32, end: u32, encoding: u32, entries: u32, rowFirst: u32,
                          rows: u32): u32 {
  if (entries > IN_ENTRIES_MAX) return PAGE_BAD;
  bodyAt = from;
  if (kind == KIND_LIST) {
    if (!readRepeats(end, entries) || !readLevels(end, entries)) return PAGE_BAD;
    return mergeLists(end, entries, inPlaceAt + (rowBase + rowFirst) * 4, rows, levelsOnly);
  }
  if (scope != SCOPE_SPAN) return mergeChildPage(end, encoding, entries);
  if (entries != rows) return PAGE_BAD;
  const places = inPlaceAt + (rowBase + rowFirst) * 4;
  if (definitionMax == 0) {
    const result = decodeValues(end, encoding, rows);
    if (result == PAGE_GOOD && !levelsOnly) putAll(rowBase + rowFirst, rows);
    return result;
  }
  if (end - bodyAt < 4 || load<u32>(bodyAt) > end - bodyAt - 4) return PAGE_BAD;
  const after = bodyAt + 4 + load<u32>(bodyAt);
  const present = presentBits(bodyAt + 4, after, rows, inLevelsAt);
  if (present == BAD) return PAGE_BAD;
  bodyAt = after;
  const result = decodeValues(end, encoding, present);
  if (result != PAGE_GOOD) return result;
  if (present < rows || levelsOnly) putPresent(places, rows);
  else putAll(rowBase + rowFirst, rows);
  return PAGE_GOOD;
}

/** Events (links): a level says whether there is one, and whether it has a value. */
function mergeChildPage(end: u32, encoding: u32, entries: u32): u32 {
  // Where rows begin is known.
  if (end - bodyAt < 4 || load<u32>(bodyAt) > end - bodyAt - 4) return PAGE_BAD;
  bodyAt += 4 + load<u32>(bodyAt);
  if (!readLevels(end, entries)) return PAGE_BAD;
  // Zeros up to a multiple of eight: rows without any come by the dozen.
  store<u64>(inLevelsAt + entries, 0);
  let present: u32 = 0;
  for (let i: u32 = 0; i < entries; i++) {
    if ((i & 7) == 0 && !load<u64>(inLevelsAt + i)) {
      i += 7;
      continue;
    }
    present += u32(load<u8>(inLevelsAt + i) == definitionMax);
  }
  const result = decodeValues(end, encoding, present);
  if (result != PAGE_GOOD) return result;
  const places = scope == SCOPE_EVENT ? inEventPlaceAt : inLinkPlaceAt;
  let value = valueAt;
  for (let i: u32 = 0; i < entries; i++) {
    if ((i & 7) == 0 && !load<u64>(inLevelsAt + i)) {
      i += 7;
      continue;
    }
    const level: u32 = load<u8>(inLevelsAt + i);
    if (level == 0) continue;
    const place = load<u32>(places + childNext * 4);
    childNext += 1;
    if (level != definitionMax) continue;
    if (place - pieceFirst < pieceCount) put(place, value);
    value += valueWidth;
  }
  return PAGE_GOOD;
}

/** Instead of a page of which nothing lies in the piece. */
export function skipRows(rowFirst: u32, rows: u32): void {
  if (scope == SCOPE_SPAN) return;
  const counts = scope == SCOPE_EVENT ? inEventsAt : inLinksAt;
  for (let row = rowBase + rowFirst; row < rowBase + rowFirst + rows; row++) {
    childNext += load<u32>(counts + row * 4);
  }
}

/** Instead of all pages of an input that has so many events (links). */
export function skipChildren(count: u32): void {
  childNext += count;
}

/** Repetition levels at bodyAt: a byte each. */
export function readRepeats(end: u32, entries: u32): bool {
  if (end - bodyAt < 4 || load<u32>(bodyAt) > end - bodyAt - 4) return false;
  const after = bodyAt + 4 + load<u32>(bodyAt);
  if (unpackLevels(bodyAt + 4, after, 1, entries, inRepeatsAt) == BAD) return false;
  bodyAt = after;
  return true;
}

export function readLevels(end: u32, entries: u32): bool {
  if (end - bodyAt < 4 || load<u32>(bodyAt) > end - bodyAt - 4) return false;
  const after = bodyAt + 4 + load<u32>(bodyAt);
  const width: u32 = definitionMax > 1 ? 2 : 1;
  if (unpackLevels(bodyAt + 4, after, width, entries, inLevelsAt) == BAD) return false;
  bodyAt = after;
  return true;
}

/** Sets valueAt and valueWidth for `count` values at bodyAt. */
function decodeValues(end: u32, encoding: u32, count: u32): u32 {
  valueAt = inValuesAt;
  valueWidth = isNarrow() ? 4 : kind == KIND_FIXED16 ? 16 : 8;
  if (levelsOnly || count == 0) return PAGE_GOOD;
  if (encoding == DICTIONARY || encoding == PLAIN_DICTIONARY) return decodeCodes(end, count);
  if (encoding == PLAIN) return decodePlain(end, count);
  const isNumber = kind == KIND_INT || kind == KIND_TIME || kind == KIND_I32 || kind == KIND_U32;
  if (encoding == DELTA && isNumber) {
    if (undelta(bodyAt, end, count, inValuesAt) == BAD) return PAGE_BAD;
    if (valueWidth == 8) return PAGE_GOOD;
    for (let i: u32 = 0; i < count; i++) {
      store<u32>(inValuesAt + i * 4, load<u32>(inValuesAt + i * 8));
    }
    return PAGE_GOOD;
  }
  if (encoding == SPLIT && valueWidth == 8) {
    if (count * 8 > end - bodyAt) return PAGE_BAD;
    unsplit(bodyAt, count, inValuesAt);
    return PAGE_GOOD;
  }
  return PAGE_BAD;
}

function decodeCodes(end: u32, count: u32): u32 {
  if (mapped == 0 || bodyAt >= end) return PAGE_BAD;
  const width: u32 = load<u8>(bodyAt);
  if (unpack(bodyAt + 1, end, width, count, inCodesAt) == BAD) return PAGE_BAD;
  let most: u32 = 0;
  const stop = inCodesAt + count * 4;
  if (valueWidth == 4) {
    let out = inValuesAt;
    for (let p = inCodesAt; p < stop; p += 4, out += 4) {
      const code = load<u32>(p);
      most = max(most, code);
      // A damaged code reads inside the table, and is told below.
      store<u32>(out, load<u32>(mappedAt + (code & CODES_MASK) * 4));
    }
  } else {
    let out = inValuesAt;
    for (let p = inCodesAt; p < stop; p += 4, out += 8) {
      const code = load<u32>(p);
      most = max(most, code);
      store<u64>(out, load<u64>(mappedAt + (code & CODES_MASK) * 8));
    }
  }
  return most < mapped ? PAGE_GOOD : PAGE_BAD;
}

function decodePlain(end: u32, count: u32): u32 {
  if (isText()) return textsTo(bodyAt, end, count, inValuesAt);
  if (kind == KIND_BOOL) {
    return unpackBools(bodyAt, end, count, inValuesAt) == BAD ? PAGE_BAD : PAGE_GOOD;
  }
  valueAt = bodyAt;
  return <u64>count * valueWidth > <u64>(end - bodyAt) ? PAGE_BAD : PAGE_GOOD;
}

/** BYTE_STREAM_SPLIT of eight bytes: first bytes of all values, then their second ones … */
export function unsplit(from: u32, count: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const p = from + i;
    const low = <u32>load<u8>(p) | (<u32>load<u8>(p + count) << 8) |
      (<u32>load<u8>(p + count * 2) << 16) | (<u32>load<u8>(p + count * 3) << 24);
    const q = p + count * 4;
    const high = <u32>load<u8>(q) | (<u32>load<u8>(q + count) << 8) |
      (<u32>load<u8>(q + count * 2) << 16) | (<u32>load<u8>(q + count * 3) << 24);
    store<u64>(out + i * 8, <u64>low | (<u64>high << 32));
  }
}

/** Levels 0 and 1 in [from, end) as bits, zeros behind them; returns how many are set, or BAD. */
export function presentBits(from: u32, end: u32, count: u32, out: u32): u32 {
  memory.fill(out, 0, (count >> 3) + 24);
  let p = from;
  let done: u32 = 0;
  let ones: u32 = 0;
  while (done < count) {
    if (p >= end) return BAD;
    let header: u64 = 0;
    let byte: u32 = 128;
    for (let shift: u64 = 0; byte & 128; shift += 7) {
      if (p >= end || shift > 35) return BAD;
      byte = load<u8>(p++);
      header |= <u64>(byte & 127) << shift;
    }
    if (header & 1) {
      const groups = header >> 1;
      if (groups == 0 || groups > <u64>(end - p)) return BAD;
      const here = <u32>min<u64>(groups * 8, <u64>(count - done));
      ones += copyBits(p, here, out, done);
      p += <u32>groups;
      done += here;
    } else {
      if (header == 0 || p >= end) return BAD;
      const here = <u32>min<u64>(header >> 1, <u64>(count - done));
      if (load<u8>(p++) & 1) {
        setBits(out, done, done + here);
        ones += here;
      }
      done += here;
    }
  }
  return ones;
}

/** Bits [from, end), of which those behind the first byte are zero. */
function setBits(out: u32, from: u32, end: u32): void {
  const first = out + (from >> 3);
  const last = out + (end >> 3);
  const low = 0xff << (from & 7);
  const high = ~(0xff << (end & 7)) & 0xff;
  if (first == last) {
    store<u8>(first, <u32>load<u8>(first) | (low & high));
    return;
  }
  store<u8>(first, <u32>load<u8>(first) | low);
  memory.fill(first + 1, 0xff, last - first - 1);
  store<u8>(last, high);
}

/** `count` bits from `from` on behind the first `done` of `out`; returns how many are set. */
function copyBits(from: u32, count: u32, out: u32, done: u32): u32 {
  const shift = done & 7;
  let ones: u32 = 0;
  for (let bit: u32 = 0; bit < count; bit += 8) {
    let byte: u32 = load<u8>(from + (bit >> 3));
    if (count - bit < 8) byte &= (1 << (count - bit)) - 1;
    ones += popcnt<u32>(byte);
    const at = out + ((done + bit) >> 3);
    const both = byte << shift;
    store<u8>(at, <u32>load<u8>(at) | (both & 255));
    if (shift) store<u8>(at, both >> 8, 1);
  }
  return ones;
}
