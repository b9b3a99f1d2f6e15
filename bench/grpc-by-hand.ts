/**
 * A client of gRPC by hand: one call at a time on a connection, within the server's windows as
 * every client is. A library would take more of the machine than the server does, and would
 * compress each message again.
 */
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  EXPORT_HEADERS,
  FRAME,
  type Frame,
  frame,
  headerBlock,
  messagePrefix,
  RawHttp2,
} from "../test/support/http2-frames.ts";

const FRAME_BYTES = 16_384;
const WINDOW_DEFAULT = 65_535;
const INITIAL_WINDOW = 4;

export interface Message {
  readonly bytes: Uint8Array;
  readonly isCompressed?: boolean;
}

interface Call {
  readonly stream: number;
  readonly message: Buffer;
  sent: number;
  window: number;
  hasAnswer: boolean;
  /** Whether it was taken. */
  readonly resolve: (isTaken: boolean) => void;
  readonly reject: (error: Error) => void;
}

export class GrpcByHand {
  readonly #raw: RawHttp2;
  readonly #head: Buffer;
  #stream = -1;
  #window = WINDOW_DEFAULT;
  #initialWindow = WINDOW_DEFAULT;
  #call: Call | undefined;

  /** `headers` are more than those of an export, or others. */
  static async open(port: number, headers: Readonly<Record<string, string>>): Promise<GrpcByHand> {
    return new GrpcByHand(await RawHttp2.open(port), headers);
  }

  private constructor(raw: RawHttp2, headers: Readonly<Record<string, string>>) {
    this.#raw = raw;
    this.#head = headerBlock({ ...EXPORT_HEADERS, ...headers });
    raw.socket.on("data", () => {
      for (const one of raw.frames.splice(0)) this.#read(one);
      this.#send();
    });
    raw.socket.on("close", () => this.#call?.reject(new Error("the connection is closed")));
  }

  /** Whether it was taken; rejects when the connection ends. */
  call({ bytes, isCompressed = false }: Message): Promise<boolean> {
    this.#stream += 2;
    const stream = this.#stream;
    const message = Buffer.concat([messagePrefix(bytes.length, isCompressed), bytes]);
    this.#raw.write(frame("headers", { flags: END_HEADERS, stream, payload: this.#head }));
    return new Promise((resolve, reject) => {
      if (this.#raw.closed) reject(new Error("the connection is closed"));
      const window = this.#initialWindow;
      this.#call = { stream, message, sent: 0, window, hasAnswer: false, resolve, reject };
      this.#send();
    });
  }

  #send(): void {
    const call = this.#call;
    if (call === undefined) return;
    while (call.sent < call.message.length) {
      const room = Math.min(FRAME_BYTES, call.window, this.#window);
      if (room <= 0) return;
      const payload = call.message.subarray(call.sent, call.sent + room);
      call.sent += payload.length;
      call.window -= payload.length;
      this.#window -= payload.length;
      const flags = call.sent === call.message.length ? END_STREAM : 0;
      this.#raw.data(call.stream, payload, flags);
    }
  }

  #read({ type, flags, stream, payload }: Frame): void {
    if (type === FRAME.settings && (flags & ACK) === 0) this.#readSettings(payload);
    const call = this.#call;
    if (type === FRAME.windowUpdate) {
      if (stream === 0) this.#window += payload.readUInt32BE(0);
      else if (stream === call?.stream) call.window += payload.readUInt32BE(0);
    }
    if (stream !== call?.stream || call === undefined) return;
    if (type === FRAME.data) call.hasAnswer = true;
    if (type === FRAME.reset || (type === FRAME.headers && flags & END_STREAM)) {
      this.#call = undefined;
      call.resolve(call.hasAnswer);
    }
  }

  #readSettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== INITIAL_WINDOW) continue;
      const window = payload.readUInt32BE(at + 2);
      if (this.#call !== undefined) this.#call.window += window - this.#initialWindow;
      this.#initialWindow = window;
    }
    this.#raw.write(frame("settings", { flags: ACK }));
  }
}
