/**
 * Messages of gRPC on their stream:
 *
 *   frame := compressed u8 (0 or 1) · length u32be · message[length]
 */
import { GrpcError } from "./grpc-status.ts";

export const FRAME_HEADER_BYTES = 5;

/** As it came: what compressed it says the header `grpc-encoding`. */
export interface GrpcMessage {
  readonly isCompressed: boolean;
  readonly bytes: Uint8Array;
}

/** Gathers the one message of a request, whatever pieces it comes in. */
export class GrpcRequestReader {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isCompressed = false;
  /** Of the message; undefined until its header is here. */
  #length: number | undefined;

  /** `bytesMax` is of the message as it comes, before it is decompressed. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Of the message; undefined until its header has come. */
  get length(): number | undefined {
    return this.#length;
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
  end(): GrpcMessage {
    if (this.#length === undefined || this.#bytes < FRAME_HEADER_BYTES + this.#length) {
      throw new GrpcError("internal", "the request ends before its message does");
    }
    return { isCompressed: this.#isCompressed, bytes: this.#whole().subarray(FRAME_HEADER_BYTES) };
  }

  #readHeader(): void {
    const whole = this.#whole();
    this.#pieces = [whole];
    if (whole[0] > 1) throw new GrpcError("internal", `no such frame: first byte ${whole[0]}`);
    const length = new DataView(whole.buffer, whole.byteOffset).getUint32(1);
    if (length > this.#bytesMax) throw messageTooLarge(length, this.#bytesMax);
    this.#isCompressed = whole[0] === 1;
    this.#length = length;
  }

  #whole(): Uint8Array {
    return this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
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
