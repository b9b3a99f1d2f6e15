/** One body in every encoding that is accepted, by encoders that are not ours where there are. */
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { Compressor, compressSync } from "snappy";
import type { Encoding } from "../../src/receive/decompress.ts";
import { encodeLz4 } from "./lz4-encode.ts";

export interface CompressedBody {
  readonly name: string;
  readonly encoding: Encoding;
  readonly bytes: Uint8Array;
}

export async function compressedBodies(body: Uint8Array): Promise<CompressedBody[]> {
  const stream = await snappyStream(body);
  const half = body.length >> 1;
  const twice = (encode: (part: Uint8Array) => Uint8Array) =>
    Buffer.concat([encode(body.subarray(0, half)), encode(body.subarray(half))]);
  return [
    { name: "gzip", encoding: "gzip", bytes: gzipSync(body) },
    { name: "gzip, two members", encoding: "gzip", bytes: twice((part) => gzipSync(part)) },
    { name: "zlib", encoding: "zlib", bytes: deflateSync(body) },
    { name: "deflate", encoding: "deflate", bytes: deflateSync(body, { level: 1 }) },
    { name: "deflate, raw", encoding: "deflate", bytes: deflateRawSync(body) },
    { name: "zstd", encoding: "zstd", bytes: zstdCompressSync(body) },
    { name: "zstd, two frames", encoding: "zstd", bytes: twice((part) => zstdCompressSync(part)) },
    { name: "snappy block", encoding: "snappy", bytes: Buffer.from(compressSync(body)) },
    { name: "snappy stream", encoding: "snappy", bytes: stream },
    { name: "x-snappy-framed", encoding: "x-snappy-framed", bytes: stream },
    { name: "lz4", encoding: "lz4", bytes: encodeLz4(body) },
    { name: "lz4, two frames", encoding: "lz4", bytes: twice((part) => encodeLz4(part)) },
  ];
}

async function snappyStream(body: Uint8Array): Promise<Uint8Array> {
  const compressor = new Compressor();
  const parts = [compressor.update(body), await compressor.finish()];
  // What is empty comes detached, which concat() takes ill.
  return Buffer.concat(parts.filter((part) => part.byteLength > 0));
}
