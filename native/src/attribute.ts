/**
 * One KeyValue of a span, event or link: into a typed column, or into the residual.
 *
 * A column takes a value when the message is the plain form that every encoder writes (key, then
 * a value of one field) and its type has columns; all else is kept byte for byte as a residual:
 * kvlists, bytes, mixed or empty arrays, absent values, a key's second occurrence, and whatever
 * has no column (column-admit.ts says who gets one). The order of attributes is kept beside (u16
 * column indexes), so that the message can be built again exactly.
 *
 * What is being filled, a span or one of its events and links, is a frame: row, scope, and where
 * its order and residual grow. A span's frame is saved while a child's is filled.
 */
import { admit } from "./column-admit";
import {
  addColumn,
  append32,
  append64,
  columnFor,
  columnIndex,
  entryAt,
  keyAt,
  keys,
  strings,
  successorAt,
} from "./half";
import { addKey, addString, equal, findKey, intern, keyHash } from "./intern";
import {
  COLUMN_BEFORE,
  COLUMN_COUNT,
  COLUMN_LAST_ENTRY,
  COLUMN_LAST_ROW,
  COLUMN_NEW,
  COLUMN_RAW,
  KEY_BYTES_MAX,
  KEYS_MAX,
  ORDER_RESIDUAL,
  SCOPE_SPAN,
  TYPE_BOOL,
  TYPE_BOOLS,
  TYPE_DOUBLE,
  TYPE_DOUBLES,
  TYPE_INT,
  TYPE_INTS,
  TYPE_STRING,
  TYPE_STRINGS,
} from "./layout";
import {
  scratchChildOrder,
  scratchChildResidual,
  scratchOrder,
  scratchResidual,
} from "./scratch";
import { next, readVarint } from "./wire";

let row: u32 = 0;
let scope: u32 = 0;
let previousKey: u32 = 0;
let orderStart: u32 = 0;
let orderPos: u32 = 0;
let residualStart: u32 = 0;
let residualPos: u32 = 0;
// the span's frame while a child's is filled
let savedRow: u32 = 0;
let savedKey: u32 = 0;
let savedOrderPos: u32 = 0;
let savedResidualPos: u32 = 0;

/** A column with this many new values, most of them new, is not worth interning. */
const NEW_MIN: u32 = 1024;

export function beginSpan(at: u32): void {
  row = at;
  scope = 0;
  previousKey = KEYS_MAX;
  orderStart = scratchOrder;
  orderPos = scratchOrder;
  residualStart = scratchResidual;
  residualPos = scratchResidual;
}

export function beginChild(at: u32, childScope: u32, successor: u32): void {
  savedRow = row;
  savedKey = previousKey;
  savedOrderPos = orderPos;
  savedResidualPos = residualPos;
  row = at;
  scope = childScope;
  previousKey = successor;
  orderStart = scratchChildOrder;
  orderPos = scratchChildOrder;
  residualStart = scratchChildResidual;
  residualPos = scratchChildResidual;
}

export function endChild(): void {
  row = savedRow;
  scope = 0;
  previousKey = savedKey;
  orderStart = scratchOrder;
  orderPos = savedOrderPos;
  residualStart = scratchResidual;
  residualPos = savedResidualPos;
}

/** What the first key after this is predicted from. */
// @ts-ignore: decorator
@inline
export function predictFrom(successor: u32): void {
  previousKey = successor;
}

/** Entry of the order of the frame's attributes; 0 when it has none. */
export function orderEntry(): u32 {
  return intern(orderStart, orderPos - orderStart);
}

/** Writes the frame's residual, if it has one, to its column. */
export function flushResidual(column: u32): void {
  if (residualPos != residualStart) {
    append32(column, row, addString(residualStart, residualPos - residualStart));
  }
}

/** Takes a KeyValue message at [p, end). */
export function attribute(p: u32, end: u32): void {
  if (p < end && load<u8>(p) == 0x0a) {
    const keyLength = <u32>readVarint(p + 1);
    const keyStart = next;
    const tag = keyStart + keyLength;
    if (tag < end && load<u8>(tag) == 0x12) {
      const valueLength = <u32>readVarint(tag + 1);
      const value = next;
      if (value + valueLength == end && valueLength) {
        if (takeValue(keyStart, keyLength, value, end)) return;
      }
    }
  }
  takeResidual(p, end);
}

function takeResidual(p: u32, end: u32): void {
  store<u16>(orderPos, ORDER_RESIDUAL);
  orderPos += 2;
  let at = residualPos;
  let length = end - p;
  store<u8>(at, 0x0a);
  at += 1;
  while (length >= 128) {
    store<u8>(at, (length & 127) | 128);
    at += 1;
    length >>= 7;
  }
  store<u8>(at, length);
  at += 1;
  memory.copy(at, p, end - p);
  residualPos = at + (end - p);
}

/**
 * The key's number: the one that followed the key before last time, if it still does. KEYS_MAX
 * when no column has it; then the next key is predicted as if this one had not been.
 */
// @ts-ignore: decorator
@inline
function keyOf(p: u32, length: u32): u32 {
  const predicted = load<u32>(successorAt + previousKey * 4);
  const entry = keyAt + predicted * 16;
  let key = predicted;
  if (
    predicted >= keys ||
    load<u32>(entry, 4) != length ||
    !equal(load<u32>(entry), p, length)
  ) {
    key = findKey(p, length);
    if (key == KEYS_MAX) return key;
    store<u32>(successorAt + previousKey * 4, key);
  }
  previousKey = key;
  return key;
}

/** False when the value has to go to the residual. */
function takeValue(keyStart: u32, keyLength: u32, value: u32, end: u32): bool {
  switch (<u32>load<u8>(value)) {
    case 0x0a: {
      const length = <u32>readVarint(value + 1);
      const text = next;
      if (text + length != end) return false;
      const column = columnOf(keyStart, keyLength, TYPE_STRING);
      if (!column) return false;
      appendString(column, text, length);
      return true;
    }
    case 0x10: {
      const bit = readVarint(value + 1);
      if (next != end) return false;
      const column = columnOf(keyStart, keyLength, TYPE_BOOL);
      if (!column) return false;
      append32(column, row, u32(bit != 0));
      return true;
    }
    case 0x18: {
      const integer = readVarint(value + 1);
      if (next != end) return false;
      const column = columnOf(keyStart, keyLength, TYPE_INT);
      if (!column) return false;
      append64(column, row, integer);
      return true;
    }
    case 0x21: {
      if (value + 9 != end) return false;
      const column = columnOf(keyStart, keyLength, TYPE_DOUBLE);
      if (!column) return false;
      append64(column, row, load<u64>(value + 1));
      return true;
    }
    case 0x2a: {
      // Blocks have no list within their lists of events and links.
      if (scope != <u32>SCOPE_SPAN) return false;
      const length = <u32>readVarint(value + 1);
      const list = next;
      if (list + length != end) return false;
      const type = arrayType(list, end);
      if (!type) return false;
      const column = columnOf(keyStart, keyLength, type);
      if (!column) return false;
      appendString(column, list, length);
      return true;
    }
    default:
      return false;
  }
}

/**
 * The column for this key and type, with the attribute noted in the order. 0: there is none for
 * it, or the span has a value in that column already.
 */
// @ts-ignore: decorator
@inline
function columnOf(keyStart: u32, keyLength: u32, type: u32): u32 {
  const key = keyOf(keyStart, keyLength);
  let column = columnFor(key, type, scope);
  if (!column) column = newColumn(key, keyStart, keyLength, type);
  if (!column || load<u32>(column, COLUMN_LAST_ROW) == row + 1) return 0;
  store<u32>(column, row + 1, COLUMN_LAST_ROW);
  store<u16>(orderPos, columnIndex(column));
  orderPos += 2;
  return column;
}

/** Makes the column if the attribute is admitted; 0 if not. `key` is KEYS_MAX when it is new. */
function newColumn(key: u32, p: u32, length: u32, type: u32): u32 {
  if (length > <u32>KEY_BYTES_MAX) return 0;
  const known = key != KEYS_MAX;
  const sightings = admit(known ? load<u32>(keyAt + key * 16, 8) : keyHash, scope * 16 + type);
  if (!sightings) return 0;
  const column = addColumn(known ? key : addKey(p, length), type, scope);
  store<u32>(column, sightings - 1, COLUMN_BEFORE);
  return column;
}

/** Appends to a string column: the value before, an interned one, or a raw one. */
function appendString(column: u32, p: u32, length: u32): void {
  if (load<u32>(column, COLUMN_RAW)) {
    append32(column, row, addString(p, length));
    return;
  }
  const last = load<u32>(column, COLUMN_LAST_ENTRY);
  const entry = entryAt + last * 8;
  if (load<u32>(entry, 4) == length && equal(load<u32>(entry), p, length)) {
    append32(column, row, last);
    return;
  }
  const before = strings;
  const id = intern(p, length);
  store<u32>(column, id, COLUMN_LAST_ENTRY);
  if (id == before) {
    const fresh = load<u32>(column, COLUMN_NEW) + 1;
    store<u32>(column, fresh, COLUMN_NEW);
    if (fresh > NEW_MIN && fresh * 2 > load<u32>(column, COLUMN_COUNT)) {
      store<u32>(column, 1, COLUMN_RAW);
    }
  }
  append32(column, row, id);
}

/** A fixed string column (trace state, status message) of the span or link at hand. */
export function appendFixedString(column: u32, p: u32, length: u32): void {
  appendString(column, p, length);
}

/** The list type of an ArrayValue in plain form with elements of one kind; 0 for any other. */
function arrayType(p: u32, end: u32): u32 {
  let kind: u32 = 0;
  while (p < end) {
    if (load<u8>(p) != 0x0a) return 0;
    const length = <u32>readVarint(p + 1);
    const element = next;
    p = element + length;
    if (length == 0) return 0;
    const tag: u32 = load<u8>(element);
    if (kind && tag != kind) return 0;
    kind = tag;
    if (tag == 0x0a) {
      const text = <u32>readVarint(element + 1);
      if (next + text != p) return 0;
    } else if (tag == 0x10 || tag == 0x18) {
      readVarint(element + 1);
      if (next != p) return 0;
    } else if (tag != 0x21 || length != 9) return 0;
  }
  if (kind == 0x0a) return TYPE_STRINGS;
  if (kind == 0x18) return TYPE_INTS;
  if (kind == 0x21) return TYPE_DOUBLES;
  return kind == 0x10 ? TYPE_BOOLS : 0;
}
