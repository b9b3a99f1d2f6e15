/** Answers: plain text for people, bodies as they came, compressed when the client can. */
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { MiB } from "../base/bytes.ts";
import { ClientGone, DeadlineExceeded } from "../base/deadline.ts";
import { EngineError } from "../base/error.ts";
import { describePlace, TraceqlError } from "../traceql/traceql-error.ts";
import type { ApiAnswer } from "./api-parts.ts";
import { type HeldAnswers, pieceStream } from "./api-stream.ts";

/** Nginx's word for a client that did not wait; Tempo uses it as well. */
const CLIENT_GONE = 499;

/** Below one packet compression saves nothing. */
const GZIP_BYTES_MIN = 1400;
/** Below it an answer tells its length; above it clients take it as it comes. */
const STREAM_BYTES_MIN = 2 * MiB;
/** Answers leave over fast networks mostly: the fastest level, in a thread of its own. */
const GZIP_LEVEL = constants.Z_BEST_SPEED;

/** Where in the query the mistake is: in the message, as in Tempo, that of syntax alone has it. */
const POSITION_HEADER = "X-Vivace-Query-Position";

export function textResponse(status: number, text: string): Response {
  return new Response(text, {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" },
  });
}

/** The face of an error: EngineErrors speak for themselves, others are ours and stay inside. */
export function errorResponse(error: unknown): Response {
  if (error instanceof ClientGone) return textResponse(CLIENT_GONE, error.message);
  if (error instanceof DeadlineExceeded) return textResponse(504, error.message);
  if (error instanceof URIError) return textResponse(400, "invalid URL escape in the path");
  if (!(error instanceof EngineError)) return textResponse(500, "internal error");
  // Tempo ends this one with a line feed, from another layer than all others.
  if (error.code === "no_tenant") return textResponse(401, `${error.message}\n`);
  const response = textResponse(error.face.http, error.message);
  if (error instanceof TraceqlError && error.place !== undefined) {
    response.headers.set(POSITION_HEADER, describePlace(error.place));
  }
  if (error.face.retry) response.headers.set("Retry-After", "1");
  return response;
}

/** Throws `overloaded` when clients that read slowly hold too much already. */
export async function answerResponse(
  answer: ApiAnswer,
  request: Request,
  held: HeldAnswers,
): Promise<Response> {
  const headers = new Headers();
  if (answer.contentType !== "") headers.set("Content-Type", answer.contentType);
  const { status, body } = answer;
  const bytes = body.reduce((sum, piece) => sum + piece.length, 0);
  const isPacked = acceptsGzip(request.headers.get("Accept-Encoding") ?? "");
  if (bytes >= GZIP_BYTES_MIN) headers.set("Vary", "Accept-Encoding");
  if (bytes >= GZIP_BYTES_MIN && isPacked) headers.set("Content-Encoding", "gzip");
  if (bytes > STREAM_BYTES_MIN) {
    // Nobody would read it, and so nobody would let go of it.
    if (request.method === "HEAD") return new Response(null, { status, headers });
    if (!held.hold(bytes)) {
      throw new EngineError("overloaded", "large answers wait for their clients, try again");
    }
    const level = isPacked ? GZIP_LEVEL : undefined;
    const onGone = (gone: number) => held.release(gone);
    return new Response(pieceStream(body, { level, onGone }), { status, headers });
  }
  const whole = body.length === 1 ? body[0] : Buffer.concat(body);
  if (bytes < GZIP_BYTES_MIN || !isPacked) return new Response(whole, { status, headers });
  return new Response(await promisify(gzip)(whole, { level: GZIP_LEVEL }), { status, headers });
}

/** RFC 9110: `gzip` or `*`, unless its weight is zero; gzip's own word goes before the star's. */
export function acceptsGzip(header: string): boolean {
  const weights = new Map<string, number>();
  for (const entry of header.toLowerCase().split(",")) {
    const [coding, ...parameters] = entry.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    weights.set(coding, weight === undefined ? 1 : Number(weight.slice(2)));
  }
  const weight = weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0;
  return weight > 0;
}
