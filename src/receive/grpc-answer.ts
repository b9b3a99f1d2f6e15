/** What leaves on a call's stream. Nothing of it throws: the client may go at any time. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { grpcFrame } from "../grpc/grpc-frame.ts";
import { GRPC_OK, GrpcError, type GrpcStatus, statusHeaders } from "../grpc/grpc-status.ts";
import { statusWithRetry } from "./grpc-status-details.ts";

const CONTENT_TYPE = "application/grpc";
/** Seconds; as over HTTP. */
const RETRY_AFTER = 1;
const HEADERS = { ":status": 200, "content-type": CONTENT_TYPE } as const;
const TRAILERS_OK = statusHeaders(GRPC_OK);
const NOT_GRPC_WAIT_MS = 1000;
const NOT_GRPC_LINGER_MS = 100;
const NOT_GRPC = { ":status": 415, "content-type": "text/plain; charset=utf-8" } as const;

/** The one codec there is may be named. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  return type === CONTENT_TYPE || type === `${CONTENT_TYPE}+proto`;
}

/**
 * To a client that speaks something else, as the protocol asks for: when it has said all, or soon.
 * Not at once, for then the stream is closed, and the engine ignores what comes on closed streams,
 * where frames behind the end of a request are to end the connection (RFC 9113, 5.1). So what was
 * on its way together with the request is judged as it should be.
 */
export function answerNotGrpc(stream: ServerHttp2Stream): void {
  const answer = () => {
    if (stream.headersSent) return;
    attempt(stream, () => {
      stream.respond(NOT_GRPC);
      stream.end("this port speaks gRPC: content-type application/grpc\n");
    });
  };
  let timer = setTimeout(answer, NOT_GRPC_WAIT_MS);
  stream.once("end", () => {
    clearTimeout(timer);
    timer = setTimeout(answer, NOT_GRPC_LINGER_MS);
  });
  stream.once("close", () => clearTimeout(timer));
  stream.resume();
}

export function answerMessage(stream: ServerHttp2Stream, message: Uint8Array): void {
  attempt(stream, () => {
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.once("wantTrailers", () => attempt(stream, () => stream.sendTrailers(TRAILERS_OK)));
    stream.end(grpcFrame([message]));
  });
}

/** One of several. */
export function sendMessage(stream: ServerHttp2Stream, message: Uint8Array): void {
  attempt(stream, () => {
    if (!stream.headersSent) stream.respond(HEADERS, { waitForTrailers: true });
    stream.write(grpcFrame([message]));
  });
}

/** After messages. */
export function endMessages(stream: ServerHttp2Stream, error: unknown, logger: Logger): void {
  const trailers = statusHeaders(statusOf(error, logger));
  attempt(stream, () => {
    stream.once("wantTrailers", () => attempt(stream, () => stream.sendTrailers(trailers)));
    stream.end();
  });
}

/** Instead of messages. What the client still sends is dropped where it comes in. */
export function refuseCall(stream: ServerHttp2Stream, error: unknown, logger: Logger): void {
  const headers = { ...HEADERS, ...statusHeaders(statusOf(error, logger)) };
  attempt(stream, () => {
    stream.respond(headers, { endStream: true });
    stream.close(constants.NGHTTP2_NO_ERROR);
  });
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

/** node:http2 throws at streams that are gone, which one cannot always know before. */
function attempt(stream: ServerHttp2Stream, write: () => void): void {
  if (stream.destroyed || stream.closed) return;
  try {
    write();
  } catch {
    stream.destroy();
  }
}
