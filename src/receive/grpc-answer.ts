/** What leaves on a call's stream. Nothing of it throws: the client may go at any time. */
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { grpcFrame } from "../grpc/grpc-frame.ts";
import { GRPC_OK, GrpcError, type GrpcStatus, statusHeaders } from "../grpc/grpc-status.ts";
import { headerBlock } from "../http2/hpack-encode.ts";
import type { Http2Stream } from "../http2/http2-stream.ts";
import type { RequestHead } from "../http2/request-head.ts";
import { statusWithRetry } from "./grpc-status-details.ts";

const CONTENT_TYPE = "application/grpc";
/** Seconds; as over HTTP. */
const RETRY_AFTER = 1;
const HEADERS = { ":status": 200, "content-type": CONTENT_TYPE } as const;
const HEAD = headerBlock(HEADERS);
const TRAILERS_OK = headerBlock(statusHeaders(GRPC_OK));
const NOT_GRPC = headerBlock({ ":status": 415, "content-type": "text/plain; charset=utf-8" });
const NOT_GRPC_TEXT = new TextEncoder().encode(
  "this port speaks gRPC: content-type application/grpc\n",
);

/** The one codec there is may be named. */
export function isGrpc({ fields }: RequestHead): boolean {
  const type = fields.get("content-type");
  return type === CONTENT_TYPE || type === `${CONTENT_TYPE}+proto`;
}

/** To a client that speaks something else. */
export function answerNotGrpc(stream: Http2Stream): void {
  stream.respond(NOT_GRPC);
  stream.write(NOT_GRPC_TEXT);
  stream.end();
}

export function answerMessage(stream: Http2Stream, message: Uint8Array): void {
  sendMessage(stream, message);
  stream.end(TRAILERS_OK);
}

/** One of several. */
export function sendMessage(stream: Http2Stream, message: Uint8Array): void {
  if (!stream.hasAnswered) stream.respond(HEAD);
  stream.write(grpcFrame([message]));
}

/** After messages. */
export function endMessages(stream: Http2Stream, error: unknown, logger: Logger): void {
  stream.end(headerBlock(statusHeaders(statusOf(error, logger))));
}

/** Messages are few, and refusals come in crowds. */
const KEPT_MAX = 100;
const kept = new Map<string, Uint8Array>();

/** Instead of messages. What the client still sends is dropped where it comes in. */
export function refuseCall(stream: Http2Stream, error: unknown, logger: Logger): void {
  if (!(error instanceof EngineError)) {
    stream.refuse(refusalBlock(error, logger));
    return;
  }
  const key = `${error.code} ${error.message}`;
  let block = kept.get(key);
  if (block === undefined) {
    block = refusalBlock(error, logger);
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(key, block);
  }
  stream.refuse(block);
}

function refusalBlock(error: unknown, logger: Logger): Uint8Array {
  return headerBlock({ ...HEADERS, ...statusHeaders(statusOf(error, logger)) });
}

/** For the counters. */
export function reasonOf(error: unknown): string {
  if (error instanceof EngineError) return error.code;
  if (error instanceof GrpcError) return REASONS.get(error.code) ?? "malformed";
  return "internal";
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [8, "too_large"],
  [12, "not_found"],
]);

/** Anything unknown is a bug: it is logged here, and the client learns nothing of it. */
function statusOf(error: unknown, logger: Logger): GrpcStatus {
  if (!(error instanceof EngineError || error instanceof GrpcError)) {
    logger.error("receiver failed", {
      error: error instanceof Error ? error.stack : String(error),
    });
  }
  return statusWithRetry(error, RETRY_AFTER);
}
