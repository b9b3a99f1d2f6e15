/**
 * Opening a column: its values of the whole half, brought into sorted order once. Chunks of the
 * files (row ranges) are then encoded from there.
 *
 * An index is a sorted row, event or link. `present` has a bit an index unless the column is
 * required; `dense` has a value an index where present.
 */
import {
  cutEntries,
  cutEvents,
  cutHalf,
  cutLinks,
  cutRows,
  cutTraces,
  denseAt,
  derivedAt,
  eventPlaceAt,
  eventRowAt,
  groupOfAt,
  groupTableAt,
  groupValueAt,
  linkPlaceAt,
  linkRowAt,
  nextEpoch,
  presentAt,
  remapAt,
  rowOrderAt,
  rowPlaceAt,
  traceOrderAt,
  traceRowAt,
} from "./cut";
import {
  CHUNK_HEADER_BYTES,
  CHUNK_VALUES,
  COLUMN_BYTES,
  COLUMN_COUNT,
  COLUMN_FIRST,
  COLUMN_RAW,
  COLUMN_SCOPE,
  COLUMN_TYPE,
  HALF_COLUMN,
  HALF_DURATION,
  HALF_EVENT_NAME,
  HALF_EVENT_ORDER,
  HALF_EVENT_TIME,
  HALF_FLAGS,
  HALF_KIND,
  HALF_LINK_ORDER,
  HALF_LINK_SPAN_ID,
  HALF_LINK_TRACE_ID,
  HALF_NAME,
  HALF_ORDER,
  HALF_PARENT_ID,
  HALF_RESOURCE,
  HALF_SCOPE,
  HALF_SPAN_ID,
  HALF_START,
  HALF_STATUS,
  HALF_TRACE_TENANT,
  KIND_BOOL,
  KIND_BYTES,
  KIND_DOUBLE,
  KIND_FIXED16,
  KIND_FIXED8,
  KIND_I32,
  KIND_INT,
  KIND_LIST,
  KIND_ORDER,
  KIND_STRING,
  KIND_TIME,
  KIND_TRACE,
  KIND_U32,
  NO_ROW,
  SCOPE_EVENT,
  SCOPE_LINK,
  SCOPE_SPAN,
  TYPE_BOOL,
  TYPE_BOOLS,
  TYPE_BYTES,
  TYPE_DOUBLE,
  TYPE_DOUBLES,
  TYPE_INT,
  TYPE_INTS,
  TYPE_STRINGS,
  TYPE_U32,
} from "./layout";

import {
  NESTED_CHILDREN,
  NESTED_LEFT,
  NESTED_PARENT,
  NESTED_RIGHT,
  nestedColumn,
  numberTraces,
} from "./nested-set";


export let kind: u32 = 0;
export let required: bool = false;
export let scope: u32 = 0;
export let listType: u32 = 0;
export let entriesAt: u32 = 0;
/** Of events and links: the sorted row of each index. */
export let indexRowAt: u32 = 0;
export let indexCount: u32 = 0;

export function begin(newKind: u32, newScope: u32, isRequired: bool): void {
  kind = newKind;
  scope = newScope;
  required = isRequired;
  entriesAt = cutEntries;
  if (newScope == SCOPE_SPAN) indexCount = cutRows;
  else if (newScope == SCOPE_EVENT) indexCount = cutEvents;
  else indexCount = cutLinks;
  indexRowAt = newScope == SCOPE_EVENT ? eventRowAt : linkRowAt;
  if (!isRequired) memory.fill(presentAt, 0, (indexCount >> 3) + 16);
}

// @ts-ignore: decorator
@inline
export function markPresent(index: u32): void {
  const at = presentAt + (index >> 3);
  store<u8>(at, <u32>load<u8>(at) | (1 << (index & 7)));
}

/** Indexes [first, end), of which there is one at least. */
export function markRun(first: u32, end: u32): void {
  const last = presentAt + ((end - 1) >> 3);
  let at = presentAt + (first >> 3);
  let bits: u32 = 0xff << (first & 7);
  for (; at < last; at++, bits = 0xff) store<u8>(at, <u32>load<u8>(at) | bits);
  store<u8>(at, <u32>load<u8>(at) | (bits & (0xff >> (7 - ((end - 1) & 7)))));
}

export function setListType(type: u32): void {
  listType = type;
}

function gather32(source: u32): void {
  const from = load<u32>(cutHalf + source);
  for (let row: u32 = 0; row < cutRows; row++) {
    store<u32>(denseAt + row * 4, load<u32>(from + load<u32>(rowOrderAt + row * 4) * 4));
  }
}

function gather64(source: u32): void {
  const from = load<u32>(cutHalf + source);
  for (let row: u32 = 0; row < cutRows; row++) {
    store<u64>(denseAt + row * 8, load<u64>(from + load<u32>(rowOrderAt + row * 4) * 8));
  }
}

function gather8(source: u32): void {
  const from = load<u32>(cutHalf + source);
  for (let row: u32 = 0; row < cutRows; row++) {
    store<u32>(denseAt + row * 4, load<u8>(from + load<u32>(rowOrderAt + row * 4)));
  }
}

export function openTenant(): void {
  begin(KIND_STRING, SCOPE_SPAN, true);
  const names = load<u32>(cutHalf, HALF_TRACE_TENANT);
  for (let place: u32 = 0; place < cutTraces; place++) {
    const name = load<u32>(names + load<u32>(traceOrderAt + place * 4) * 4);
    const end = load<u32>(traceRowAt + place * 4, 4);
    for (let row = load<u32>(traceRowAt + place * 4); row < end; row++) {
      store<u32>(denseAt + row * 4, name);
    }
  }
}

export function openTraceId(): void {
  begin(KIND_TRACE, SCOPE_SPAN, true);
  for (let place: u32 = 0; place < cutTraces; place++) {
    const end = load<u32>(traceRowAt + place * 4, 4);
    for (let row = load<u32>(traceRowAt + place * 4); row < end; row++) {
      store<u32>(denseAt + row * 4, place);
    }
  }
}

export function openSpanId(): void {
  begin(KIND_FIXED8, SCOPE_SPAN, true);
  gather64(HALF_SPAN_ID);
}

export function openParentSpanId(): void {
  begin(KIND_FIXED8, SCOPE_SPAN, false);
  gather64(HALF_PARENT_ID);
  for (let row: u32 = 0; row < cutRows; row++) {
    if (load<u64>(denseAt + row * 8)) markPresent(row);
  }
}

export function openName(): void {
  begin(KIND_STRING, SCOPE_SPAN, true);
  gather32(HALF_NAME);
}

export function openKind(): void {
  begin(KIND_U32, SCOPE_SPAN, true);
  gather8(HALF_KIND);
}

export function openStatus(): void {
  begin(KIND_U32, SCOPE_SPAN, true);
  gather8(HALF_STATUS);
}

export function openFlags(): void {
  begin(KIND_U32, SCOPE_SPAN, true);
  gather32(HALF_FLAGS);
}

export function openStart(): void {
  begin(KIND_TIME, SCOPE_SPAN, true);
  gather64(HALF_START);
}

export function openDuration(): void {
  begin(KIND_TIME, SCOPE_SPAN, true);
  gather64(HALF_DURATION);
}

export function openOrder(): void {
  begin(KIND_ORDER, SCOPE_SPAN, false);
  gather32(HALF_ORDER);
  for (let row: u32 = 0; row < cutRows; row++) {
    if (load<u32>(denseAt + row * 4)) markPresent(row);
  }
}

/** One of the NESTED_* columns, after numberTraces(). */
function openNested(which: u32): void {
  begin(KIND_I32, SCOPE_SPAN, true);
  memory.copy(denseAt, nestedColumn(which), cutRows * 4);
}

export function openNestedLeft(): void {
  numberTraces();
  openNested(NESTED_LEFT);
}

/** The same after numberTraces(). */
export function openNumberedLeft(): void {
  openNested(NESTED_LEFT);
}

export function openNestedRight(): void {
  openNested(NESTED_RIGHT);
}

export function openNestedParent(): void {
  openNested(NESTED_PARENT);
}

export function openChildCount(): void {
  openNested(NESTED_CHILDREN);
}

function scatter32(source: u32, count: u32, placeAt: u32): void {
  const from = load<u32>(cutHalf + source);
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(denseAt + load<u32>(placeAt + i * 4) * 4, load<u32>(from + i * 4));
  }
}

function scatter64(source: u32, count: u32, placeAt: u32): void {
  const from = load<u32>(cutHalf + source);
  for (let i: u32 = 0; i < count; i++) {
    store<u64>(denseAt + load<u32>(placeAt + i * 4) * 8, load<u64>(from + i * 8));
  }
}

export function openEventTime(): void {
  begin(KIND_TIME, SCOPE_EVENT, true);
  scatter64(HALF_EVENT_TIME, cutEvents, eventPlaceAt);
}

export function openEventName(): void {
  begin(KIND_STRING, SCOPE_EVENT, true);
  scatter32(HALF_EVENT_NAME, cutEvents, eventPlaceAt);
}

export function openEventOrder(): void {
  begin(KIND_ORDER, SCOPE_EVENT, false);
  scatter32(HALF_EVENT_ORDER, cutEvents, eventPlaceAt);
  for (let i: u32 = 0; i < cutEvents; i++) if (load<u32>(denseAt + i * 4)) markPresent(i);
}

export function openLinkTraceId(): void {
  begin(KIND_FIXED16, SCOPE_LINK, true);
  const from = load<u32>(cutHalf, HALF_LINK_TRACE_ID);
  for (let i: u32 = 0; i < cutLinks; i++) {
    v128.store(denseAt + load<u32>(linkPlaceAt + i * 4) * 16, v128.load(from + i * 16));
  }
}

export function openLinkSpanId(): void {
  begin(KIND_FIXED8, SCOPE_LINK, true);
  scatter64(HALF_LINK_SPAN_ID, cutLinks, linkPlaceAt);
}

export function openLinkOrder(): void {
  begin(KIND_ORDER, SCOPE_LINK, false);
  scatter32(HALF_LINK_ORDER, cutLinks, linkPlaceAt);
  for (let i: u32 = 0; i < cutLinks; i++) if (load<u32>(denseAt + i * 4)) markPresent(i);
}

/** A sparse column of the half, by its index. */
export function openColumn(index: u32): void {
  const column = load<u32>(cutHalf, HALF_COLUMN) + index * COLUMN_BYTES;
  const type = load<u32>(column, COLUMN_TYPE);
  begin(kindOf(column, type), load<u32>(column, COLUMN_SCOPE), false);
  listType = type;
  const placeAt = scope == SCOPE_SPAN ? rowPlaceAt
    : scope == SCOPE_EVENT ? eventPlaceAt : linkPlaceAt;
  const wide = type == TYPE_INT || type == TYPE_DOUBLE;
  let left = load<u32>(column, COLUMN_COUNT);
  let chunk = load<u32>(column, COLUMN_FIRST);
  while (left) {
    const count = min(left, <u32>CHUNK_VALUES);
    if (wide) scatterChunk64(chunk + CHUNK_HEADER_BYTES, count, placeAt);
    else scatterChunk32(chunk + CHUNK_HEADER_BYTES, count, placeAt);
    left -= count;
    chunk = load<u32>(chunk);
  }
}

function kindOf(column: u32, type: u32): u32 {
  switch (type) {
    case TYPE_INT: return KIND_INT;
    case TYPE_DOUBLE: return KIND_DOUBLE;
    case TYPE_BOOL: return KIND_BOOL;
    case TYPE_U32: return KIND_U32;
    case TYPE_BYTES: return KIND_BYTES;
    case TYPE_STRINGS:
    case TYPE_INTS:
    case TYPE_DOUBLES:
    case TYPE_BOOLS: return KIND_LIST;
    default: return load<u32>(column, COLUMN_RAW) ? KIND_BYTES : KIND_STRING;
  }
}

function scatterChunk32(rows: u32, count: u32, placeAt: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const index = load<u32>(placeAt + load<u32>(rows + i * 4) * 4);
    markPresent(index);
    store<u32>(denseAt + index * 4, load<u32>(rows + i * 4, CHUNK_VALUES * 4));
  }
}

function scatterChunk64(rows: u32, count: u32, placeAt: u32): void {
  const values = rows + CHUNK_VALUES * 4;
  for (let i: u32 = 0; i < count; i++) {
    const index = load<u32>(placeAt + load<u32>(rows + i * 4) * 4);
    markPresent(index);
    store<u64>(denseAt + index * 8, load<u64>(values + i * 8));
  }
}

/** Distinct resources (scopes) of the half: fills group tables; returns how many groups. */
export function groupRows(ofScope: u32): u32 {
  const epoch = nextEpoch();
  const from = load<u32>(cutHalf + (ofScope ? HALF_SCOPE : HALF_RESOURCE));
  let groups: u32 = 0;
  for (let row: u32 = 0; row < cutRows; row++) {
    const entry = load<u32>(from + load<u32>(rowOrderAt + row * 4) * 4);
    const slot = remapAt + entry * 8;
    if (load<u32>(slot) != epoch) {
      store<u32>(slot, epoch);
      store<u32>(slot, groups, 4);
      store<u32>(groupTableAt + groups * 4, entry);
      groups += 1;
    }
    store<u32>(groupOfAt + row * 4, load<u32>(slot, 4));
  }
  return groups;
}

/** A column that follows from the group: groupValue names a derived entry, or NO_ROW for null. */
export function openDerived(isRequired: bool): void {
  begin(KIND_STRING, SCOPE_SPAN, isRequired);
  entriesAt = derivedAt;
  for (let row: u32 = 0; row < cutRows; row++) {
    const value = load<u32>(groupValueAt + load<u32>(groupOfAt + row * 4) * 4);
    store<u32>(denseAt + row * 4, value);
    if (!isRequired && value != <u32>NO_ROW) markPresent(row);
  }
}

