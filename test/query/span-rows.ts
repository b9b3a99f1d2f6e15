/** Spans as columns would say them, out of messages. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { AttributeValue, SourceMessage, SpanRow } from "../../src/model/span-row.ts";
import {
  ArrayValueSchema,
  type KeyValue,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  type ResourceSpans,
  type Span,
  SpanSchema,
  StatusSchema,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const NO_SOURCE: SourceMessage = { message: utf8(""), schemaUrl: utf8("") };

/** `message` stands for an encoded one: combiners do not look into it. */
export function sourceOf(message: string, schemaUrl = ""): SourceMessage {
  return { message: utf8(message), schemaUrl: utf8(schemaUrl) };
}

export interface Sources {
  readonly resource?: SourceMessage;
  readonly scope?: SourceMessage;
}

export function rowOf(span: Span, sources: Sources = {}): SpanRow {
  const duration = span.endTimeUnixNano - span.startTimeUnixNano;
  return {
    spanId: span.spanId,
    parentSpanId: span.parentSpanId.length === 0 ? undefined : span.parentSpanId,
    traceState: utf8(span.traceState),
    name: utf8(span.name),
    kind: span.kind,
    startUnixNano: span.startTimeUnixNano,
    durationNano: BigInt.asIntN(64, duration),
    statusCode: span.status?.code ?? 0,
    statusMessage: utf8(span.status?.message ?? ""),
    flags: span.flags,
    droppedAttributes: span.droppedAttributesCount,
    droppedEvents: span.droppedEventsCount,
    droppedLinks: span.droppedLinksCount,
    attributes: span.attributes.map(attributeOf),
    events: span.events.map((event) => ({
      timeUnixNano: event.timeUnixNano,
      name: utf8(event.name),
      droppedAttributes: event.droppedAttributesCount,
      attributes: event.attributes.map(attributeOf),
    })),
    links: span.links.map((link) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      traceState: utf8(link.traceState),
      flags: link.flags,
      droppedAttributes: link.droppedAttributesCount,
      attributes: link.attributes.map(attributeOf),
    })),
    otlp: undefined,
    resource: sources.resource ?? NO_SOURCE,
    scope: sources.scope ?? NO_SOURCE,
  };
}

function attributeOf(pair: KeyValue): AttributeValue {
  const key = utf8(pair.key);
  const held = pair.value?.value;
  switch (held?.case) {
    case "stringValue":
      return { type: "string", key, value: utf8(held.value) };
    case "intValue":
      return { type: "int", key, value: held.value };
    case "doubleValue":
      return { type: "double", key, value: held.value };
    case "boolValue":
      return { type: "bool", key, value: held.value };
    case "arrayValue":
      return { type: "array", key, value: toBinary(ArrayValueSchema, held.value) };
    default:
      return { type: "raw", raw: toBinary(KeyValueSchema, pair) };
  }
}

/** A span of which only what is given matters; ids are numbers. */
export function plainSpan(id: number, fields: { name?: string; kind?: number } = {}): Span {
  const spanId = new Uint8Array(8);
  new DataView(spanId.buffer).setUint32(4, id);
  return create(SpanSchema, {
    traceId: TRACE_ID,
    spanId,
    name: fields.name ?? `span ${id}`,
    kind: (fields.kind ?? 1) as Span["kind"],
  });
}

export const TRACE_ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** In hex, with a status: absent and empty are the same. */
export function canonical(span: Span): string {
  return hex(toBinary(SpanSchema, { ...span, status: span.status ?? create(StatusSchema) }));
}

export function groupsOf(trace: Uint8Array): ResourceSpans[] {
  return fromBinary(TraceSchema, trace).resourceSpans;
}

/** Names of all spans, in the trace's order. */
export function namesOf(trace: Uint8Array): string[] {
  return groupsOf(trace).flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)),
  );
}
