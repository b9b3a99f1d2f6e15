/**
 * HTTP/2 by hand, for what no client library would send. Headers are literals without Huffman and
 * without the table, so that every byte is the test's own.
 */
import { connect, type Socket } from "node:net";
import { waitFor } from "./wait.ts";

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export type FrameType = keyof typeof FRAME;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const FRAME_HEADER_BYTES = 9;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface FrameFields {
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Uint8Array;
}

export function frame(type: FrameType, { flags, stream, payload }: FrameFields = {}): Buffer {
  const bytes = payload ?? new Uint8Array(0);
  const out = Buffer.alloc(FRAME_HEADER_BYTES + bytes.length);
  out.writeUIntBE(bytes.length, 0, 3);
  out[3] = FRAME[type];
  out[4] = flags ?? 0;
  out.writeUInt32BE(stream ?? 0, 5);
  out.set(bytes, FRAME_HEADER_BYTES);
  return out;
}

/** A header block. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    const rest = bytes.length - 127;
    const length = rest < 128 ? [rest] : [(rest & 127) | 128, rest >>> 7];
    return Buffer.concat([Buffer.from([127, ...length]), bytes]);
  };
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

export const EXPORT_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

export const EXPORT_HEADERS = {
  ":method": "POST",
  ":scheme": "http",
  ":path": EXPORT_PATH,
  ":authority": "test",
  "content-type": "application/grpc",
  te: "trailers",
} as const;

/** The five bytes before a message. */
export function messagePrefix(length: number, isCompressed = false): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = isCompressed ? 1 : 0;
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

/** A connection on which a test writes what it likes. */
export class RawHttp2 {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  /** Frames are parsed and kept; off for floods. */
  #keeps: boolean;
  #rest: Buffer = Buffer.alloc(0);

  /** Says hello as a client does. */
  static async open(port: number, { keeps = true } = {}): Promise<RawHttp2> {
    const socket = connect(port, "127.0.0.1");
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const client = new RawHttp2(socket, keeps);
    client.write(PREFACE, frame("settings"));
    return client;
  }

  constructor(socket: Socket, keeps: boolean) {
    this.socket = socket;
    this.#keeps = keeps;
    socket.on("data", (data: Buffer) => this.#read(data));
    socket.on("error", () => {}); // a reset; "close" follows
    socket.on("close", () => {
      this.closed = true;
    });
  }

  write(...pieces: readonly Uint8Array[]): boolean {
    return this.socket.write(Buffer.concat(pieces));
  }

  /** HEADERS of an export, with more or other headers. */
  begin(stream: number, headers: Readonly<Record<string, string>> = {}): void {
    const payload = headerBlock({ ...EXPORT_HEADERS, ...headers });
    this.write(frame("headers", { flags: END_HEADERS, stream, payload }));
  }

  data(stream: number, payload: Uint8Array, flags = 0): boolean {
    return this.write(frame("data", { stream, payload, flags }));
  }

  /** Writes what `make` gives, at the pace at which it is taken, until it was closed. */
  async pump(times: number, make: () => Buffer): Promise<number> {
    let sent = 0;
    for (; sent < times && !this.closed; sent++) {
      if (this.socket.write(make())) {
        if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.socket.once("drain", resolve).once("close", resolve);
      await promise;
    }
    return sent;
  }

  /** The first frame of this type, as soon as it has come. */
  async frame(type: FrameType, stream?: number): Promise<Frame> {
    const find = () =>
      this.frames.find(
        (one) => one.type === FRAME[type] && (stream === undefined || one.stream === stream),
      );
    await waitFor(
      () => find() !== undefined,
      () => `no ${type} frame`,
    );
    // It was there a moment ago.
    return find() as Frame;
  }

  async untilClosed(): Promise<void> {
    await waitFor(
      () => this.closed,
      () => "never closed",
    );
  }

  destroy(): void {
    this.socket.destroy();
  }

  #read(data: Buffer): void {
    if (!this.#keeps) return;
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    while (this.#rest.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      this.frames.push({
        type: this.#rest[3],
        flags: this.#rest[4],
        stream: this.#rest.readUInt32BE(5) & 0x7fff_ffff,
        payload: Buffer.from(this.#rest.subarray(FRAME_HEADER_BYTES, end)),
      });
      this.#rest = this.#rest.subarray(end);
    }
  }
}
