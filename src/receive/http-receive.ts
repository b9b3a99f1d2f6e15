/**
 * Receives requests of any format over HTTP: tenant, encoding, bounds, body, and what became of
 * it. The format says where it listens, turns a body into OTLP, and words the answers.
 *
 * Looks at the envelope only. What can be refused is refused before the body is read.
 *
 * Threads: one ingress Worker; its receivers share the bytes in flight.
 */
import { assert } from "../base/assert.ts";
import { EngineError } from "../base/error.ts";
import { freeBytes } from "../base/free-bytes.ts";
import type { Logger } from "../base/log.ts";
import type { Http1Answer } from "../http1/http1-answer.ts";
import type { PieceReader } from "../http1/http1-body.ts";
import { closing } from "../http1/http1-connection.ts";
import { parseTenant, TENANT_HEADER } from "../model/tenant.ts";
import { BodyAbandoned } from "./body-error.ts";
import { type Encoding, parseEncoding } from "./decompress.ts";
import { expandBody } from "./expand-body.ts";
import type { HeldAnswers } from "./held-answers.ts";
import { type InFlight, OTLP_SHARE_MIN } from "./in-flight.ts";
import { readBody } from "./read-body.ts";
import type { ReceiveMeter, RequestSink, Verdict } from "./receive.ts";
import { overloaded, throwUnlessStored } from "./refusal.ts";

export interface HttpReceiveOptions {
  /** Of a body, compressed as well as decompressed. */
  readonly requestBytesMax: number;
  /** From a request's headers to the last byte of its body; 0 is no limit. */
  readonly bodyTimeoutMs: number;
  readonly multitenancyEnabled: boolean;
}

export interface HttpReceiveParts {
  readonly sink: RequestSink;
  readonly meter: ReceiveMeter;
  readonly inFlight: InFlight;
  readonly logger: Logger;
  /**
   * True once the server stops: new requests are refused with 503, those under way are answered,
   * and each answer ends its connection. All are done when `inFlight.requests` is zero.
   */
  readonly draining: () => boolean;
  /** Where there is one: refusals of a server that stops wait in it. */
  readonly held?: HeldAnswers;
}

/** A request, as the runtime's server gives it or our own. */
export interface HttpRequest {
  readonly method: string;
  /** With scheme and host, or from the path on. */
  readonly url: string;
  readonly headers: { get(name: string): string | null | undefined };
  /** Null: there is none. To be asked for in the turn in which the request came. */
  readonly body: { getReader(): PieceReader } | null;
  /** All of it; to be asked for likewise. */
  bytes(): Promise<Uint8Array>;
  /** Our own server's: what bytes() gave is of no more use. */
  freeBody?(): void;
}

/** What differs between the formats. `Kind` is how a request is encoded and its answer will be. */
export interface HttpFormat<Kind> {
  /** From the headers alone; it must not throw. */
  kindOf(request: HttpRequest): Kind;
  /** Throws `not_found` or `wrong_method`. */
  checkTarget(request: HttpRequest): void;
  /** Whether a body is OTLP as it comes, so that its length is what counts. */
  isOtlp(kind: Kind): boolean;
  /** Throws `wrong_type`. */
  checkType(request: HttpRequest, kind: Kind): void;
  /**
   * The body as an ExportTraceServiceRequest: itself, or a view that the next call may change.
   * It may write into the body. Throws `malformed` or `too_large`.
   */
  toOtlp(body: Uint8Array, kind: Kind): Uint8Array;
  stored(verdict: Verdict, kind: Kind): Http1Answer;
  refused(error: EngineError, kind: Kind): Http1Answer;
}

/**
 * The answer to each request; a promise of it never rejects. It is there at once, and not
 * promised, where the headers were enough: then the runtime drops the body as it comes, and
 * otherwise it would keep it.
 */
export function httpReceive<Kind>(
  format: HttpFormat<Kind>,
  options: HttpReceiveOptions,
  parts: HttpReceiveParts,
): (request: HttpRequest) => Http1Answer | Promise<Http1Answer> {
  assert(
    options.requestBytesMax <= parts.inFlight.requestBytesMax,
    "receive over http: the largest request does not fit into the bytes in flight",
  );
  const finish = (answer: Http1Answer, closes: boolean) =>
    closes || parts.draining() ? closing(answer) : answer;
  const refuse = (error: unknown, tenant: string, kind: Kind) => {
    const known = asEngineError(error, parts.logger);
    parts.meter.refused(tenant, known.code, known);
    const refused = format.refused(known, kind);
    const answer = known.code === "wrong_method" ? allowingPost(refused) : refused;
    return finish(answer, known instanceof BodyAbandoned);
  };
  return function handle(request) {
    const kind = format.kindOf(request);
    let tenant = "";
    try {
      format.checkTarget(request);
      if (parts.draining()) {
        const stopping = new EngineError("overloaded", "the server is stopping");
        const held = parts.held?.hold(lengthOf(request));
        if (held === undefined) throw stopping;
        return held.then(() => refuse(stopping, "", kind));
      }
      const named = options.multitenancyEnabled
        ? (request.headers.get(TENANT_HEADER) ?? null)
        : null;
      tenant = parseTenant(named, options.multitenancyEnabled);
      format.checkType(request, kind);
      const contentEncoding = parseEncoding(request.headers.get("content-encoding") ?? null);
      const isOtlp = contentEncoding === "identity" && format.isOtlp(kind);
      const otlpShare = isOtlp ? 1 : OTLP_SHARE_MIN;
      const refused = refusalOf(request, { tenant, otlpShare }, parts);
      if (refused !== undefined) return refuse(refused, tenant, kind);
      const receiving = { format, kind, tenant, contentEncoding, otlpShare, options, parts };
      return take(request, receiving).then(
        (answer) => finish(answer, false),
        (error) => refuse(error, tenant, kind),
      );
    } catch (error) {
      return refuse(error, tenant, kind);
    }
  };
}

function allowingPost(answer: Http1Answer): Http1Answer {
  return { ...answer, headers: { ...answer.headers, allow: "POST" } };
}

/** Why it cannot be taken now, as far as its headers tell. */
function refusalOf(
  request: HttpRequest,
  { tenant, otlpShare }: { readonly tenant: string; readonly otlpShare: number },
  { sink, inFlight }: HttpReceiveParts,
): EngineError | undefined {
  if (sink.isFull === true) return overloaded();
  const length = lengthOf(request);
  if (length > inFlight.requestBytesMax) return undefined;
  return inFlight.refusal(tenant, length, length * otlpShare);
}

/** Of the body; zero where it is not said. */
function lengthOf(request: HttpRequest): number {
  return Number(request.headers.get("content-length") ?? 0);
}

interface Receiving<Kind> {
  readonly format: HttpFormat<Kind>;
  readonly kind: Kind;
  readonly options: HttpReceiveOptions;
  readonly parts: HttpReceiveParts;
  readonly tenant: string;
  readonly contentEncoding: Encoding;
  readonly otlpShare: number;
}

async function take<Kind>(request: HttpRequest, receiving: Receiving<Kind>): Promise<Http1Answer> {
  const { options, parts, tenant, contentEncoding, otlpShare, format, kind } = receiving;
  const { requestBytesMax: bytesMax, bodyTimeoutMs: timeoutMs } = options;
  const reservation = parts.inFlight.reserve(tenant, otlpShare);
  let body: Uint8Array | undefined;
  try {
    body = await readBody(request, reservation, { bytesMax, timeoutMs });
    if (contentEncoding !== "identity") {
      const expanded = expandBody(body, reservation, { contentEncoding, bytesMax });
      freeBytes(body);
      body = expanded;
    }
    const bytes = body.byteLength;
    // No await between the two: what toOtlp() returns is not ours for longer.
    const offered = parts.sink.offer(tenant, format.toOtlp(body, kind));
    freeBytes(body); // the sink has copied it
    request.freeBody?.();
    if (offered === undefined) throw overloaded();
    const verdict = await offered;
    throwUnlessStored(verdict);
    parts.meter.stored(tenant, bytes, verdict);
    return format.stored(verdict, kind);
  } finally {
    if (body !== undefined) freeBytes(body);
    request.freeBody?.();
    reservation.release();
  }
}

export function checkPost(request: HttpRequest): void {
  if (request.method !== "POST") {
    throw new EngineError("wrong_method", `method ${request.method} is not accepted, POST is`);
  }
}

/** Of "http://host/path?query", or of "/path". */
export function pathOf(url: string): string {
  const scheme = url.startsWith("/") ? -1 : url.indexOf("://");
  const start = scheme < 0 ? 0 : url.indexOf("/", scheme + 3);
  const query = url.indexOf("?", start);
  return url.slice(start, query < 0 ? undefined : query);
}

/** Lower case, without parameters; empty when there is none. */
export function mediaType(contentType: string | null | undefined): string {
  return (contentType ?? "").split(";", 1)[0].trim().toLowerCase();
}

/** Headers are shown in answers up to here. */
const SHOWN_LENGTH_MAX = 64;

/** `accepted` as in "application/x-protobuf is". */
export function wrongType(contentType: string | null | undefined, accepted: string): EngineError {
  const shown = JSON.stringify((contentType ?? "").slice(0, SHOWN_LENGTH_MAX));
  return new EngineError("wrong_type", `content type ${shown} is not accepted, ${accepted}`);
}

/** Anything else is a bug: it is logged here, and the client learns nothing of it. */
function asEngineError(error: unknown, logger: Logger): EngineError {
  if (error instanceof EngineError) return error;
  logger.error("receiver failed", { error: error instanceof Error ? error.stack : String(error) });
  return new EngineError("internal", "internal error");
}
