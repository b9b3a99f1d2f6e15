/**
 * Reads jaeger.thrift, of either protocol, into a JaegerRequest: a Batch as collectors get it, and
 * the call of emitBatch as agents do.
 *
 * As Jaeger's own reader: unknown fields and those of another type are skipped, a struct that
 * lacks a required field is malformed.
 */
import type { JaegerRequest } from "./jaeger-request.ts";
import { OWN_ID, PARENT_ID } from "./jaeger-span.ts";
import {
  type JaegerTags,
  TAG_BINARY,
  TAG_BOOL,
  TAG_DOUBLE,
  TAG_INT,
  TAG_STRING,
} from "./jaeger-tags.ts";
import { textOf } from "./text.ts";
import {
  BOOL,
  DOUBLE,
  I32,
  I64,
  LIST,
  STOP,
  STRING,
  STRUCT,
  skipValue,
  type ThriftReader,
  thriftDamaged,
} from "./thrift.ts";

const EMIT_BATCH = textOf("emitBatch").bytes;

/** TagType by its number. */
const TYPES = [TAG_STRING, TAG_DOUBLE, TAG_BOOL, TAG_INT, TAG_BINARY];

/** A call that an agent gets; whatever stands behind it in the packet is not looked at. */
export function readEmitBatch(reader: ThriftReader, request: JaegerRequest): void {
  reader.beginMessage();
  for (let i = 0; i < Math.max(reader.length, EMIT_BATCH.length); i++) {
    if (i < reader.length && reader.bytes[reader.start + i] === EMIT_BATCH[i]) continue;
    throw thriftDamaged("no call of emitBatch");
  }
  let found = false;
  const outer = reader.beginStruct();
  for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) {
    if (reader.fieldId === 1 && type === STRUCT && !found) {
      readBatch(reader, request);
      found = true;
    } else skipValue(reader, type);
  }
  reader.endStruct(outer);
  if (!found) throw thriftDamaged("a call of emitBatch without a batch");
}

/** A process and its spans, in either order. */
export function readBatch(reader: ThriftReader, request: JaegerRequest): void {
  let hasProcess = false;
  /** Where the list begins that came before the process; a list of nothing has no place. */
  let spansAt = -1;
  let hasSpans = false;
  const outer = reader.beginStruct();
  for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) {
    if (reader.fieldId === 1 && type === STRUCT && !hasProcess) {
      readProcess(reader, request);
      hasProcess = true;
    } else if (reader.fieldId === 2 && type === LIST && !hasSpans) {
      hasSpans = true;
      if (hasProcess) readSpans(reader, request);
      else {
        spansAt = reader.at;
        skipValue(reader, type);
      }
    } else skipValue(reader, type);
  }
  reader.endStruct(outer);
  if (!hasProcess || !hasSpans) throw lacks("batch");
  if (spansAt < 0) return;
  const end = reader.at;
  reader.at = spansAt;
  readSpans(reader, request);
  reader.at = end;
}

function readProcess(reader: ThriftReader, request: JaegerRequest): void {
  request.beginProcess(reader.bytes);
  let isNamed = false;
  const outer = reader.beginStruct();
  for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) {
    if (reader.fieldId === 1 && type === STRING) {
      reader.readString();
      request.service.from = reader.start;
      request.service.to = reader.start + reader.length;
      isNamed = true;
    } else if (reader.fieldId === 2 && type === LIST) readTags(reader, request.process);
    else skipValue(reader, type);
  }
  reader.endStruct(outer);
  if (!isNamed) throw lacks("process");
}

function readSpans(reader: ThriftReader, request: JaegerRequest): void {
  const count = beginStructs(reader);
  if (count === 0) return;
  request.open();
  for (let i = 0; i < count; i++) {
    request.beginSpan();
    readSpan(reader, request);
    request.endSpan();
  }
  request.close();
}

/** The fields 1 to 5 and 7 to 9, as bits. */
const SPAN_REQUIRED = 0x3be;

function readSpan(reader: ThriftReader, request: JaegerRequest): void {
  const { span } = request;
  let seen = 0;
  const outer = reader.beginStruct();
  for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) {
    const id = reader.fieldId;
    if (type === I64 && id >= 1 && id <= 9) {
      reader.readI64();
      const { low, high } = reader;
      if (id === 1) putId(span.ids, 8, reader);
      else if (id === 2) putId(span.ids, 0, reader);
      else if (id === 3) putId(span.ids, OWN_ID, reader);
      else if (id === 4) putId(span.ids, PARENT_ID, reader);
      else if (id === 8) span.start.set(low, high);
      else if (id === 9) span.duration.set(low, high);
      else continue;
      seen |= 1 << id;
    } else if (type === STRING && id === 5) {
      reader.readString();
      span.name.from = reader.start;
      span.name.to = reader.start + reader.length;
      seen |= 1 << id;
    } else if (type === I32 && id === 7) {
      span.flags = reader.readInt(type);
      seen |= 1 << id;
    } else if (type === LIST && id === 6) readReferences(reader, request);
    else if (type === LIST && id === 10) readTags(reader, span.tags);
    else if (type === LIST && id === 11) readLogs(reader, request);
    else skipValue(reader, type);
  }
  reader.endStruct(outer);
  if (seen !== SPAN_REQUIRED) throw lacks("span");
  span.start.multiply(1000);
  span.duration.multiply(1000);
}

const TAG_REQUIRED = 0x6;

function readTags(reader: ThriftReader, tags: JaegerTags): void {
  const count = beginStructs(reader);
  for (let i = 0; i < count; i++) readTag(reader, tags);
}

function readTag(reader: ThriftReader, tags: JaegerTags): void {
  let seen = 0;
  let tagType = 0;
  let keyFrom = 0;
  let keyTo = 0;
  // The type may come behind the value, and values of other types beside it.
  let [textFrom, textTo, doubleLow, doubleHigh] = [0, 0, 0, 0];
  let [bool, longLow, longHigh, binaryFrom, binaryTo] = [0, 0, 0, 0, 0];
  const outer = reader.beginStruct();
  for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) {
    const id = reader.fieldId;
    if (type === STRING && (id === 1 || id === 3 || id === 7)) {
      reader.readString();
      const from = reader.start;
      const to = from + reader.length;
      if (id === 1) {
        keyFrom = from;
        keyTo = to;
        seen |= 2;
      } else if (id === 3) {
        textFrom = from;
        textTo = to;
      } else {
        binaryFrom = from;
        binaryTo = to;
      }
    } else if (type === I32 && id === 2) {
      tagType = reader.readInt(type);
      seen |= 4;
    } else if (type === DOUBLE && id === 4) {
      reader.readDouble();
      doubleLow = reader.low;
      doubleHigh = reader.high;
    } else if (type === BOOL && id === 5) bool = reader.readBool() ? 1 : 0;
    else if (type === I64 && id === 6) {
      reader.readI64();
      longLow = reader.low;
      longHigh = reader.high;
    } else skipValue(reader, type);
  }
  reader.endStruct(outer);
  if (seen !== TAG_REQUIRED) throw lacks("tag");
  tags.add(keyFrom, keyTo);
  const known = TYPES[tagType] ?? tagType;
  if (known === TAG_STRING) tags.set(known, textFrom, textTo);
  else if (known === TAG_DOUBLE) tags.set(known, doubleLow, doubleHigh);
  else if (known === TAG_BOOL) tags.set(known, bool, 0);
  else if (known === TAG_INT) tags.set(known, longLow, longHigh);
  else if (known === TAG_BINARY) tags.set(known, binaryFrom, binaryTo);
  else tags.set(known, 0, 0);
}

const LOG_REQUIRED = 0x6;

function readLogs(reader: ThriftReader, request: JaegerRequest): void {
  const { span } = request;
  const count = beginStructs(reader);
  for (let i = 0; i < count; i++) {
    let seen = 0;
    span.beginLog();
    const outer = reader.beginStruct();
    for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) {
      if (reader.fieldId === 1 && type === I64) {
        reader.readI64();
        span.logTime.set(reader.low, reader.high);
        seen |= 2;
      } else if (reader.fieldId === 2 && type === LIST) {
        readTags(reader, span.fields);
        seen |= 4;
      } else skipValue(reader, type);
    }
    reader.endStruct(outer);
    if (seen !== LOG_REQUIRED) throw lacks("log");
    span.logTime.multiply(1000);
    span.endLog();
  }
}

const REFERENCE_REQUIRED = 0x1e;

function readReferences(reader: ThriftReader, request: JaegerRequest): void {
  const { references } = request.span;
  const count = beginStructs(reader);
  for (let i = 0; i < count; i++) {
    let seen = 0;
    const at = references.add();
    const outer = reader.beginStruct();
    for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) {
      const id = reader.fieldId;
      if (type === I32 && id === 1) references.setType(at, reader.readInt(type));
      else if (type === I64 && id >= 2 && id <= 4) {
        reader.readI64();
        putId(references.bytes, at + (id === 2 ? 8 : id === 3 ? 0 : 16), reader);
      } else {
        skipValue(reader, type);
        continue;
      }
      seen |= 1 << id;
    }
    reader.endStruct(outer);
    if (seen !== REFERENCE_REQUIRED) throw lacks("reference");
  }
}

/** The number of elements of a list, which must be structs. */
function beginStructs(reader: ThriftReader): number {
  const count = reader.beginList();
  if (count > 0 && reader.elementType !== STRUCT) throw thriftDamaged("a list of another type");
  return count;
}

/** The i64 that was read last, as the eight bytes of an id. */
function putId(target: Uint8Array, at: number, { low, high }: ThriftReader): void {
  target[at] = high >>> 24;
  target[at + 1] = high >>> 16;
  target[at + 2] = high >>> 8;
  target[at + 3] = high;
  target[at + 4] = low >>> 24;
  target[at + 5] = low >>> 16;
  target[at + 6] = low >>> 8;
  target[at + 7] = low;
}

function lacks(what: string) {
  return thriftDamaged(`a ${what} lacks a required field`);
}
