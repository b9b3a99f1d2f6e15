/**
 * The shop's requests in every format, and how a body gets fresh ids: an
 * exclusive-or over those that are bytes, another alphabet for those that are hex.
 */
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import type { Prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { otlpJsonText } from "../../test/support/otlp-json-text.ts";
import {
  protoOf,
  thriftOf,
  type V1Span,
  type V2Span,
} from "../../test/support/zipkin-generator.ts";
import {
  jaegerPacketPlaces,
  jaegerPackets,
  jaegerProto,
  jaegerThrift,
  jaegerThriftPlaces,
  restampPacket,
} from "./shop-jaeger.ts";

export interface LoadFormat {
  /** Which of the server's receivers takes it. */
  readonly receiver: "otlp" | "otlp_grpc" | "zipkin" | "jaeger_http" | "jaeger_grpc" | "jaeger_udp";
  /** HTTP, unless it is something else. */
  readonly transport?: "grpc" | "udp";
  /** What encode() makes is compressed already, for gRPC. */
  readonly isGzip?: boolean;
  /** Of a method, for gRPC; nothing for UDP. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  encode(batch: Uint8Array): Uint8Array;
  /** Where a request is many packets: instead of encode(). */
  packets?(batch: Uint8Array): Uint8Array[];
  /** Undefined: ids repeat. */
  restamp?(body: Uint8Array, places: readonly number[], random: Prng): void;
  /** Of a body, what restamp() wants. */
  places?(body: Uint8Array): number[];
}

const PROTOBUF = { "content-type": "application/x-protobuf" };
const JSON_TYPE = { "content-type": "application/json" };

const json = {
  headers: JSON_TYPE,
  places: hexPlaces,
  restamp: restampHex,
} as const;
const grpc: LoadFormat = {
  ...{ receiver: "otlp_grpc", transport: "grpc", headers: {} },
  path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
  encode: (batch: Uint8Array) => batch,
  ...{ places: bytePlaces, restamp: restampBytes },
};
const zipkin = { receiver: "zipkin", path: "/api/v2/spans" } as const;
const text = (value: object) => Buffer.from(JSON.stringify(value));
const parsed = (batch: Uint8Array) => fromBinary(ExportTraceServiceRequestSchema, batch);

export const loadFormats: Readonly<Record<string, LoadFormat>> = {
  identity: {
    ...{ receiver: "otlp", path: "/v1/traces", headers: PROTOBUF },
    encode: (batch) => batch,
    ...{ places: bytePlaces, restamp: restampBytes },
  },
  gzip: {
    ...{ receiver: "otlp", path: "/v1/traces" },
    headers: { ...PROTOBUF, "content-encoding": "gzip" },
    encode: (batch) => gzipSync(batch, { level: 1 }),
  },
  grpc,
  "grpc-gzip": {
    ...{ receiver: "otlp_grpc", transport: "grpc", headers: {}, path: grpc.path, isGzip: true },
    encode: (batch) => gzipSync(batch, { level: 1 }),
  },
  "otlp-json": {
    ...{ receiver: "otlp", path: "/v1/traces", ...json },
    encode: (batch) => Buffer.from(otlpJsonText(parsed(batch))),
  },
  "zipkin-v2-json": { ...zipkin, ...json, encode: (batch) => text(v2Of(parsed(batch))) },
  "zipkin-v1-json": {
    ...{ ...zipkin, ...json, path: "/api/v1/spans" },
    encode: (batch) => text(v1Of(parsed(batch))),
  },
  "zipkin-proto": {
    ...{ ...zipkin, headers: PROTOBUF },
    encode: (batch) => protoOf(v2Of(parsed(batch))),
    places: (body) => idsBehind(body, { tags: [0x0a, 0x12, 0x1a], lengths: [16, 8, 8] }),
    restamp: restampBytes,
  },
  "zipkin-thrift": {
    ...{ ...zipkin, path: "/api/v1/spans", headers: { "content-type": "application/x-thrift" } },
    encode: (batch) => thriftOf(v1Of(parsed(batch))),
    ...{ places: thriftPlaces, restamp: restampBytes },
  },
  "jaeger-thrift": {
    ...{ receiver: "jaeger_http", path: "/api/traces" },
    headers: { "content-type": "application/x-thrift" },
    encode: (batch) => jaegerThrift(parsed(batch)),
    ...{ places: jaegerThriftPlaces, restamp: restampBytes },
  },
  "jaeger-grpc": {
    ...{ receiver: "jaeger_grpc", transport: "grpc", headers: {} },
    path: "/jaeger.api_v2.CollectorService/PostSpans",
    encode: (batch) => jaegerProto(parsed(batch)),
    places: (body) => idsBehind(body, { tags: [0x0a, 0x12, 0x12], lengths: [16, 8, 8] }),
    restamp: restampBytes,
  },
  "jaeger-compact": {
    ...{ receiver: "jaeger_udp", transport: "udp", path: "", headers: {} },
    encode: (batch) => jaegerPackets(parsed(batch))[0],
    packets: (batch) => jaegerPackets(parsed(batch)),
    ...{ places: jaegerPacketPlaces, restamp: restampPacket },
  },
};

const KINDS = [undefined, undefined, "SERVER", "CLIENT"];

function v2Of(request: ExportTraceServiceRequest): V2Span[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const name = resource?.attributes[0].value?.value.value;
    const localEndpoint = { serviceName: `${name}`, ipv4: "10.1.2.3", port: 8080 };
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => v2Span(span, localEndpoint)));
  });
}

function v2Span(span: Span, localEndpoint: V2Span["localEndpoint"]): V2Span {
  const hex = (id: Uint8Array) => Buffer.from(id).toString("hex");
  const micros = (nanos: bigint) => Number(nanos / 1000n);
  const kind = KINDS[span.kind];
  return {
    traceId: hex(span.traceId),
    ...(span.parentSpanId.length > 0 && { parentId: hex(span.parentSpanId) }),
    id: hex(span.spanId),
    ...(kind !== undefined && { kind }),
    name: span.name,
    timestamp: micros(span.startTimeUnixNano),
    duration: micros(span.endTimeUnixNano - span.startTimeUnixNano),
    ...(localEndpoint && { localEndpoint }),
    ...(span.events.length > 0 && {
      annotations: span.events.map((event) => ({
        timestamp: micros(event.timeUnixNano),
        value: event.name,
      })),
    }),
    tags: Object.fromEntries(
      span.attributes.map(({ key, value }) => [key, `${value?.value.value}`]),
    ),
  };
}

function v1Of(request: ExportTraceServiceRequest): V1Span[] {
  return v2Of(request).map(({ kind, localEndpoint: endpoint, tags, annotations, ...span }) => {
    const [start, end] = kind === "CLIENT" ? ["cs", "cr"] : ["sr", "ss"];
    const timestamp = span.timestamp ?? 0;
    const said = endpoint && { endpoint };
    return {
      ...span,
      annotations: [
        { timestamp, value: start, ...said },
        { timestamp: timestamp + (span.duration ?? 0), value: end, ...said },
        ...(annotations ?? []),
      ],
      binaryAnnotations: Object.entries(tags ?? {}).map(([key, value]) => ({
        key,
        value,
        ...said,
      })),
    };
  });
}

// ---- fresh ids

function restampBytes(body: Uint8Array, places: readonly number[], random: Prng): void {
  const mask = random.bytes(8);
  for (const place of places) for (let i = 0; i < 8; i++) body[place + i] ^= mask[i];
}

function restampHex(body: Uint8Array, places: readonly number[], random: Prng): void {
  const alphabet = [..."0123456789abcdef"].map((digit) => digit.charCodeAt(0));
  const table = new Uint8Array(128);
  const left = [...alphabet];
  for (const digit of alphabet) table[digit] = left.splice(random.below(left.length), 1)[0];
  for (const place of places) for (let i = 0; i < 16; i++) body[place + i] = table[body[place + i]];
}

/** Where eight-byte pieces of ids begin: behind the tags that no other bytes look like here. */
function bytePlaces(body: Uint8Array): number[] {
  return idsBehind(body, { tags: [0x0a, 0x12, 0x22], lengths: [16, 8, 8] });
}

function idsBehind(
  body: Uint8Array,
  { tags, lengths }: { tags: readonly number[]; lengths: readonly number[] },
): number[] {
  const places: number[] = [];
  for (let at = 0; at + 28 < body.length; at++) {
    if (body[at] !== tags[0] || body[at + 1] !== lengths[0]) continue;
    const second = at + 2 + lengths[0];
    const known = body[second] === tags[1] || body[second] === tags[2];
    if (!known || body[second + 1] !== 8) continue;
    places.push(at + 2, second + 2);
    const third = second + 10;
    if (body[third] === tags[2] && body[third + 1] === 8) places.push(third + 2);
    at = third - 1;
  }
  return places;
}

/** Quoted, of sixteen digits or of 32, which are two places. */
function hexPlaces(body: Uint8Array): number[] {
  const found = Buffer.from(body)
    .toString("latin1")
    .matchAll(/"((?:[0-9a-f]{16}){1,2})"/g);
  return [...found].flatMap(({ index, 1: { length } }) =>
    length === 32 ? [index + 1, index + 17] : [index + 1],
  );
}

/** Fields 1, 4, 5 and 12 of a span are i64. */
function thriftPlaces(body: Uint8Array): number[] {
  const places: number[] = [];
  for (let at = 0; at + 11 <= body.length; at++) {
    const isI64 = body[at] === 10 && body[at + 1] === 0;
    if (isI64 && [1, 4, 5, 12].includes(body[at + 2])) places.push(at + 3);
  }
  return places;
}
