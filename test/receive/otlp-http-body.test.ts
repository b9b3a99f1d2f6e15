import { request as httpRequest } from "node:http";
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { refusal } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { StatusSchema } from "../../src/proto-gen/google/rpc/status_pb.ts";
import type { Verdict } from "../../src/receive/receive.ts";
import {
  RawClient,
  type Receiver,
  type ReceiverSettings,
  STORED,
  startReceiver,
  until,
} from "./start-receiver.ts";

const MiB = 1 << 20;
const PIECE = new Uint8Array(65536).fill(7);
const CHUNK = Buffer.concat([Buffer.from("10000\r\n"), PIECE, Buffer.from("\r\n")]);
const PROTOBUF = "application/x-protobuf";

let running: Receiver[] = [];
afterEach(async () => {
  for (const receiver of running) {
    await receiver.atRest();
    expect(receiver.inFlight.tenants).toBe(0);
    expect(receiver.logged).toEqual([]);
    await receiver.stop();
  }
  running = [];
});
function start(settings?: ReceiverSettings): Receiver {
  const receiver = startReceiver(settings);
  running.push(receiver);
  return receiver;
}

function post(url: string, body: Uint8Array, headers: Record<string, string> = {}) {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": PROTOBUF, ...headers },
    body: Buffer.from(body),
  });
}

/** Answers that a test gives when it likes. */
function held(receiver: Receiver) {
  const waiting: ((verdict: Verdict) => void)[] = [];
  receiver.state.answer = () => new Promise((resolve) => waiting.push(resolve));
  return {
    waiting,
    answerAll: () => {
      for (const resolve of waiting.splice(0)) resolve(STORED);
    },
  };
}

test("what is over a tenant's rate is refused by its length, if that is OTLP's", async () => {
  const overRate = (_: string, bytes: number) =>
    bytes > 1000 ? refusal("rate_limited", "more than it may") : undefined;
  const receiver = start({ admit: overRate });
  const client = await RawClient.open(receiver.port);
  client.post("Content-Length: 1001");
  await client.until("more than it may");
  expect(client.statuses).toEqual([429]);
  // Text may be much less as OTLP, and what is compressed is much more.
  const json = Buffer.from(`{"resourceSpans": []${" ".repeat(4000)}}`);
  const text = await post(receiver.url, json, { "content-type": "application/json" });
  expect(text.status).toBe(200);
  const zipped = await post(receiver.url, gzipSync(Buffer.alloc(1001, 7)), {
    "content-encoding": "gzip",
  });
  expect(zipped.status).toBe(200);
  expect(receiver.offered).toHaveLength(2);
  client.destroy();
});

test("while nothing is taken, bodies are not waited for", async () => {
  const receiver = start();
  receiver.state.isFull = true;
  const client = await RawClient.open(receiver.port);
  client.post(`Content-Length: ${MiB}`);
  await client.until("\r\n\r\n");
  expect(client.statuses).toEqual([503]);
  expect(client.received.toLowerCase()).toContain("retry-after: 1");
  client.destroy();
});

describe("bodies over the limit", () => {
  test("by Content-Length: 413 with a status, the connection lives on", async () => {
    const receiver = start({ requestBytesMax: MiB });
    const client = await RawClient.open(receiver.port);
    client.post(`Content-Length: ${MiB + 1}`);
    await client.until("413 ");
    await client.pump(MiB, PIECE);
    client.write("x");
    client.post("Content-Length: 3", "abc");
    await client.until("200 OK");
    expect(client.statuses).toEqual([413, 200]);
    expect(client.received).toContain("body is over the limit of 1048576 bytes");
    client.destroy();
    const response = await post(receiver.url, new Uint8Array(MiB + 1));
    expect(response.status).toBe(413);
    const status = fromBinary(StatusSchema, await response.bytes());
    expect([status.code, status.message]).toEqual([8, "body is over the limit of 1048576 bytes"]);
    expect((await post(receiver.url, new Uint8Array(MiB))).status).toBe(200);
  });

  test.each([1e9, 1e12, Number.MAX_SAFE_INTEGER])("a length of %d: 413 at once", async (length) => {
    const receiver = start();
    const client = await RawClient.open(receiver.port);
    client.post(`Content-Length: ${length}`, "some");
    await client.until("over the limit");
    expect(client.statuses).toEqual([413]);
    client.destroy();
  });

  test("chunked: 413 before the end, the connection lives on", async () => {
    const receiver = start({ requestBytesMax: MiB });
    const client = await RawClient.open(receiver.port);
    client.post("Transfer-Encoding: chunked");
    await client.pump(2 * MiB, CHUNK);
    await client.until("over the limit of 1048576 bytes");
    await client.pump(30 * MiB, CHUNK);
    client.write("0\r\n\r\n");
    client.post("Content-Length: 3", "abc");
    await client.until("200 OK");
    expect(client.statuses).toEqual([413, 200]);
    client.destroy();
  });
});

describe("chunks and Expect", () => {
  test("chunks of any size make one body (seed 9)", async () => {
    const receiver = start();
    const random = prng(9);
    for (let round = 0; round < 10; round++) {
      const body = random.bytes(random.below(300_000));
      const client = await RawClient.open(receiver.port);
      client.post("Transfer-Encoding: chunked");
      for (let at = 0; at < body.length; ) {
        const part = body.subarray(at, at + 1 + random.below(80_000));
        client.write(`${part.length.toString(16)}\r\n`);
        client.write(part);
        client.write("\r\n");
        at += part.length;
      }
      client.write("0\r\n\r\n");
      await client.until("200 OK");
      expect(Buffer.compare(receiver.offered[round].body, body)).toBe(0);
      client.destroy();
    }
  });

  test("compressed and chunked, by node:http", async () => {
    const receiver = start();
    const body = new TextEncoder().encode("spans ".repeat(50_000));
    const status = await new Promise((resolve, reject) => {
      const headers = { "content-type": PROTOBUF, "content-encoding": "gzip" };
      const request = httpRequest(receiver.url, { method: "POST", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject);
      const packed = gzipSync(body);
      request.write(packed.subarray(0, 100));
      request.write(packed.subarray(100));
      request.end();
    });
    expect(status).toBe(200);
    expect(Buffer.compare(receiver.offered[0].body, body)).toBe(0);
  });

  test("Expect: 100-continue", async () => {
    const receiver = start();
    const client = await RawClient.open(receiver.port);
    client.post("Content-Length: 5\r\nExpect: 100-continue");
    await client.until("100 Continue\r\n\r\n");
    expect(client.statuses).toEqual([100]);
    client.write("hello");
    await client.until("200 OK");
    expect(Buffer.from(receiver.offered[0].body).toString()).toBe("hello");
    client.destroy();
  });

  test.each([
    ["two lengths", "Content-Length: 3\r\nContent-Length: 4"],
    ["a length and chunks", "Content-Length: 3\r\nTransfer-Encoding: chunked"],
    ["a negative length", "Content-Length: -3"],
    ["a length of letters", "Content-Length: 3x"],
    ["an endless length", "Content-Length: 99999999999999999999999"],
  ])("%s: 400 and the end", async (_name, headers) => {
    const receiver = start();
    const client = await RawClient.open(receiver.port);
    client.post(headers, "abc");
    await client.untilClosed();
    expect(client.statuses).toEqual([400]);
    expect(receiver.offered).toEqual([]);
  });

  test("chunks that are none end the request", async () => {
    const receiver = start();
    const client = await RawClient.open(receiver.port);
    client.post("Transfer-Encoding: chunked", "3\r\nabc\r\nzz\r\n");
    await client.untilClosed();
    expect(client.statuses).toEqual([400]);
    await until(() => receiver.refused.length === 1);
    expect(receiver.offered).toEqual([]);
  });

  test("a connection goes on after refusals, pipelined requests included", async () => {
    const receiver = start();
    const client = await RawClient.open(receiver.port);
    client.post("Content-Encoding: br\r\nContent-Length: 5", "hello");
    client.post("Content-Encoding: gzip\r\nContent-Length: 5", "hello");
    client.post("Content-Length: 5", "hello");
    await client.until("200 OK");
    expect(client.statuses).toEqual([415, 400, 200]);
    expect(client.closed).toBe(false);
    client.destroy();
  });
});

describe("clients that do not finish", () => {
  test("one that leaves gives back what it held", async () => {
    const receiver = start({ multitenancyEnabled: true, tenantBytesMax: 40 * MiB });
    for (const headers of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
      const client = await RawClient.open(receiver.port);
      client.post(`X-Scope-OrgID: a\r\n${headers}`, "10\r\n0123456789abcdef\r\n");
      await until(() => receiver.inFlight.bytes > 0);
      client.destroy();
      await receiver.atRest();
    }
    expect(receiver.refused).toEqual(["a:malformed", "a:malformed"]);
    expect(receiver.offered).toEqual([]);
  });

  test("one that leaves before its answer", async () => {
    const receiver = start();
    const { waiting, answerAll } = held(receiver);
    const client = await RawClient.open(receiver.port);
    client.post("Content-Length: 5", "hello");
    await until(() => waiting.length === 1);
    expect([receiver.inFlight.bytes, receiver.inFlight.requests]).toEqual([5, 1]);
    client.destroy();
    answerAll();
    await receiver.atRest();
  });

  test("one that stops is cut by the idle timeout", async () => {
    const receiver = start({ idleTimeoutSeconds: 4 });
    const clients: RawClient[] = [];
    for (const headers of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
      const client = await RawClient.open(receiver.port);
      client.post(headers, "5\r\nhello\r\n");
      clients.push(client);
    }
    await until(() => receiver.inFlight.requests === 2);
    for (const client of clients) await client.untilClosed();
    await receiver.atRest();
    expect(receiver.refused).toEqual(["single-tenant:malformed", "single-tenant:malformed"]);
  }, 60_000); // the runtime looks at idle connections every four seconds

  test("one that sends a byte now and then is told to come again", async () => {
    const receiver = start({ bodyTimeoutMs: 150 });
    for (const headers of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
      const client = await RawClient.open(receiver.port);
      client.post(headers);
      const trickle = setInterval(() => client.write("1\r\nx\r\n"), 10);
      await client.untilClosed();
      clearInterval(trickle);
      expect(client.statuses).toEqual([503]);
      expect(client.received).toContain("was not complete after 150 ms");
      await receiver.atRest();
    }
    expect(receiver.refused).toEqual(["single-tenant:overloaded", "single-tenant:overloaded"]);
  });
});

test("no limit on the time of a body is no limit", async () => {
  const receiver = start({ bodyTimeoutMs: 0 });
  for (const headers of ["Content-Length: 15", "Transfer-Encoding: chunked"]) {
    const client = await RawClient.open(receiver.port);
    client.post(headers);
    await until(() => receiver.inFlight.requests === 1);
    for (const piece of ["5\r\nhello", "\r\n0\r\n\r\n"]) {
      await Bun.sleep(20);
      client.write(piece);
    }
    await until(() => client.statuses.length === 1);
    expect(client.statuses).toEqual([200]);
    client.destroy();
  }
});

describe("bytes in flight", () => {
  test("over the whole: 503; room again: 200", async () => {
    const limits = { requestBytesMax: MiB, inFlightBytesMax: 2 * MiB };
    const receiver = start(limits);
    const { waiting, answerAll } = held(receiver);
    const first = [
      post(receiver.url, new Uint8Array(MiB)),
      post(receiver.url, new Uint8Array(MiB)),
    ];
    await until(() => waiting.length === 2);
    expect(receiver.inFlight.bytes).toBe(2 * MiB);
    const refused = await post(receiver.url, PIECE);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    const chunked = await RawClient.open(receiver.port);
    chunked.post("Transfer-Encoding: chunked", "3\r\nabc\r\n");
    await chunked.until("503 ");
    chunked.write("0\r\n\r\n");
    chunked.post("Content-Encoding: br\r\nContent-Length: 0");
    await chunked.until("415 ");
    chunked.destroy();
    expect(receiver.offered).toHaveLength(2);
    answerAll();
    for (const response of await Promise.all(first)) expect(response.status).toBe(200);
    receiver.state.answer = () => Promise.resolve(STORED);
    expect((await post(receiver.url, PIECE)).status).toBe(200);
  });

  test("a tenant over its share: 429, others go on", async () => {
    const limits = { requestBytesMax: MiB, inFlightBytesMax: 4 * MiB, tenantBytesMax: MiB };
    const receiver = start({ multitenancyEnabled: true, ...limits });
    const { waiting, answerAll } = held(receiver);
    const send = (tenant: string, bytes: number) =>
      post(receiver.url, new Uint8Array(bytes), { "x-scope-orgid": tenant });
    const first = send("a", MiB - 10);
    await until(() => waiting.length === 1);
    const refused = await send("a", 11);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(fromBinary(StatusSchema, await refused.bytes()).code).toBe(8);
    const fits = [send("a", 10), send("b", MiB)];
    await until(() => waiting.length === 3);
    answerAll();
    for (const response of await Promise.all([first, ...fits])) expect(response.status).toBe(200);
    expect(receiver.refused).toEqual(["a:tenant_overloaded"]);
  });

  test("what comes out of a compressed body counts, and is bounded by what is free", async () => {
    const receiver = start({ requestBytesMax: MiB, inFlightBytesMax: MiB });
    const { waiting, answerAll } = held(receiver);
    const headers = { "content-encoding": "gzip" };
    const first = post(receiver.url, gzipSync(new Uint8Array(600_000)), headers);
    await until(() => waiting.length === 1);
    expect(receiver.inFlight.bytes).toBe(600_000);
    const refused = await post(receiver.url, gzipSync(new Uint8Array(600_000)), headers);
    expect(refused.status).toBe(503);
    const tooLarge = await post(receiver.url, gzipSync(new Uint8Array(MiB + 1)), headers);
    expect(tooLarge.status).toBe(503); // whether it would have fitted was not found out
    const fits = post(receiver.url, gzipSync(new Uint8Array(400_000)), headers);
    await until(() => waiting.length === 2);
    answerAll();
    for (const response of [await first, await fits]) expect(response.status).toBe(200);
    expect((await post(receiver.url, gzipSync(new Uint8Array(MiB + 1)), headers)).status).toBe(413);
  });

  test("at rest nothing is held, whatever clients did (seed 17)", async () => {
    const limits = { requestBytesMax: 200_000, inFlightBytesMax: 600_000, tenantBytesMax: 300_000 };
    const receiver = start({ multitenancyEnabled: true, ...limits });
    const random = prng(17);
    const holds = ({ inFlight }: typeof receiver) => inFlight.requests > 0;
    const hasAnswer = ({ received, closed }: RawClient) => closed || received !== "";
    receiver.state.answer = () => {
      const kind = random.below(4);
      if (kind === 0) return undefined;
      const outcome = kind === 1 ? "overloaded" : "stored";
      return new Promise((resolve) => setImmediate(() => resolve({ ...STORED, outcome })));
    };
    const act = async () => {
      const tenant = ["a", "b", "c", ".."][random.below(4)];
      const client = await RawClient.open(receiver.port);
      const body = random.bytes(random.below(3)).length * 50_000 + random.below(20);
      const encoding = ["", "Content-Encoding: gzip\r\n"][random.below(2)];
      const raw = new Uint8Array(body);
      const bytes = encoding === "" ? raw : gzipSync(raw);
      const sent = random.below(3) === 0 ? bytes.subarray(0, bytes.length >> 1) : bytes;
      client.post(`X-Scope-OrgID: ${tenant}\r\n${encoding}Content-Length: ${bytes.length}`, sent);
      if (sent.length === bytes.length) await client.until("\r\n\r\n");
      // Who is refused by the head of the request is never in flight.
      else if (random.below(2) === 0) await until(() => holds(receiver) || hasAnswer(client));
      client.destroy();
    };
    for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 10 }, act));
    await receiver.atRest();
    expect([receiver.inFlight.bytes, receiver.inFlight.tenants]).toEqual([0, 0]);
    const codes = new Set(receiver.refused.map((one) => one.split(":")[1]));
    expect(codes).toContain("overloaded");
    expect(codes).toContain("malformed");
    expect(receiver.stored.length).toBeGreaterThan(20);
  });
});

describe("draining", () => {
  test("new requests are sent away, those under way are answered, all end there", async () => {
    const receiver = start();
    const { waiting, answerAll } = held(receiver);
    const idle = await RawClient.open(receiver.port);
    const waits = await RawClient.open(receiver.port);
    const sends = await RawClient.open(receiver.port);
    waits.post("Content-Length: 5", "hello");
    await until(() => waiting.length === 1);
    sends.post("Content-Length: 5", "he");
    await until(() => receiver.inFlight.requests === 2);
    receiver.state.draining = true;
    idle.post("Content-Length: 5", "hello");
    await idle.untilClosed();
    expect(idle.statuses).toEqual([503]);
    expect(idle.received.toLowerCase()).toContain("retry-after: 1");
    sends.write("llo");
    await until(() => waiting.length === 2);
    answerAll();
    for (const client of [waits, sends]) {
      await client.untilClosed();
      expect(client.statuses).toEqual([200]);
      expect(client.received.toLowerCase()).toContain("connection: close");
    }
    expect(receiver.offered).toHaveLength(2);
    expect(receiver.inFlight.requests).toBe(0);
  });
});
