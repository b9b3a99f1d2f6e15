/** OTLP's KeyValue, Resource and InstrumentationScope messages as queries see them. */
import type { DataScalar, DataValue } from "../model/data-value.ts";
import { ProtoCursor } from "./proto-cursor.ts";
import type { Source } from "./segment.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** What queries do not see: maps, bytes, lists of several types or of none. */
const UNSEEN: DataValue = { type: "nil" };

export interface Pair {
  readonly key: string;
  readonly value: DataValue;
}

/** A KeyValue message. */
export function readPair(message: Uint8Array): Pair {
  const cursor = new ProtoCursor(message);
  return readPairAt(cursor, message.length);
}

/** `residual` holds KeyValue fields behind each other: tag 0a, length, message. */
export function* readPairs(residual: Uint8Array): Generator<Pair> {
  const cursor = new ProtoCursor(residual);
  while (cursor.at < residual.length) {
    cursor.tag(residual.length);
    yield readPairAt(cursor, lengthEnd(cursor, residual.length));
  }
}

/** An ArrayValue message. A list of one is that one: as Tempo has it. */
export function readList(message: Uint8Array): DataValue {
  const cursor = new ProtoCursor(message);
  return unlessOne(listAt(cursor, message.length));
}

function unlessOne(value: DataValue): DataValue {
  return value.type === "list" && value.values.length === 1 ? value.values[0] : value;
}

/** A Resource: attributes have number 1. */
export function readResource(message: Uint8Array): Source {
  return { name: "", version: "", attributes: readAttributes(message, 1).attributes };
}

/** An InstrumentationScope: name 1, version 2, attributes 3. */
export function readScope(message: Uint8Array): Source {
  return readAttributes(message, 3);
}

function readAttributes(message: Uint8Array, field: number): Source {
  const cursor = new ProtoCursor(message);
  const attributes = new Map<string, DataValue>();
  const texts = new Map<number, string>();
  while (cursor.at < message.length) {
    const tag = cursor.tag(message.length);
    if ((tag & 7) !== 2) {
      cursor.skip(tag & 7, message.length);
      continue;
    }
    const end = lengthEnd(cursor, message.length);
    if (tag >>> 3 === field) {
      const { key, value } = readPairAt(cursor, end);
      // Of equal keys the first one counts.
      if (!attributes.has(key)) attributes.set(key, value);
    } else texts.set(tag >>> 3, utf8.decode(message.subarray(cursor.at, end)));
    cursor.at = end;
  }
  return { name: texts.get(1) ?? "", version: texts.get(2) ?? "", attributes };
}

function readPairAt(cursor: ProtoCursor, end: number): Pair {
  let key = "";
  let value: DataValue = UNSEEN;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== 0x0a && tag !== 0x12) {
      cursor.skip(tag & 7, end);
      continue;
    }
    const fieldEnd = lengthEnd(cursor, end);
    if (tag === 0x0a) key = utf8.decode(cursor.bytes.subarray(cursor.at, fieldEnd));
    else value = unlessOne(valueAt(cursor, fieldEnd));
    cursor.at = fieldEnd;
  }
  return { key, value };
}

/** An AnyValue message; the last of several fields counts. */
function valueAt(cursor: ProtoCursor, end: number): DataValue {
  let value: DataValue = UNSEEN;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === 0x0a || tag === 0x2a) {
      const fieldEnd = lengthEnd(cursor, end);
      if (tag === 0x2a) value = listAt(cursor, fieldEnd);
      else {
        value = { type: "string", value: utf8.decode(cursor.bytes.subarray(cursor.at, fieldEnd)) };
      }
      cursor.at = fieldEnd;
    } else if (tag === 0x10 || tag === 0x18) {
      cursor.varint(end);
      const { low, high } = cursor;
      if (tag === 0x10) value = { type: "bool", value: low !== 0 || high !== 0 };
      else {
        const bits = (BigInt(high) << 32n) | BigInt(low);
        value = { type: "int", value: BigInt.asIntN(64, bits) };
      }
    } else if (tag === 0x21) {
      const at = cursor.at;
      cursor.skip(1, end);
      value = { type: "float", value: cursor.view.getFloat64(at, true) };
    } else {
      cursor.skip(tag & 7, end);
      value = UNSEEN;
    }
  }
  return value;
}

function listAt(cursor: ProtoCursor, end: number): DataValue {
  const values: DataScalar[] = [];
  let isOfOneType = true;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== 0x0a) {
      cursor.skip(tag & 7, end);
      continue;
    }
    const fieldEnd = lengthEnd(cursor, end);
    const value = valueAt(cursor, fieldEnd);
    cursor.at = fieldEnd;
    if (value.type === "nil" || value.type === "list") isOfOneType = false;
    else {
      if (values.length > 0 && values[0].type !== value.type) isOfOneType = false;
      values.push(value);
    }
  }
  return isOfOneType && values.length > 0 ? { type: "list", values } : UNSEEN;
}

function lengthEnd(cursor: ProtoCursor, end: number): number {
  const length = cursor.length(end);
  return cursor.at + length;
}
