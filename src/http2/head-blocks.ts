/** The heads of requests and their trailers, whole: HEADERS, and CONTINUATION behind it. */
import type { FrameStart } from "./frame-reader.ts";
import {
  ConnectionError,
  END_HEADERS,
  END_STREAM,
  expect,
  expectLength,
  PADDED,
  PRIORITY,
  uint31,
} from "./http2-frame.ts";

export interface HeadBlock {
  readonly stream: number;
  /** No body follows. */
  readonly ends: boolean;
  /** Of the stream, on itself: it must not. */
  readonly dependsOnItself: boolean;
  /** As HPACK has it; for the time of the call. */
  readonly bytes: Uint8Array;
}

/** Heads in so many pieces are no heads. */
const CONTINUATIONS_MAX = 32;
const PRIORITY_BYTES = 5;

export class HeadBlocks {
  readonly #bytesMax: number;
  #begun: Omit<HeadBlock, "bytes"> | undefined;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** A head has begun: nothing may come but what continues it. */
  get isOpen(): boolean {
    return this.#begun !== undefined;
  }

  /** Undefined: it goes on. Throws ConnectionError. */
  begin({ stream, flags }: FrameStart, payload: Uint8Array): HeadBlock | undefined {
    expect(stream % 2 === 1, "a head of a stream that is no client's");
    let [at, end] = [0, payload.length];
    if (flags & PADDED) {
      expect(end > 0 && payload[0] < end, "padding is longer than its frame");
      end -= payload[0];
      at = 1;
    }
    let dependsOnItself = false;
    if (flags & PRIORITY) {
      expectLength(end - at >= PRIORITY_BYTES);
      dependsOnItself = uint31(payload, at) === stream;
      at += PRIORITY_BYTES;
    }
    const bytes = payload.subarray(at, end);
    const head = { stream, ends: (flags & END_STREAM) !== 0, dependsOnItself };
    if (flags & END_HEADERS) return { ...head, bytes };
    this.#begun = head;
    this.#pieces = [bytes.slice()];
    this.#bytes = bytes.length;
    return undefined;
  }

  /** Likewise. */
  continue({ stream, flags }: FrameStart, payload: Uint8Array): HeadBlock | undefined {
    const head = this.#begun;
    if (head?.stream !== stream) {
      throw new ConnectionError("protocolError", "a continuation of nothing");
    }
    this.#pieces.push(payload.slice());
    this.#bytes += payload.length;
    if (this.#bytes > this.#bytesMax || this.#pieces.length > CONTINUATIONS_MAX) {
      throw new ConnectionError("enhanceYourCalm", "a head is too large");
    }
    if ((flags & END_HEADERS) === 0) return undefined;
    this.#begun = undefined;
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    return { ...head, bytes };
  }
}
