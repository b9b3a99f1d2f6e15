/**
 * Messages of gRPC on their stream:
 *
 *   frame := compressed u8 (0 or 1) · length u32be · message[length]
 */
import { freeBytes } from "../base/free-bytes.ts";
import { GrpcError } from "./grpc-status.ts";

export const FRAME_HEADER_BYTES = 5;

/** As it came: what compressed it says the header `grpc-encoding`. */
export interface GrpcMessage {
  readonly isCompressed: boolean;
  readonly bytes: Uint8Array;
}

/** A usual message is taken in one piece; a longer one grows with what comes of it. */
const FIRST_BYTES = 256 * 1024;

/**
 * Gathers the one message of a request, whatever pieces it comes in. What it keeps is about as
 * large as what came, also of those who promise much and send little.
 */
export class GrpcRequestReader {
  readonly #bytesMax: number;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #bytes = 0;
  /** Of the message; undefined until its header is here. */
  #length: number | undefined;
  #message: Uint8Array = new Uint8Array(0);

  /** `bytesMax` is of the message as it comes, before it is decompressed. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Of the message; undefined until its header has come. */
  get length(): number | undefined {
    return this.#length;
  }

  /** Bytes that came, with the header. */
  get received(): number {
    return this.#bytes;
  }

  /** Takes a copy. Throws GrpcError as soon as the request cannot be right. */
  push(piece: Uint8Array): void {
    const rest = this.#length === undefined ? this.#readHeader(piece) : piece;
    if (this.#length === undefined || rest.length === 0) return;
    const at = this.#bytes - FRAME_HEADER_BYTES;
    const end = at + rest.length;
    if (end > this.#length) throw new GrpcError("unimplemented", "the method takes one message");
    if (end > this.#message.length) this.#grow(end);
    this.#message.set(rest, at);
    this.#bytes += rest.length;
  }

  /** The message, when nothing more comes. Throws GrpcError when it is not whole. */
  end(): GrpcMessage {
    if (this.#length === undefined || this.#bytes < FRAME_HEADER_BYTES + this.#length) {
      throw new GrpcError("internal", "the request ends before its message does");
    }
    return { isCompressed: this.#header[0] === 1, bytes: this.#message };
  }

  /** Answers what is behind the header. */
  #readHeader(piece: Uint8Array): Uint8Array {
    const header = this.#header;
    const part = piece.subarray(0, FRAME_HEADER_BYTES - this.#bytes);
    header.set(part, this.#bytes);
    this.#bytes += part.length;
    if (this.#bytes === FRAME_HEADER_BYTES) {
      if (header[0] > 1) throw new GrpcError("internal", `no such frame: first byte ${header[0]}`);
      const length = new DataView(header.buffer).getUint32(1);
      if (length > this.#bytesMax) throw messageTooLarge(length, this.#bytesMax);
      this.#length = length;
      this.#message = Buffer.allocUnsafeSlow(Math.min(length, FIRST_BYTES));
    }
    return piece.subarray(part.length);
  }

  #grow(bytes: number): void {
    const before = this.#message;
    const size = Math.min(this.#length ?? 0, Math.max(bytes, 2 * before.length));
    this.#message = Buffer.allocUnsafeSlow(size);
    this.#message.set(before);
    freeBytes(before);
  }
}

/** In grpc-go's words. */
export function messageTooLarge(length: number, bytesMax: number): GrpcError {
  const message = `grpc: received message larger than max (${length} vs. ${bytesMax})`;
  return new GrpcError("resourceExhausted", message);
}

/** The frame around the parts of a message, which follow each other. */
export function grpcFrame(parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, ...parts], FRAME_HEADER_BYTES + length);
}
