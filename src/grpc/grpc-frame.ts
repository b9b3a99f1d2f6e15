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

/** The same in pieces that follow each other. */
export interface GrpcPieces {
  readonly isCompressed: boolean;
  readonly pieces: readonly Uint8Array[];
}

/** Smaller pieces than this on average, when there are so many, are gathered in larger ones. */
const PIECE_BYTES_MIN = 2048;
const SMALL_PIECES_MAX = 16;
const GATHER_BYTES = 64 * 1024;

/**
 * Gathers the one message of a request, whatever pieces it comes in. What it keeps is about as
 * large as what came, also when that was single bytes.
 */
export class GrpcRequestReader {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isCompressed = false;
  /** Of the message; undefined until its header is here. */
  #length: number | undefined;
  /** The last of the pieces is ours, and filled up to here; 0: it is not. */
  #gathered = 0;

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
    if (piece.length === 0) return;
    this.#keep(piece);
    this.#bytes += piece.length;
    if (this.#length === undefined && this.#bytes >= FRAME_HEADER_BYTES) this.#readHeader();
    if (this.#length === undefined || this.#bytes <= FRAME_HEADER_BYTES + this.#length) return;
    throw new GrpcError("unimplemented", "the method takes one message");
  }

  /** The message, when nothing more comes. Throws GrpcError when it is not whole. */
  end(): GrpcMessage {
    const { isCompressed, pieces } = this.endPieces();
    return { isCompressed, bytes: pieces.length === 1 ? pieces[0] : Buffer.concat(pieces) };
  }

  /** The same, not put together. */
  endPieces(): GrpcPieces {
    if (this.#length === undefined || this.#bytes < FRAME_HEADER_BYTES + this.#length) {
      throw new GrpcError("internal", "the request ends before its message does");
    }
    this.#endGathering();
    const pieces = this.#pieces;
    pieces[0] = pieces[0].subarray(FRAME_HEADER_BYTES);
    this.#pieces = [];
    return { isCompressed: this.#isCompressed, pieces };
  }

  /** Bytes that came, with the header. */
  get received(): number {
    return this.#bytes;
  }

  /** As it is; from the moment on when that would be many small ones, as a copy. */
  #keep(piece: Uint8Array): void {
    const count = this.#pieces.length;
    const areSmall = count >= SMALL_PIECES_MAX && this.#bytes < count * PIECE_BYTES_MIN;
    if (this.#gathered === 0 && !areSmall) {
      this.#pieces.push(piece);
      return;
    }
    for (let at = 0; at < piece.length; ) {
      if (this.#gathered === 0) this.#pieces.push(new Uint8Array(GATHER_BYTES));
      const target = this.#pieces[this.#pieces.length - 1];
      const part = piece.subarray(at, at + target.length - this.#gathered);
      target.set(part, this.#gathered);
      at += part.length;
      this.#gathered = (this.#gathered + part.length) % GATHER_BYTES;
    }
  }

  #endGathering(): void {
    if (this.#gathered === 0) return;
    const last = this.#pieces.length - 1;
    this.#pieces[last] = this.#pieces[last].subarray(0, this.#gathered);
    this.#gathered = 0;
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
