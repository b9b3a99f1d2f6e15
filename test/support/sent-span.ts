/**
 * A span as its sender describes it, and answers of the trace API in the same form. The clients in
 * clients/ print a list of these from the SDK's own objects; none of them sees OTLP.
 */
import { type DescMessage, fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import type {
  AnyValue,
  KeyValue,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import {
  type Trace,
  TraceByIDResponseSchema,
  TraceSchema,
} from "../../src/proto-gen/tempopb/tempo_pb.ts";

/** What the clients are started with: where to send, as whom, and files of certificates. */
export type SendArguments = readonly [url: string, service: string, ...files: readonly string[]];

/** Integers as digits, so that JSON carries 64 bits. */
export type SentValue =
  | readonly ["string" | "int", string]
  | readonly ["double", number]
  | readonly ["bool", boolean]
  | readonly ["array", readonly SentValue[]];

export type SentAttributes = readonly (readonly [key: string, value: SentValue])[];

export interface SentSpan {
  /** Ids are hex; no parent is empty. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** The number in OTLP. */
  readonly kind: number;
  /** Unix time in nanoseconds, as digits. */
  readonly start: string;
  readonly end: string;
  readonly attributes: SentAttributes;
  readonly droppedAttributes: number;
  readonly events: readonly SentEvent[];
  readonly links: readonly SentLink[];
  readonly status: readonly [code: number, message: string];
  readonly resource: SentAttributes;
  readonly scope: readonly [name: string, version: string, attributes: SentAttributes];
}

export interface SentEvent {
  readonly time: string;
  readonly name: string;
  readonly attributes: SentAttributes;
}

export interface SentLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: SentAttributes;
}

/** The four forms in which a trace comes. */
export const TRACE_FORMS = ["v1 JSON", "v1 protobuf", "v2 JSON", "v2 protobuf"] as const;
export type TraceForm = (typeof TRACE_FORMS)[number];

export interface TraceQuestion {
  /** Of the query API, without a slash at the end. */
  readonly api: string;
  readonly traceId: string;
  readonly form: TraceForm;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The trace's spans in the order of the answer; none when there is no such trace. */
export async function fetchSpans(question: TraceQuestion): Promise<SentSpan[]> {
  const trace = await fetchTrace(question);
  return trace === undefined ? [] : spansOf(trace);
}

/** The trace as a message; undefined when v1 says 404. Throws when the answer is an error. */
export async function fetchTrace(question: TraceQuestion): Promise<Trace | undefined> {
  const { api, traceId, form, headers } = question;
  const v1 = form.startsWith("v1");
  const binary = form.endsWith("protobuf");
  const type = binary ? "application/protobuf" : "application/json";
  const response = await fetch(`${api}${v1 ? "/api/traces/" : "/api/v2/traces/"}${traceId}`, {
    headers: { ...headers, accept: type },
  });
  const body = new Uint8Array(await response.arrayBuffer());
  if (v1 && response.status === 404 && body.length === 0) return undefined;
  const text = () => new TextDecoder().decode(body);
  if (response.status !== 200) throw new Error(`test: ${form}: ${response.status} ${text()}`);
  if (response.headers.get("content-type") !== type) {
    throw new Error(`test: ${form} came as ${response.headers.get("content-type")}`);
  }
  if (binary) {
    return v1 ? fromBinary(TraceSchema, body) : fromBinary(TraceByIDResponseSchema, body).trace;
  }
  if (!v1) return fromWholeJson(TraceByIDResponseSchema, text()).trace;
  const { batches, ...rest } = JSON.parse(text()) as Record<string, JsonValue>;
  return fromWholeJson(TraceSchema, JSON.stringify({ ...rest, resourceSpans: batches }));
}

/** Unknown fields are errors: strict decoders read these bodies. */
function fromWholeJson<Desc extends DescMessage>(schema: Desc, text: string) {
  return fromJson(schema, JSON.parse(text) as JsonValue, { ignoreUnknownFields: false });
}

export function spansOf(trace: Trace): SentSpan[] {
  return trace.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) =>
        sentSpan(span, {
          resource: sentAttributes(resource?.attributes ?? []),
          scope: [
            scope?.name ?? "",
            scope?.version ?? "",
            sentAttributes(scope?.attributes ?? []),
          ] as const,
        }),
      ),
    ),
  );
}

const hex = (id: Uint8Array) => Buffer.from(id).toString("hex");

function sentSpan(span: Span, from: Pick<SentSpan, "resource" | "scope">): SentSpan {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    traceState: span.traceState,
    name: span.name,
    kind: span.kind,
    start: String(span.startTimeUnixNano),
    end: String(span.endTimeUnixNano),
    attributes: sentAttributes(span.attributes),
    droppedAttributes: span.droppedAttributesCount,
    events: span.events.map(({ timeUnixNano, name, attributes }) => ({
      time: String(timeUnixNano),
      name,
      attributes: sentAttributes(attributes),
    })),
    links: span.links.map((link) => ({
      traceId: hex(link.traceId),
      spanId: hex(link.spanId),
      traceState: link.traceState,
      attributes: sentAttributes(link.attributes),
    })),
    status: [span.status?.code ?? 0, span.status?.message ?? ""],
    ...from,
  };
}

function sentAttributes(attributes: readonly KeyValue[]): SentAttributes {
  return attributes.map(({ key, value }) => [key, sentValue(value)]);
}

function sentValue(value: AnyValue | undefined): SentValue {
  const one = value?.value;
  switch (one?.case) {
    case "stringValue":
      return ["string", one.value];
    case "intValue":
      return ["int", String(one.value)];
    case "doubleValue":
      return ["double", one.value];
    case "boolValue":
      return ["bool", one.value];
    case "arrayValue":
      return ["array", one.value.values.map(sentValue)];
    default:
      throw new Error(`test: no client sends a value of the kind ${one?.case}`);
  }
}

/** The order of an answer is its own; senders compare by span. */
export function bySpanId(spans: readonly SentSpan[]): SentSpan[] {
  return spans.toSorted((a, b) => (a.spanId < b.spanId ? -1 : 1));
}
