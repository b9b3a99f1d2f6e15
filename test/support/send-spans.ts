/** Spans of the test's own making, as bytes of OTLP. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type {
  AnyValueSchema,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type {
  Span_SpanKind,
  SpanSchema,
  Status_StatusCode,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import type { SentAttributes, SentSpan, SentValue } from "./sent-span.ts";

/** A span that is nothing but what `own` says; ids are hex digits of any length. */
export function spanOf(own: Partial<SentSpan> & Pick<SentSpan, "traceId" | "spanId">): SentSpan {
  return {
    parentSpanId: "",
    traceState: "",
    name: "",
    kind: 1,
    start: "1700000000000000000",
    end: "1700000000000000000",
    attributes: [],
    droppedAttributes: 0,
    events: [],
    links: [],
    status: [0, ""],
    resource: [["service.name", ["string", "test"]]],
    scope: ["", "", []],
    ...own,
    traceId: own.traceId.padStart(32, "0"),
    spanId: own.spanId.padStart(16, "0"),
  };
}

/** An ExportTraceServiceRequest; spans of one resource and one scope stand together. */
export function requestOf(spans: readonly SentSpan[]): Uint8Array<ArrayBuffer> {
  const groups = Map.groupBy(spans, ({ resource, scope }) => JSON.stringify([resource, scope]));
  const resourceSpans = [...groups.values()].map((group) => {
    const [name, version, attributes] = group[0].scope;
    return {
      resource: { attributes: keyValues(group[0].resource) },
      scopeSpans: [
        {
          scope: { name, version, attributes: keyValues(attributes) },
          spans: group.map(messageOf),
        },
      ],
    };
  });
  // A trace and a request are the same on the wire.
  return toBinary(TraceSchema, create(TraceSchema, { resourceSpans }));
}

function messageOf(span: SentSpan): MessageInitShape<typeof SpanSchema> {
  const [code, message] = span.status;
  return {
    traceId: bytes(span.traceId),
    spanId: bytes(span.spanId),
    parentSpanId: bytes(span.parentSpanId),
    traceState: span.traceState,
    name: span.name,
    kind: span.kind as Span_SpanKind,
    startTimeUnixNano: BigInt(span.start),
    endTimeUnixNano: BigInt(span.end),
    attributes: keyValues(span.attributes),
    droppedAttributesCount: span.droppedAttributes,
    events: span.events.map(({ time, name, attributes }) => ({
      timeUnixNano: BigInt(time),
      name,
      attributes: keyValues(attributes),
    })),
    links: span.links.map((link) => ({
      traceId: bytes(link.traceId),
      spanId: bytes(link.spanId),
      traceState: link.traceState,
      attributes: keyValues(link.attributes),
    })),
    ...(code !== 0 || message !== ""
      ? { status: { code: code as Status_StatusCode, message } }
      : {}),
  };
}

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

function keyValues(attributes: SentAttributes): MessageInitShape<typeof KeyValueSchema>[] {
  return attributes.map(([key, value]) => ({ key, value: anyValue(value) }));
}

type AnyValueInit = MessageInitShape<typeof AnyValueSchema>;

function anyValue(sent: SentValue): AnyValueInit {
  switch (sent[0]) {
    case "string":
      return { value: { case: "stringValue", value: sent[1] } };
    case "int":
      return { value: { case: "intValue", value: BigInt(sent[1]) } };
    case "double":
      return { value: { case: "doubleValue", value: sent[1] } };
    case "bool":
      return { value: { case: "boolValue", value: sent[1] } };
    case "array":
      return { value: { case: "arrayValue", value: { values: sent[1].map(anyValue) } } };
  }
}
