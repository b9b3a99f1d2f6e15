/**
 * Compression of messages: the header `grpc-encoding` names it, the first byte of each frame says
 * whether it was used.
 */
import { gunzipSync } from "node:zlib";
import { EngineError } from "../base/error.ts";
import type { GrpcMessage } from "./grpc-frame.ts";
import { GrpcError } from "./grpc-status.ts";

/**
 * What comes out of the bytes. Throws RangeError when that is more than `bytesMax`, EngineError for
 * what it can say itself, and any other error when the bytes are damaged.
 */
export type MessageDecoder = (bytes: Uint8Array, bytesMax: number) => Uint8Array;

/** Decoders by their name in headers; `identity` needs none. */
export type MessageDecoders = ReadonlyMap<string, MessageDecoder>;

/** Bun's own function has no bound and reads the first of several members only. */
export const gzipAlone: MessageDecoders = new Map([
  ["gzip", (bytes, bytesMax) => gunzipSync(bytes, { maxOutputLength: Math.max(1, bytesMax) })],
]);

/** For the header `grpc-accept-encoding` of every answer. */
export function acceptedEncodings(decoders: MessageDecoders): string {
  return ["identity", ...decoders.keys()].join(",");
}

export interface DecodeOptions {
  /** The header `grpc-encoding`. */
  readonly encoding: string | undefined;
  readonly decoders: MessageDecoders;
  /** Of what comes out. */
  readonly bytesMax: number;
}

/** The message as it was before compression. Throws GrpcError. */
export function decodeMessage(
  { isCompressed, bytes }: GrpcMessage,
  { encoding = "identity", decoders, bytesMax }: DecodeOptions,
): Uint8Array {
  if (!isCompressed) return bytes;
  if (encoding === "identity") {
    throw new GrpcError("internal", "compressed flag set with identity or empty encoding");
  }
  const decoder = decoders.get(encoding);
  if (decoder === undefined) {
    const name = JSON.stringify(encoding);
    const message = `grpc: Decompressor is not installed for grpc-encoding ${name}`;
    throw new GrpcError("unimplemented", message);
  }
  let decoded: Uint8Array;
  try {
    decoded = decoder(bytes, bytesMax);
  } catch (error) {
    if (error instanceof GrpcError || error instanceof EngineError) throw error;
    if (error instanceof RangeError) throw decodedTooLarge(bytesMax);
    throw new GrpcError("internal", `grpc: failed to decompress the received message`);
  }
  if (decoded.length > bytesMax) throw decodedTooLarge(bytesMax);
  return decoded;
}

function decodedTooLarge(bytesMax: number): GrpcError {
  const message = `grpc: received message after decompression larger than max ${bytesMax}`;
  return new GrpcError("resourceExhausted", message);
}
