/** What comes out of a translation, as plain values: one object a span, without what is absent. */
import { fromBinary } from "@bufbuild/protobuf";
import { ExportTraceServiceRequestSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type {
  AnyValue,
  KeyValue,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type {
  Span_Event as Event,
  Span,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { ZipkinWriter } from "../../src/receive/zipkin-write.ts";

export const NOW_MS = 1_700_000_000_000;

export interface PlainSpan {
  readonly [field: string]: unknown;
}

export function zipkinWriter(parseStringTags = false): ZipkinWriter {
  return new ZipkinWriter({
    bytesMax: 8 << 20,
    parseStringTags,
    clock: { nowMs: () => NOW_MS },
  });
}

export function plainSpans(request: Uint8Array): PlainSpan[] {
  const { resourceSpans } = fromBinary(ExportTraceServiceRequestSchema, request);
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) =>
        present({
          resource: attributesOf(resource?.attributes ?? []),
          scope: scope && [scope.name, scope.version].join(" ").trim(),
          ...spanOf(span),
        }),
      ),
    ),
  );
}

/** How many groups of a resource and a scope there are, and how many spans in each. */
export function groupsOf(request: Uint8Array): number[] {
  const { resourceSpans } = fromBinary(ExportTraceServiceRequestSchema, request);
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.map(({ spans }) => spans.length));
}

function spanOf(span: Span): PlainSpan {
  const hex = (id: Uint8Array) => Buffer.from(id).toString("hex");
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parent: hex(span.parentSpanId),
    traceState: span.traceState,
    name: span.name,
    kind: span.kind,
    start: `${span.startTimeUnixNano}`,
    end: `${span.endTimeUnixNano}`,
    attributes: attributesOf(span.attributes),
    events: span.events.map(eventOf),
    links: span.links.map((link) =>
      present({
        ids: `${hex(link.traceId)} ${hex(link.spanId)}`,
        traceState: link.traceState,
        attributes: attributesOf(link.attributes),
        dropped: link.droppedAttributesCount,
      }),
    ),
    dropped: droppedOf(span),
    status: span.status && present({ code: span.status.code, message: span.status.message }),
  };
}

/** A text, when there is no more of it than one can hold. */
function eventOf(event: Event): string | PlainSpan {
  const text = `${event.timeUnixNano} ${event.name}`;
  if (event.attributes.length === 0 && event.droppedAttributesCount === 0) return text;
  const attributes = attributesOf(event.attributes);
  return present({ text, attributes, dropped: event.droppedAttributesCount });
}

function droppedOf(span: Span): number[] | undefined {
  const { droppedAttributesCount, droppedEventsCount, droppedLinksCount } = span;
  const counts = [droppedAttributesCount, droppedEventsCount, droppedLinksCount];
  return counts.some((count) => count > 0) ? counts : undefined;
}

function attributesOf(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueIn(value)]));
}

function valueIn(value: AnyValue | undefined): unknown {
  const one = value?.value;
  if (one?.case === "arrayValue") return one.value.values.map(valueIn);
  return one?.case === "kvlistValue" ? attributesOf(one.value.values) : one?.value;
}

function present(fields: PlainSpan): PlainSpan {
  const kept = Object.entries(fields).filter(([, value]) => {
    if (value === undefined || value === "" || value === 0) return false;
    return typeof value !== "object" || Object.keys(value ?? {}).length > 0;
  });
  return Object.fromEntries(kept);
}
