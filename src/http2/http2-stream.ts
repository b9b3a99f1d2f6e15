/**
 * A request and its answer on a connection of HTTP/2.
 *
 * What the answer has beyond the client's windows waits here. Nothing of it throws: the client may
 * go at any time.
 *
 * Invariant: `closed` of its reader is called once, after which it says nothing more.
 */
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  frame,
  type Http2Code,
  http2Codes,
  putFrameHead,
  putUint32,
  WORD_BYTES,
  wordOf,
} from "./http2-frame.ts";

/** What becomes of a request's body. */
export interface StreamReader {
  /** For the time of the call. */
  data(piece: Uint8Array): void;
  /** The whole body has come. */
  end(): void;
  /** The answer has gone, or nobody waits for it any more. */
  closed(): void;
}

/** The connection, as a stream sees it. */
export interface StreamHost {
  /** Of the connection, for what the server sends. */
  sendWindow: number;
  push(bytes: Uint8Array): void;
  /** It is over. `wasReset`: by us, while the client may go on. */
  over(stream: Http2Stream, wasReset: boolean): void;
  /** One was refused before its body came: those of others are to wait. */
  holdBodies(refused: Http2Stream): void;
  takeBody(stream: Http2Stream): void;
}

/** An answer that is not read, beyond the window. */
const QUEUED_BYTES_MAX = 1024 * 1024;
const LAST = { type: FRAME.data, flags: END_STREAM } as const;
const NOTHING = new Uint8Array(0);

export class Http2Stream {
  readonly id: number;
  readonly #host: StreamHost;
  reader: StreamReader | undefined;
  /** What the client takes; may be negative. */
  sendWindow: number;
  /** The client has said all. */
  hasEnded = false;
  /** Bytes of the body that have come. */
  bodyBytes = 0;
  contentLength: number | undefined;
  #isOver = false;
  #hasAnswered = false;
  #queued: Uint8Array[] = [];
  #queuedBytes = 0;
  /** It ends as soon as all before it has gone, with this header block if there is one. */
  #isEnding = false;
  #trailers: Uint8Array | undefined;

  constructor(id: number, host: StreamHost, sendWindow: number) {
    this.id = id;
    this.#host = host;
    this.sendWindow = sendWindow;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** The body may come; otherwise it is the client's windows alone that let it. */
  takeBody(): void {
    if (!this.#isOver) this.#host.takeBody(this);
  }

  respond(block: Uint8Array): void {
    if (this.#isOver) return;
    this.#hasAnswered = true;
    this.#head(block, END_HEADERS);
  }

  /** Behind respond(). */
  write(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#queued.push(bytes);
    this.#queuedBytes += bytes.length;
    this.flush();
    if (this.#queuedBytes > QUEUED_BYTES_MAX) this.reset("enhanceYourCalm");
  }

  /** Behind respond(): ends the answer. */
  end(trailers?: Uint8Array): void {
    if (this.#isOver) return;
    this.#isEnding = true;
    this.#trailers = trailers;
    this.flush();
  }

  /** The whole answer, without a body; the client need not go on. */
  refuse(block: Uint8Array): void {
    if (this.#isOver) return;
    this.#hasAnswered = true;
    if (!this.hasEnded) this.#host.holdBodies(this);
    if (this.hasEnded || block.length > FRAME_BYTES_MAX) {
      this.#finish(block);
      return;
    }
    // As #finish() does it, in one piece: refusals come in crowds.
    this.#host.push(refusal(this.id, block));
    this.close(true);
  }

  /** What the client sends of it is dropped from now on. */
  reset(code: Http2Code): void {
    if (this.#isOver) return;
    this.#host.push(resetFrame(this.id, code));
    this.close(!this.hasEnded);
  }

  /** Without a word. */
  close(wasReset: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#queued = [];
    this.#host.over(this, wasReset);
    this.reader?.closed();
  }

  /** Sends what the windows let. */
  flush(): void {
    while (this.#queued.length > 0) {
      const room = Math.min(this.sendWindow, this.#host.sendWindow, FRAME_BYTES_MAX);
      const piece = this.#queued[0];
      if (room <= 0 && piece.length > 0) return;
      const part = piece.subarray(0, room);
      if (part.length === piece.length) this.#queued.shift();
      else this.#queued[0] = piece.subarray(room);
      this.#queuedBytes -= part.length;
      this.sendWindow -= part.length;
      this.#host.sendWindow -= part.length;
      this.#host.push(frame({ type: FRAME.data, stream: this.id }, part));
    }
    if (this.#isEnding) this.#finish(this.#trailers);
  }

  /** The last of the answer. */
  #finish(block: Uint8Array | undefined): void {
    if (block !== undefined) this.#head(block, END_HEADERS | END_STREAM);
    else this.#host.push(frame({ ...LAST, stream: this.id }, NOTHING));
    if (this.hasEnded) this.close(false);
    else this.reset("noError"); // the rest of a body that nobody waits for
  }

  #head(block: Uint8Array, flags: number): void {
    if (block.length <= FRAME_BYTES_MAX) {
      this.#host.push(frame({ type: FRAME.headers, flags, stream: this.id }, block));
      return;
    }
    const first = block.subarray(0, FRAME_BYTES_MAX);
    const head = { type: FRAME.headers, flags: flags & ~END_HEADERS, stream: this.id };
    this.#host.push(frame(head, first));
    for (let at = FRAME_BYTES_MAX; at < block.length; at += FRAME_BYTES_MAX) {
      const part = block.subarray(at, at + FRAME_BYTES_MAX);
      const isLast = at + FRAME_BYTES_MAX >= block.length;
      const more = { type: FRAME.continuation, stream: this.id };
      this.#host.push(frame({ ...more, flags: isLast ? END_HEADERS : 0 }, part));
    }
  }
}

function resetFrame(stream: number, code: Http2Code): Uint8Array {
  return frame({ type: FRAME.reset, stream }, wordOf(http2Codes[code]));
}

/** An answer of this header block alone, and that the body need not come. */
function refusal(stream: number, block: Uint8Array): Uint8Array {
  const flags = END_HEADERS | END_STREAM;
  const bytes = new Uint8Array(2 * FRAME_HEADER_BYTES + block.length + WORD_BYTES);
  putFrameHead(bytes, 0, { type: FRAME.headers, flags, stream, length: block.length });
  bytes.set(block, FRAME_HEADER_BYTES);
  const at = FRAME_HEADER_BYTES + block.length;
  putFrameHead(bytes, at, { type: FRAME.reset, flags: 0, stream, length: WORD_BYTES });
  putUint32(bytes, at + FRAME_HEADER_BYTES, http2Codes.noError);
  return bytes;
}

export function windowUpdate(stream: number, bytes: number): Uint8Array {
  return frame({ type: FRAME.windowUpdate, stream }, wordOf(bytes));
}
