/**
 * A column chunk: the open column's values of one file's row range. Finds the encoding, writes
 * the dictionary page, and keeps the cursor that pages advance.
 */
import {
  codeNumbers,
  codeSmall,
  codeStrings,
  dictionaryCount,
  dictionaryEnd,
  setDictionary,
} from "./chunk-dictionary";
import { indexCount, indexRowAt, kind, required, scope } from "./column-open";
import {
  codesAt,
  denseAt,
  DICTIONARY_BYTES_MAX,
  dictionaryAt,
  isMerge,
  presentAt,
  traceIdAt,
  traceOrderAt,
  valuesAt,
} from "./cut";
import {
  KIND_BOOL,
  KIND_BYTES,
  KIND_DOUBLE,
  KIND_FIXED16,
  KIND_FIXED8,
  KIND_I32,
  KIND_INT,
  KIND_LIST,
  KIND_TIME,
  KIND_TRACE,
  KIND_U32,
  SCOPE_SPAN,
} from "./layout";
import { keepsAllRows } from "./merge-order";
import { distinctTexts } from "./merge-text";
import { countPresent, presentByte } from "./page-bits";

// Parquet's numbers
export const PLAIN: u32 = 0;
export const DELTA: u32 = 5;
export const DICTIONARY: u32 = 8;

/** Of a merge alone: BYTE_STREAM_SPLIT. */
export const SPLIT: u32 = 9;

/** No dictionaries of texts: the column comes in pieces. */
let plainTexts: bool = false;

export let encoding: u32 = 0;
export let chunkRowEnd: u32 = 0;
export let chunkIndexEnd: u32 = 0;
export let chunkIndexFirst: u32 = 0;
/** The present values in order: u32 or u64 each, by kind. */
export let listAt: u32 = 0;
export let valueCount: u32 = 0;
/** Of trace ids: the first trace, and whether ids ascend (they do within one tenant). */
export let firstTrace: u32 = 0;
export let tracesAscend: bool = false;
export let chunkRowFirst: u32 = 0;

export function setPlainTexts(plain: bool): void {
  plainTexts = plain;
}

/** Begins the chunk of these sorted rows; returns how many values are present in it. */
export function beginChunk(rowFirst: u32, rows: u32): u32 {
  chunkRowFirst = rowFirst;
  chunkRowEnd = rowFirst + rows;
  chunkIndexFirst = indexOfRow(rowFirst);
  chunkIndexEnd = indexOfRow(chunkRowEnd);
  valueCount = required
    ? chunkIndexEnd - chunkIndexFirst
    : countPresent(chunkIndexFirst, chunkIndexEnd);
  setDictionary(0, dictionaryAt);
  encoding = PLAIN;
  if (valueCount == 0) return 0;
  // Small numbers of every row need no list.
  if (required && (kind == KIND_U32 || kind == KIND_I32)) {
    if (codeSmall(denseAt + chunkIndexFirst * 4, valueCount, true)) {
      encoding = DICTIONARY;
      return valueCount;
    }
  }
  listAt = compactValues();
  encoding = chooseEncoding();
  return valueCount;
}

/** Begins a chunk of codes that lie at codesAt already, one a present value, below `codes`. */
export function beginCoded(rowFirst: u32, rows: u32, values: u32, codes: u32): void {
  chunkRowFirst = rowFirst;
  chunkRowEnd = rowFirst + rows;
  chunkIndexFirst = rowFirst;
  chunkIndexEnd = chunkRowEnd;
  valueCount = values;
  setDictionary(codes, dictionaryAt);
  encoding = DICTIONARY;
}

/** The first index whose row is at least `row`. */
export function indexOfRow(row: u32): u32 {
  if (scope == SCOPE_SPAN) return row;
  let low: u32 = 0;
  let high = indexCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<u32>(indexRowAt + middle * 4) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

function chooseEncoding(): u32 {
  switch (kind) {
    case KIND_BYTES:
    case KIND_LIST:
    case KIND_FIXED8:
    case KIND_FIXED16: return PLAIN;
    case KIND_BOOL: {
      memory.copy(codesAt, listAt, valueCount * 4);
      return PLAIN;
    }
    case KIND_TIME: return DELTA;
    case KIND_I32:
    case KIND_INT: return codeNumbers(listAt, valueCount) ? DICTIONARY : DELTA;
    case KIND_U32:
    case KIND_DOUBLE: return codeNumbers(listAt, valueCount) ? DICTIONARY : PLAIN;
    case KIND_TRACE: return codeTraces();
    default: {
      if (plainTexts) return PLAIN;
      return codeStrings(listAt, valueCount, wholeTexts()) ? DICTIONARY : PLAIN;
    }
  }
}

/** How many texts there are, where the chunk is all of a merge that leaves nothing out; else 0. */
function wholeTexts(): u32 {
  const isWhole = chunkIndexFirst == 0 && chunkIndexEnd == indexCount;
  return isMerge && isWhole && keepsAllRows() ? distinctTexts() : 0;
}

function codeTraces(): u32 {
  firstTrace = load<u32>(listAt);
  const count = load<u32>(listAt + (valueCount - 1) * 4) - firstTrace + 1;
  tracesAscend = true;
  for (let i: u32 = 1; i < count; i++) {
    if (!idsAscend(firstTrace + i - 1)) tracesAscend = false;
  }
  if (count * 2 > valueCount || count * 16 > DICTIONARY_BYTES_MAX) return PLAIN;
  for (let i: u32 = 0; i < count; i++) {
    v128.store(dictionaryAt + i * 16, v128.load(sortedTraceIdAt(firstTrace + i)));
  }
  for (let i: u32 = 0; i < valueCount; i++) {
    store<u32>(codesAt + i * 4, load<u32>(listAt + i * 4) - firstTrace);
  }
  setDictionary(count, dictionaryAt + count * 16);
  return DICTIONARY;
}

// @ts-ignore: decorator
@inline
export function sortedTraceIdAt(place: u32): u32 {
  return traceIdAt(load<u32>(traceOrderAt + place * 4));
}

/** Whether the trace id at this place is below the next one. */
function idsAscend(place: u32): bool {
  const a = sortedTraceIdAt(place);
  const b = sortedTraceIdAt(place + 1);
  const high = bswap<u64>(load<u64>(a));
  const nextHigh = bswap<u64>(load<u64>(b));
  if (high != nextHigh) return high < nextHigh;
  return bswap<u64>(load<u64>(a, 8)) < bswap<u64>(load<u64>(b, 8));
}

/** The present values side by side; a required column has them so already. */
function compactValues(): u32 {
  if (kind == KIND_U32 || kind == KIND_I32) return widen();
  const wide = isWide();
  // Also an optional column may be full.
  if (required || valueCount == chunkIndexEnd - chunkIndexFirst) {
    return denseAt + chunkIndexFirst * (kind == KIND_FIXED16 ? 16 : wide ? 8 : 4);
  }
  let out = valuesAt;
  for (let index = chunkIndexFirst; index < chunkIndexEnd; index += 8) {
    let bits = presentByte(index);
    if (chunkIndexEnd - index < 8) bits &= (1 << (chunkIndexEnd - index)) - 1;
    while (bits) {
      const at = index + ctz<u32>(bits);
      bits &= bits - 1;
      if (wide) {
        store<u64>(out, load<u64>(denseAt + at * 8));
        out += 8;
      } else {
        store<u32>(out, load<u32>(denseAt + at * 4));
        out += 4;
      }
    }
  }
  return valuesAt;
}

// @ts-ignore: decorator
@inline
function isWide(): bool {
  return kind == KIND_INT || kind == KIND_TIME || kind == KIND_DOUBLE || kind == KIND_FIXED8;
}

function widen(): u32 {
  let out = valuesAt;
  for (let index = chunkIndexFirst; index < chunkIndexEnd; index++) {
    const present = (<u32>load<u8>(presentAt + (index >> 3)) >> (index & 7)) & 1;
    if (!required && !present) continue;
    const value = load<i32>(denseAt + index * 4);
    store<u64>(out, kind == KIND_I32 ? <u64><i64>value : <u64><u32>value);
    out += 8;
  }
  return valuesAt;
}

export function chunkEncoding(): u32 {
  return encoding;
}

export function chunkValues(): u32 {
  return valueCount;
}

export function dictionaryPageAt(): u32 {
  return dictionaryAt;
}

export function dictionaryPageBytes(): u32 {
  return dictionaryEnd - dictionaryAt;
}

export function dictionaryPageValues(): u32 {
  return dictionaryCount;
}
