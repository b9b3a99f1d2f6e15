/**
 * A request's body, read within a bound and with its bytes reserved before they are taken.
 *
 * With a Content-Length, all is reserved at once and read in one piece; without one (chunked),
 * pieces are reserved as they come.
 */
import { EngineError } from "../base/error.ts";
import type { Reservation } from "./in-flight.ts";

/** Throws `too_large`, `tenant_overloaded`, `overloaded`, or `malformed` when the client goes. */
export async function readBody(
  request: Request,
  reservation: Reservation,
  bytesMax: number,
): Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared === null) return readPieces(request, reservation, bytesMax);
  const length = Number(declared);
  if (length > bytesMax) throw tooLarge(bytesMax);
  reservation.grow(length);
  try {
    return await request.bytes();
  } catch (error) {
    throw new EngineError("malformed", "the client went before the body was complete", {
      cause: error,
    });
  }
}

async function readPieces(
  request: Request,
  reservation: Reservation,
  bytesMax: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const piece of request.body ?? []) {
      length += piece.byteLength;
      if (length > bytesMax) throw tooLarge(bytesMax);
      reservation.grow(piece.byteLength);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError("malformed", "the client went before the body was complete", {
      cause: error,
    });
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

function tooLarge(bytesMax: number): EngineError {
  return new EngineError("too_large", `request body is over the limit of ${bytesMax} bytes`);
}
