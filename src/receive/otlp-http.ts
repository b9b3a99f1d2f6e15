/**
 * OTLP over HTTP: POST on the traces path with a protobuf body.
 *
 * Looks at the envelope only: path, method, tenant, type, encoding, size. The spans inside are
 * the kernel's. What can be refused is refused before the body is read.
 */
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { parseTenant, TENANT_HEADER } from "../model/tenant.ts";
import { decompress, parseEncoding } from "./decompress.ts";
import type { InFlight } from "./in-flight.ts";
import { errorResponse, type RequestEncoding, storedResponse } from "./otlp-response.ts";
import { readBody } from "./read-body.ts";
import type { ReceiveMeter, RequestSink, Verdict } from "./receive.ts";

export interface OtlpHttpOptions {
  readonly tracesUrlPath: string;
  /** Of a body, compressed as well as decompressed. */
  readonly requestBytesMax: number;
  readonly multitenancyEnabled: boolean;
}

export interface OtlpHttpParts {
  readonly sink: RequestSink;
  readonly meter: ReceiveMeter;
  readonly inFlight: InFlight;
  readonly logger: Logger;
  /** True once the server stops: requests are refused with 503, connections are closed. */
  readonly draining: () => boolean;
}

type Refusal = Exclude<Verdict["outcome"], "stored">;

const REFUSALS: Record<Refusal, string> = {
  malformed: "the body is not a valid ExportTraceServiceRequest",
  too_large: "the request has more spans, events or bytes than the engine takes at once",
  overloaded: "the server is over its limits, try again",
  disk_failed: "the log cannot be written, try again",
};

/** Answers a request; it never rejects. */
export function otlpHttp(options: OtlpHttpOptions, parts: OtlpHttpParts) {
  return async function handle(request: Request): Promise<Response> {
    let tenant = "";
    const encoding = requestEncoding(request.headers.get("content-type"));
    try {
      checkPath(request, options.tracesUrlPath);
      if (parts.draining()) throw new EngineError("overloaded", "the server is stopping");
      tenant = parseTenant(request.headers.get(TENANT_HEADER), options.multitenancyEnabled);
      if (encoding !== "protobuf") throw wrongType(request.headers.get("content-type"));
      return await take(request, tenant, { options, parts });
    } catch (error) {
      const known = asEngineError(error, parts.logger);
      parts.meter.refused(tenant, known.code);
      const response = errorResponse(known, encoding);
      if (known.code === "wrong_method") response.headers.set("allow", "POST");
      if (parts.draining()) response.headers.set("connection", "close");
      return response;
    }
  };
}

async function take(
  request: Request,
  tenant: string,
  { options, parts }: { options: OtlpHttpOptions; parts: OtlpHttpParts },
): Promise<Response> {
  const contentEncoding = parseEncoding(request.headers.get("content-encoding"));
  const reservation = parts.inFlight.reserve(tenant);
  try {
    const body = await readBody(request, reservation, options.requestBytesMax);
    const payload = decompress(contentEncoding, body, options.requestBytesMax);
    if (contentEncoding !== "identity") reservation.grow(payload.byteLength);
    const offered = parts.sink.offer(tenant, payload);
    if (!offered) throw new EngineError("overloaded", REFUSALS.overloaded);
    const verdict = await offered;
    if (verdict.outcome !== "stored") throw refusal(verdict.outcome);
    parts.meter.stored(tenant, payload.byteLength, verdict);
    return storedResponse(verdict.rejected);
  } finally {
    reservation.release();
  }
}

function refusal(outcome: Refusal): EngineError {
  return new EngineError(outcome, REFUSALS[outcome]);
}

function checkPath(request: Request, tracesUrlPath: string): void {
  const pathStart = request.url.indexOf("/", request.url.indexOf("//") + 2);
  const query = request.url.indexOf("?", pathStart);
  const path = request.url.slice(pathStart, query < 0 ? undefined : query);
  if (path !== tracesUrlPath) throw new EngineError("not_found", `no such path: ${path}`);
  if (request.method !== "POST") {
    throw new EngineError("wrong_method", `method ${request.method} is not POST`);
  }
}

/** The type of the answer follows it, also of an error. */
function requestEncoding(contentType: string | null): RequestEncoding {
  const type = (contentType ?? "").split(";", 1)[0].trim().toLowerCase();
  if (type === "application/x-protobuf" || type === "application/protobuf") return "protobuf";
  return type === "application/json" ? "json" : "unknown";
}

function wrongType(contentType: string | null): EngineError {
  const given = contentType === null ? "no content type" : `content type ${contentType}`;
  return new EngineError("wrong_type", `${given}: application/x-protobuf is accepted`);
}

/** Anything else is a bug: it is logged here, and the client learns nothing of it. */
function asEngineError(error: unknown, logger: Logger): EngineError {
  if (error instanceof EngineError) return error;
  logger.error("receiver failed", { error: error instanceof Error ? error.stack : String(error) });
  return new EngineError("internal", "internal error");
}
