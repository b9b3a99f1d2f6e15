/**
 * Clients of gRPC that no server should have, on the real process: it lives, memory stays within
 * bounds, and others are served meanwhile.
 */
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExportClient } from "../receive/start-grpc.ts";
import {
  END_HEADERS,
  END_STREAM,
  EXPORT_HEADERS,
  frame,
  headerBlock,
  messagePrefix,
  RawHttp2,
} from "../support/http2-frames.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { fetchSpans } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";
import { descriptorsMax, residentBytes } from "./hostile-clients.ts";

const MiB = 1024 * 1024;
/** With the budget that the server has by default. */
const RESIDENT_BYTES_MAX = 700e6;
const MEMORY_BUDGET_BYTES = 512 * MiB;
const HALF_FRAMES = Math.min(1000, descriptorsMax() - 500);
const TIMEOUT_MS = 180_000;
const FRAME_BYTES = 16_384;

let server: Server;
/** By the defaults, and with messages of 16 MiB. */
let usual: { port: number; client: ExportClient };
let large: { port: number; client: ExportClient };
let traces = 0;

beforeAll(async () => {
  server = await Server.start({
    "vivace.memory_budget_bytes": MEMORY_BUDGET_BYTES,
    "distributor.receivers.otlp.protocols.grpc.endpoint": "127.0.0.1:0",
    "distributor.receivers.otlp/large.protocols.grpc.endpoint": "127.0.0.1:0",
    "distributor.receivers.otlp/large.protocols.grpc.max_recv_msg_size_mib": 16,
  });
  const connect = (url: string) => {
    const { host, port } = new URL(url);
    return { port: Number(port), client: new ExportClient(host, credentials.createInsecure(), {}) };
  };
  usual = connect(server.receiver("otlp", "otlp_grpc"));
  large = connect(server.receiver("otlp/large", "otlp_grpc"));
});

afterAll(async () => {
  usual.client.close();
  large.client.close();
  await server[Symbol.asyncDispose]();
});

/** Another client: its spans are taken and found. It obeys when it is told to come again. */
async function expectServed({ client } = usual): Promise<void> {
  const traceId = (++traces).toString(16).padStart(32, "c");
  const message = requestOf([spanOf({ traceId, spanId: "1" })]);
  const { code } = await client.send(message);
  expect(code).toBe(0);
  const found = await fetchSpans({ api: server.api, traceId, form: "v2 protobuf" });
  expect(found.map(({ spanId }) => spanId)).toEqual(["0000000000000001"]);
}

function expectInBounds(): void {
  expect(residentBytes(server.pid, "VmHWM")).toBeLessThan(RESIDENT_BYTES_MAX);
}

/** A header block that begins a call without its end. */
const HEADERS_ONLY = headerBlock(EXPORT_HEADERS);
const RESET = Buffer.from([0, 0, 0, 8]);

/** Frames of many calls, each begun and taken back at once. */
function resets(first: number, count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => first + 2 * i).flatMap((stream) => [
      frame("headers", { flags: END_HEADERS, stream, payload: HEADERS_ONLY }),
      frame("reset", { stream, payload: RESET }),
    ]),
  );
}

const manyHeaders = headerBlock(
  Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x-${i}`, "y".repeat(100)])),
);

interface Flood {
  readonly name: string;
  /** Sent first. */
  readonly first?: Buffer;
  /** Then this, again and again. */
  readonly make: (turn: number) => Buffer;
  readonly turns: number;
}

const ping = frame("ping", { payload: Buffer.alloc(8) });
const settings = frame("settings", { payload: Buffer.from([0, 4, 0, 0, 255, 255]) });
const begin = frame("headers", { flags: END_HEADERS, stream: 1, payload: HEADERS_ONLY });
const times = (bytes: Buffer, count: number) => Buffer.concat(Array<Buffer>(count).fill(bytes));

const floods: readonly Flood[] = [
  {
    name: "calls that are reset at once",
    make: (turn) => resets(1 + 200 * turn, 100),
    turns: 1000,
  },
  {
    name: "a header block without an end",
    first: frame("headers", { stream: 1, payload: HEADERS_ONLY }),
    make: () => frame("continuation", { stream: 1, payload: manyHeaders }),
    turns: 20_000,
  },
  {
    name: "continuations with nothing in them",
    first: frame("headers", { stream: 1, payload: HEADERS_ONLY }),
    make: () => times(frame("continuation", { stream: 1 }), 500),
    turns: 2000,
  },
  { name: "pings", make: () => times(ping, 500), turns: 2000 },
  { name: "settings", make: () => times(settings, 500), turns: 2000 },
  {
    name: "pieces with nothing in them",
    first: begin,
    make: () => times(frame("data", { stream: 1 }), 500),
    turns: 2000,
  },
  {
    name: "priorities",
    make: (turn) =>
      times(frame("priority", { stream: 2 * turn + 1, payload: Buffer.alloc(5) }), 500),
    turns: 2000,
  },
  {
    name: "windows that grow by a byte",
    make: () => times(frame("windowUpdate", { payload: Buffer.from([0, 0, 0, 1]) }), 500),
    turns: 2000,
  },
  {
    name: "frames of types that there are not",
    make: () => {
      const unknown = Buffer.from(ping);
      unknown[3] = 0xee;
      return times(unknown, 500);
    },
    turns: 2000,
  },
];

describe("floods", () => {
  for (const { name, first, make, turns } of floods) {
    test(
      name,
      async () => {
        await expectServed();
        const raw = await RawHttp2.open(usual.port, { keeps: false });
        if (first !== undefined) raw.write(first);
        let turn = 0;
        const pumped = raw.pump(turns, () => make(turn++));
        for (let i = 0; i < 5; i++) await expectServed();
        await pumped;
        raw.destroy();
        await expectServed();
        expectInBounds();
      },
      TIMEOUT_MS,
    );
  }

  test(
    "answers that nobody reads",
    async () => {
      const raw = await RawHttp2.open(usual.port, { keeps: false });
      raw.socket.pause();
      const payload = headerBlock({ ...EXPORT_HEADERS, ":path": "/x.Y/Z" });
      const calls = (turn: number) =>
        Buffer.concat(
          Array.from({ length: 50 }, (_, i) => {
            const stream = 1 + 2 * (50 * turn + i);
            return frame("headers", { flags: END_HEADERS | END_STREAM, stream, payload });
          }),
        );
      let turn = 0;
      const pumped = raw.pump(200, () => calls(turn++));
      for (let i = 0; i < 5; i++) await expectServed();
      // It may wait for ever to be read.
      await Promise.race([pumped, Bun.sleep(2000)]);
      raw.destroy();
      await expectServed();
      expectInBounds();
    },
    TIMEOUT_MS,
  );
});

describe("connections that stop", () => {
  async function opened(count: number, begin: (raw: RawHttp2) => void): Promise<RawHttp2[]> {
    const all: RawHttp2[] = [];
    while (all.length < count) {
      const more = Math.min(100, count - all.length);
      const some = Array.from({ length: more }, () => RawHttp2.open(usual.port, { keeps: false }));
      all.push(...(await Promise.all(some)));
    }
    for (const raw of all) begin(raw);
    return all;
  }

  const stops: readonly { name: string; begin: (raw: RawHttp2) => void }[] = [
    {
      name: "half a frame of a usual message",
      begin: (raw) => {
        raw.begin(1);
        const payload = Buffer.concat([messagePrefix(190_000), Buffer.alloc(FRAME_BYTES - 5)]);
        raw.write(frame("data", { stream: 1, payload }).subarray(0, FRAME_BYTES / 2));
      },
    },
    {
      name: "half a frame of a large message",
      begin: (raw) => {
        raw.begin(1);
        const payload = Buffer.concat([messagePrefix(4 * MiB), Buffer.alloc(FRAME_BYTES - 5)]);
        raw.write(frame("data", { stream: 1, payload }).subarray(0, FRAME_BYTES / 2));
      },
    },
    {
      name: "half a header block",
      begin: (raw) => raw.write(frame("headers", { stream: 1, payload: HEADERS_ONLY })),
    },
    {
      name: "half a frame of headers, which do not even come slowly",
      begin: (raw) => {
        const whole = frame("headers", { flags: END_HEADERS, stream: 1, payload: manyHeaders });
        raw.write(whole.subarray(0, whole.length / 2));
      },
    },
    { name: "nothing but hello", begin: () => {} },
  ];
  for (const { name, begin } of stops) {
    test(
      `${HALF_FRAMES} with ${name}`,
      async () => {
        const all = await opened(HALF_FRAMES, begin);
        for (let i = 0; i < 10; i++) await expectServed();
        expectInBounds();
        for (const raw of all) raw.destroy();
        await expectServed();
      },
      TIMEOUT_MS,
    );
  }

  test(
    "headers that come by the byte",
    async () => {
      const all = await opened(100, () => {});
      const whole = frame("headers", { flags: END_HEADERS, stream: 1, payload: HEADERS_ONLY });
      for (const byte of whole.subarray(0, 60)) {
        for (const raw of all) raw.write(Buffer.from([byte]));
        await Bun.sleep(5);
      }
      await expectServed();
      for (const raw of all) raw.destroy();
    },
    TIMEOUT_MS,
  );
});

describe("16 connections with messages of 16 MB", () => {
  /** Sends it, whatever the server says; resolves with whether it was all taken. */
  async function sendLarge(port: number): Promise<void> {
    const raw = await RawHttp2.open(port);
    raw.begin(1);
    raw.data(1, Buffer.concat([messagePrefix(16e6), Buffer.alloc(FRAME_BYTES - 5)]));
    const rest = Math.ceil((16e6 - FRAME_BYTES) / FRAME_BYTES);
    const piece = frame("data", { stream: 1, payload: Buffer.alloc(FRAME_BYTES) });
    const over = () => raw.frames.some(({ type, stream }) => type === 3 && stream === 1);
    for (let i = 0; i < rest && !over() && !raw.closed; i++) {
      if (!raw.write(piece)) await Promise.race([drained(raw), Bun.sleep(100)]);
    }
    raw.destroy();
  }

  function drained(raw: RawHttp2): Promise<void> {
    return new Promise((resolve) => raw.socket.once("drain", resolve));
  }

  test(
    "refused by their prefix",
    async () => {
      const all = Promise.all(Array.from({ length: 16 }, () => sendLarge(usual.port)));
      for (let i = 0; i < 10; i++) await expectServed();
      await all;
      const { code } = await usual.client.send(Buffer.alloc(16e6));
      expect(code).toBe(8);
      await expectServed();
      expectInBounds();
    },
    TIMEOUT_MS,
  );

  test(
    "where that is allowed",
    async () => {
      const sent = Array.from({ length: 16 }, () => large.client.send(Buffer.alloc(16e6)));
      const raw = Promise.all(Array.from({ length: 16 }, () => sendLarge(large.port)));
      for (let i = 0; i < 10; i++) await expectServed(i % 2 === 0 ? usual : large);
      // Zeros are no spans; what there was no room for is to come again.
      for (const { code } of await Promise.all(sent)) expect([3, 14]).toContain(code);
      await raw;
      await expectServed(large);
      expectInBounds();
    },
    TIMEOUT_MS,
  );
});
