/** HTTP/2 as no client speaks it, frame by frame. */
import type { Socket } from "node:net";

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  window: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;

export interface Frame {
  readonly type: keyof typeof frameTypes;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Uint8Array;
}

export function frame({ type, flags = 0, stream = 0, payload = Buffer.alloc(0) }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = frameTypes[type];
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field of HPACK that no table has. */
export function field(name: string, value: string): Buffer {
  const text = (of: string) => Buffer.concat([Buffer.of(of.length), Buffer.from(of)]);
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

/** The headers of a call. */
export function callHeaders(path: string): Buffer {
  return Buffer.concat([
    field(":method", "POST"),
    field(":scheme", "http"),
    field(":path", path),
    field(":authority", "x"),
    field("content-type", "application/grpc"),
  ]);
}

/** Writes at the pace of the other side; false when it has closed the connection. */
export async function write(socket: Socket, bytes: Buffer): Promise<boolean> {
  if (socket.destroyed || socket.writableEnded) return false;
  if (socket.write(bytes)) {
    // Lets the other side say that it has had enough.
    await new Promise((resolve) => setImmediate(resolve));
    return !socket.destroyed;
  }
  return await new Promise((resolve) => {
    const done = (more: boolean) => {
      socket.off("drain", onDrain);
      socket.off("close", onClose);
      resolve(more);
    };
    const onDrain = () => done(true);
    const onClose = () => done(false);
    socket.on("drain", onDrain);
    socket.on("close", onClose);
  });
}

const repeat = (count: number, make: (index: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));

/** Pieces without an end; each is sent when the one before has gone. */
export const floods: Readonly<Record<string, (path: string) => Generator<Buffer>>> = {
  *"streams that are reset at once"(path) {
    for (let stream = 1; ; stream += 200) {
      yield repeat(100, (index) =>
        Buffer.concat([
          frame({
            type: "headers",
            flags: END_HEADERS,
            stream: stream + 2 * index,
            payload: callHeaders(path),
          }),
          frame({ type: "reset", stream: stream + 2 * index, payload: Buffer.of(0, 0, 0, 8) }),
        ]),
      );
    }
  },
  *"headers that never end"(path) {
    yield frame({ type: "headers", stream: 1, payload: callHeaders(path) });
    for (;;) {
      const payload = field("x-more", "m".repeat(100));
      yield repeat(50, () => frame({ type: "continuation", stream: 1, payload }));
    }
  },
  *"more streams than are allowed"(path) {
    for (let stream = 1; ; stream += 100) {
      yield repeat(50, (index) =>
        frame({
          type: "headers",
          flags: END_HEADERS,
          stream: stream + 2 * index,
          payload: callHeaders(path),
        }),
      );
    }
  },
  *"pings whose answers nobody reads"() {
    for (;;) yield repeat(500, () => frame({ type: "ping", payload: Buffer.alloc(8) }));
  },
  *"settings without a pause"() {
    for (;;) yield repeat(500, () => frame({ type: "settings" }));
  },
  *"data without bytes"(path) {
    yield frame({ type: "headers", flags: END_HEADERS, stream: 1, payload: callHeaders(path) });
    for (;;) yield repeat(500, () => frame({ type: "data", stream: 1 }));
  },
  *"a window that overflows"() {
    const payload = Buffer.of(0x7f, 0xff, 0xff, 0xff);
    for (;;) yield repeat(10, () => frame({ type: "window", payload }));
  },
  *"no frames at all"() {
    for (let seed = 1; ; seed++)
      yield repeat(1000, (index) => Buffer.of((index * 7919 * seed) & 255));
  },
};
