/** Decompression within what a request may hold. */
import { MiB } from "../base/bytes.ts";
import { EngineError } from "../base/error.ts";
import { GarbageCount } from "../base/garbage.ts";
import { decompress, type Encoding } from "./decompress.ts";
import type { Reservation } from "./in-flight.ts";

/** What deflate makes of a byte at most; more than that is not worth a collection. */
const EXPANSION_MAX = 1032;
/**
 * What came out of a body before it was refused is in nobody's hands but the collector's, which
 * does not hurry: 80 bombs made a gigabyte.
 */
const garbage = new GarbageCount(64 * MiB);

/** Decompresses into what the request may still hold, so that the bound holds for bombs too. */
export function expandBody(
  body: Uint8Array,
  reservation: Reservation,
  { contentEncoding, bytesMax }: { contentEncoding: Encoding; bytesMax: number },
): Uint8Array {
  const room = Math.min(bytesMax, reservation.room);
  try {
    const expanded = decompress(contentEncoding, body, room);
    reservation.hold(expanded.byteLength);
    return expanded;
  } catch (error) {
    garbage.note(Math.min(room, EXPANSION_MAX * body.byteLength));
    const overRoom = error instanceof EngineError && error.code === "too_large";
    // Larger than what is free now, perhaps not than the limit: this says which bound it was.
    if (overRoom && room < bytesMax) reservation.hold(room + 1);
    throw error;
  }
}
