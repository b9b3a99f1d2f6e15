import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { listenApi } from "../../src/api/api-listener.ts";
import { makeLogger } from "../../src/base/log.ts";
import { prng } from "../../src/base/prng.ts";
import type { GrpcMethod } from "../../src/grpc/grpc-method.ts";
import { open } from "../fault/hostile-clients.ts";
import { floods, frame, frameTypes, PREFACE, write } from "../support/hostile-http2.ts";
import { StreamClient } from "../support/stream-client.ts";
import { waitFor } from "../support/wait.ts";

const MiB = 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** A server of both protocols that says what it got; `/bytes/N` is so many. */
async function start(httpIdleSeconds = 60) {
  let aborted = 0;
  const methods: Record<string, GrpcMethod> = {
    "/test.Service/Echo": (call) => call.send([call.message]),
    "/test.Service/Wait": async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      aborted++;
    },
  };
  const logged: string[] = [];
  const listener = await listenApi(
    {
      http: { hostname: "127.0.0.1", port: 0, tls: undefined },
      grpc: { hostname: "127.0.0.1", port: 0, tls: undefined },
      streamOverHttp: true,
      httpIdleSeconds,
      httpHeadBytesMax: 400 * 1024,
    },
    {
      development: false,
      maxRequestBodySize: 64 * MiB,
      error: () => new Response("failed", { status: 500 }),
      async fetch(request) {
        const { pathname } = new URL(request.url);
        const bytes = /^\/bytes\/(\d+)$/.exec(pathname)?.[1];
        if (bytes !== undefined) return new Response(Buffer.alloc(Number(bytes), 7));
        if (pathname !== "/wait") return new Response(await request.bytes());
        await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
        aborted++;
        return new Response("late");
      },
    },
    {
      methods: new Map(Object.entries(methods)),
      messageBytesMax: 4 * MiB,
      streamsMax: 100,
      headBytesMax: 16 * 1024,
      readTimeoutMs: 1000,
      writeTimeoutMs: 1000,
      idleTimeoutMs: 1000,
      logger: makeLogger({
        ...{ level: "debug", format: "logfmt", component: "test" },
        write: (line) => logged.push(line),
      }),
      onCall: () => undefined,
    },
  );
  const url = `http://127.0.0.1:${listener.httpPort}`;
  return {
    ...{ listener, url, port: listener.httpPort, logged, aborted: () => aborted },
    [Symbol.asyncDispose]: () => listener.end(),
  };
}

/** All that comes after what is sent, until that is enough or the connection ends. */
async function talk(
  socket: Socket,
  pieces: readonly string[],
  isEnough: (heard: string) => boolean,
): Promise<string> {
  let heard = "";
  socket.on("data", (piece: Buffer) => {
    heard += piece.toString("latin1");
  });
  for (const piece of pieces) await write(socket, Buffer.from(piece, "latin1"));
  await waitFor(
    () => isEnough(heard) || socket.destroyed,
    () => `heard ${JSON.stringify(heard)}`,
  );
  return heard;
}

describe("one port", () => {
  test("serves HTTP/1.1 and gRPC side by side, whatever they send", async () => {
    await using api = await start();
    const random = prng(4);
    const work = async (lane: number) => {
      using client = new StreamClient(api.url);
      for (let round = 0; round < 10; round++) {
        const length = random.below(300_000);
        const body = Buffer.alloc(length, lane);
        const answer = await fetch(`${api.url}/echo`, { method: "POST", body });
        expect(Buffer.compare(Buffer.from(await answer.bytes()), body)).toBe(0);
        const got = await client.raw("/test.Service/Echo", body);
        expect([got.code, got.bytes]).toEqual([0, [length]]);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, lane) => work(lane)));
  });

  test("passes large answers on at the pace of the client", async () => {
    await using api = await start();
    const length = 48 * MiB;
    const before = process.memoryUsage().rss;
    const slow = await open(api.port);
    slow.pause();
    slow.write(`GET /bytes/${length} HTTP/1.1\r\nhost: x\r\n\r\n`);
    const quick = await fetch(`${api.url}/bytes/${length}`);
    expect((await quick.bytes()).length).toBe(length);
    let heard = 0;
    slow.on("data", (piece: Buffer) => {
      heard += piece.length;
    });
    slow.resume();
    await waitFor(
      () => heard > length,
      () => `heard ${heard} bytes`,
    );
    slow.destroy();
    expect(process.memoryUsage().rss - before).toBeLessThan(600 * MiB);
  });

  test("takes first bytes in any pieces, and what comes with them", async () => {
    await using api = await start();
    const request = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
    for (const cut of [1, 2, 3, 10, request.length - 1]) {
      const pieces = [request.slice(0, cut), request.slice(cut)];
      const heard = await talk(await open(api.port), pieces, (text) => text.endsWith("hi"));
      expect(heard).toContain("HTTP/1.1 200");
    }
    const pipelined = "GET /bytes/1 HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3);
    const answers = (text: string) => text.split("HTTP/1.1 200").length - 1;
    const heard = await talk(await open(api.port), [pipelined], (text) => answers(text) === 3);
    expect(answers(heard)).toBe(3);
    const preface = Buffer.concat([PREFACE, frame({ type: "settings" })]).toString("latin1");
    const split = [preface.slice(0, 3), preface.slice(3, 30), preface.slice(30)];
    const settings = await talk(await open(api.port), split, (text) => text.length >= 9);
    expect(settings.charCodeAt(3)).toBe(frameTypes.settings);
  });

  test("ends work whose client goes, in either protocol", async () => {
    await using api = await start();
    const socket = await open(api.port);
    socket.write("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n");
    using client = new StreamClient(api.url);
    const call = client.raw("/test.Service/Wait", Buffer.alloc(0), { timeoutMs: 300 });
    await Bun.sleep(0);
    expect((await call).code).toBe(4);
    socket.destroy();
    await waitFor(
      () => api.aborted() === 2,
      () => `${api.aborted()} of 2 have ended`,
    );
  });

  test("closes connections that say nothing, or half a word", async () => {
    await using api = await start(4);
    const sockets = await Promise.all([open(api.port), open(api.port), open(api.port)]);
    for (const socket of sockets) socket.resume();
    sockets[1].write("PR");
    sockets[2].write(PREFACE.subarray(0, 10));
    await waitFor(
      () => sockets.every((socket) => socket.destroyed),
      () => `open: ${sockets.map((socket) => !socket.destroyed)}`,
    );
  });

  test(
    "stays for others while connections flood it or bring no sense",
    async () => {
      await using api = await start();
      const random = prng(11);
      for (const flood of Object.values(floods)) {
        const socket = await open(api.port);
        socket.resume();
        socket.write(Buffer.concat([PREFACE, frame({ type: "settings" })]));
        for (const piece of flood("/test.Service/Wait")) {
          if (!(await write(socket, piece))) break;
        }
      }
      for (let round = 0; round < 100; round++) {
        const socket = await open(api.port);
        const start = round % 2 === 0 ? "" : "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        const noise = Buffer.from(
          Array.from({ length: 1 + random.below(400) }, () => random.below(256)),
        );
        socket.write(Buffer.concat([Buffer.from(start), noise]));
        socket.resume();
        if (round % 3 === 0) socket.destroy();
      }
      const answer = await fetch(`${api.url}/bytes/5`);
      expect((await answer.bytes()).length).toBe(5);
      using client = new StreamClient(api.url);
      expect((await client.raw("/test.Service/Echo", Buffer.from("x"))).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  test("stops when all that is under way is answered", async () => {
    await using api = await start();
    using client = new StreamClient(api.url);
    expect((await client.raw("/test.Service/Echo", Buffer.from("x"))).code).toBe(0);
    expect((await fetch(`${api.url}/bytes/5`)).status).toBe(200);
    await api.listener.stop();
    await expect(fetch(`${api.url}/bytes/5`, { keepalive: false })).rejects.toThrow();
    const session = connectHttp2(api.url);
    await new Promise((resolve) => session.once("error", resolve));
  });
});
