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

/** Dictionary pages above this are not written; the column is PLAIN then. */
export const DICTIONARY_BYTES_MAX: u32 = 1 << 20;
/** Distinct numbers of a dictionary; beyond them a delta or plain page is as small. */
export const NUMBERS_MAX: u32 = 4096;
export const NUMBER_SLOTS: u32 = 16384;
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

/** The tables that are cleared by epoch come first: their place depends on two caps alone. */
function placeTables(rowCap: u32, stringCap: u32): void {
  remapAt = take(max(stringCap, rowCap) * 8);
  numberSlotsAt = take(NUMBER_SLOTS * 16);
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
  fileEndAt = take(256 * 4);
  fileFlagAt = take(256);
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
