/**
 * The server's side of a connection of HTTP/2 (RFC 9113): what the client may say when, what is
 * answered by the connection itself, and how it ends.
 *
 *   open ─▶ leaving (GOAWAY: requests that come are ignored) ─▶ ended
 *     └──── an error: GOAWAY with its code ────────────────────────┘
 *
 * Windows. A request may send its whole body at once, as a rule. Where one was refused before its
 * body came, those that follow are asked to wait (an initial window of zero) until they are taken:
 * then their refusal costs what their head does, for client and server. A connection on which
 * nothing was refused for a while has its windows again.
 *
 * What a client can make it keep is bounded: streams, header blocks, the names that HPACK keeps,
 * what is said and not read; and what it may do for nothing: resets, frames that say nothing.
 *
 * Threads: one ingress Worker. Nothing of it throws into the socket's events.
 */
import { Budget } from "./budget.ts";
import { FrameReader, type FrameSink, type FrameStart } from "./frame-reader.ts";
import { type HeadBlock, HeadBlocks } from "./head-blocks.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import {
  ACK,
  ConnectionError,
  END_STREAM,
  expect,
  expectLength,
  FRAME,
  frame,
  type Http2Code,
  http2Codes,
  putUint32,
  uint31,
  uint32,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from "./http2-frame.ts";
import { type ByteSocket, Http2Output } from "./http2-output.ts";
import { Http2Stream, type StreamHost, type StreamReader, windowUpdate } from "./http2-stream.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { RecentIds } from "./recent-ids.ts";
import { HeadReader, type RequestHead } from "./request-head.ts";
import { readWindows, SETTING, settingsOf } from "./settings.ts";

export interface Http2ConnectionOptions {
  /** Of a request's body: so much comes at once. */
  readonly windowBytes: number;
  /** Requests at once. */
  readonly streamsMax: number;
  /** Of a head as HTTP/2 counts it, and of its block. */
  readonly headBytesMax: number;
}

/** Who answers requests. */
export interface Http2Owner {
  request(stream: Http2Stream, head: RequestHead): StreamReader;
  /** A request is over, whatever became of it. */
  streamClosed(): void;
  pinged(): void;
  closed(): void;
}

/** Requests that are taken back, and errors: as many at once as there may be requests. */
const RESETS_MAX = 1000;
const RESETS_A_SECOND = 50;
/** Frames that carry nothing. */
const IDLE_FRAMES_MAX = 10_000;
const IDLE_FRAMES_A_SECOND = 1000;
const PING_BYTES = 8;
/** What the window of a connection lets come before it is told that more may. */
const BODIES_AT_ONCE = 2;
/** After the last refusal by its head. */
const HOLD_MS = 1000;

export class Http2Connection implements FrameSink, StreamHost {
  readonly #options: Http2ConnectionOptions;
  readonly #owner: Http2Owner;
  readonly #socket: ByteSocket;
  readonly #output: Http2Output;
  readonly #reader = new FrameReader(this);
  readonly #hpack = new HpackDecoder();
  readonly #streams = new Map<number, Http2Stream>();
  /** Closed by both, and by us alone while the client may go on. */
  readonly #done = new RecentIds();
  readonly #dropped = new RecentIds();
  readonly #resets: Budget;
  readonly #idle: Budget;
  readonly #nowMs: () => number;
  #state: "open" | "leaving" | "ended" = "open";
  #lastStream = 0;
  hasSettings = false;
  sendWindow = WINDOW_DEFAULT;
  #streamWindow = WINDOW_DEFAULT;
  readonly #window: ReceiveWindow;
  readonly #heads: HeadBlocks;
  #dataStream: Http2Stream | undefined;
  #dataEnds = false;
  #pingsSent = 0;
  #pings: { readonly number: number; readonly answered: () => void }[] = [];
  /** When a request was last refused by its head; undefined: bodies come at once. */
  #heldMs: number | undefined;
  /** Frames and heads that were whole, and how many at the last look. */
  #progress = 0;
  #progressSeen = -1;
  #stuckMs = 0;

  constructor(
    socket: ByteSocket,
    options: Http2ConnectionOptions,
    { owner, nowMs }: { readonly owner: Http2Owner; readonly nowMs: () => number },
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#owner = owner;
    this.#nowMs = nowMs;
    this.#output = new Http2Output(socket);
    this.#window = new ReceiveWindow(BODIES_AT_ONCE * options.windowBytes);
    this.#heads = new HeadBlocks(options.headBytesMax);
    this.#resets = new Budget(RESETS_MAX, RESETS_A_SECOND, nowMs());
    this.#idle = new Budget(IDLE_FRAMES_MAX, IDLE_FRAMES_A_SECOND, nowMs());
    this.#output.cork();
    this.push(
      frame(
        { type: FRAME.settings },
        settingsOf([
          [SETTING.streamsMax, options.streamsMax],
          [SETTING.initialWindow, options.windowBytes],
          [SETTING.headBytesMax, options.headBytesMax],
        ]),
      ),
    );
    this.push(windowUpdate(0, this.#window.bytesMax - WINDOW_DEFAULT));
    this.#output.flush();
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Bytes came. */
  feed(bytes: Uint8Array): void {
    if (this.#state === "ended") return;
    this.#output.cork();
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.#fail(error);
    } finally {
      this.#output.flush();
      this.#checkUnread();
    }
  }

  /** The socket has room again. */
  drained(): void {
    this.#output.drained();
    if (this.#state === "ended" && this.#output.isEmpty) this.#socket.end();
  }

  /** The socket is closed. */
  closed(): void {
    this.#end();
  }

  /** `last`: the requests up to it are answered. */
  goaway(code: Http2Code, last: number, text: Uint8Array = new Uint8Array(0)): void {
    if (this.#state === "ended") return;
    const payload = new Uint8Array(8 + text.length);
    putUint32(payload, 0, last);
    putUint32(payload, 4, http2Codes[code]);
    payload.set(text, 8);
    this.push(frame({ type: FRAME.goaway }, payload));
  }

  /** Asks whether the client is there; not called when it goes. */
  ping(answered: () => void): void {
    if (this.#state === "ended") return;
    const payload = new Uint8Array(PING_BYTES);
    putUint32(payload, 0, ++this.#pingsSent);
    this.#pings.push({ number: this.#pingsSent, answered });
    this.push(frame({ type: FRAME.ping }, payload));
  }

  /** Ends when the requests that have begun are answered. */
  close(): void {
    if (this.#state !== "open") return;
    this.goaway("noError", this.#lastStream);
    this.#state = "leaving";
    this.#endIfDone();
  }

  /** Ends now. */
  destroy(code: Http2Code = "noError"): void {
    if (this.#state === "ended") return;
    if (code !== "noError") this.goaway(code, this.#lastStream);
    this.#leave();
    if (!this.#output.isEmpty) this.#socket.terminate();
  }

  /** Whether it has been in the middle of one head or frame for so long. */
  isStuck(nowMs: number, forMs: number): boolean {
    const isWaiting = this.#heads.isOpen || this.#reader.isInFrame;
    const progress = isWaiting ? this.#progress : -1;
    if (progress < 0 || progress !== this.#progressSeen) this.#stuckMs = nowMs;
    this.#progressSeen = progress;
    return nowMs - this.#stuckMs >= forMs;
  }

  // ---- for its streams

  push(bytes: Uint8Array): void {
    if (this.#state === "ended") return;
    this.#output.push(bytes);
  }

  over(stream: Http2Stream, wasReset: boolean): void {
    this.#streams.delete(stream.id);
    (wasReset ? this.#dropped : this.#done).add(stream.id);
    if (stream.hasAnswered) this.#resets.giveBack();
    this.#owner.streamClosed();
    this.#endIfDone();
  }

  holdBodies(refused: Http2Stream): void {
    const isHeld = this.#heldMs !== undefined;
    this.#heldMs = this.#nowMs();
    if (isHeld) return;
    this.#setWindow(0);
    // It takes as much from the windows of those that have begun, which go on.
    for (const { id, hasEnded } of this.#streams.values()) {
      if (id !== refused.id && !hasEnded) this.push(windowUpdate(id, this.#options.windowBytes));
    }
  }

  takeBody(stream: Http2Stream): void {
    if (this.#heldMs === undefined || stream.hasEnded) return;
    const { windowBytes } = this.#options;
    if (this.#nowMs() - this.#heldMs < HOLD_MS) this.push(windowUpdate(stream.id, windowBytes));
    else {
      this.#heldMs = undefined;
      this.#setWindow(windowBytes);
    }
  }

  // ---- of its frames

  frame(start: FrameStart, payload: Uint8Array): void {
    const { type } = start;
    if (!this.hasSettings && (type !== FRAME.settings || start.flags & ACK)) {
      throw new ConnectionError("protocolError", "settings are the first frame");
    }
    if (this.#heads.isOpen && type !== FRAME.continuation) {
      throw new ConnectionError("protocolError", "a frame in the middle of a head");
    }
    switch (type) {
      case FRAME.headers:
        this.#head(this.#heads.begin(start, payload));
        break;
      case FRAME.continuation:
        this.#head(this.#heads.continue(start, payload));
        break;
      case FRAME.priority:
        this.#priority(start, payload);
        break;
      case FRAME.reset:
        this.#reset(start);
        break;
      case FRAME.settings:
        this.#settings(start, payload);
        break;
      case FRAME.pushPromise:
        throw new ConnectionError("protocolError", "clients promise nothing");
      case FRAME.ping:
        this.#ping(start, payload);
        break;
      case FRAME.goaway:
        expect(start.stream === 0, "a GOAWAY of a stream");
        expectLength(start.length >= 8);
        break;
      case FRAME.windowUpdate:
        this.#windowUpdate(start, payload);
        break;
      default:
        this.#spendIdle(); // a frame of an extension that we do not know
    }
    if (!this.#heads.isOpen) this.#progress += 1;
  }

  dataStart({ stream: id, flags, length }: FrameStart): void {
    expect(this.hasSettings && !this.#heads.isOpen, "data in the middle of a head");
    expect(id !== 0 && id <= this.#lastStream, "data of no stream");
    const more = this.#window.take(length);
    if (more > 0) this.push(windowUpdate(0, more));
    if (length === 0 && (flags & END_STREAM) === 0) this.#spendIdle();
    this.#dataEnds = (flags & END_STREAM) !== 0;
    this.#dataStream = this.#streams.get(id);
    if (this.#dataStream === undefined) {
      if (this.#done.has(id)) throw new ConnectionError("streamClosed", "data behind the end");
      return;
    }
    if (this.#dataStream.hasEnded) this.#failStream(this.#dataStream, "streamClosed");
  }

  data(piece: Uint8Array): void {
    const stream = this.#dataStream;
    if (stream === undefined || stream.isOver) return;
    stream.bodyBytes += piece.length;
    if (stream.bodyBytes > (stream.contentLength ?? Number.POSITIVE_INFINITY)) {
      this.#failStream(stream, "protocolError");
    } else stream.reader?.data(piece);
  }

  dataEnd(): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if (this.#dataEnds && stream !== undefined && !stream.isOver) this.#endBody(stream);
  }

  // ---- heads

  /** A whole block, which must be decoded whatever becomes of its stream. */
  #head(block: HeadBlock | undefined): void {
    if (block === undefined) return;
    const { stream: id, ends, dependsOnItself } = block;
    const known = this.#streams.get(id);
    const reader = new HeadReader(this.#options.headBytesMax, { isTrailer: known !== undefined });
    this.#hpack.decode(block.bytes, reader.take);
    if (known !== undefined) {
      if (known.hasEnded) this.#failStream(known, "streamClosed");
      else if (!ends || !reader.isValid) this.#failStream(known, "protocolError");
      else this.#endBody(known);
      return;
    }
    if (id <= this.#lastStream) {
      if (this.#dropped.has(id)) return;
      const wasThere = this.#done.has(id);
      throw new ConnectionError(wasThere ? "streamClosed" : "protocolError", "a stream is over");
    }
    this.#lastStream = id;
    if (this.#state !== "open") return;
    const stream = new Http2Stream(id, this, this.#streamWindow);
    stream.hasEnded = ends;
    if (this.#streams.size >= this.#options.streamsMax) {
      this.#streams.set(id, stream);
      this.#failStream(stream, "refusedStream");
      return;
    }
    this.#streams.set(id, stream);
    const head = reader.isTooLarge || dependsOnItself ? undefined : reader.head();
    stream.contentLength = head?.contentLength;
    if (head === undefined || (ends && (head.contentLength ?? 0) > 0)) {
      this.#failStream(stream, reader.isTooLarge ? "enhanceYourCalm" : "protocolError");
      return;
    }
    stream.reader = this.#owner.request(stream, head);
    if (stream.isOver) stream.reader.closed();
    else if (ends) stream.reader.end();
  }

  #endBody(stream: Http2Stream): void {
    stream.hasEnded = true;
    const { contentLength, bodyBytes } = stream;
    if (contentLength !== undefined && contentLength !== bodyBytes) {
      this.#failStream(stream, "protocolError");
    } else stream.reader?.end();
  }

  // ---- other frames

  #priority({ stream, length }: FrameStart, bytes: Uint8Array): void {
    expect(stream !== 0, "a priority of the connection");
    this.#spendIdle();
    const known = this.#streams.get(stream);
    const code = length !== 5 ? "frameSizeError" : "protocolError";
    if (length === 5 && uint31(bytes, 0) !== stream) return;
    if (known === undefined) throw new ConnectionError(code, "no such priority");
    this.#failStream(known, code);
  }

  #reset({ stream: id, length }: FrameStart): void {
    expectLength(length === 4);
    expect(id !== 0 && id <= this.#lastStream, "a reset of no stream");
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#spendIdle();
      return;
    }
    this.#spendReset();
    stream.close(false);
  }

  #settings({ stream, flags, length }: FrameStart, payload: Uint8Array): void {
    expect(stream === 0, "settings of a stream");
    if (flags & ACK) {
      expectLength(length === 0);
      return;
    }
    const windows = readWindows(payload);
    this.hasSettings = true;
    this.#spendIdle();
    // First of all: what a larger window lets go is behind it.
    this.push(frame({ type: FRAME.settings, flags: ACK }, new Uint8Array(0)));
    for (const window of windows) {
      const change = window - this.#streamWindow;
      this.#streamWindow = window;
      for (const one of [...this.#streams.values()]) this.#widen(one, change);
    }
  }

  #ping({ stream, flags, length }: FrameStart, payload: Uint8Array): void {
    expect(stream === 0, "a ping of a stream");
    expectLength(length === PING_BYTES);
    if (flags & ACK) {
      const index = this.#pings.findIndex(({ number }) => number === uint32(payload, 0));
      if (index < 0) this.#spendIdle();
      else for (const ping of this.#pings.splice(0, index + 1)) ping.answered();
      return;
    }
    this.#spendIdle();
    this.push(frame({ type: FRAME.ping, flags: ACK }, payload));
    this.#owner.pinged();
  }

  #windowUpdate({ stream: id, length }: FrameStart, bytes: Uint8Array): void {
    expectLength(length === 4);
    const more = uint31(bytes, 0);
    if (id === 0) {
      expect(more > 0, "a window that grows by nothing");
      this.sendWindow += more;
      if (this.sendWindow > WINDOW_MAX) {
        throw new ConnectionError("flowControlError", "a window is too large");
      }
      this.#spendIdle();
      for (const stream of [...this.#streams.values()]) stream.flush();
      return;
    }
    expect(id <= this.#lastStream, "a window of no stream");
    this.#spendIdle();
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (more === 0) this.#failStream(stream, "protocolError");
    else this.#widen(stream, more);
  }

  #widen(stream: Http2Stream, more: number): void {
    stream.sendWindow += more;
    if (stream.sendWindow > WINDOW_MAX) this.#failStream(stream, "flowControlError");
    else if (more > 0) stream.flush();
  }

  // ---- the ends

  #setWindow(bytes: number): void {
    this.push(frame({ type: FRAME.settings }, settingsOf([[SETTING.initialWindow, bytes]])));
  }

  #failStream(stream: Http2Stream, code: Http2Code): void {
    this.#spendReset();
    stream.reset(code);
  }

  #spendReset(): void {
    if (this.#resets.take(this.#nowMs)) return;
    throw new ConnectionError("enhanceYourCalm", "requests are taken back");
  }

  #spendIdle(): void {
    if (this.#idle.take(this.#nowMs)) return;
    throw new ConnectionError("enhanceYourCalm", "too many frames that say nothing");
  }

  #fail({ code, message }: ConnectionError): void {
    if (this.#state === "ended") return;
    this.goaway(code, this.#lastStream, new TextEncoder().encode(message));
    this.#leave();
    if (!this.#output.isEmpty) this.#socket.terminate();
  }

  #checkUnread(): void {
    if (this.#state !== "ended" && !this.#output.isRead) this.destroy("enhanceYourCalm");
  }

  #endIfDone(): void {
    if (this.#state === "leaving" && this.#streams.size === 0) this.#leave();
  }

  #leave(): void {
    this.#output.flush();
    if (this.#output.isEmpty) this.#socket.end();
    this.#end();
  }

  #end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    for (const stream of [...this.#streams.values()]) stream.close(false);
    this.#owner.closed();
  }
}
