/**
 * Frames of HTTP/2 (RFC 9113), their numbers, and how they are written:
 *
 *   frame := length u24be · type u8 · flags u8 · stream u32be · payload[length]
 */
import { assert } from "../base/assert.ts";

/** Of a window, an error or an id. */
export const WORD_BYTES = 4;
export const FRAME_HEADER_BYTES = 9;
/** Of a payload: what everybody must take, and we take and send no more than. */
export const FRAME_BYTES_MAX = 16_384;
export const WINDOW_MAX = 2 ** 31 - 1;
export const WINDOW_DEFAULT = 65_535;

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const ACK = 1;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 32;

export const http2Codes = {
  noError: 0,
  protocolError: 1,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export type Http2Code = keyof typeof http2Codes;

/** The other side did what ends the connection. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: Http2Code;

  constructor(code: Http2Code, message: string) {
    super(message);
    this.code = code;
  }
}

/** What stands before a payload of so many bytes. */
export interface FrameHead {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
}

export function frame({ type, flags = 0, stream = 0 }: FrameHead, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  assert(length <= FRAME_BYTES_MAX, "http2: a frame is too long");
  const out = new Uint8Array(FRAME_HEADER_BYTES + length);
  putFrameHead(out, 0, { type, flags, stream, length });
  out.set(payload, FRAME_HEADER_BYTES);
  return out;
}

/** What stands before a payload of `length` bytes. */
export function putFrameHead(
  bytes: Uint8Array,
  at: number,
  { type, flags, stream, length }: Required<FrameHead> & { readonly length: number },
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  putUint32(bytes, at + 5, stream);
}

export function uint32(bytes: Uint8Array, at: number): number {
  const word = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  return word >>> 0;
}

/** The 31 bits of a stream, a window or a dependency; the first bit means nothing. */
export function uint31(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) & WINDOW_MAX;
}

export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** As a payload. */
export function wordOf(value: number): Uint8Array {
  const bytes = new Uint8Array(WORD_BYTES);
  putUint32(bytes, 0, value);
  return bytes;
}

/** Throws ConnectionError unless the client did what it must. */
export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new ConnectionError("protocolError", otherwise);
}

export function expectLength(holds: boolean): void {
  if (!holds) throw new ConnectionError("frameSizeError", "no such length of a frame");
}
