/**
 * A half of the head: where its arrays lie, and which half this instance of the kernel works on.
 *
 * The addresses and committed counts live in the half's header in shared memory (layout.ts); the
 * writer keeps its own running counts in globals here, which readers never see, and publishes
 * them with commit(). Regions are fixed for ever, so nothing a reader follows ever moves.
 */
import {
  CHUNK_HEADER_BYTES,
  CHUNK_VALUES,
  COL_ATTRIBUTE_FIRST,
  COLUMN_BEFORE,
  COLUMN_BYTES,
  COLUMN_COUNT,
  COLUMN_FIRST,
  COLUMN_KEY,
  COLUMN_LAST,
  COLUMN_LAST_ENTRY,
  COLUMN_LAST_ROW,
  COLUMN_NEW,
  COLUMN_RAW,
  COLUMN_SCOPE,
  COLUMN_TYPE,
  COLUMN_USED,
  COLUMNS_MAX,
  HALF_ARENA,
  HALF_ARENA_END,
  HALF_ARENA_POS,
  HALF_CHUNK_END,
  HALF_CHUNK_POS,
  HALF_CHUNKS,
  HALF_COLUMN,
  HALF_COLUMN_OF,
  HALF_COLUMNS,
  HALF_DURATION,
  HALF_ENTRY,
  HALF_EVENT_CAP,
  HALF_EVENT_NAME,
  HALF_EVENT_ORDER,
  HALF_EVENT_ROW,
  HALF_EVENT_TIME,
  HALF_EVENTS,
  HALF_FLAGS,
  HALF_HEADER_BYTES,
  HALF_KEY,
  HALF_KEY_SLOTS,
  HALF_KEY_TEXT,
  HALF_KEYS,
  HALF_KIND,
  HALF_LINK_CAP,
  HALF_LINK_ORDER,
  HALF_LINK_ROW,
  HALF_LINK_SPAN_ID,
  HALF_LINK_TRACE_ID,
  HALF_LINKS,
  HALF_NAME,
  HALF_ORDER,
  HALF_PARENT_ID,
  HALF_REQUESTS,
  HALF_RESOURCE,
  HALF_ROW_CAP,
  HALF_ROWS,
  HALF_SCOPE,
  HALF_SLOTS,
  HALF_SLOTS_SPARE,
  HALF_SPAN_ID,
  HALF_START,
  HALF_STATUS,
  HALF_STRING_CAP,
  HALF_STRINGS,
  HALF_SUCCESSOR,
  HALF_TRACE,
  HALF_TRACE_CAP,
  HALF_TRACE_ID,
  HALF_TRACE_SLOTS,
  HALF_TRACE_SPANS,
  HALF_TRACE_TENANT,
  HALF_TRACES,
  KEY_BYTES_MAX,
  KEYS_MAX,
  NO_ROW,
  SCOPE_EVENT,
  SCOPE_LINK,
  SCOPE_SPAN,
  TYPE_BYTES,
  TYPE_DOUBLE,
  TYPE_INT,
  TYPE_STRING,
  TYPE_U32,
} from "./layout";

export let half: u32 = 0;
// running counts of the writer
export let rows: u32 = 0;
export let traces: u32 = 0;
export let events: u32 = 0;
export let links: u32 = 0;
export let columns: u32 = 0;
export let strings: u32 = 0;
export let interned: u32 = 0;
export let keys: u32 = 0;
export let keyTextPos: u32 = 0;
export let chunkPos: u32 = 0;
export let arenaPos: u32 = 0;
// addresses, kept in globals for the hot path
export let entryAt: u32 = 0;
export let keyAt: u32 = 0;
export let columnAt: u32 = 0;
export let columnOfAt: u32 = 0;
export let successorAt: u32 = 0;
export let slotsAt: u32 = 0;
export let slotsSpareAt: u32 = 0;
export let slotsMask: u32 = 0;
export let keySlotsAt: u32 = 0;
export let traceSlotsAt: u32 = 0;
export let traceSlotsMask: u32 = 0;
export let traceIdAt: u32 = 0;
export let traceTenantAt: u32 = 0;
export let traceSpansAt: u32 = 0;

/** Slots of the string table at first; it doubles as it fills. */
const SLOTS_MIN: u32 = 65536;
export const KEY_SLOTS: u32 = KEYS_MAX * 4;
/** Prediction of the next attribute's key: by the key before, the span's name, or the kind. */
export const SUCCESSOR_NAME: u32 = KEYS_MAX;
export const SUCCESSOR_EVENT: u32 = KEYS_MAX + 2048;
export const SUCCESSOR_LINK: u32 = KEYS_MAX + 2304;
const SUCCESSORS: u32 = KEYS_MAX + 2305;
/** columnOf is a u16 by (key, scope, type): 4 scopes of 16 types. Key KEYS_MAX has no column. */
const COLUMN_OF_BYTES: u32 = 128;
/** Copies and loads run over the end by up to 15 bytes. */
const PADDING: u32 = 64;

let layoutPos: u32 = 0;

function place(field: u32, bytes: u32): void {
  const at = (layoutPos + 63) & ~63;
  store<u32>(half + field, at);
  layoutPos = at + bytes + PADDING;
}

/** Slots of the largest string table: at most half of them are used. */
function slotsMax(stringCap: u32): u32 {
  let slots = SLOTS_MIN;
  while (slots < stringCap * 2) slots <<= 1;
  return slots;
}

/**
 * Lays a half out in [base, end). The chunk heap takes what is left. Returns the bytes of the
 * chunk heap, or 0 when the region is too small.
 */
export function initHalf(base: u32, end: u32, rowCap: u32, eventCap: u32, linkCap: u32,
                         stringCap: u32, arenaBytes: u32): u32 {
  half = base;
  memory.fill(base, 0, HALF_HEADER_BYTES);
  store<u32>(base, rowCap, HALF_ROW_CAP);
  store<u32>(base, rowCap, HALF_TRACE_CAP);
  store<u32>(base, eventCap, HALF_EVENT_CAP);
  store<u32>(base, linkCap, HALF_LINK_CAP);
  store<u32>(base, stringCap, HALF_STRING_CAP);
  layoutPos = base + HALF_HEADER_BYTES;
  place(HALF_TRACE, rowCap * 4);
  place(HALF_SPAN_ID, rowCap * 8);
  place(HALF_PARENT_ID, rowCap * 8);
  place(HALF_START, rowCap * 8);
  place(HALF_DURATION, rowCap * 8);
  place(HALF_NAME, rowCap * 4);
  place(HALF_RESOURCE, rowCap * 4);
  place(HALF_SCOPE, rowCap * 4);
  place(HALF_KIND, rowCap);
  place(HALF_STATUS, rowCap);
  place(HALF_FLAGS, rowCap * 4);
  place(HALF_ORDER, rowCap * 4);
  place(HALF_TRACE_ID, rowCap * 16);
  place(HALF_TRACE_TENANT, rowCap * 4);
  place(HALF_TRACE_SPANS, rowCap * 4);
  place(HALF_TRACE_SLOTS, traceSlots(rowCap) * 4);
  place(HALF_EVENT_ROW, eventCap * 4);
  place(HALF_EVENT_TIME, eventCap * 8);
  place(HALF_EVENT_NAME, eventCap * 4);
  place(HALF_EVENT_ORDER, eventCap * 4);
  place(HALF_LINK_ROW, linkCap * 4);
  place(HALF_LINK_TRACE_ID, linkCap * 16);
  place(HALF_LINK_SPAN_ID, linkCap * 8);
  place(HALF_LINK_ORDER, linkCap * 4);
  place(HALF_ENTRY, stringCap * 8);
  place(HALF_SLOTS, slotsMax(stringCap) * 8);
  place(HALF_SLOTS_SPARE, slotsMax(stringCap) * 8);
  place(HALF_KEY, KEYS_MAX * 16);
  place(HALF_KEY_SLOTS, KEY_SLOTS * 4);
  place(HALF_KEY_TEXT, KEYS_MAX * KEY_BYTES_MAX);
  place(HALF_COLUMN, COLUMNS_MAX * COLUMN_BYTES);
  place(HALF_COLUMN_OF, (KEYS_MAX + 1) * COLUMN_OF_BYTES);
  place(HALF_SUCCESSOR, SUCCESSORS * 4);
  place(HALF_ARENA, arenaBytes);
  store<u32>(base, load<u32>(base, HALF_ARENA) + arenaBytes, HALF_ARENA_END);
  place(HALF_CHUNKS, 0);
  const chunks = load<u32>(base, HALF_CHUNKS);
  if (chunks >= end) return 0;
  store<u32>(base, end, HALF_CHUNK_END);
  // Nothing to clear on the first reset: WebAssembly memory begins as zeros.
  resetHalf(base);
  return end - chunks;
}

function traceSlots(rowCap: u32): u32 {
  let slots: u32 = 1024;
  while (slots < rowCap * 2) slots <<= 1;
  return slots;
}

/** Makes a half empty and the one that this instance writes to. Nobody may be reading it. */
export function resetHalf(base: u32): void {
  openHalf(base);
  atomic.store<u32>(base + HALF_ROWS, 0);
  memory.fill(columnOfAt, 0, keys * COLUMN_OF_BYTES);
  rows = 0;
  traces = 0;
  events = 0;
  links = 0;
  columns = 0;
  strings = 0;
  interned = 0;
  keys = 0;
  keyTextPos = load<u32>(base, HALF_KEY_TEXT);
  chunkPos = load<u32>(base, HALF_CHUNKS);
  arenaPos = load<u32>(base, HALF_ARENA);
  slotsAt = load<u32>(base, HALF_SLOTS);
  slotsSpareAt = load<u32>(base, HALF_SLOTS_SPARE);
  slotsMask = SLOTS_MIN - 1;
  memory.fill(slotsAt, 0, SLOTS_MIN * 8);
  memory.fill(keySlotsAt, 0, KEY_SLOTS * 4);
  memory.fill(traceSlotsAt, 0, (traceSlotsMask + 1) * 4);
  memory.fill(successorAt, 0, SUCCESSORS * 4);
  store<u32>(base, 0, HALF_REQUESTS);
  // Entry 0 is the empty string: what an absent name, order or URL is.
  store<u32>(entryAt, arenaPos);
  store<u32>(entryAt, 0, 4);
  strings = 1;
  for (let i: u32 = 0; i < <u32>COL_ATTRIBUTE_FIRST; i++) addFixedColumn(i);
  commit();
}

/** Loads addresses and committed counts of a half, to read or to encode it. */
export function openHalf(base: u32): void {
  half = base;
  rows = atomic.load<u32>(base + HALF_ROWS);
  traces = load<u32>(base, HALF_TRACES);
  events = load<u32>(base, HALF_EVENTS);
  links = load<u32>(base, HALF_LINKS);
  columns = load<u32>(base, HALF_COLUMNS);
  strings = load<u32>(base, HALF_STRINGS);
  keys = load<u32>(base, HALF_KEYS);
  chunkPos = load<u32>(base, HALF_CHUNK_POS);
  arenaPos = load<u32>(base, HALF_ARENA_POS);
  entryAt = load<u32>(base, HALF_ENTRY);
  keyAt = load<u32>(base, HALF_KEY);
  columnAt = load<u32>(base, HALF_COLUMN);
  columnOfAt = load<u32>(base, HALF_COLUMN_OF);
  successorAt = load<u32>(base, HALF_SUCCESSOR);
  keySlotsAt = load<u32>(base, HALF_KEY_SLOTS);
  traceSlotsAt = load<u32>(base, HALF_TRACE_SLOTS);
  traceSlotsMask = traceSlots(load<u32>(base, HALF_TRACE_CAP)) - 1;
  traceIdAt = load<u32>(base, HALF_TRACE_ID);
  traceTenantAt = load<u32>(base, HALF_TRACE_TENANT);
  traceSpansAt = load<u32>(base, HALF_TRACE_SPANS);
}

/** Shows readers all that was appended. The row count goes last: it is what they look at first. */
export function commit(): void {
  const base = half;
  store<u32>(base, traces, HALF_TRACES);
  store<u32>(base, events, HALF_EVENTS);
  store<u32>(base, links, HALF_LINKS);
  store<u32>(base, columns, HALF_COLUMNS);
  store<u32>(base, strings, HALF_STRINGS);
  store<u32>(base, keys, HALF_KEYS);
  store<u32>(base, chunkPos, HALF_CHUNK_POS);
  store<u32>(base, arenaPos, HALF_ARENA_POS);
  atomic.store<u32>(base + HALF_ROWS, rows);
}

/** Types of the fixed columns; scopes follow from their numbers. */
function addFixedColumn(index: u32): void {
  let type: u32 = TYPE_U32;
  if (index <= 1 || index == 9) type = TYPE_STRING;
  else if (index == 5 || index == 6 || index == 8 || index == 12) type = TYPE_BYTES;
  const scope: u32 = index < 7 ? SCOPE_SPAN : index < 9 ? SCOPE_EVENT : SCOPE_LINK;
  clearColumn(columnAt + index * COLUMN_BYTES, type, NO_ROW, scope);
  columns = index + 1;
}

function clearColumn(at: u32, type: u32, key: u32, scope: u32): void {
  store<u32>(at, type, COLUMN_TYPE);
  store<u32>(at, key, COLUMN_KEY);
  store<u32>(at, scope, COLUMN_SCOPE);
  store<u32>(at, 0, COLUMN_COUNT);
  store<u32>(at, 0, COLUMN_FIRST);
  store<u32>(at, 0, COLUMN_LAST);
  store<u32>(at, CHUNK_VALUES, COLUMN_USED);
  store<u32>(at, 0, COLUMN_LAST_ENTRY);
  store<u32>(at, 0, COLUMN_NEW);
  store<u32>(at, 0, COLUMN_RAW);
  store<u32>(at, 0, COLUMN_LAST_ROW);
  store<u32>(at, 0, COLUMN_BEFORE);
}

/** The column of an attribute; 0 when it has none, or the key is KEYS_MAX. */
// @ts-ignore: decorator
@inline
export function columnFor(key: u32, type: u32, scope: u32): u32 {
  const index: u32 = load<u16>(columnOfAt + key * COLUMN_OF_BYTES + (scope * 16 + type) * 2);
  return index ? columnAt + index * COLUMN_BYTES : 0;
}

/** Makes a column; there must be less than COLUMNS_MAX. Who gets one: column-admit.ts. */
export function addColumn(key: u32, type: u32, scope: u32): u32 {
  const index = columns;
  columns = index + 1;
  const at = columnAt + index * COLUMN_BYTES;
  clearColumn(at, type, key, scope);
  store<u16>(columnOfAt + key * COLUMN_OF_BYTES + (scope * 16 + type) * 2, index);
  return at;
}

function addChunk(column: u32, valueBytes: u32): void {
  const chunk = (chunkPos + 7) & ~7;
  chunkPos = chunk + chunkBytes(valueBytes);
  memory.fill(chunk + CHUNK_HEADER_BYTES, 0xff, CHUNK_VALUES * 4); // NO_ROW
  store<u32>(chunk, 0);
  const last = load<u32>(column, COLUMN_LAST);
  // Readers follow these two: the chunk must be there before its address.
  if (last) atomic.store<u32>(last, chunk);
  else atomic.store<u32>(column + COLUMN_FIRST, chunk);
  store<u32>(column, chunk, COLUMN_LAST);
}

// @ts-ignore: decorator
@inline
export function chunkBytes(valueBytes: u32): u32 {
  return CHUNK_HEADER_BYTES + CHUNK_VALUES * (4 + valueBytes);
}

/** Appends a value; rows must ascend. */
// @ts-ignore: decorator
@inline
export function append32(column: u32, row: u32, value: u32): void {
  let used = load<u32>(column, COLUMN_USED);
  if (used == CHUNK_VALUES) {
    addChunk(column, 4);
    used = 0;
  }
  const at = load<u32>(column, COLUMN_LAST) + CHUNK_HEADER_BYTES + used * 4;
  store<u32>(at, value, CHUNK_VALUES * 4);
  store<u32>(at, row);
  store<u32>(column, used + 1, COLUMN_USED);
  store<u32>(column, load<u32>(column, COLUMN_COUNT) + 1, COLUMN_COUNT);
}

// @ts-ignore: decorator
@inline
export function append64(column: u32, row: u32, value: u64): void {
  let used = load<u32>(column, COLUMN_USED);
  if (used == CHUNK_VALUES) {
    addChunk(column, 8);
    used = 0;
  }
  const chunk = load<u32>(column, COLUMN_LAST) + CHUNK_HEADER_BYTES;
  store<u64>(chunk + used * 8, value, CHUNK_VALUES * 4);
  store<u32>(chunk + used * 4, row);
  store<u32>(column, used + 1, COLUMN_USED);
  store<u32>(column, load<u32>(column, COLUMN_COUNT) + 1, COLUMN_COUNT);
}

/** The address of a fixed column. */
// @ts-ignore: decorator
@inline
export function fixedColumn(index: u32): u32 {
  return columnAt + index * COLUMN_BYTES;
}

// @ts-ignore: decorator
@inline
export function columnIndex(column: u32): u32 {
  return (column - columnAt) / COLUMN_BYTES;
}

// Setters: a module's globals can be written by that module alone.
export function setStrings(count: u32, hashed: u32, arena: u32): void {
  strings = count;
  interned = hashed;
  arenaPos = arena;
}

export function setSlots(at: u32, spare: u32, mask: u32): void {
  slotsAt = at;
  slotsSpareAt = spare;
  slotsMask = mask;
}

export function setKeys(count: u32, text: u32): void {
  keys = count;
  keyTextPos = text;
}

export function setTraces(count: u32): void {
  traces = count;
}

export function setRows(count: u32): void {
  rows = count;
}

export function setEvents(count: u32): void {
  events = count;
}

export function setLinks(count: u32): void {
  links = count;
}
