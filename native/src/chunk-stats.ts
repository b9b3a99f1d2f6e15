/**
 * Bounds of a page or a chunk, where they are worth having: dictionaries are sorted, so codes give
 * them; numbers are looked through. Plain byte arrays and ids have none.
 */
import {
  DELTA,
  DICTIONARY,
  encoding,
  firstTrace,
  listAt,
  sortedTraceIdAt,
  tracesAscend,
  valueCount,
} from "./chunk-begin";
import { dictionaryCount } from "./chunk-dictionary";
import { entriesAt, kind } from "./column-open";
import {
  KIND_BOOL,
  KIND_DOUBLE,
  KIND_I32,
  KIND_INT,
  KIND_STRING,
  KIND_TRACE,
  KIND_U32,
} from "./layout";
import { codesAt, dictionaryEntryAt, statAt } from "./cut";

/** Addresses and lengths of the bounds; no bounds when boundsKnown is false. */
export let boundsKnown: bool = false;
let leastAt: u32 = 0;
let leastBytes: u32 = 0;
let mostAt: u32 = 0;
let mostBytes: u32 = 0;

export function clearBounds(): void {
  boundsKnown = false;
}

/** Bounds of the values [first, first + count) of the chunk. */
export function findBounds(first: u32, count: u32): void {
  boundsKnown = false;
  if (count == 0) return;
  if (encoding == DICTIONARY) codeBounds(first, count);
  else if (kind == KIND_TRACE) traceBounds(load<u32>(listAt + first * 4),
                                           load<u32>(listAt + (first + count - 1) * 4));
  else if (kind == KIND_BOOL) boolBounds(first, count);
  else if (kind == KIND_DOUBLE) doubleBounds(first, count);
  else if (kind == KIND_U32) u32Bounds(first, count);
  else if (encoding == DELTA) intBounds(first, count);
}

function codeBounds(first: u32, count: u32): void {
  let least: u32 = 0xffffffff;
  let most: u32 = 0;
  const end = codesAt + (first + count) * 4;
  if (count == valueCount) {
    least = 0;
    most = dictionaryCount - 1;
  } else {
    let lanesLeast = i32x4.splat(-1);
    let lanesMost = i32x4.splat(0);
    let p = codesAt + first * 4;
    for (; p + 16 <= end; p += 16) {
      lanesLeast = i32x4.min_u(lanesLeast, v128.load(p));
      lanesMost = i32x4.max_u(lanesMost, v128.load(p));
    }
    v128.store(statAt, lanesLeast);
    v128.store(statAt, lanesMost, 16);
    for (let lane: u32 = 0; lane < 16; lane += 4) {
      least = min(least, load<u32>(statAt + lane));
      most = max(most, load<u32>(statAt + lane, 16));
    }
    for (; p < end; p += 4) {
      const code = load<u32>(p);
      least = min(least, code);
      most = max(most, code);
    }
  }
  if (kind == KIND_TRACE) traceBounds(firstTrace + least, firstTrace + most);
  else if (kind == KIND_STRING) stringBounds(least, most);
  else if (isNumber()) numberBounds(load<u64>(dictionaryEntryAt + least * 8),
                                    load<u64>(dictionaryEntryAt + most * 8));
}

// @ts-ignore: decorator
@inline
function isNumber(): bool {
  return kind == KIND_U32 || kind == KIND_DOUBLE || kind == KIND_INT ||
    kind == KIND_I32;
}

function stringBounds(least: u32, most: u32): void {
  const a = entriesAt + load<u32>(dictionaryEntryAt + least * 4) * 8;
  const b = entriesAt + load<u32>(dictionaryEntryAt + most * 4) * 8;
  leastAt = load<u32>(a);
  leastBytes = load<u32>(a, 4);
  mostAt = load<u32>(b);
  mostBytes = load<u32>(b, 4);
  boundsKnown = true;
}

function traceBounds(least: u32, most: u32): void {
  if (!tracesAscend) return;
  leastAt = sortedTraceIdAt(least);
  mostAt = sortedTraceIdAt(most);
  leastBytes = 16;
  mostBytes = 16;
  boundsKnown = true;
}

/** NaN has no place in the order, so a dictionary with one at either end has no bounds. */
function numberBounds(least: u64, most: u64): void {
  if (kind == KIND_DOUBLE) {
    const low = reinterpret<f64>(least);
    const high = reinterpret<f64>(most);
    // Codes of NaN are the outermost of the whole chunk, not only of this page.
    if (low != low || high != high || chunkHasNaN()) return;
  }
  store<u64>(statAt, least);
  store<u64>(statAt, most, 16);
  setNumberBounds(kind == KIND_U32 || kind == KIND_I32 ? 4 : 8);
}

function chunkHasNaN(): bool {
  const low = load<f64>(dictionaryEntryAt);
  const high = load<f64>(dictionaryEntryAt + (dictionaryCount - 1) * 8);
  return low != low || high != high;
}

function setNumberBounds(bytes: u32): void {
  leastAt = statAt;
  mostAt = statAt + 16;
  leastBytes = bytes;
  mostBytes = bytes;
  boundsKnown = true;
}

function intBounds(first: u32, count: u32): void {
  let least = load<i64>(listAt + first * 8);
  let most = least;
  for (let i = first + 1; i < first + count; i++) {
    const value = load<i64>(listAt + i * 8);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  store<i64>(statAt, least);
  store<i64>(statAt, most, 16);
  setNumberBounds(kind == KIND_I32 ? 4 : 8);
}

function u32Bounds(first: u32, count: u32): void {
  let least: u32 = 0xffffffff;
  let most: u32 = 0;
  for (let i = first; i < first + count; i++) {
    const value = load<u32>(listAt + i * 8);
    least = min(least, value);
    most = max(most, value);
  }
  store<u64>(statAt, least);
  store<u64>(statAt, most, 16);
  setNumberBounds(4);
}

function doubleBounds(first: u32, count: u32): void {
  let least = load<f64>(listAt + first * 8);
  let most = least;
  for (let i = first; i < first + count; i++) {
    const value = load<f64>(listAt + i * 8);
    if (value != value) return;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  store<f64>(statAt, least);
  store<f64>(statAt, most, 16);
  setNumberBounds(8);
}

function boolBounds(first: u32, count: u32): void {
  let least: u32 = 1;
  let most: u32 = 0;
  for (let i = first; i < first + count; i++) {
    const value = load<u32>(codesAt + i * 4);
    least = min(least, value);
    most = max(most, value);
  }
  store<u64>(statAt, least);
  store<u64>(statAt, most, 16);
  setNumberBounds(1);
}

/** Bounds of the whole chunk; true when there are any. */
export function findChunkBounds(): u32 {
  findBounds(0, valueCount);
  return u32(boundsKnown);
}

export function hasBounds(): u32 {
  return u32(boundsKnown);
}

export function minimumAt(): u32 {
  return leastAt;
}

export function minimumBytes(): u32 {
  return leastBytes;
}

export function maximumAt(): u32 {
  return mostAt;
}

export function maximumBytes(): u32 {
  return mostBytes;
}
