/** What gRPC clients see of the receiver: statuses, details, bounds. The client is grpc-js. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterEach, describe, expect, test } from "vitest";
import { refusal } from "../../src/base/error.ts";
import { RetryInfoSchema } from "../../src/proto-gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../src/proto-gen/google/rpc/status_pb.ts";
import { ExportTraceServiceResponseSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { Verdict } from "../../src/receive/receive.ts";
import {
  END_HEADERS,
  END_STREAM,
  EXPORT_HEADERS,
  frame,
  headerBlock,
  messagePrefix,
  RawHttp2,
} from "../support/http2-frames.ts";
import { compressedBodies } from "./compressed-bodies.ts";
import { type Answer, type GrpcReceiver, type GrpcSettings, startGrpc } from "./start-grpc.ts";
import { NONE_REJECTED, STORED, until } from "./start-receiver.ts";

const open: { stop(): Promise<void> }[] = [];

async function start(settings: GrpcSettings = {}): Promise<GrpcReceiver> {
  const receiver = await startGrpc(settings);
  open.push(receiver);
  return receiver;
}

afterEach(async () => {
  for (const receiver of open.splice(0)) await receiver.stop();
});

const message = (bytes: number) => Buffer.alloc(bytes, 7);

/** Seconds until the client should send again; undefined: it is not told to. */
function retryAfter({ metadata }: Answer): number | undefined {
  const [details] = metadata.get("grpc-status-details-bin");
  if (details === undefined) return undefined;
  const status = fromBinary(StatusSchema, details as Buffer);
  const [info] = status.details.map((detail) => anyUnpack(detail, RetryInfoSchema));
  return Number(info?.retryDelay?.seconds);
}

describe("what is stored", () => {
  for (const bytes of [0, 1, 11, 5_000, 190_000, 4 << 20]) {
    test(`${bytes} bytes`, async () => {
      const receiver = await start();
      const answer = await receiver.client().send(message(bytes));
      expect({ code: answer.code, body: answer.body?.length }).toEqual({ code: 0, body: 0 });
      expect(receiver.offered.map(({ body }) => body.equals(message(bytes)))).toEqual([true]);
      expect(receiver.stored).toEqual([{ tenant: "single-tenant", bytes, verdict: STORED }]);
      await receiver.atRest();
    });
  }

  test("many calls at once on one connection", async () => {
    const receiver = await start();
    const client = receiver.client();
    const bodies = Array.from({ length: 200 }, (_, i) => Buffer.alloc(3_000 * i, i));
    const answers = await Promise.all(bodies.map((body) => client.send(body)));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([0]));
    const got = receiver.offered.map(({ body }) => Bun.hash(body)).toSorted();
    expect(got).toEqual(bodies.map((body) => Bun.hash(body)).toSorted());
    await receiver.atRest();
  });

  test("with spans refused: partial success", async () => {
    const receiver = await start();
    const rejected = { ...NONE_REJECTED, invalidTraceId: 2, invalidUtf8: 1 };
    receiver.state.answer = () => Promise.resolve({ ...STORED, rejected });
    const { code, body } = await receiver.client().send(message(10));
    expect(code).toBe(0);
    expect(fromBinary(ExportTraceServiceResponseSchema, body ?? Buffer.of(1))).toMatchObject({
      partialSuccess: {
        rejectedSpans: 3n,
        errorMessage: "3 spans rejected: 2 invalid trace id, 1 invalid utf-8",
      },
    });
  });
});

describe("compressed messages", () => {
  const body = Buffer.from("spans and spans ".repeat(5_000));

  /** grpc-js can send gzip only: the frame is written by hand. */
  async function sendEncoded(receiver: GrpcReceiver, encoding: string, bytes: Uint8Array) {
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1, { "grpc-encoding": encoding });
    raw.data(1, Buffer.concat([messagePrefix(bytes.length, true), bytes]), END_STREAM);
    const { payload } = await raw.frame("headers", 1);
    await receiver.atRest();
    raw.destroy();
    return payload;
  }

  test("as each encoder makes them", async () => {
    const accepted = (await compressedBodies(body)).filter(({ encoding }) =>
      ["gzip", "zstd", "snappy"].includes(encoding),
    );
    expect(accepted.length).toBeGreaterThan(5);
    for (const { name, encoding, bytes } of accepted) {
      const receiver = await start();
      await sendEncoded(receiver, encoding, bytes);
      expect(
        receiver.offered.map((one) => one.body.equals(body)),
        name,
      ).toEqual([true]);
      expect(receiver.stored[0].bytes).toBe(body.length);
    }
  });

  test("gzip by grpc-js", async () => {
    const receiver = await start();
    const options = { "grpc.default_compression_algorithm": 2 };
    expect((await receiver.client(undefined, options).send(body)).code).toBe(0);
    expect(receiver.offered.map((one) => one.body.equals(body))).toEqual([true]);
  });

  const wrong: readonly { name: string; encoding: string; bytes: Uint8Array; reason: string }[] = [
    { name: "damaged", encoding: "gzip", bytes: message(100), reason: "malformed" },
    { name: "unknown", encoding: "br", bytes: message(100), reason: "not_found" },
    { name: "not named", encoding: "identity", bytes: message(100), reason: "malformed" },
    {
      name: "too large when it is out",
      encoding: "gzip",
      bytes: gzipSync(Buffer.alloc((4 << 20) + 1)),
      reason: "too_large",
    },
    {
      name: "a bomb",
      encoding: "zstd",
      bytes: zstdCompressSync(Buffer.alloc(64 << 20)),
      reason: "too_large",
    },
  ];
  for (const { name, encoding, bytes, reason } of wrong) {
    test(name, async () => {
      const receiver = await start();
      await sendEncoded(receiver, encoding, bytes);
      expect(receiver.offered).toEqual([]);
      expect(receiver.refused).toEqual([`single-tenant:${reason}`]);
    });
  }
});

describe("refusals", () => {
  const verdict = (outcome: Verdict["outcome"]) => () =>
    Promise.resolve({ outcome, accepted: 0, rejected: NONE_REJECTED });
  const cases: readonly {
    name: string;
    answer: () => Promise<Verdict> | undefined;
    code: number;
    retry: number | undefined;
  }[] = [
    { name: "malformed", answer: verdict("malformed"), code: 3, retry: undefined },
    { name: "too large", answer: verdict("too_large"), code: 8, retry: undefined },
    { name: "overloaded", answer: verdict("overloaded"), code: 14, retry: 1 },
    { name: "disk failed", answer: verdict("disk_failed"), code: 14, retry: 1 },
    { name: "no room in the ring", answer: () => undefined, code: 14, retry: 1 },
  ];
  for (const { name, answer, code, retry } of cases) {
    test(name, async () => {
      const receiver = await start();
      receiver.state.answer = answer;
      const got = await receiver.client().send(message(10));
      expect({ code: got.code, retry: retryAfter(got) }).toEqual({ code, retry });
      expect(got.message).not.toBe("");
      await receiver.atRest();
      expect(receiver.logged).toEqual([]);
    });
  }

  test("a bug is logged, and not told", async () => {
    const receiver = await start();
    receiver.state.answer = () => Promise.reject(new Error("secret"));
    const got = await receiver.client().send(message(10));
    expect({ code: got.code, message: got.message }).toEqual({
      code: 13,
      message: "internal error",
    });
    expect(receiver.logged).toEqual([expect.stringContaining("secret")]);
  });

  test("a message over the limit, before it has come", async () => {
    const receiver = await start({ messageBytesMax: 1000 });
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1);
    raw.data(1, messagePrefix(1001));
    await raw.frame("reset", 1);
    const got = await receiver.client().send(message(1001));
    expect({ code: got.code, retry: retryAfter(got) }).toEqual({ code: 8, retry: undefined });
    expect(got.message).toBe("grpc: received message larger than max (1001 vs. 1000)");
    expect(receiver.refused).toEqual(["single-tenant:too_large", "single-tenant:too_large"]);
    await receiver.atRest();
    raw.destroy();
  });

  test("more in flight than there may be, before it has come", async () => {
    const receiver = await start({ inFlightBytesMax: 5 << 20 });
    const held = Promise.withResolvers<Verdict>();
    receiver.state.answer = () => held.promise;
    const first = receiver.client().send(message(3 << 20));
    await until(() => receiver.offered.length === 1);
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1);
    raw.data(1, messagePrefix(3 << 20));
    await raw.frame("reset", 1);
    const second = await receiver.client().send(message(3 << 20));
    expect({ code: second.code, retry: retryAfter(second) }).toEqual({ code: 14, retry: 1 });
    held.resolve(STORED);
    expect((await first).code).toBe(0);
    await receiver.atRest();
    raw.destroy();
  });

  test("more than the tenant's rate lets, by the length before the message", async () => {
    const admit = (_: string, bytes: number) =>
      bytes > 1000 ? refusal("rate_limited", "more than it may") : undefined;
    const receiver = await start({ admit });
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1);
    raw.data(1, messagePrefix(1001));
    await raw.frame("reset", 1);
    const refused = await receiver.client().send(message(1001));
    expect({ code: refused.code, retry: retryAfter(refused) }).toEqual({ code: 8, retry: 1 });
    expect((await receiver.client().send(message(1000))).code).toBe(0);
    expect(receiver.refused).toEqual(Array(2).fill("single-tenant:rate_limited"));
    await receiver.atRest();
    raw.destroy();
  });

  test("while nothing is taken, by the headers alone", async () => {
    const receiver = await start();
    receiver.state.isFull = true;
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1);
    await raw.frame("reset", 1);
    const got = await receiver.client().send(message(100_000));
    expect({ code: got.code, retry: retryAfter(got) }).toEqual({ code: 14, retry: 1 });
    expect(receiver.refused).toEqual(["single-tenant:overloaded", "single-tenant:overloaded"]);
    expect(receiver.offered).toEqual([]);
    raw.destroy();
  });

  test("what one tenant may not hold, others may", async () => {
    const receiver = await start({ multitenancyEnabled: true, tenantBytesMax: 4 << 20 });
    const held = Promise.withResolvers<Verdict>();
    receiver.state.answer = () => held.promise;
    const client = receiver.client();
    const loud = { metadata: { "x-scope-orgid": "loud" } };
    const first = client.send(message(3 << 20), loud);
    await until(() => receiver.offered.length === 1);
    const second = await client.send(message(3 << 20), loud);
    expect({ code: second.code, retry: retryAfter(second) }).toEqual({ code: 8, retry: 1 });
    const other = client.send(message(3 << 20), { metadata: { "x-scope-orgid": "quiet" } });
    await until(() => receiver.offered.length === 2);
    held.resolve(STORED);
    expect([(await first).code, (await other).code]).toEqual([0, 0]);
    expect(receiver.refused).toEqual(["loud:tenant_overloaded"]);
  });

  test("large messages leave room for small ones", async () => {
    const receiver = await start({ inFlightBytesMax: 8 << 20, keptBytes: 2 << 20 });
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => RawHttp2.open(receiver.port)),
    );
    for (const raw of clients) {
      raw.begin(1);
      raw.data(1, messagePrefix(4 << 20));
      for (let sent = 0; sent < 3 << 20; sent += 16384) raw.data(1, Buffer.alloc(16384));
    }
    await until(() => receiver.refused.length > 0);
    for (let i = 0; i < 20; i++) {
      expect((await receiver.client().send(message(500_000))).code).toBe(0);
    }
    for (const raw of clients) raw.destroy();
    await receiver.atRest();
  });
});

describe("tenants", () => {
  const cases: readonly { tenant: string | undefined; code: number; message: string }[] = [
    { tenant: "a.b", code: 0, message: "" },
    { tenant: undefined, code: 16, message: "no org id" },
    { tenant: "a,b", code: 3, message: "tenant ID 'a,b' contains unsupported character ','" },
  ];
  for (const { tenant, code, message: text } of cases) {
    test(String(tenant), async () => {
      const receiver = await start({ multitenancyEnabled: true });
      const metadata = tenant === undefined ? {} : { "x-scope-orgid": tenant };
      const got = await receiver.client().send(message(10), { metadata });
      expect({ code: got.code, message: got.message }).toEqual({ code, message: text });
      expect(receiver.offered.map((one) => one.tenant)).toEqual(code === 0 ? ["a.b"] : []);
    });
  }

  test("named twice", async () => {
    const receiver = await start({ multitenancyEnabled: true });
    const raw = await RawHttp2.open(receiver.port);
    const twice = { ...EXPORT_HEADERS, "x-scope-orgid": "a" };
    const payload = Buffer.concat([headerBlock(twice), headerBlock({ "x-scope-orgid": "b" })]);
    raw.write(frame("headers", { flags: END_HEADERS, stream: 1, payload }));
    await raw.frame("headers", 1);
    expect(receiver.refused).toEqual([":malformed"]);
    raw.destroy();
  });

  test("a name that nobody asked for is not looked at", async () => {
    const receiver = await start();
    const got = await receiver.client().send(message(1), { metadata: { "x-scope-orgid": "{ ,}" } });
    expect(got.code).toBe(0);
    expect(receiver.offered[0].tenant).toBe("single-tenant");
  });
});

describe("calls that are none", () => {
  const cases: readonly { path: string; message: string }[] = [
    { path: "/a.B/C", message: "unknown service a.B" },
    {
      path: "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
      message:
        "unknown method Import for service opentelemetry.proto.collector.trace.v1.TraceService",
    },
    { path: "/none", message: 'malformed method name: "/none"' },
  ];
  for (const { path, message: text } of cases) {
    test(path, async () => {
      const receiver = await start();
      const got = await receiver.client().send(message(100_000), { path });
      expect({ code: got.code, message: got.message }).toEqual({ code: 12, message: text });
      expect(receiver.inFlight.requests).toBe(0);
    });
  }

  const bodies: readonly { name: string; bytes: Buffer; reason: string }[] = [
    { name: "nothing", bytes: Buffer.alloc(0), reason: "malformed" },
    { name: "less than a prefix", bytes: Buffer.alloc(4), reason: "malformed" },
    { name: "less than the message", bytes: messagePrefix(1), reason: "malformed" },
    { name: "two messages", bytes: Buffer.alloc(10), reason: "not_found" },
    { name: "no flag", bytes: Buffer.from([2, 0, 0, 0, 0]), reason: "malformed" },
  ];
  for (const { name, bytes, reason } of bodies) {
    test(name, async () => {
      const receiver = await start();
      const raw = await RawHttp2.open(receiver.port);
      raw.begin(1);
      raw.data(1, bytes, END_STREAM);
      await raw.frame("headers", 1);
      expect(receiver.refused).toEqual([`single-tenant:${reason}`]);
      expect(receiver.offered).toEqual([]);
      await receiver.atRest();
      raw.destroy();
    });
  }

  test("what is not gRPC is told what is", async () => {
    const receiver = await start();
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1, { "content-type": "application/json" });
    raw.data(1, Buffer.alloc(100), END_STREAM);
    const { payload } = await raw.frame("data", 1);
    expect(payload.toString()).toContain("application/grpc");
    raw.destroy();
  });

  test("a client that goes in the middle of its message", async () => {
    const receiver = await start();
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1);
    raw.data(1, Buffer.concat([messagePrefix(100_000), Buffer.alloc(10_000)]));
    await until(() => receiver.inFlight.bytes > 0);
    raw.destroy();
    await receiver.atRest();
    expect(receiver.refused).toEqual(["single-tenant:cancelled"]);
  });

  test("a client that goes before it is answered: what is stored is stored", async () => {
    const receiver = await start();
    const held = Promise.withResolvers<Verdict>();
    receiver.state.answer = () => held.promise;
    const got = await receiver.client().send(message(1000), { timeoutMs: 300 });
    expect(got.code).toBe(4);
    held.resolve(STORED);
    await receiver.atRest();
    expect(receiver.stored).toHaveLength(1);
    expect(receiver.logged).toEqual([]);
  });

  test("a message that does not come", async () => {
    const receiver = await start({ receiveTimeoutMs: 200 });
    const raw = await RawHttp2.open(receiver.port);
    raw.begin(1);
    raw.data(1, Buffer.concat([messagePrefix(100_000), Buffer.alloc(10_000)]));
    await raw.frame("reset", 1);
    expect(receiver.refused).toEqual(["single-tenant:overloaded"]);
    await receiver.atRest();
    raw.destroy();
  });
});
