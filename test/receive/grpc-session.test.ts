/** Connections of the gRPC server: how they are kept, and how they end without losing a call. */
import { afterEach, describe, expect, test } from "vitest";
import type { Verdict } from "../../src/receive/receive.ts";
import { ACK, END_STREAM, frame, messagePrefix, RawHttp2 } from "../support/http2-frames.ts";
import { type GrpcReceiver, type GrpcSettings, NO_KEEPALIVE, startGrpc } from "./start-grpc.ts";
import { STORED, until } from "./start-receiver.ts";

const open: { stop(): Promise<void> }[] = [];

async function start(settings: GrpcSettings = {}): Promise<GrpcReceiver> {
  const receiver = await startGrpc(settings);
  open.push(receiver);
  return receiver;
}

afterEach(async () => {
  for (const receiver of open.splice(0)) await receiver.stop();
});

const CHECK = "/grpc.health.v1.Health/Check";
const WATCH = "/grpc.health.v1.Health/Watch";
const service = (name: string) =>
  Buffer.concat([Buffer.from([10, name.length]), Buffer.from(name)]);

function lastStream(goaway: { readonly payload: Buffer }): number {
  return goaway.payload.readUInt32BE(0);
}

function goaways(raw: RawHttp2): { stream: number; code: number; text: string }[] {
  return raw.frames
    .filter(({ type }) => type === 7)
    .map((one) => ({
      stream: lastStream(one),
      code: one.payload.readUInt32BE(4),
      text: one.payload.subarray(8).toString(),
    }));
}

describe("the end of a connection", () => {
  test("takes two steps, and the calls that come between them are answered", async () => {
    const receiver = await start();
    const held = Promise.withResolvers<Verdict>();
    receiver.state.answer = () => held.promise;
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1);
    raw.data(1, messagePrefix(0), END_STREAM);
    await until(() => receiver.offered.length === 1);
    receiver.server.drain();
    const ping = await raw.frame("ping");
    expect(goaways(raw)).toEqual([{ stream: 2 ** 31 - 1, code: 0, text: "" }]);
    raw.begin(3);
    raw.data(3, messagePrefix(0), END_STREAM);
    raw.write(frame("ping", { flags: ACK, payload: ping.payload }));
    await until(() => goaways(raw).length === 2);
    expect(goaways(raw)[1]).toEqual({ stream: 3, code: 0, text: "" });
    await until(() => receiver.offered.length === 2);
    expect(raw.closed).toBe(false);
    held.resolve(STORED);
    await raw.untilClosed();
    const trailers = raw.frames.filter(({ type, flags }) => type === 1 && flags & END_STREAM);
    expect(trailers.map(({ stream }) => stream)).toEqual([1, 3]);
  });

  test("comes also when the client does not answer the ping", async () => {
    const receiver = await start();
    const raw = await RawHttp2.open(receiver.port);
    await raw.frame("settings");
    receiver.server.drain();
    await raw.untilClosed();
    expect(goaways(raw).length).toBeGreaterThan(1);
  });

  test("costs no call of clients that are busy", async () => {
    const receiver = await start();
    const clients = Array.from({ length: 4 }, () => receiver.client());
    let codes: number[] = [];
    let sending = true;
    const senders = clients.flatMap((client) =>
      Array.from({ length: 4 }, async () => {
        while (sending) {
          const { code, message } = await client.send(Buffer.alloc(100_000));
          // Nobody listens any more, which the client finds out by itself.
          if (code === 14 && /ECONNREFUSED|No connection/.test(message)) return;
          codes.push(code);
        }
      }),
    );
    await until(() => codes.length > 50);
    codes = [];
    receiver.server.drain();
    await Promise.all(senders);
    sending = false;
    expect(codes.filter((code) => code !== 0)).toEqual([]);
  });

  test("a listener that has ended lets another have its port", async () => {
    const receiver = await start();
    receiver.server.drain();
    const next = await start({ port: receiver.port });
    expect((await next.client().send(Buffer.alloc(10))).code).toBe(0);
    expect(next.offered).toHaveLength(1);
  });
});

describe("keepalive", () => {
  test("idle connections end, those with a call do not", async () => {
    const receiver = await start({ keepalive: { ...NO_KEEPALIVE, connectionIdleMs: 100 } });
    const held = Promise.withResolvers<Verdict>();
    receiver.state.answer = () => held.promise;
    const busy = receiver.client().send(Buffer.alloc(10));
    const idle = await RawHttp2.open(receiver.port);
    await idle.untilClosed();
    expect(goaways(idle)[0]).toEqual({ stream: 2 ** 31 - 1, code: 0, text: "" });
    held.resolve(STORED);
    expect((await busy).code).toBe(0);
  });

  test("old connections end, with a grace for their calls", async () => {
    const receiver = await start({
      keepalive: { ...NO_KEEPALIVE, connectionAgeMs: 100, connectionAgeGraceMs: 100 },
    });
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1);
    await raw.untilClosed();
    expect(goaways(raw)[0].stream).toBe(2 ** 31 - 1);
    await receiver.atRest();
  });

  test("clients that do not answer are gone", async () => {
    const receiver = await start({
      keepalive: { ...NO_KEEPALIVE, pingAfterMs: 100, pingTimeoutMs: 100 },
    });
    const raw = await RawHttp2.open(receiver.port);
    await raw.frame("ping");
    await raw.untilClosed();
  });

  test("clients that answer stay", async () => {
    const receiver = await start({
      keepalive: { ...NO_KEEPALIVE, pingAfterMs: 100, pingTimeoutMs: 100 },
    });
    const raw = await RawHttp2.open(receiver.port);
    const pings = () => raw.frames.filter(({ type, flags }) => type === 6 && flags === 0);
    let answered = 0;
    await until(() => {
      for (const { payload } of pings().slice(answered)) {
        raw.write(frame("ping", { flags: ACK, payload }));
        answered += 1;
      }
      return answered > 2;
    });
    expect(raw.closed).toBe(false);
    raw.destroy();
  });

  const ping = frame("ping", { payload: Buffer.alloc(8) });
  const strict = { ...NO_KEEPALIVE, pingMinIntervalMs: 60_000 };

  test("clients that ping too often are sent away", async () => {
    const receiver = await start({ keepalive: strict });
    const raw = await RawHttp2.open(receiver.port);
    for (let i = 0; i < 4; i++) raw.write(ping);
    await raw.untilClosed();
    expect(goaways(raw)[0]).toEqual({ stream: 0, code: 11, text: "too_many_pings" });
  });

  test("unless they may", async () => {
    const keepalive = { ...strict, pingMinIntervalMs: 0, pingWithoutStream: true };
    const receiver = await start({ keepalive });
    const raw = await RawHttp2.open(receiver.port);
    for (let i = 0; i < 10; i++) raw.write(ping);
    await until(() => raw.frames.filter(({ type }) => type === 6).length === 10);
    expect(raw.closed).toBe(false);
    raw.destroy();
  });

  test("pings by which clients measure what they receive are forgiven", async () => {
    const receiver = await start({ keepalive: strict });
    const raw = await RawHttp2.open(receiver.port);
    for (let stream = 1; stream < 21; stream += 2) {
      raw.begin(stream);
      raw.data(stream, messagePrefix(0), END_STREAM);
      await until(() => raw.frames.some((one) => one.stream === stream && one.flags === 5));
      raw.write(ping);
    }
    await until(() => raw.frames.filter(({ type }) => type === 6).length === 10);
    expect(raw.closed).toBe(false);
    raw.destroy();
  });
});

describe("health", () => {
  const cases: readonly { name: string; message: Buffer; code: number; body?: number[] }[] = [
    { name: "the server", message: Buffer.alloc(0), code: 0, body: [8, 1] },
    { name: "the server by its empty name", message: service(""), code: 0, body: [8, 1] },
    {
      name: "the service",
      message: service("opentelemetry.proto.collector.trace.v1.TraceService"),
      code: 0,
      body: [8, 1],
    },
    { name: "another", message: service("x"), code: 5 },
    { name: "nonsense", message: Buffer.from([1, 2, 3]), code: 3 },
  ];
  for (const { name, message, code, body } of cases) {
    test(`of ${name}`, async () => {
      const receiver = await start({ multitenancyEnabled: true });
      const got = await receiver.client().send(message, { path: CHECK });
      expect({ code: got.code, body: got.body && [...got.body] }).toEqual({ code, body });
    });
  }

  test("not serving while the log is replayed", async () => {
    const receiver = await start();
    receiver.state.isServing = false;
    const got = await receiver.client().send(Buffer.alloc(0), { path: CHECK });
    expect([...(got.body ?? [])]).toEqual([8, 2]);
  });

  test("is told to those who watch, until the end", async () => {
    const receiver = await start();
    const told: number[] = [];
    const watch = receiver.client().stream(WATCH, Buffer.alloc(0), (body) => told.push(body[1]));
    await until(() => told.length === 1);
    receiver.state.isServing = false;
    await until(() => told.length === 2);
    receiver.state.isServing = true;
    await until(() => told.length === 3);
    // It holds nothing that a stop would wait for.
    await receiver.atRest();
    await receiver.stop();
    expect((await watch.status).code).toBe(14);
    expect(told).toEqual([1, 2, 1, 2]);
  });

  test("of a service that is not known is told, too", async () => {
    const receiver = await start();
    const told: number[] = [];
    const watch = receiver.client().stream(WATCH, service("x"), (body) => told.push(body[1]));
    await until(() => told.length === 1);
    watch.cancel();
    expect((await watch.status).code).toBe(1);
    expect(told).toEqual([3]);
  });
});
