/**
 * The order of a merge: the inputs' traces, merged tenant by tenant into the traces of the output,
 * and for each row of an input its place in the output.
 *
 * Inputs are sorted by tenant and trace id, and come in order of arrival; so a trace's rows are
 * those of the first input, then those of the next. A span that came before (same id and kind) has
 * no place. Rows of inputs are counted over all of them.
 *
 *   addIdPage · addIdRows* per page of trace ids; where the output is parted by time, placeAsIs,
 *   the column of starts, joinMerged; addSpanIds and readKinds per page; mergeTenant per tenant
 *   (and part), in the order of the output; placeSpans; keepParents
 */
import {
  codesAt,
  cutHalf,
  denseAt,
  groupOfAt,
  groupTableAt,
  inCodesAt,
  inPlaceAt,
  inTraceIdAt,
  inTraceKeepAt,
  inTracePlaceAt,
  inTraceRowAt,
  mappedAt,
  partsAt,
  presentAt,
  recordAt,
  rowPlaceAt,
  setMerged,
  traceRowAt,
  valuesAt,
} from "./cut";
import { HALF_KIND, HALF_PARENT_ID, HALF_SPAN_ID, HALF_TRACE_ID, NO_ROW } from "./layout";
import { groupAt } from "./starts";
import { BAD, unpack } from "./vector-decode";

// Ids and kinds of the inputs' rows lie where a column's values will, which come later.
let inTraces: u32 = 0;
let inRows: u32 = 0;
let outRows: u32 = 0;
let outTraces: u32 = 0;
let doubles: u32 = 0;
let lastId: u32 = 0; // address of the id of the row before

// the page of trace ids at hand
let idsAt: u32 = 0;
let idCodes: bool = false;
let idCount: u32 = 0;

export function beginOrder(): void {
  inTraces = 0;
  inRows = 0;
  outRows = 0;
  outTraces = 0;
  doubles = 0;
}

/**
 * Takes up a page of trace ids: `dictionary` is the address of `dictionaryCount` ids, or 0 for a
 * page of plain ones. False for bytes that do not fit.
 */
export function addIdPage(from: u32, end: u32, count: u32, dictionary: u32,
                          dictionaryCount: u32): bool {
  idCount = count;
  idCodes = dictionary != 0;
  if (!idCodes) {
    idsAt = from;
    return count * 16 <= end - from;
  }
  if (from >= end) return false;
  if (unpack(from + 1, end, load<u8>(from), count, inCodesAt) == BAD) return false;
  idsAt = dictionary;
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(inCodesAt + i * 4) >= dictionaryCount) return false;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function idOfRow(row: u32): u32 {
  return idsAt + (idCodes ? load<u32>(inCodesAt + row * 4) : row) * 16;
}

// @ts-ignore: decorator
@inline
function isSame(a: u32, b: u32): bool {
  return load<u64>(a) == load<u64>(b) && load<u64>(a, 8) == load<u64>(b, 8);
}

/** Rows of the page, all of one tenant; `fresh` when another tenant came before. At most
 * `tracesMax` traces are known afterwards; false when there are more, or ids do not ascend. */
export function addIdRows(skip: u32, count: u32, fresh: bool, tracesMax: u32): bool {
  let isNew = fresh;
  for (let row = skip; row < skip + count; row++) {
    const id = idOfRow(row);
    if (isNew || !isSame(id, lastId)) {
      if (inTraces >= tracesMax) return false;
      const own = inTraceIdAt + inTraces * 16;
      if (!isNew && !isBelow(own - 16, id)) return false;
      v128.store(own, v128.load(id));
      store<u32>(inTraceRowAt + inTraces * 4, inRows);
      store<u8>(inTraceKeepAt + inTraces, 1);
      inTraces += 1;
      // Not in the page, which is written again.
      lastId = own;
      isNew = false;
    }
    inRows += 1;
  }
  store<u32>(inTraceRowAt + inTraces * 4, inRows);
  return true;
}

export function inputTraces(): u32 {
  return inTraces;
}

/** The trace, counted over all inputs, that this row of theirs is of. */
export function traceOfInput(row: u32): u32 {
  return groupAt(inTraceRowAt, 0, inTraces, row);
}

// @ts-ignore: decorator
@inline
function isBelow(a: u32, b: u32): bool {
  const highA = bswap<u64>(load<u64>(a));
  const highB = bswap<u64>(load<u64>(b));
  if (highA != highB) return highA < highB;
  return bswap<u64>(load<u64>(a, 8)) < bswap<u64>(load<u64>(b, 8));
}

/** Span ids (8 bytes each) of input rows from `rowFirst` on. */
export function addSpanIds(from: u32, count: u32, rowFirst: u32): void {
  memory.copy(valuesAt + rowFirst * 8, from, count * 8);
}

/** Kinds (u32 each) of input rows from `rowFirst` on. */
export function addKinds(from: u32, count: u32, rowFirst: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(codesAt + (rowFirst + i) * 4, load<u32>(from + i * 4));
  }
}

/** 2 MiB where the dictionary of trace ids may lie. */
export function mappedTable(): u32 {
  return mappedAt;
}

/** Address of `parts` pairs: first trace and end of the tenant's part of an input. */
export function mergeParts(): u32 {
  return partsAt;
}

/** Bytes, one a trace of the inputs: 0 for those past their time, else the part of the output that
 * it goes to, from 1. */
export function keptTraces(): u32 {
  return inTraceKeepAt;
}

export function firstRows(): u32 {
  return inTraceRowAt;
}

/** As if the inputs' rows were the output: for a column that the order follows from. */
export function placeAsIs(): void {
  for (let row: u32 = 0; row < inRows; row++) store<u32>(inPlaceAt + row * 4, row);
  memory.copy(inTracePlaceAt, inTraceRowAt, inTraces * 4);
  setMerged(inRows, inTraces);
}

/**
 * While starts are the open column, of rows as they are: which traces of one tenant's parts are
 * the same, when each begins, and how many rows it has. Returns how many there are.
 */
export function joinMerged(parts: u32): u32 {
  const end = partsAt + parts * 8;
  let joined: u32 = 0;
  for (let id = leastId(end); id != 0; id = leastId(end)) {
    let rows: u32 = 0;
    let start = u64.MAX_VALUE;
    for (let part = partsAt; part < end; part += 8) {
      const trace = load<u32>(part);
      if (trace >= load<u32>(part, 4) || !isSame(inTraceIdAt + trace * 16, id)) continue;
      store<u32>(part, trace + 1);
      store<u32>(groupOfAt + trace * 4, joined);
      const stop = load<u32>(inTraceRowAt + trace * 4, 4);
      for (let row = load<u32>(inTraceRowAt + trace * 4); row < stop; row++) {
        start = min(start, load<u64>(denseAt + row * 8));
        rows += 1;
      }
    }
    store<u64>(recordAt + joined * 8, start);
    store<u32>(groupTableAt + joined * 4, rows);
    joined += 1;
  }
  return joined;
}

/** u32 a trace of the inputs: which one of joinMerged it is. */
export function joinedOf(): u32 {
  return groupOfAt;
}

/** u64 each. */
export function joinedStarts(): u32 {
  return recordAt;
}

/** u32 each. */
export function joinedRows(): u32 {
  return groupTableAt;
}

/** Address of the least id that comes next in the tenant's parts, 0 when there is none. */
function leastId(end: u32): u32 {
  let least: u32 = 0;
  for (let part = partsAt; part < end; part += 8) {
    const trace = load<u32>(part);
    if (trace >= load<u32>(part, 4)) continue;
    const id = inTraceIdAt + trace * 16;
    if (!least || isBelow(id, least)) least = id;
  }
  return least;
}

/** Merges one tenant's parts behind what is there: the traces that go to `partOfOutput`. */
export function mergeTenant(parts: u32, partOfOutput: u32): void {
  const end = partsAt + parts * 8;
  for (let id = leastId(end); id != 0; id = leastId(end)) mergeTrace(id, end, partOfOutput);
  setMerged(outRows, outTraces);
  store<u32>(traceRowAt + outTraces * 4, outRows);
}

/** All parts of the trace whose id lies at `id`, one after the other. */
function mergeTrace(id: u32, end: u32, partOfOutput: u32): void {
  let rows: u32 = 0;
  let keep: u32 = 0;
  for (let part = partsAt; part < end; part += 8) {
    const trace = load<u32>(part);
    if (trace >= load<u32>(part, 4) || !isSame(inTraceIdAt + trace * 16, id)) continue;
    rows += load<u32>(inTraceRowAt + trace * 4, 4) - load<u32>(inTraceRowAt + trace * 4);
    keep = max(keep, <u32>load<u8>(inTraceKeepAt + trace));
  }
  const isHere = keep == partOfOutput;
  const first = outRows;
  if (isHere) beginSpans(rows);
  for (let part = partsAt; part < end; part += 8) {
    const trace = load<u32>(part);
    if (trace >= load<u32>(part, 4) || !isSame(inTraceIdAt + trace * 16, id)) continue;
    store<u32>(part, trace + 1);
    if (!isHere && keep) continue;
    const from = load<u32>(inTraceRowAt + trace * 4);
    const stop = load<u32>(inTraceRowAt + trace * 4, 4);
    const place = outRows;
    for (let row = from; row < stop; row++) {
      store<u32>(inPlaceAt + row * 4, isHere ? placeOf(row, rows) : <u32>NO_ROW);
    }
    const isRun = outRows - place == stop - from;
    store<u32>(inTracePlaceAt + trace * 4, isRun ? place : <u32>NO_ROW);
  }
  if (outRows == first) return;
  v128.store(load<u32>(cutHalf, HALF_TRACE_ID) + outTraces * 16, v128.load(id));
  store<u32>(traceRowAt + outTraces * 4, first);
  outTraces += 1;
}

let slotsMask: u32 = 0;

/** The hash table of a trace's spans: row + 1. */
function beginSpans(rows: u32): void {
  if (rows < 2) return;
  let size: u32 = 4;
  while (size < rows * 2) size <<= 1;
  slotsMask = size - 1;
  for (let at = recordAt; at < recordAt + size * 4; at += 16) v128.store(at, i32x4.splat(0));
}

/** The next row of the output, or none for a span that was there before. */
// @ts-ignore: decorator
@inline
function placeOf(row: u32, rows: u32): u32 {
  if (rows > 1 && wasBefore(row)) {
    doubles += 1;
    return <u32>NO_ROW;
  }
  store<u32>(rowPlaceAt + outRows * 4, row);
  outRows += 1;
  return outRows - 1;
}

function wasBefore(row: u32): bool {
  const id = load<u64>(valuesAt + row * 8);
  const kind = load<u32>(codesAt + row * 4);
  let slot = <u32>((id * 0x9e3779b97f4a7c15) >> 32) & slotsMask;
  for (;;) {
    const other = load<u32>(recordAt + slot * 4);
    if (!other) break;
    const same = load<u64>(valuesAt + (other - 1) * 8) == id;
    if (same && load<u32>(codesAt + (other - 1) * 4) == kind) return true;
    slot = (slot + 1) & slotsMask;
  }
  store<u32>(recordAt + slot * 4, row + 1);
  return false;
}

export function mergedRows(): u32 {
  return outRows;
}

/** Whether every row of the inputs is one of the output. */
export function keepsAllRows(): bool {
  return outRows == inRows;
}

export function mergedTraces(): u32 {
  return outTraces;
}

export function droppedDoubles(): u32 {
  return doubles;
}

/** After all tenants: ids and kinds in the order of the output; no parents yet. */
export function placeSpans(): void {
  const ids = load<u32>(cutHalf, HALF_SPAN_ID);
  const kinds = load<u32>(cutHalf, HALF_KIND);
  for (let place: u32 = 0; place < outRows; place++) {
    const row = load<u32>(rowPlaceAt + place * 4);
    store<u64>(ids + place * 8, load<u64>(valuesAt + row * 8));
    store<u8>(kinds + place, load<u32>(codesAt + row * 4));
  }
  memory.fill(load<u32>(cutHalf, HALF_PARENT_ID), 0, outRows * 8);
}

/** After the parents were opened as a column: keeps them, 0 for none. */
export function keepParents(): void {
  const parents = load<u32>(cutHalf, HALF_PARENT_ID);
  for (let place: u32 = 0; place < outRows; place++) {
    const present = (<u32>load<u8>(presentAt + (place >> 3)) >> (place & 7)) & 1;
    store<u64>(parents + place * 8, present ? load<u64>(denseAt + place * 8) : 0);
  }
}

/** Rows of the inputs in [rowFirst, rowFirst + rows) whose place is in the piece at hand. */
export function rowsInside(rowFirst: u32, rows: u32, placeFirst: u32, places: u32): u32 {
  let found: u32 = 0;
  for (let row = rowFirst; row < rowFirst + rows; row++) {
    found += u32(load<u32>(inPlaceAt + row * 4) - placeFirst < places);
  }
  return found;
}
