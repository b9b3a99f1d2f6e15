/**
 * What becomes of Jaeger's spans, written down a second time: over plain values, by the order of
 * the Collector's translation, and with nothing in common with the one that is tested.
 */
import { create, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import type { KeyValueSchema } from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { ResourceSchema } from "../../src/proto-gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import type { JaegerBatch, JaegerModelSpan, JaegerProcess, JaegerTag } from "./jaeger-model.ts";

type Value = JaegerTag[1];

/** Insertion keeps a key's first place and its last value. */
const tagMap = (tags: readonly JaegerTag[]) => new Map<string, Value>(tags);

function attributes(tags: ReadonlyMap<string, Value>): MessageInitShape<typeof KeyValueSchema>[] {
  return [...tags].map(([key, value]) => {
    if (typeof value === "string") return { key, value: { value: { case: "stringValue", value } } };
    if (typeof value === "boolean") return { key, value: { value: { case: "boolValue", value } } };
    if (typeof value === "bigint") return { key, value: { value: { case: "intValue", value } } };
    if (typeof value === "number") return { key, value: { value: { case: "doubleValue", value } } };
    return { key, value: { value: { case: "bytesValue", value } } };
  });
}

function resource({ service, tags }: JaegerProcess) {
  const own = tagMap([...(service === "" ? [] : [["service.name", service] as const]), ...tags]);
  // As in the Collector, a tag service.name goes before the process's name, and keeps its place.
  const byTag = tags.some(([key]) => key === "service.name");
  const all = byTag ? tagMap(tags) : own;
  const version = all.get("jaeger.version");
  const moves = typeof version === "string" && !all.has("opencensus.exporterversion");
  if (moves) all.delete("jaeger.version");
  const renames = all.has("hostname") && !all.has("host.name");
  const renamed = [...all].map(([key, value]): JaegerTag => {
    return [renames && key === "hostname" ? "host.name" : key, value];
  });
  const last: JaegerTag[] = moves ? [["opencensus.exporterversion", `Jaeger-${version}`]] : [];
  const message = create(ResourceSchema, { attributes: attributes(tagMap([...renamed, ...last])) });
  return toJson(ResourceSchema, message);
}

const KINDS = ["internal", "server", "client", "producer", "consumer"];

function takeText(tags: Map<string, Value>, key: string): string | undefined {
  const value = tags.get(key);
  if (typeof value !== "string") return undefined;
  tags.delete(key);
  return value;
}

function httpFailed(tags: ReadonlyMap<string, Value>, kind: number): boolean {
  const value = tags.get("http.status_code");
  if (typeof value === "string" && !/^\d{1,9}$/.test(value)) return false;
  if (typeof value !== "string" && typeof value !== "bigint") return false;
  const code = Number(value);
  if (code >= 400 && code < 500 && kind === 2) return false;
  return code < 100 || code >= 399;
}

function takeStatus(tags: Map<string, Value>, kind: number) {
  const text = (key: string) => {
    const value = tags.get(key);
    return typeof value === "string" ? value : undefined;
  };
  const failed = tags.get("error") === true;
  const http = text("http.status_message");
  if (failed) {
    tags.delete("error");
    const message = takeText(tags, "otel.status_description") ?? http ?? "";
    takeText(tags, "otel.status_code");
    return { code: 2, message } as const;
  }
  const told = takeText(tags, "otel.status_code");
  if (told !== undefined) {
    const message = takeText(tags, "otel.status_description") ?? "";
    const code = ["UNSET", "OK", "ERROR"].indexOf(told.toUpperCase());
    return { code: (code < 0 ? 0 : code) as 0 | 1 | 2, message };
  }
  return httpFailed(tags, kind) ? ({ code: 2, message: http ?? "" } as const) : undefined;
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

function parentOf(span: JaegerModelSpan): Uint8Array<ArrayBuffer> | undefined {
  if (span.parentId !== undefined) return span.parentId;
  const here = span.references.filter(({ traceId }) => same(traceId, span.traceId));
  return (here.find(({ follows }) => !follows) ?? here[0])?.spanId;
}

function takeScope(tags: Map<string, Value>): readonly [string, string] {
  const text = (key: string) => {
    const value = tags.get(key);
    return typeof value === "string" ? value : "";
  };
  const name = takeText(tags, "otel.scope.name");
  if (name !== undefined) return [name, name && (takeText(tags, "otel.scope.version") ?? "")];
  const library = text("otel.library.name");
  return [library, library && text("otel.library.version")];
}

function spanOf(span: JaegerModelSpan) {
  const tags = tagMap(span.tags);
  const [scopeName, scopeVersion] = takeScope(tags);
  const kind = KINDS.indexOf(String(tags.get("span.kind"))) + 1;
  if (kind > 0) tags.delete("span.kind");
  const status = takeStatus(tags, kind);
  const traceState = takeText(tags, "w3c.tracestate") ?? "";
  const parent = parentOf(span);
  const nanos = (micros: bigint) => BigInt.asUintN(64, micros * 1000n);
  const message = create(SpanSchema, {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    traceState,
    name: span.name,
    kind: kind as 0 | 1 | 2 | 3 | 4 | 5,
    startTimeUnixNano: nanos(span.start),
    endTimeUnixNano: nanos(span.start + span.duration),
    attributes: attributes(tags),
    events: span.logs.map(({ time, fields }) => {
      const all = tagMap(fields);
      const message = all.get("message");
      const name = takeText(all, "event") ?? (typeof message === "string" ? message : "");
      return { timeUnixNano: nanos(time), name, attributes: attributes(all) };
    }),
    links: span.references
      .filter(({ follows, spanId }) => follows || parent === undefined || !same(spanId, parent))
      .map(({ follows, traceId, spanId }) => ({
        traceId,
        spanId,
        attributes: attributes(
          new Map([["opentracing.ref_type", follows ? "follows_from" : "child_of"]]),
        ),
      })),
    flags: span.flags & 1,
    ...(status === undefined || (status.code === 0 && status.message === "") ? {} : { status }),
  });
  return { scope: [scopeName, scopeVersion], span: toJson(SpanSchema, message) };
}

/** Each span with its resource and its scope, as JSON. */
export function translated({ process, spans }: JaegerBatch) {
  return spans.map((span) => ({ resource: resource(span.process ?? process), ...spanOf(span) }));
}
