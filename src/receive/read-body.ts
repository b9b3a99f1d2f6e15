/**
 * A request's body, read within bounds on size and time, and with its bytes reserved before they
 * are taken.
 *
 * With a Content-Length, all is reserved at once and read in one piece; without one (chunked),
 * pieces are reserved as they come. What is too large is answered at once and not read any more:
 * the runtime drops the rest as it comes, as a client that is still sending would not see the
 * answer if the connection ended.
 *
 * The time is bounded because idleTimeout is not enough: a client that sends a byte now and then
 * would keep its reservation as long as it likes.
 */
import { EngineError } from "../base/error.ts";
import { freeBytes } from "../base/free-bytes.ts";
import { BodyAbandoned, bodyTooLarge } from "./body-error.ts";
import type { HttpRequest } from "./http-receive.ts";
import type { Reservation } from "./in-flight.ts";

/** Pieces are kept in parts of so many bytes or more. */
const SHORT_BYTES = 4096;

export interface BodyBounds {
  readonly bytesMax: number;
  /** From the headers to the last byte; 0 is no limit. */
  readonly timeoutMs: number;
}

/**
 * Throws `too_large`; `tenant_overloaded` or `overloaded`, also for a body that takes too long;
 * `malformed` when the client goes or its chunks are no chunks. The reservation is not touched any
 * more once the promise has settled.
 */
export async function readBody(
  request: HttpRequest,
  reservation: Reservation,
  bounds: BodyBounds,
): Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared === null || declared === undefined) return readPieces(request, reservation, bounds);
  const length = Number(declared);
  if (length > bounds.bytesMax) throw bodyTooLarge(bounds.bytesMax);
  reservation.hold(length);
  return within(bounds.timeoutMs, request.bytes());
}

async function readPieces(
  request: HttpRequest,
  reservation: Reservation,
  bounds: BodyBounds,
): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const cancel = () => {
    reader.cancel().catch(() => {}); // the connection may be gone already
  };
  let isLate = false;
  // What is read at that time is then over.
  const timer = startTimer(bounds.timeoutMs, () => {
    isLate = true;
    cancel();
  });
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw tookTooLong(bounds.timeoutMs);
      if (done || value === undefined) break;
      length += value.byteLength;
      if (length > bounds.bytesMax) throw bodyTooLarge(bounds.bytesMax);
      reservation.hold(length);
      addPiece(pieces, value);
    }
  } catch (error) {
    cancel();
    throw error instanceof EngineError ? error : clientGone(error);
  } finally {
    clearTimeout(timer);
  }
  if (pieces.length === 1) return pieces[0];
  const body = concatBytes(pieces, length);
  for (const piece of pieces) freeBytes(piece);
  return body;
}

/** Of one byte it would take hundreds: short ones are put together. */
function addPiece(pieces: Uint8Array[], piece: Uint8Array): void {
  const last = pieces.at(-1);
  const length = (last?.byteLength ?? 0) + piece.byteLength;
  if (last === undefined || length > SHORT_BYTES) pieces.push(piece);
  else pieces[pieces.length - 1] = concatBytes([last, piece], length);
}

function concatBytes(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

/** One closure a request and no race: this is the path of nearly all of them. */
function within(timeoutMs: number, body: Promise<Uint8Array>): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = startTimer(timeoutMs, () => {
      late = true;
      reject(tookTooLong(timeoutMs));
    });
    body.then(
      (bytes) => {
        clearTimeout(timer);
        if (late) freeBytes(bytes);
        resolve(bytes);
      },
      (error) => {
        clearTimeout(timer);
        reject(clientGone(error));
      },
    );
  });
}

/** Undefined: there is no limit. */
function startTimer(timeoutMs: number, late: () => void): Timer | undefined {
  return timeoutMs === 0 ? undefined : setTimeout(late, timeoutMs);
}

function tookTooLong(timeoutMs: number): EngineError {
  return new BodyAbandoned("overloaded", `the body was not complete after ${timeoutMs} ms`);
}

function clientGone(cause: unknown): EngineError {
  return new EngineError("malformed", "the body ended before it was complete", { cause });
}
