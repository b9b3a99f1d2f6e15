/**
 * What OTLP/HTTP clients get: ExportTraceServiceResponse, or google.rpc.Status for errors, in the
 * encoding of the request where that is known, else plain text.
 */
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { assert } from "../base/assert.ts";
import type { EngineError } from "../base/error.ts";
import type { Http1Answer } from "../http1/http1-answer.ts";
import { StatusSchema } from "../proto-gen/google/rpc/status_pb.ts";
import {
  type ExportTracePartialSuccess,
  ExportTracePartialSuccessSchema,
  ExportTraceServiceResponseSchema,
} from "../proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { RejectedSpans } from "./receive.ts";

/** How the request was encoded, as far as one could tell. */
export type RequestEncoding = "protobuf" | "json" | "unknown";

const CONTENT_TYPES = {
  protobuf: "application/x-protobuf",
  json: "application/json",
  unknown: "text/plain; charset=utf-8",
} as const;

/** Seconds; the loop that ingest runs is done with what it holds long before. */
const RETRY_AFTER = "1";

/** All accepted: a response with nothing to say has no bytes, or no fields. */
const NOTHING = {
  protobuf: { status: 200, headers: { "content-type": CONTENT_TYPES.protobuf }, body: null },
  json: { status: 200, headers: { "content-type": CONTENT_TYPES.json }, body: "{}" },
} as const;

export function storedAnswer(rejected: RejectedSpans, encoding: RequestEncoding): Http1Answer {
  assert(encoding !== "unknown", "otlp: stored what was not read");
  const partialSuccess = partialSuccessOf(rejected);
  if (partialSuccess === undefined) return NOTHING[encoding];
  const response = create(ExportTraceServiceResponseSchema, { partialSuccess });
  const body =
    encoding === "json"
      ? toJsonString(ExportTraceServiceResponseSchema, response)
      : toBinary(ExportTraceServiceResponseSchema, response);
  return { ...NOTHING[encoding], body };
}

/** What a stored request's answer says of spans that were refused; undefined: none were. */
export function partialSuccessOf(rejected: RejectedSpans): ExportTracePartialSuccess | undefined {
  const spans = rejectedCount(rejected);
  if (spans === 0) return undefined;
  return create(ExportTracePartialSuccessSchema, {
    rejectedSpans: BigInt(spans),
    errorMessage: rejectedMessage(rejected),
  });
}

const answers = new WeakMap<EngineError, Partial<Record<RequestEncoding, Http1Answer>>>();

/** The same object for the same error, which nobody may change: refusals come in crowds. */
export function errorAnswer(error: EngineError, encoding: RequestEncoding): Http1Answer {
  const known = answers.get(error)?.[encoding];
  if (known !== undefined) return known;
  const { http, grpc, retry } = error.face;
  const headers = (retry ? RETRY_HEADERS : HEADERS)[encoding];
  const answer = { status: http, headers, body: errorBody(error.message, grpc, encoding) };
  answers.set(error, { ...answers.get(error), [encoding]: answer });
  return answer;
}

const HEADERS = headersOf({});
const RETRY_HEADERS = headersOf({ "retry-after": RETRY_AFTER });

function headersOf(more: Record<string, string>) {
  return {
    protobuf: { "content-type": CONTENT_TYPES.protobuf, ...more },
    json: { "content-type": CONTENT_TYPES.json, ...more },
    unknown: { "content-type": CONTENT_TYPES.unknown, ...more },
  };
}

function errorBody(
  message: string,
  code: number,
  encoding: RequestEncoding,
): string | Uint8Array<ArrayBuffer> {
  if (encoding === "unknown") return message;
  if (encoding === "protobuf") return encodeStatus(code, message);
  return toJsonString(StatusSchema, create(StatusSchema, { code, message }));
}

const encoder = new TextEncoder();
/** Longer ones have a length of three bytes. */
const SHORT_BYTES = 1 << 14;

/** google.rpc.Status. By hand, as refusals come in crowds: a code below 128, a message. */
function encodeStatus(code: number, message: string): Uint8Array<ArrayBuffer> {
  const text = encoder.encode(message);
  const { length } = text;
  if (length >= SHORT_BYTES) return toBinary(StatusSchema, create(StatusSchema, { code, message }));
  const lengthBytes = length < 128 ? [length] : [(length & 127) | 128, length >>> 7];
  const prefix = [0x08, code, 0x12, ...lengthBytes];
  const bytes = new Uint8Array(prefix.length + length);
  bytes.set(prefix);
  bytes.set(text, prefix.length);
  return bytes;
}

export function rejectedCount(rejected: RejectedSpans): number {
  const { invalidTraceId, invalidSpanId, invalidUtf8, overLimit } = rejected;
  const invalid = invalidTraceId + invalidSpanId + invalidUtf8 + overLimit;
  return invalid + rejected.traceTooLarge + rejected.liveTraces;
}

/** "3 spans rejected: 2 invalid trace id, 1 invalid utf-8". */
export function rejectedMessage(rejected: RejectedSpans): string {
  const reasons = [
    [rejected.invalidTraceId, "invalid trace id"],
    [rejected.invalidSpanId, "invalid span id"],
    [rejected.invalidUtf8, "invalid utf-8"],
    [rejected.overLimit, "attributes too many or nested too deep"],
    [rejected.traceTooLarge, "TRACE_TOO_LARGE: the trace is as large as it may be"],
    [rejected.liveTraces, "LIVE_TRACES_EXCEEDED: the tenant has as many live traces as it may"],
  ] as const;
  const counts = reasons.filter(([count]) => count > 0).map(([count, text]) => `${count} ${text}`);
  return `${rejectedCount(rejected)} spans rejected: ${counts.join(", ")}`;
}
