import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { grpcFrame } from "../../src/grpc/grpc-frame.ts";
import { open } from "../fault/hostile-clients.ts";
import {
  callHeaders,
  END_HEADERS,
  floods,
  frame,
  PREFACE,
  write,
} from "../support/hostile-http2.ts";
import { StreamClient } from "../support/stream-client.ts";
import { waitFor } from "../support/wait.ts";
import { startGrpc } from "./start-grpc.ts";

const TIMEOUT_MS = 60_000;
const NOTHING = Buffer.alloc(0);

describe("a call", () => {
  test("is answered by messages of any size, and by a status", async () => {
    await using grpc = await startGrpc();
    using client = new StreamClient(`127.0.0.1:${grpc.port}`);
    for (const length of [0, 1, 16_379, 16_380, 70_000, 1 << 20]) {
      const got = await client.raw("/test.Service/Echo", Buffer.alloc(length, 7));
      expect({ ...got, trailers: undefined }).toMatchObject({ code: 0, bytes: [length] });
    }
    const long = await client.raw("/test.Service/Long", NOTHING);
    expect(long.bytes).toEqual(Array.from({ length: 50 }, () => 100_000));
    expect(long.code).toBe(0);
  });

  test("brings its metadata and its time", async () => {
    await using grpc = await startGrpc();
    using client = new StreamClient(`127.0.0.1:${grpc.port}`);
    const metadata = { "x-test": ["a", "b"] };
    const decode = (bytes: Buffer) => ({ seen: JSON.parse(bytes.toString()) });
    const path = "/test.Service/Metadata";
    const got = await client.raw(path, NOTHING, { metadata, timeoutMs: 5000, decode });
    expect(got.messages).toEqual([{ seen: ["a, b", false] }]);
  });

  test.each([
    ["/test.Service/None", 12, "unknown method None for service test.Service"],
    ["/other.Service/Echo", 12, "unknown service other.Service"],
    ["/test.Service/Fail", 13, "internal error"],
  ])("%s ends with %i", async (path, code, details) => {
    await using grpc = await startGrpc();
    using client = new StreamClient(`127.0.0.1:${grpc.port}`);
    const got = await client.raw(path, NOTHING);
    expect([got.code, got.details]).toEqual([code, details]);
    await waitFor(
      () => grpc.ended.length === 1,
      () => "the call is not counted",
    );
    expect(grpc.ended).toEqual([{ path, code, message: details }]);
  });

  test("of more bytes than are taken is refused, compressed or not", async () => {
    await using grpc = await startGrpc();
    using client = new StreamClient(`127.0.0.1:${grpc.port}`);
    const large = Buffer.alloc((1 << 20) + 1);
    const plain = await client.raw("/test.Service/Echo", large);
    expect([plain.code, plain.details]).toEqual([
      8,
      "grpc: received message larger than max (1048577 vs. 1048576)",
    ]);
    const packed = await answerTo(grpc.port, gzipSync(large), "gzip");
    expect(packed).toMatchObject({ "grpc-status": "8" });
    expect(packed["grpc-message"]).toContain("after decompression larger than max 1048576");
  });

  test("may be compressed by gzip, and by nothing else", async () => {
    await using grpc = await startGrpc();
    const message = Buffer.from("some words, some words, some words");
    const gzip = await answerTo(grpc.port, gzipSync(message), "gzip");
    expect(gzip).toMatchObject({ "grpc-status": "0", data: grpcFrame([message]) });
    const other = await answerTo(grpc.port, message, "br");
    expect(other).toMatchObject({
      "grpc-status": "12",
      "grpc-message": 'grpc: Decompressor is not installed for grpc-encoding "br"',
      "grpc-accept-encoding": "identity,gzip",
    });
    expect(await answerTo(grpc.port, message, undefined)).toMatchObject({ "grpc-status": "13" });
    expect(await answerTo(grpc.port, message, "gzip")).toMatchObject({ "grpc-status": "13" });
  });

  test("that is none of gRPC is refused as HTTP", async () => {
    await using grpc = await startGrpc();
    const session = connectHttp2(`http://127.0.0.1:${grpc.port}`);
    const status = await new Promise((resolve, reject) => {
      const request = session.request({ ":path": "/test.Service/Echo", ":method": "GET" });
      request.on("response", (headers) => resolve(headers[":status"]));
      request.on("error", reject);
    });
    session.destroy();
    expect(status).toBe(415);
  });
});

/** Sends a frame whose flag says compressed. */
async function answerTo(
  port: number,
  payload: Uint8Array,
  encoding: string | undefined,
): Promise<Record<string, unknown>> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const request = session.request({
    ":path": "/test.Service/Echo",
    ":method": "POST",
    "content-type": "application/grpc",
    ...(encoding !== undefined && { "grpc-encoding": encoding }),
  });
  const bytes = grpcFrame([payload]);
  bytes[0] = 1;
  let data = Buffer.alloc(0);
  const headers: Record<string, unknown> = {};
  request.on("response", (some) => Object.assign(headers, some));
  request.on("trailers", (some) => Object.assign(headers, some));
  request.on("data", (piece: Buffer) => {
    data = Buffer.concat([data, piece]);
  });
  request.end(bytes);
  await new Promise((resolve, reject) => {
    request.on("close", resolve);
    request.on("error", reject);
  });
  session.destroy();
  return { ...headers, data };
}

describe("a client", () => {
  test("that goes ends its call", async () => {
    await using grpc = await startGrpc();
    using client = new StreamClient(`127.0.0.1:${grpc.port}`);
    const late = await client.raw("/test.Service/Wait", NOTHING, { timeoutMs: 200 });
    expect(late.code).toBe(4);
    await waitFor(
      () => grpc.waiting() === 0,
      () => "the call goes on after its deadline",
    );
    let messages = 0;
    const onMessage = (_message: unknown, _bytes: number, cancel: () => void) => {
      messages++;
      if (messages === 3) cancel();
    };
    const cancelled = await client.raw("/test.Service/Endless", NOTHING, { onMessage });
    expect(cancelled.code).toBe(1);
    await waitFor(
      () => grpc.ended.length === 2,
      () => "the call goes on without its client",
    );
    expect(grpc.ended.map(({ code }) => code)).toEqual([1, 1]);
  });

  test("whose connection breaks ends its calls", async () => {
    await using grpc = await startGrpc();
    const session = connectHttp2(`http://127.0.0.1:${grpc.port}`);
    session.on("error", () => undefined);
    const headers = { ":method": "POST", "content-type": "application/grpc" };
    for (let calls = 0; calls < 5; calls++) {
      const request = session.request({ ...headers, ":path": "/test.Service/Wait" });
      request.on("error", () => undefined);
      request.end(grpcFrame([]));
    }
    await waitFor(
      () => grpc.waiting() === 5,
      () => `${grpc.waiting()} calls wait`,
    );
    session.destroy();
    await waitFor(
      () => grpc.waiting() === 0,
      () => `${grpc.waiting()} calls wait for a client that has gone`,
    );
  });

  test("that stops in its request, or does not read, is not waited for", async () => {
    await using grpc = await startGrpc();
    const socket = await open(grpc.port);
    socket.write(Buffer.concat([PREFACE, frame({ type: "settings" })]));
    const headers = { type: "headers", flags: END_HEADERS } as const;
    socket.write(frame({ ...headers, stream: 1, payload: callHeaders("/test.Service/Echo") }));
    const endless = callHeaders("/test.Service/Endless");
    socket.write(frame({ ...headers, stream: 3, payload: endless }));
    socket.write(frame({ type: "data", flags: 1, stream: 3, payload: grpcFrame([]) }));
    await waitFor(
      () => grpc.ended.length === 2,
      () => JSON.stringify(grpc.ended),
    );
    expect(grpc.ended.map(({ code }) => code)).toEqual([4, 4]);
    socket.destroy();
  });

  test("has as many calls as it may, and more wait for them", async () => {
    await using grpc = await startGrpc();
    using client = new StreamClient(`127.0.0.1:${grpc.port}`);
    const calls = Array.from({ length: 80 }, () => client.raw("/test.Service/Wait", NOTHING));
    await waitFor(
      () => grpc.waiting() === 50,
      () => `${grpc.waiting()} calls wait`,
    );
    grpc.release();
    const codes = await Promise.all(calls.map(async (call) => (await call).code));
    expect(codes).toEqual(calls.map(() => 0));
  });
});

describe("a stop", () => {
  test("lets calls end, takes no others, and ends idle connections", async () => {
    await using grpc = await startGrpc();
    using client = new StreamClient(`127.0.0.1:${grpc.port}`);
    using idle = new StreamClient(`127.0.0.1:${grpc.port}`);
    await idle.raw("/test.Service/Echo", NOTHING);
    const call = client.raw("/test.Service/Wait", NOTHING);
    await waitFor(
      () => grpc.waiting() === 1,
      () => "the call does not come",
    );
    const stopped = grpc.server.stop();
    using other = new StreamClient(`127.0.0.1:${grpc.port}`);
    expect((await other.raw("/test.Service/Echo", NOTHING, { timeoutMs: 2000 })).code).not.toBe(0);
    expect(grpc.waiting()).toBe(1);
    grpc.release();
    expect((await call).code).toBe(0);
    await stopped;
  });

  test("does not wait for connections on which nothing ends", async () => {
    await using grpc = await startGrpc({ idleTimeoutMs: 0 });
    const socket = await open(grpc.port);
    socket.write(Buffer.concat([PREFACE, frame({ type: "settings" })]));
    socket.write(frame({ type: "headers", stream: 1, payload: callHeaders("/x/y") }));
    using client = new StreamClient(`127.0.0.1:${grpc.port}`);
    await client.raw("/test.Service/Echo", NOTHING);
    await grpc.server.stop();
    socket.destroy();
  });
});

describe("hostile connections", () => {
  for (const [name, flood] of Object.entries(floods)) {
    test(
      `${name}: closed, and others are served`,
      async () => {
        await using grpc = await startGrpc();
        using client = new StreamClient(`127.0.0.1:${grpc.port}`);
        const socket = await open(grpc.port);
        socket.resume();
        socket.write(Buffer.concat([PREFACE, frame({ type: "settings" })]));
        let answered = 0;
        for (const piece of flood("/test.Service/Wait")) {
          if (!(await write(socket, piece))) break;
          const got = await client.raw("/test.Service/Echo", Buffer.from("x"));
          expect(got.code).toBe(0);
          answered++;
        }
        expect(answered).toBeGreaterThan(0);
        await waitFor(
          () => grpc.waiting() === 0,
          () => "calls of a closed connection go on",
        );
        expect((await client.raw("/test.Service/Echo", NOTHING)).code).toBe(0);
      },
      TIMEOUT_MS,
    );
  }

  test("headers that do not come, and connections without calls, are closed in time", async () => {
    await using grpc = await startGrpc();
    const halves = [
      Buffer.concat([PREFACE, frame({ type: "settings" })]),
      Buffer.concat([
        PREFACE,
        frame({ type: "settings" }),
        frame({ type: "headers", stream: 1, payload: callHeaders("/test.Service/Echo") }),
      ]),
      PREFACE.subarray(0, 10),
      PREFACE,
    ];
    const sockets = await Promise.all(halves.map(() => open(grpc.port)));
    for (const [index, socket] of sockets.entries()) {
      socket.resume();
      socket.write(halves[index]);
    }
    await waitFor(
      () => sockets.every((socket) => socket.destroyed),
      () => `open: ${sockets.map((socket) => !socket.destroyed)}`,
    );
  });
});
