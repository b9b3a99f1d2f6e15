/**
 * Bytes of a connection as its frames, in whatever pieces they come. DATA goes on as it comes;
 * other frames are gathered first, which is a frame's bytes at most.
 */
import {
  ConnectionError,
  FRAME,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  PADDED,
  uint31,
} from "./http2-frame.ts";

/** What stands before the payload. */
export interface FrameStart {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** Of the payload. */
  readonly length: number;
}

/** Everything may throw ConnectionError; nothing is read afterwards. */
export interface FrameSink {
  /** A whole frame but DATA; the payload is there for the time of the call. */
  frame(start: FrameStart, payload: Uint8Array): void;
  dataStart(start: FrameStart): void;
  /** For the time of the call. */
  data(piece: Uint8Array): void;
  dataEnd(): void;
}

const NOTHING = new Uint8Array(0);
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export class FrameReader {
  readonly #sink: FrameSink;
  #prefaceLeft = PREFACE.length;
  readonly #head = new Uint8Array(FRAME_HEADER_BYTES);
  #headBytes = 0;
  /** Of the frame that is under way, if one is. */
  #start: FrameStart | undefined;
  /** Its payload up to now, where it is gathered. */
  #gathered: Uint8Array | undefined;
  #gatheredBytes = 0;
  /** DATA: what is left of the payload, and how much of that, at the end, is padding. */
  #left = 0;
  #padding = 0;
  #readsPadding = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** It is in the middle of something that a client sends at once. */
  get isInFrame(): boolean {
    const isData = this.#start?.type === FRAME.data;
    return this.#prefaceLeft > 0 || this.#headBytes > 0 || (this.#start !== undefined && !isData);
  }

  /** Throws ConnectionError. */
  push(bytes: Uint8Array): void {
    let at = this.#prefaceLeft > 0 ? this.#readPreface(bytes) : 0;
    while (at < bytes.length) {
      const start = this.#start;
      if (start === undefined) at = this.#readHead(bytes, at);
      else if (start.type === FRAME.data) at = this.#readData(bytes, at);
      else at = this.#readFrame(start, bytes, at);
    }
  }

  #readPreface(bytes: Uint8Array): number {
    const from = PREFACE.length - this.#prefaceLeft;
    const length = Math.min(this.#prefaceLeft, bytes.length);
    for (let i = 0; i < length; i++) {
      if (bytes[i] === PREFACE[from + i]) continue;
      throw new ConnectionError("protocolError", "this port speaks HTTP/2");
    }
    this.#prefaceLeft -= length;
    return length;
  }

  #readHead(bytes: Uint8Array, at: number): number {
    if (this.#headBytes === 0 && bytes.length - at >= FRAME_HEADER_BYTES) {
      this.#begin(bytes, at);
      return at + FRAME_HEADER_BYTES;
    }
    const part = bytes.subarray(at, at + FRAME_HEADER_BYTES - this.#headBytes);
    this.#head.set(part, this.#headBytes);
    this.#headBytes += part.length;
    if (this.#headBytes === FRAME_HEADER_BYTES) {
      this.#headBytes = 0;
      this.#begin(this.#head, 0);
    }
    return at + part.length;
  }

  #begin(head: Uint8Array, at: number): void {
    const length = (head[at] << 16) | (head[at + 1] << 8) | head[at + 2];
    if (length > FRAME_BYTES_MAX) throw new ConnectionError("frameSizeError", "frame too long");
    const flags = head[at + 4];
    const start = { type: head[at + 3], flags, stream: uint31(head, at + 5), length };
    if (start.type === FRAME.data) {
      this.#left = length;
      this.#padding = 0;
      this.#readsPadding = (flags & PADDED) !== 0;
      if (this.#readsPadding && length === 0) throw badPadding();
      this.#sink.dataStart(start);
      if (length === 0) this.#sink.dataEnd();
      else this.#start = start;
    } else if (length === 0) this.#sink.frame(start, NOTHING);
    else this.#start = start;
  }

  #readData(bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#readsPadding) {
      this.#readsPadding = false;
      this.#padding = bytes[at];
      at += 1;
      this.#left -= 1;
      if (this.#padding > this.#left) throw badPadding();
    }
    const data = Math.min(this.#left - this.#padding, bytes.length - at);
    if (data > 0) {
      this.#sink.data(bytes.subarray(at, at + data));
      at += data;
      this.#left -= data;
    }
    if (this.#left <= this.#padding) {
      const skipped = Math.min(this.#left, bytes.length - at);
      at += skipped;
      this.#left -= skipped;
      this.#padding -= skipped;
    }
    if (this.#left === 0) {
      this.#start = undefined;
      this.#sink.dataEnd();
    }
    return at;
  }

  #readFrame(start: FrameStart, bytes: Uint8Array, at: number): number {
    const { length } = start;
    if (this.#gathered === undefined && bytes.length - at >= length) {
      this.#start = undefined;
      this.#sink.frame(start, bytes.subarray(at, at + length));
      return at + length;
    }
    this.#gathered ??= new Uint8Array(length);
    const part = bytes.subarray(at, at + length - this.#gatheredBytes);
    this.#gathered.set(part, this.#gatheredBytes);
    this.#gatheredBytes += part.length;
    if (this.#gatheredBytes === length) {
      const whole = this.#gathered;
      this.#gathered = undefined;
      this.#gatheredBytes = 0;
      this.#start = undefined;
      this.#sink.frame(start, whole);
    }
    return at + part.length;
  }
}

function badPadding(): ConnectionError {
  return new ConnectionError("protocolError", "padding is longer than its frame");
}
