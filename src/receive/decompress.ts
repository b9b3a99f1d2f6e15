/**
 * Bodies by Content-Encoding, each with a bound on what comes out, enforced while it comes out.
 *
 * node:zlib and not Bun's own functions: those read only the first of several gzip members and
 * have no bound. Everything is synchronous: at the sizes allowed it takes milliseconds, less than
 * a hand-over to another thread and back would.
 */
import { gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { uncompressSync } from "snappy";
import { EngineError } from "../base/error.ts";
import { decompressLz4 } from "./lz4-frame.ts";

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

/** The encoding that a Content-Encoding header names; throws `wrong_type` for any other. */
export function parseEncoding(header: string | null): Encoding {
  const name = header === null || header === "" ? "identity" : header.trim().toLowerCase();
  const known = encodings.find((encoding) => encoding === name);
  if (known) return known;
  const text = `content encoding ${JSON.stringify(header)} is not one of ${encodings.join(", ")}`;
  throw new EngineError("wrong_type", text);
}

/** Throws `malformed` for damaged input and `too_large` for more than `bytesMax`. */
export function decompress(encoding: Encoding, body: Uint8Array, bytesMax: number): Uint8Array {
  if (encoding === "identity") return body;
  try {
    return decompressors[encoding](body, bytesMax);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    if (error instanceof RangeError) throw tooLarge(bytesMax);
    throw new EngineError("malformed", `${encoding} body is damaged`, { cause: error });
  }
}

type Decompressor = (body: Uint8Array, bytesMax: number) => Uint8Array;

const decompressors: Record<Exclude<Encoding, "identity">, Decompressor> = {
  gzip: (body, bytesMax) => gunzipSync(body, { maxOutputLength: bytesMax }),
  zstd: (body, bytesMax) => zstdDecompressSync(body, { maxOutputLength: bytesMax }),
  zlib: (body, bytesMax) => inflateSync(body, { maxOutputLength: bytesMax }),
  deflate: inflate,
  snappy,
  "x-snappy-framed": snappyFramed,
  lz4: decompressLz4,
};

/** The name means zlib's format, but there are clients that send the bare stream. */
function inflate(body: Uint8Array, bytesMax: number): Uint8Array {
  const zlibHeader =
    body.length > 1 && (body[0] & 15) === 8 && (body[0] * 256 + body[1]) % 31 === 0;
  const options = { maxOutputLength: bytesMax };
  return zlibHeader ? inflateSync(body, options) : inflateRawSync(body, options);
}

const SNAPPY_STREAM = [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];

/** The block format, or a stream, which begins with an identifier that no block can begin with. */
function snappy(body: Uint8Array, bytesMax: number): Uint8Array {
  if (SNAPPY_STREAM.every((byte, index) => body[index] === byte)) {
    return snappyFramed(body, bytesMax);
  }
  return snappyBlock(body, bytesMax);
}

/** A block says its size first; the library allocates that much and no more. */
function snappyBlock(block: Uint8Array, bytesMax: number): Uint8Array {
  let size = 0;
  for (let at = 0, shift = 1; ; at++, shift *= 128) {
    if (at >= block.byteLength || at > 4) throw new EngineError("malformed", "snappy size");
    size += (block[at] & 127) * shift;
    if (block[at] < 128) break;
  }
  if (size > bytesMax) throw tooLarge(bytesMax);
  // copyOutputData: the default hands out external memory, which costs many times the copy.
  const out = uncompressSync(Buffer.from(block.buffer, block.byteOffset, block.byteLength), {
    asBuffer: true,
    copyOutputData: true,
  });
  if (typeof out === "string") throw new EngineError("malformed", "snappy body is damaged");
  return out;
}

const CHUNK_COMPRESSED = 0;
const CHUNK_PLAIN = 1;
const CHUNK_RESERVED = 0x80; // from here on chunks may be skipped
const CHUNK_CRC_BYTES = 4;

/** framing_format.txt of snappy: type u8, length u24, then a crc and the data. */
function snappyFramed(body: Uint8Array, bytesMax: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; at < body.byteLength; ) {
    if (at + 4 > body.byteLength) throw new EngineError("malformed", "snappy chunk cut off");
    const type = body[at];
    const length = body[at + 1] | (body[at + 2] << 8) | (body[at + 3] << 16);
    const end = at + 4 + length;
    if (end > body.byteLength) throw new EngineError("malformed", "snappy chunk cut off");
    if (type === CHUNK_COMPRESSED || type === CHUNK_PLAIN) {
      const data = body.subarray(at + 4 + CHUNK_CRC_BYTES, end);
      const part = type === CHUNK_PLAIN ? data : snappyBlock(data, bytesMax - total);
      total += part.byteLength;
      if (total > bytesMax) throw tooLarge(bytesMax);
      parts.push(part);
    } else if (type < CHUNK_RESERVED) throw new EngineError("malformed", "snappy chunk type");
    at = end;
  }
  return Buffer.concat(parts);
}

function tooLarge(bytesMax: number): EngineError {
  return new EngineError("too_large", `body over ${bytesMax} bytes when decompressed`);
}
