/**
 * Messages of gRPC on their stream:
 *
 *   frame := compressed u8 (0) · length u32be · message[length]
 */
import { GrpcError } from "./grpc-status.ts";

export const FRAME_HEADER_BYTES = 5;

/** Gathers the one message of a request, whatever pieces it comes in. */
export class GrpcRequestReader {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Of the message; undefined until its header is here. */
  #length: number | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes the piece as its own. Throws GrpcError as soon as the request cannot be right. */
  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#length === undefined && this.#bytes >= FRAME_HEADER_BYTES) this.#readHeader();
    if (this.#length === undefined || this.#bytes <= FRAME_HEADER_BYTES + this.#length) return;
    throw new GrpcError("unimplemented", "the method takes one message");
  }

  /** The message, when nothing more comes. Throws GrpcError when it is not whole. */
  end(): Uint8Array {
    if (this.#length === undefined || this.#bytes < FRAME_HEADER_BYTES + this.#length) {
      throw new GrpcError("internal", "the request ends before its message does");
    }
    return this.#whole().subarray(FRAME_HEADER_BYTES);
  }

  #readHeader(): void {
    const whole = this.#whole();
    this.#pieces = [whole];
    if (whole[0] !== 0) {
      throw new GrpcError("unimplemented", "compressed messages are not understood");
    }
    const length = new DataView(whole.buffer, whole.byteOffset).getUint32(1);
    if (length > this.#bytesMax) {
      const message = `received message larger than max (${length} vs. ${this.#bytesMax})`;
      throw new GrpcError("resourceExhausted", message);
    }
    this.#length = length;
  }

  #whole(): Uint8Array {
    return this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
  }
}

/** The frame around the parts of a message, which follow each other. */
export function grpcFrame(parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, ...parts], FRAME_HEADER_BYTES + length);
}
