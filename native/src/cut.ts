/**
 * A cut: one sealed half of the head on its way into blocks. Where the scratch of the block thread
 * lies, and the addresses of the half that the encoders read.
 *
 * Scratch is laid out by the half's capacities, not by its counts, so that it is the same for
 * every cut; the remap tables are cleared by an epoch and not by filling. Untouched pages of it
 * cost no memory.
 *
 *   control (epoch, layout) · tenants · order of traces and rows · order of events and links ·
 *   presence, dense and compact values of the column at hand · remap · dictionary · page
 *
 * Threads: the block Worker's instance only; the half must be sealed.
 */
import {
  HALF_ENTRY,
  HALF_HEADER_BYTES,
  HALF_KIND,
  HALF_PARENT_ID,
  HALF_SPAN_ID,
  HALF_EVENT_CAP,
  HALF_EVENTS,
  HALF_LINK_CAP,
  HALF_LINKS,
  HALF_ROW_CAP,
  HALF_ROWS,
  HALF_STRING_CAP,
  HALF_TRACE,
  HALF_TRACE_ID,
  HALF_TRACE_SPANS,
  HALF_TRACES,
  MERGE_FILES_MAX,
  MERGE_INPUTS_MAX,
} from "./layout";

export let cutHalf: u32 = 0;
export let cutRows: u32 = 0;
export let cutTraces: u32 = 0;
export let cutEvents: u32 = 0;
export let cutLinks: u32 = 0;
export let cutEntries: u32 = 0; // the half's (ptr, len) table

// order: u32 each
export let tenantTableAt: u32 = 0; // 16 bytes: entry · rows · traces · place
export let tenantOfAt: u32 = 0; // per trace: number of its tenant
export let traceOrderAt: u32 = 0; // sorted place → trace
export let traceSpareAt: u32 = 0;
export let traceRowAt: u32 = 0; // sorted place → first sorted row; one more at the end
export let rowOrderAt: u32 = 0; // sorted row → row
export let rowPlaceAt: u32 = 0; // row → sorted row
export let counterAt: u32 = 0; // scratch of counting passes
export let eventPlaceAt: u32 = 0; // event → sorted event
export let eventRowAt: u32 = 0; // sorted event → sorted row
export let linkPlaceAt: u32 = 0;
export let linkRowAt: u32 = 0;

// the column at hand
export let presentAt: u32 = 0; // bit per index
export let denseAt: u32 = 0; // value per index, where present
export let valuesAt: u32 = 0; // u64 per value of a chunk
export let codesAt: u32 = 0; // u32 per value of a chunk
export let groupOfAt: u32 = 0; // sorted row → group
export let groupTableAt: u32 = 0; // group → entry
export let groupValueAt: u32 = 0; // group → derived entry
export let derivedAt: u32 = 0; // derived entries (ptr, len)
export let fileEndAt: u32 = 0; // u32 per file
export let fileOfRowAt: u32 = 0; // u8 per sorted row
export let fileFlagAt: u32 = 0; // u8 per file
export let ordinalAt: u32 = 0; // u16 per column of the half: its number in attribute orders
export let remapAt: u32 = 0; // per entry: epoch u32 · code u32
export let numberSlotsAt: u32 = 0; // value u64 · epoch u32 · code u32
export let smallSeenAt: u32 = 0; // u8 per small number
export let smallCodeAt: u32 = 0; // u32 per small number
export let dictionaryEntryAt: u32 = 0; // code → entry, or value u64
export let nestedAt: u32 = 0; // four columns of u32 per sorted row
export let recordAt: u32 = 0; // 16 bytes: key u64 · code u24 · bytes left u8 · entry u32
export let recordSpareAt: u32 = 0;
export let statAt: u32 = 0; // 64 bytes: minimum, maximum of numbers
export let dictionaryAt: u32 = 0;
export let levelsAt: u32 = 0;
export let pageAt: u32 = 0;
export let textAt: u32 = 0; // texts of derived entries, written by TypeScript
export let textEndAt: u32 = 0;

// ---- of a merge alone
export let inTraceIdAt: u32 = 0; // 16 bytes a trace of the inputs, input after input
export let inTraceRowAt: u32 = 0; // its first row, counted over all inputs; one more at the end
export let inTraceKeepAt: u32 = 0; // u8: 0 when it is past its time, unless another part is not
export let inTracePlaceAt: u32 = 0; // where its rows lie in the output, NO_ROW: not all in a row
export let inPlaceAt: u32 = 0; // row of the inputs → row of the output, or NO_ROW
export let inEventsAt: u32 = 0; // row of the inputs → how many events it has
export let inLinksAt: u32 = 0;
export let inEventPlaceAt: u32 = 0; // event of the inputs → event of the output, or NO_ROW
export let inLinkPlaceAt: u32 = 0;
export let partsAt: u32 = 0; // u32 each: next trace and end of each input's part of a tenant
export let internSlotsAt: u32 = 0; // u32 each: epoch · entry · where its text lies · bytes
export let mappedAt: u32 = 0; // code of the page's dictionary → entry (u32) or number (u64)
export let inPageAt: u32 = 0; // where TypeScript puts pages
export let storedAt: u32 = 0; // where TypeScript puts stored pages
export let storedFieldsAt: u32 = 0; // what the header of one says, and room for another header
export let inValuesAt: u32 = 0; // values of the page
export let inCodesAt: u32 = 0; // codes of the page
export let inLevelsAt: u32 = 0; // of the page, a byte an entry, or a bit
export let inRepeatsAt: u32 = 0;
export let arenaAt: u32 = 0; // texts of the column at hand
export let arenaEndAt: u32 = 0;
export let entryCap: u32 = 0;
/** Entries of a page at the most: what parquet-page-read.ts allows. */
export const IN_ENTRIES_MAX: u32 = 1 << 23;
/** Bytes of a page, not compressed, at the most: what parquet-page-read.ts allows. */
export const IN_PAGE_BYTES: u32 = 64 << 20;
/** Stored pages: one of these with its header, or some that are read at once. */
export const STORED_BYTES: u32 = IN_PAGE_BYTES + (64 << 10);
/** A dictionary page of 1 MiB has no more texts; numbers have less. */
const MAPPED_MAX: u32 = 1 << 20;
/** Texts of a column that lie in memory at once; more come in pieces. A value has 48 MiB. */
const ARENA_BYTES_MAX: u32 = 64 << 20;

/** Dictionary pages above this are not written; the column is PLAIN then. */
export const DICTIONARY_BYTES_MAX: u32 = 1 << 20;
/** Texts that a merge looks for: into a dictionary of that size fit 160,000 distinct ones. */
export const INTERN_SLOTS: u32 = 1 << 18;
export const SLOT_BYTES: u32 = 16;
/** Distinct numbers of a dictionary; beyond them a delta or plain page is as small. */
export const NUMBERS_MAX: u32 = 4096;
export const NUMBER_SLOTS: u32 = 16384;
/** A merge has more of each to share one dictionary, if each number comes four times. */
export const MERGE_NUMBERS_MAX: u32 = 16384;
export const MERGE_NUMBER_SLOTS: u32 = 65536;
/** Chunks choose as a merge does, which has time to be small. */
export let isMerge: bool = false;
export let numberSlotsMask: u32 = NUMBER_SLOTS - 1;
/** Numbers below this are coded by a table. */
export const SMALL_MAX: u32 = 4096;
/** Runs of levels: two a row or event at the worst. */
const LEVELS_BYTES: u32 = 3 << 20;
/**
 * Pages end near 768 KiB; the last row's value comes on top. It is at most a request of 24 MiB,
 * and doubles at the most when a list of ints is unfolded.
 */
const PAGE_BYTES: u32 = 50 << 20;
const TEXT_BYTES: u32 = 24 << 20;
const CONTROL_BYTES: u32 = 64;
/** Seven words, and from the 64th byte on a header of at most 96. */
const STORED_FIELDS_BYTES: u32 = 192;
/** Loads and copies run over by up to 15 bytes, bit packing by 8 values. */
const PADDING: u32 = 128;

let placePos: u32 = 0;

function take(bytes: u32): u32 {
  const at = (placePos + 63) & ~63;
  placePos = at + bytes + PADDING;
  return at;
}

/** Opens a sealed half. False when the scratch is too small for a half of these capacities. */
export function openCut(half: u32, scratch: u32, end: u32): bool {
  cutHalf = half;
  cutRows = atomic.load<u32>(half + HALF_ROWS);
  cutTraces = load<u32>(half, HALF_TRACES);
  cutEvents = load<u32>(half, HALF_EVENTS);
  cutLinks = load<u32>(half, HALF_LINKS);
  cutEntries = load<u32>(half, HALF_ENTRY);
  controlAt = scratch;
  const rowCap = load<u32>(half, HALF_ROW_CAP);
  const eventCap = load<u32>(half, HALF_EVENT_CAP);
  const linkCap = load<u32>(half, HALF_LINK_CAP);
  const stringCap = load<u32>(half, HALF_STRING_CAP);
  placePos = scratch + CONTROL_BYTES;
  placeTables(rowCap, stringCap);
  placeOrder(rowCap, eventCap, linkCap);
  nestedAt = take(rowCap * 16);
  placeColumn(max(max(rowCap, eventCap), linkCap * 2));
  if (placePos > end || placePos < scratch) return false;
  clearTables(rowCap, stringCap);
  return true;
}

/**
 * Lays out a merge as if it were a half: rows, traces and ids in the order of the output, so that
 * everything behind the opening of a column is the same. `rowCap` bounds the rows of all inputs.
 * The scratch must be zeros, or have been used by merges alone, or be told of by soilScratch().
 * Returns the bytes that are left for texts, 0 when there are none.
 */
export function openMerge(scratch: u32, end: u32, rowCap: u32, traceCap: u32, eventCap: u32,
                          linkCap: u32): u32 {
  isMerge = true;
  numberSlotsMask = MERGE_NUMBER_SLOTS - 1;
  controlAt = scratch;
  placePos = scratch + CONTROL_BYTES;
  cutHalf = take(HALF_HEADER_BYTES);
  memory.fill(cutHalf, 0, HALF_HEADER_BYTES);
  const indexCap = max(max(rowCap, eventCap), linkCap * 2);
  entryCap = indexCap + 64;
  placeTables(rowCap, entryCap);
  // New memory is zeros, and costs when it is touched.
  const isUsed = load<u32>(controlAt, 8) != 0;
  if (isUsed) memory.fill(remapAt, 0, max(entryCap, rowCap) * 8);
  if (isUsed) memory.fill(numberSlotsAt, 0, MERGE_NUMBER_SLOTS * 16);
  store<u32>(controlAt, 0);
  store<u32>(controlAt, 1, 8);
  store<u32>(cutHalf, rowCap, HALF_ROW_CAP);
  store<u32>(cutHalf, take(traceCap * 16), HALF_TRACE_ID);
  store<u32>(cutHalf, take(rowCap * 8), HALF_SPAN_ID);
  store<u32>(cutHalf, take(rowCap * 8), HALF_PARENT_ID);
  store<u32>(cutHalf, take(rowCap), HALF_KIND);
  placeOrder(rowCap, eventCap, linkCap);
  nestedAt = take(rowCap * 16);
  placeColumn(indexCap);
  inTraceIdAt = take(traceCap * 16);
  inTraceRowAt = take(traceCap * 4 + 4);
  inTraceKeepAt = take(traceCap);
  inTracePlaceAt = take(traceCap * 4);
  inPlaceAt = take(rowCap * 4);
  inEventsAt = take(rowCap * 4);
  inLinksAt = take(rowCap * 4);
  inEventPlaceAt = take(eventCap * 4);
  inLinkPlaceAt = take(linkCap * 4);
  partsAt = take(MERGE_INPUTS_MAX * 8);
  internSlotsAt = take(INTERN_SLOTS * SLOT_BYTES);
  if (isUsed) memory.fill(internSlotsAt, 0, INTERN_SLOTS * SLOT_BYTES);
  cutEntries = take(entryCap * 8);
  mappedAt = take(MAPPED_MAX * 8);
  inPageAt = take(IN_PAGE_BYTES);
  storedAt = take(STORED_BYTES);
  storedFieldsAt = take(STORED_FIELDS_BYTES);
  inLevelsAt = take(IN_ENTRIES_MAX);
  inRepeatsAt = take(IN_ENTRIES_MAX);
  inCodesAt = take(IN_ENTRIES_MAX * 4);
  inValuesAt = take(IN_ENTRIES_MAX * 8);
  arenaAt = take(64);
  if (arenaAt >= end - PADDING || arenaAt < scratch) return 0;
  arenaEndAt = arenaAt + min(end - PADDING - arenaAt, ARENA_BYTES_MAX);
  for (let i: u32 = 0; i < traceCap; i++) store<u32>(traceOrderAt + i * 4, i);
  for (let i: u32 = 0; i < rowCap; i++) store<u32>(rowOrderAt + i * 4, i);
  return arenaEndAt - arenaAt;
}

/** Others than merges have written to the scratch, behind its control words. */
export function soilScratch(scratch: u32): void {
  store<u32>(scratch, 1, 8);
}

/** What the output of a merge has. */
export function setMerged(rows: u32, traces: u32): void {
  cutRows = rows;
  cutTraces = traces;
}

export function setMergedChildren(events: u32, links: u32): void {
  cutEvents = events;
  cutLinks = links;
}

/** The tables that are cleared by epoch come first: their place depends on two caps alone. */
function placeTables(rowCap: u32, stringCap: u32): void {
  remapAt = take(max(stringCap, rowCap) * 8);
  numberSlotsAt = take((numberSlotsMask + 1) * 16);
}

function placeOrder(rowCap: u32, eventCap: u32, linkCap: u32): void {
  tenantTableAt = take(rowCap * 16);
  tenantOfAt = take(rowCap * 4);
  traceOrderAt = take(rowCap * 4);
  traceSpareAt = take(rowCap * 4);
  traceRowAt = take(rowCap * 4 + 4);
  rowOrderAt = take(rowCap * 4);
  rowPlaceAt = take(rowCap * 4);
  counterAt = take(max(rowCap * 4 + 4, 65536 * 4));
  eventPlaceAt = take(eventCap * 4);
  eventRowAt = take(eventCap * 4);
  linkPlaceAt = take(linkCap * 4);
  linkRowAt = take(linkCap * 4);
  fileEndAt = take(MERGE_FILES_MAX * 4);
  fileFlagAt = take(MERGE_FILES_MAX);
  fileOfRowAt = take(rowCap);
}

function placeColumn(indexCap: u32): void {
  presentAt = take((indexCap >> 3) + 8);
  denseAt = take(indexCap * 8);
  valuesAt = take(indexCap * 8);
  codesAt = take(indexCap * 4);
  groupOfAt = take(indexCap * 4);
  groupTableAt = take(indexCap * 4);
  groupValueAt = take(indexCap * 4);
  derivedAt = take(indexCap * 8);
  ordinalAt = take(2048);
  dictionaryEntryAt = take(indexCap * 8);
  recordAt = take(indexCap * 16);
  recordSpareAt = take(indexCap * 16);
  statAt = take(64);
  smallSeenAt = take(SMALL_MAX);
  smallCodeAt = take(SMALL_MAX * 4);
  dictionaryAt = take(DICTIONARY_BYTES_MAX);
  textAt = take(TEXT_BYTES);
  textEndAt = textAt + TEXT_BYTES;
  levelsAt = take(LEVELS_BYTES);
  // Levels are put in front of the values when these are known.
  pageAt = take(LEVELS_BYTES + PAGE_BYTES) + LEVELS_BYTES;
}

let controlAt: u32 = 0;

/** A scratch that was last used with other capacities holds no epochs but other data. */
function clearTables(rowCap: u32, stringCap: u32): void {
  const words = max(stringCap, rowCap);
  if (load<u32>(controlAt) < 0xfffff000 && load<u32>(controlAt, 4) == words) return;
  memory.fill(remapAt, 0, words * 8);
  memory.fill(numberSlotsAt, 0, NUMBER_SLOTS * 16);
  store<u32>(controlAt, 0);
  store<u32>(controlAt, words, 4);
}

/** A number that no slot of the remap tables holds yet. */
export function nextEpoch(): u32 {
  const epoch = load<u32>(controlAt) + 1;
  store<u32>(controlAt, epoch);
  return epoch;
}

// @ts-ignore: decorator
@inline
export function traceIdAt(trace: u32): u32 {
  return load<u32>(cutHalf, HALF_TRACE_ID) + trace * 16;
}

// @ts-ignore: decorator
@inline
export function traceSpans(trace: u32): u32 {
  return load<u32>(load<u32>(cutHalf, HALF_TRACE_SPANS) + trace * 4);
}

// @ts-ignore: decorator
@inline
export function traceOfRow(row: u32): u32 {
  return load<u32>(load<u32>(cutHalf, HALF_TRACE) + row * 4);
}
