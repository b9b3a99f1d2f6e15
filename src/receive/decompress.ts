/**
 * Bodies by Content-Encoding, each with a bound on what comes out, enforced while it comes out.
 *
 * node:zlib and not Bun's own functions: those read only the first of several gzip members and
 * have no bound. Everything is synchronous: 20 MiB take 4 to 50 ms, whatever is in them, and what
 * clients send takes 0.1 to 0.2 ms, which no hand-over to another thread and back would improve.
 */
import { gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { EngineError } from "../base/error.ts";
import { bodyDamaged, decompressedTooLarge } from "./body-error.ts";
import { decompressLz4 } from "./lz4-frame.ts";
import { decompressSnappy, decompressSnappyStream } from "./snappy-body.ts";
import { checkZstdFrames } from "./zstd-frames.ts";

/** What the Collector accepts, and the framed snappy that its newer versions name apart. */
export const encodings = [
  "identity",
  "gzip",
  "zstd",
  "deflate",
  "zlib",
  "snappy",
  "x-snappy-framed",
  "lz4",
] as const;
export type Encoding = (typeof encodings)[number];

/** Headers are shown in answers up to here. */
const SHOWN_LENGTH_MAX = 64;

/**
 * The encoding that a Content-Encoding header names; throws `wrong_type` for any other, several
 * on top of each other included.
 */
export function parseEncoding(header: string | null): Encoding {
  if (header === null || header === "") return "identity";
  const name = header.trim().toLowerCase();
  const known = encodings.find((encoding) => encoding === name);
  if (known !== undefined) return known;
  const shown = JSON.stringify(header.slice(0, SHOWN_LENGTH_MAX));
  throw new EngineError(
    "wrong_type",
    `content encoding ${shown} is not accepted, one of these is: ${encodings.join(", ")}`,
  );
}

/** Throws `malformed` for damaged input and `too_large` for more than `bytesMax`. */
export function decompress(encoding: Encoding, body: Uint8Array, bytesMax: number): Uint8Array {
  if (encoding === "identity") return body;
  let out: Uint8Array;
  try {
    out = decompressors[encoding](body, bytesMax);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    if (error instanceof RangeError) throw decompressedTooLarge(bytesMax);
    throw bodyDamaged(encoding, error instanceof Error ? error.message : "", error);
  }
  if (out.byteLength > bytesMax) throw decompressedTooLarge(bytesMax);
  return out;
}

type Decompressor = (body: Uint8Array, bytesMax: number) => Uint8Array;

const decompressors: Record<Exclude<Encoding, "identity">, Decompressor> = {
  gzip: (body, bytesMax) => gunzipSync(body, bounded(bytesMax)),
  zstd: (body, bytesMax) => {
    checkZstdFrames(body);
    return zstdDecompressSync(body, bounded(bytesMax));
  },
  zlib: (body, bytesMax) => inflateSync(body, bounded(bytesMax)),
  deflate: inflate,
  snappy: decompressSnappy,
  "x-snappy-framed": decompressSnappyStream,
  lz4: decompressLz4,
};

/**
 * The name means zlib's format, but there are clients that send the bare stream. Read as one,
 * zlib's first byte is a stored block with bits set that encoders leave zero.
 */
function inflate(body: Uint8Array, bytesMax: number): Uint8Array {
  const isZlib = body.length > 1 && (body[0] & 15) === 8 && (body[0] * 256 + body[1]) % 31 === 0;
  return (isZlib ? inflateSync : inflateRawSync)(body, bounded(bytesMax));
}

/** One piece for the usual body: four fifths of the time that zlib's own 16 KiB take. */
const CHUNK_BYTES = 256 * 1024;

function bounded(bytesMax: number) {
  // Zero is no bound for zlib; the caller compares once more.
  return { maxOutputLength: Math.max(1, bytesMax), chunkSize: CHUNK_BYTES };
}
