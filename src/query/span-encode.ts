/**
 * One span from columns to an OTLP Span message: fields in the order of their numbers, attributes
 * in the order they were sent.
 *
 * Fields that are zero or empty are left out, as encoders do, but for the status: it is always
 * there, as in Tempo's answers and in what most SDKs send.
 */
import type { AttributeValue, EventRow, LinkRow, SpanRow } from "../model/span-row.ts";
import type { ProtoWriter } from "./proto-writer.ts";

// Tags: field number times eight plus wire type.
const SPAN = {
  traceId: 0x0a,
  spanId: 0x12,
  traceState: 0x1a,
  parentSpanId: 0x22,
  name: 0x2a,
  kind: 0x30,
  start: 0x39,
  end: 0x41,
  attribute: 0x4a,
  droppedAttributes: 0x50,
  event: 0x5a,
  droppedEvents: 0x60,
  link: 0x6a,
  droppedLinks: 0x70,
  status: 0x7a,
} as const;
/** A tag of two bytes. */
const FLAGS = (16 << 3) | 5;
const STATUS = { message: 0x12, code: 0x18 } as const;
const EVENT = { time: 0x09, name: 0x12, attribute: 0x1a, droppedAttributes: 0x20 } as const;
const LINK = {
  traceId: 0x0a,
  spanId: 0x12,
  traceState: 0x1a,
  attribute: 0x22,
  droppedAttributes: 0x28,
  flags: 0x35,
} as const;
const KEY = 0x0a;
const VALUE = 0x12;
const ANY = { string: 0x0a, bool: 0x10, int: 0x18, double: 0x21, array: 0x2a } as const;

/** Writes the message alone, without tag and length. */
export function encodeSpan(out: ProtoWriter, traceId: Uint8Array, row: SpanRow): void {
  if (row.otlp !== undefined) {
    out.bytes(row.otlp);
    return;
  }
  out.field(SPAN.traceId, traceId);
  out.field(SPAN.spanId, row.spanId);
  text(out, SPAN.traceState, row.traceState);
  if (row.parentSpanId !== undefined) out.field(SPAN.parentSpanId, row.parentSpanId);
  text(out, SPAN.name, row.name);
  count(out, SPAN.kind, row.kind);
  time(out, SPAN.start, row.startUnixNano);
  time(out, SPAN.end, BigInt.asUintN(64, row.startUnixNano + row.durationNano));
  for (const it of row.attributes) attribute(out, SPAN.attribute, it);
  count(out, SPAN.droppedAttributes, row.droppedAttributes);
  for (const it of row.events) event(out, it);
  count(out, SPAN.droppedEvents, row.droppedEvents);
  for (const it of row.links) link(out, it);
  count(out, SPAN.droppedLinks, row.droppedLinks);
  const status = out.begin(SPAN.status);
  text(out, STATUS.message, row.statusMessage);
  count(out, STATUS.code, row.statusCode);
  out.end(status);
  if (row.flags !== 0) {
    out.varint(FLAGS);
    out.fixed32(row.flags);
  }
}

function event(out: ProtoWriter, row: EventRow): void {
  const begun = out.begin(SPAN.event);
  time(out, EVENT.time, row.timeUnixNano);
  text(out, EVENT.name, row.name);
  for (const it of row.attributes) attribute(out, EVENT.attribute, it);
  count(out, EVENT.droppedAttributes, row.droppedAttributes);
  out.end(begun);
}

function link(out: ProtoWriter, row: LinkRow): void {
  const begun = out.begin(SPAN.link);
  out.field(LINK.traceId, row.traceId);
  out.field(LINK.spanId, row.spanId);
  text(out, LINK.traceState, row.traceState);
  for (const it of row.attributes) attribute(out, LINK.attribute, it);
  count(out, LINK.droppedAttributes, row.droppedAttributes);
  if (row.flags !== 0) {
    out.byte(LINK.flags);
    out.fixed32(row.flags);
  }
  out.end(begun);
}

function attribute(out: ProtoWriter, tag: number, it: AttributeValue): void {
  if (it.type === "raw") {
    out.field(tag, it.raw);
    return;
  }
  const begun = out.begin(tag);
  out.field(KEY, it.key);
  const value = out.begin(VALUE);
  anyValue(out, it);
  out.end(value);
  out.end(begun);
}

function anyValue(out: ProtoWriter, it: Exclude<AttributeValue, { type: "raw" }>): void {
  switch (it.type) {
    case "string":
      out.field(ANY.string, it.value);
      return;
    case "array":
      out.field(ANY.array, it.value);
      return;
    case "int":
      out.byte(ANY.int);
      out.varint64(it.value);
      return;
    case "double":
      out.byte(ANY.double);
      out.double(it.value);
      return;
    case "bool":
      out.byte(ANY.bool);
      out.byte(it.value ? 1 : 0);
  }
}

function text(out: ProtoWriter, tag: number, bytes: Uint8Array): void {
  if (bytes.length > 0) out.field(tag, bytes);
}

function count(out: ProtoWriter, tag: number, value: number): void {
  if (value === 0) return;
  out.byte(tag);
  // An enumeration may be negative, and then takes ten bytes.
  if (value < 0) out.varint64(BigInt(value));
  else out.varint(value);
}

function time(out: ProtoWriter, tag: number, nano: bigint): void {
  if (nano === 0n) return;
  out.byte(tag);
  out.fixed64(nano);
}
