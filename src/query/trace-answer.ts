/**
 * What a client gets for a trace by id: Tempo's two APIs, JSON and protobuf, over a found trace.
 *
 * Strict decoders read these bodies (Grafana's data source, tempo-cli), so no field is added to
 * Tempo's. Protobuf answers hand on the found bytes; only shared span ids make a copy of them.
 */
import {
  type AnswerFormat,
  type AnswerTail,
  acceptedFormat,
  contentTypes,
} from "./answer-format.ts";
import { JsonBytes } from "./json-bytes.ts";
import { trace as traceShape, traceV1 } from "./otlp-shape.ts";
import { joined, putVarint, varintBytes } from "./proto-cursor.ts";
import { writeProtoJson } from "./proto-json.ts";
import { splitSharedSpanIds } from "./shared-span-ids.ts";
import { filterTraceSpans, type SpanFilter } from "./trace-filter-spans.ts";
import type { FoundTrace } from "./trace-finder.ts";
import { traceForModels } from "./trace-llm.ts";

export interface TraceAnswerRequest {
  readonly version: 1 | 2;
  /** The Accept header; empty when there is none. */
  readonly accept: string;
  readonly found: FoundTrace;
  /** The limit of an answer's bytes, for the message of a partial one. */
  readonly bytesMax: number;
  /** Of version 2: which spans are wanted. */
  readonly filter?: SpanFilter | undefined;
}

export interface TraceAnswer {
  readonly status: number;
  /** Empty when the body is. */
  readonly contentType: string;
  /** Pieces that follow each other. */
  readonly body: readonly Uint8Array[];
}

const utf8 = (text: string) => new TextEncoder().encode(text);

export function traceAnswer(request: TraceAnswerRequest): TraceAnswer {
  const format = acceptedFormat(request.accept);
  return request.version === 1 ? answerV1(request, format) : answerV2(request, format);
}

/**
 * Absent is 404 without a body, too large is 422; there is no format for models. There is no place
 * for what is missing, so nothing found while blocks are damaged is no answer.
 */
function answerV1({ found, bytesMax }: TraceAnswerRequest, format: AnswerFormat): TraceAnswer {
  if (found.partial) {
    const body = utf8(`trace exceeds max size (max bytes: ${bytesMax})`);
    return { status: 422, contentType: "text/plain; charset=utf-8", body: [body] };
  }
  if (found.trace.length === 0 && found.damagedBlocks.length > 0) {
    const body = utf8(leftOut(found.damagedBlocks));
    return { status: 500, contentType: "text/plain; charset=utf-8", body: [body] };
  }
  if (found.trace.length === 0) return { status: 404, contentType: "", body: [] };
  const trace = splitSharedSpanIds(found.trace);
  if (format === "protobuf") return answered("protobuf", [trace]);
  const out = new JsonBytes();
  writeProtoJson(out, trace, traceV1);
  return answered("json", out.finish());
}

/** Always 200: absent is an empty trace, too large a part of it with a message that says so. */
function answerV2(
  { found, bytesMax, filter }: TraceAnswerRequest,
  format: AnswerFormat,
): TraceAnswer {
  const whole = splitSharedSpanIds(found.trace);
  const { trace, isLess } =
    filter === undefined ? { trace: whole, isLess: false } : filterTraceSpans(whole, filter);
  const { partial, damagedBlocks, inspectedBytes } = found;
  const messages: string[] = [];
  if (partial) {
    const limit = `maximum size of ${bytesMax} bytes`;
    messages.push(`Trace exceeds ${limit}, a partial trace is returned`);
  }
  if (damagedBlocks.length > 0) {
    messages.push(leftOut(damagedBlocks));
  }
  if (isLess) {
    messages.push("Trace filtered, only a subset of spans matching the filter is returned");
  }
  const status = messages.length > 0 ? "PARTIAL" : "COMPLETE";
  const tail = { inspectedBytes, message: messages.join("; "), status } as const;
  if (format === "protobuf") return answered("protobuf", protobufV2(trace, tail));
  if (format === "llm") return answered("llm", traceForModels(trace, tail));
  return answered("json", jsonV2(trace, tail));
}

function leftOut(blocks: readonly string[]): string {
  return `Damaged blocks are left out: ${blocks.join(", ")}`;
}

function answered(format: AnswerFormat, body: readonly Uint8Array[]): TraceAnswer {
  return { status: 200, contentType: contentTypes[format], body };
}

function jsonV2(trace: Uint8Array, tail: AnswerTail): Uint8Array[] {
  const out = new JsonBytes();
  out.ascii('{"trace":');
  writeProtoJson(out, trace, traceShape);
  const bytes = tail.inspectedBytes;
  out.ascii(`,"metrics":${bytes === 0 ? "{}" : `{"inspectedBytes":"${bytes}"}`}`);
  if (tail.status === "PARTIAL") {
    out.ascii(`,"status":"PARTIAL","message":`);
    out.text(tail.message);
  }
  out.ascii("}");
  return out.finish();
}

/**
 * TraceByIDResponse: trace = 1, metrics = 2 (inspectedBytes = 1), status = 3, message = 4. The
 * first two are written even when empty: Grafana reads the trace without asking whether it is set.
 */
function protobufV2(trace: Uint8Array, tail: AnswerTail): Uint8Array[] {
  const metrics = new Uint8Array(9);
  const metricsBytes =
    tail.inspectedBytes === 0 ? 0 : putVarint(metrics.fill(0x08, 0, 1), 1, tail.inspectedBytes);
  const message = utf8(tail.message);
  const end: Uint8Array[] = [delimited(2, metricsBytes), metrics.subarray(0, metricsBytes)];
  if (tail.status === "PARTIAL") end.push(Uint8Array.of(0x18, 1), delimited(4, message.length));
  return [delimited(1, trace.length), trace, joined([...end, message])];
}

/** The tag and length of a length-delimited field. */
function delimited(number: number, length: number): Uint8Array {
  const head = new Uint8Array(1 + varintBytes(length));
  head[0] = (number << 3) | 2;
  putVarint(head, 1, length);
  return head;
}
