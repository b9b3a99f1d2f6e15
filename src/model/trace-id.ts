/** Trace ids as clients write them in paths: hexadecimal, of any length up to 32 digits. */
import { EngineError } from "../base/error.ts";

export const TRACE_ID_BYTES = 16;
const TRACE_ID_DIGITS = 2 * TRACE_ID_BYTES;

/**
 * The 16 bytes of an id in upper or lower case, filled up with zeros on the left, so that a 64-bit
 * id is found as its tracer meant it. Throws `malformed` in Tempo's words: Grafana shows them.
 */
export function parseTraceId(text: string): Uint8Array {
  const stranger = /[^0-9a-fA-F]/u.exec(text);
  if (stranger !== null) {
    const place = `'${stranger[0]}' at position ${stranger.index + 1}`;
    throw new EngineError(
      "malformed",
      `trace IDs can only contain hex characters: invalid character ${place}`,
    );
  }
  if (text.length > TRACE_ID_DIGITS) {
    throw new EngineError("malformed", "trace IDs can't be larger than 128 bits");
  }
  return Uint8Array.fromHex(text.padStart(TRACE_ID_DIGITS, "0"));
}

/** All 32 digits, lower case. */
export function formatTraceId(id: Uint8Array): string {
  return id.toHex();
}
