/** The shop's requests as Jaeger's clients send them, and how bodies get fresh ids. */
import type { Prng } from "../../src/base/prng.ts";
import type { ExportTraceServiceRequest } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { I64, LIST, STOP, STRUCT, skipValue } from "../../src/receive/thrift.ts";
import { ThriftCompactReader } from "../../src/receive/thrift-compact.ts";
import {
  emitBatchArguments,
  type JaegerBatch,
  type JaegerModelSpan,
  type JaegerTag,
  postSpans,
  thriftBatch,
} from "../../test/receive/jaeger-model.ts";
import { encode, encodeCall } from "../../test/receive/thrift-tree.ts";

const SPANS_PER_PACKET = 4;
const KINDS = ["", "internal", "server", "client"];

/** A batch has one process: all spans of the request are of the first service. */
function batchOf({ resourceSpans }: ExportTraceServiceRequest): JaegerBatch {
  const tags = resourceSpans[0].resource?.attributes ?? [];
  const service = String(tags[0].value?.value.value);
  const process = { service, tags: tags.slice(1).map(tagOf) };
  const spans = resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap((scope) => scope.spans.map(spanOf)),
  );
  return { process, spans };
}

function tagOf({ key, value }: Span["attributes"][number]): JaegerTag {
  const told = value?.value.value;
  return [key, typeof told === "bigint" ? told : String(told)];
}

function spanOf(span: Span): JaegerModelSpan {
  const start = span.startTimeUnixNano / 1000n;
  const bytes = (id: Uint8Array) => new Uint8Array(id);
  return {
    traceId: bytes(span.traceId),
    spanId: bytes(span.spanId),
    parentId: span.parentSpanId.length > 0 ? bytes(span.parentSpanId) : undefined,
    name: span.name,
    references: [],
    flags: 1,
    start,
    duration: span.endTimeUnixNano / 1000n - start,
    tags: [...span.attributes.map(tagOf), ["span.kind", KINDS[span.kind]]],
    logs: span.events.map((event) => ({
      time: event.timeUnixNano / 1000n,
      fields: [["event", event.name], ...event.attributes.map(tagOf)],
    })),
    process: undefined,
  };
}

export const jaegerThrift = (request: ExportTraceServiceRequest) =>
  encode("binary", thriftBatch(batchOf(request)));

export const jaegerProto = (request: ExportTraceServiceRequest) => postSpans(batchOf(request));

/** Packets, each of a few spans. */
export function jaegerPackets(request: ExportTraceServiceRequest): Uint8Array[] {
  const { process, spans } = batchOf(request);
  const packets: Uint8Array[] = [];
  for (let at = 0; at < spans.length; at += SPANS_PER_PACKET) {
    const some = { process, spans: spans.slice(at, at + SPANS_PER_PACKET) };
    packets.push(encodeCall("compact", "emitBatch", emitBatchArguments(some)));
  }
  return packets;
}

// ---- fresh ids

/** The fields 1 to 4 of a span are i64 and follow each other; eight bytes each. */
export function jaegerThriftPlaces(body: Uint8Array): number[] {
  const places: number[] = [];
  const isField = (at: number, id: number) =>
    body[at] === I64 && body[at + 1] === 0 && body[at + 2] === id;
  for (let at = 0; at + 44 <= body.length; at++) {
    if (![0, 1, 2, 3].every((i) => isField(at + 11 * i, i + 1))) continue;
    places.push(at + 3, at + 25);
    if (body.subarray(at + 36, at + 44).some((byte) => byte !== 0)) places.push(at + 36);
    at += 43;
  }
  return places;
}

/** Of varints all bytes but the last one, which keep their length so: place times 16 plus which. */
export function jaegerPacketPlaces(packet: Uint8Array): number[] {
  const reader = new ThriftCompactReader();
  const places: number[] = [];
  reader.begin(packet);
  reader.beginMessage();
  const fields = (visit: (type: number) => void) => {
    const outer = reader.beginStruct();
    for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) visit(type);
    reader.endStruct(outer);
  };
  const span = (type: number) => {
    const at = reader.at;
    const isId = type === I64 && reader.fieldId <= 4;
    skipValue(reader, type);
    for (let i = at; isId && i < reader.at - 1; i++) places.push(i * 16 + (i - at));
  };
  fields((call) => {
    if (call !== STRUCT) return;
    fields((type) => {
      if (type !== LIST) return skipValue(reader, type);
      const count = reader.beginList();
      for (let i = 0; i < count; i++) fields(span);
    });
  });
  return places;
}

/** The same id becomes the same id wherever it stands. */
export function restampPacket(packet: Uint8Array, places: readonly number[], random: Prng): void {
  const mask = random.bytes(16);
  for (const place of places) packet[place >> 4] ^= mask[place & 15] & 127;
}
