/** Our own server beside the runtime's: the same answers, and refused bodies that are not read. */
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { refusal } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { Http1Server } from "../../src/receive/http1-server.ts";
import { RawClient, type Receiver, startReceiver, until, useServer } from "./start-receiver.ts";

const PROTOBUF = "Content-Type: application/x-protobuf\r\n";

let running: Receiver[] = [];
afterEach(async () => {
  for (const receiver of running) await receiver.stop();
  running = [];
});

const barred = (tenant: string) =>
  tenant === "barred" ? refusal("rate_limited", "not now") : undefined;

function start(which: "own" | "runtime" = "own"): Receiver {
  useServer(which);
  const receiver = startReceiver({
    ...{ multitenancyEnabled: true, requestBytesMax: 1 << 20, admit: barred, bodyTimeoutMs: 500 },
    cors: {
      ...{ allowedOrigins: ["http://a"], allowedHeaders: ["*"], exposedHeaders: ["x"] },
      maxAgeSeconds: 5,
    },
  });
  useServer("own");
  running.push(receiver);
  return receiver;
}

/** All that comes in answer to `text`, until nothing does. */
async function answerTo(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let got = "";
  let how = "open";
  socket.on("data", (data) => {
    got += data.toString("latin1");
  });
  socket.on("end", () => {
    how = "ended";
  });
  socket.on("error", (error) => {
    how = error.message;
  });
  socket.write(Buffer.from(text, "latin1"));
  await until(() => got.includes("\r\n\r\n") || how !== "open");
  for (let before = ""; before !== got + how; await Bun.sleep(40)) before = got + how;
  socket.destroy();
  return `${got.replace(/Date: [^\r]+ GMT/g, "Date: now")} (${how})`;
}

const post = (fields: string, body = "", target = "/v1/traces") =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\n${fields}\r\n${body}`;
const own = (fields: string, body = "") => post(`X-Scope-OrgID: a\r\n${fields}`, body);
const chunked = (chunks: string) => own(`${PROTOBUF}Transfer-Encoding: chunked\r\n`, chunks);

describe("answers are those of the runtime's server, byte by byte", () => {
  test.each([
    ["stored", own(`${PROTOBUF}Content-Length: 3\r\n`, "abc")],
    ["stored, JSON", own("Content-Type: application/json\r\nContent-Length: 2\r\n", "{}")],
    ["chunks", chunked("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")],
    ["no body", own(PROTOBUF)],
    ["two at once", own(PROTOBUF) + own(`${PROTOBUF}Content-Length: 3\r\n`, "abc")],
    ["for a page", own(`${PROTOBUF}Origin: http://a\r\nContent-Length: 3\r\n`, "abc")],
    ["for another page", own(`${PROTOBUF}Origin: http://b\r\nContent-Length: 3\r\n`, "abc")],
    [
      "a preflight",
      "OPTIONS /v1/traces HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n" +
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: y\r\n\r\n",
    ],
    ["the last one", own(`${PROTOBUF}Connection: close\r\nContent-Length: 3\r\n`, "abc")],
    ["HTTP/1.0", "POST /v1/traces HTTP/1.0\r\nX-Scope-OrgID: a\r\n\r\n"],
    ["a word first", own(`${PROTOBUF}Content-Length: 3\r\nExpect: 100-continue\r\n`, "abc")],
    [
      "with a host in the target",
      post(`X-Scope-OrgID: a\r\n${PROTOBUF}`, "", "http://y/v1/traces"),
    ],
    ["another path", post(PROTOBUF, "", "/v1/x")],
    ["another method", `GET /v1/traces HTTP/1.1\r\nHost: x\r\n${PROTOBUF}\r\n`],
    ["another type", own("Content-Type: text/plain\r\nContent-Length: 3\r\n", "abc")],
    ["no tenant", post(`${PROTOBUF}Content-Length: 3\r\n`, "abc")],
    [
      "a tenant over its rate",
      post(`X-Scope-OrgID: barred\r\n${PROTOBUF}Content-Length: 3\r\n`, "abc"),
    ],
    ["a body over the limit", own(`${PROTOBUF}Content-Length: 1048577\r\n`, "x".repeat(1048577))],
    ["damaged gzip", own(`${PROTOBUF}Content-Encoding: gzip\r\nContent-Length: 3\r\n`, "abc")],
    ["no host", "POST /v1/traces HTTP/1.1\r\n\r\n"],
    ["another version", "POST /v1/traces HTTP/1.2\r\nHost: x\r\n\r\n"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["a large head", own(`A: ${"b".repeat(17_000)}\r\n`)],
    ["two lengths", own(`${PROTOBUF}Content-Length: 3\r\nContent-Length: 4\r\n`, "abc")],
    ["a length and chunks", own("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "abc")],
    ["chunks that are none", chunked("zz\r\n")],
  ])("%s", async (_name, text) => {
    const expected = await answerTo(start("runtime").port, text);
    expect(await answerTo(start().port, text)).toBe(expected);
  });

  test("but for two hosts, refused, and strange methods, answered", async () => {
    const { port } = start();
    expect(await answerTo(port, own("Host: y\r\n"))).toContain("400 Bad Request");
    expect(await answerTo(port, "post /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n")).toContain("405");
  });
});

describe("a client that is refused", () => {
  const refused = (bytes: number) =>
    post(`X-Scope-OrgID: barred\r\n${PROTOBUF}Content-Length: ${bytes}\r\n`);

  test("has every answer, whether it sends all first or not, and goes on (seed 3)", async () => {
    const receiver = start();
    const random = prng(3);
    const clients = await Promise.all(
      Array.from({ length: 12 }, () => RawClient.open(receiver.port)),
    );
    let held = 0;
    for (let round = 1; round <= 25; round++) {
      await Promise.all(
        clients.map(async (client) => {
          const bytes = 1 + random.below(random.below(4) === 0 ? 3_000_000 : 300_000);
          const isTaken = random.below(5) === 0;
          const length = isTaken ? Math.min(bytes, 1 << 20) : bytes;
          if (isTaken) client.write(own(`${PROTOBUF}Content-Length: ${length}\r\n`));
          else client.write(refused(length));
          if (random.below(3) === 0) await Bun.sleep(random.below(4));
          if (!isTaken && random.below(2) === 0) {
            await until(() => client.statuses.length === round);
          }
          client.write(new Uint8Array(length).fill(0x47));
          await until(() => client.statuses.length === round);
          expect(client.statuses[round - 1]).toBe(isTaken ? 200 : 429);
        }),
      );
      held = Math.max(held, receiver.held());
    }
    expect(held).toBeGreaterThan(3);
    for (const { body } of receiver.offered) expect(body.every((byte) => byte === 0x47)).toBe(true);
    for (const client of clients) {
      expect(client.closed).toBe(false);
      client.destroy();
    }
    await until(() => receiver.held() === 0);
    expect(receiver.inFlight.requests).toBe(0);
  }, 60_000);

  test("is the runtime's again when it is quiet", async () => {
    const receiver = start();
    const client = await RawClient.open(receiver.port);
    client.write(refused(5));
    client.write("12345");
    await until(() => receiver.held() === 1);
    await until(() => receiver.held() === 0);
    client.write(own(`${PROTOBUF}Content-Length: 3\r\n`, "abc"));
    await client.until("200 OK");
    client.destroy();
  });

  test("may go at any time, and its number is another's then", async () => {
    const receiver = start();
    for (let round = 0; round < 30; round++) {
      const client = await RawClient.open(receiver.port);
      client.write(refused(1000));
      await client.until("429");
      if (round % 3 === 0) client.socket.resetAndDestroy();
      else client.destroy();
      const next = await RawClient.open(receiver.port);
      next.write(own(`${PROTOBUF}Content-Length: 3\r\n`, "abc"));
      await next.until("200 OK");
      next.destroy();
    }
    await until(() => receiver.held() === 0);
  });

  test("takes nothing from whoever has the number of its socket next (seed 8)", async () => {
    const random = prng(8);
    // The other's sockets have numbers of the same kind, and nobody holds them.
    const receivers = [start(), startReceiver()];
    running.push(receivers[1]);
    let taken = 0;
    const leave = async (port: number) => {
      const client = await RawClient.open(port);
      for (let sent = 0; sent < 3; sent++) client.write(`${refused(200)}${"x".repeat(200)}`);
      client.write(`${refused(100_000)}${"x".repeat(random.below(60_000))}`);
      await until(() => client.statuses.length >= random.below(5));
      if (random.below(2) === 0) client.socket.resetAndDestroy();
      else client.destroy();
    };
    const stay = async (port: number) => {
      const client = await RawClient.open(port);
      client.write(own(`${PROTOBUF}Content-Length: 50000\r\n`));
      for (let piece = 0; piece < 10; piece++) {
        client.write("G".repeat(5000));
        if (random.below(3) === 0) await Bun.sleep(1);
      }
      await until(() => client.statuses.length > 0 || client.closed);
      expect(client.statuses).toEqual([200]);
      taken += 1;
      client.destroy();
    };
    for (let round = 0; round < 30; round++) {
      const clients = Array.from({ length: 16 }, () => {
        const port = receivers[random.below(3) === 0 ? 1 : 0].port;
        return random.below(2) === 0 ? leave(receivers[0].port) : stay(port);
      });
      await Promise.all(clients);
    }
    const bodies = receivers.flatMap(({ offered }) => offered.map(({ body }) => body));
    expect(bodies.length).toBe(taken);
    expect(bodies.every((body) => Buffer.from(body).equals(Buffer.alloc(50_000, "G")))).toBe(true);
    await until(() => receivers[0].held() === 0);
  }, 60_000);

  test("costs no copy of the body: it is dropped in the kernel", async () => {
    const receiver = start();
    const client = await RawClient.open(receiver.port);
    client.write(refused(1));
    await client.until("429");
    await until(() => receiver.held() === 1);
    client.write("x");
    const before = receiver.dropped();
    // The runtime would read head and body in one.
    client.write(Buffer.concat([Buffer.from(refused(500_000)), new Uint8Array(500_000)]));
    await until(() => client.statuses.length === 2);
    client.write(own(`${PROTOBUF}Content-Length: 3\r\n`, "abc"));
    await client.until("200 OK");
    // All but what came with the head.
    expect(receiver.dropped() - before).toBeGreaterThan(490_000);
    client.destroy();
  });
});

test.each([false, true])(
  "who does not go after the last answer is cut (held: %s)",
  async (isHeld) => {
    const receiver = start();
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect({ port: receiver.port, host: "127.0.0.1", allowHalfOpen: true });
    let got = "";
    socket.on("data", (data) => {
      got += data.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    const barredOnce = `X-Scope-OrgID: barred\r\n${PROTOBUF}Content-Length: 1\r\n`;
    if (isHeld) {
      socket.write(post(barredOnce, "x"));
      await until(() => receiver.held() === 1);
    }
    socket.write(post(`${barredOnce}Connection: close\r\n`, "x"));
    // A write that finds nobody is how it learns that it was cut.
    const writes = setInterval(() => socket.write("x"), 100);
    await promise;
    clearInterval(writes);
    expect(got.split("429 Too Many").length).toBe(isHeld ? 3 : 2);
    await until(() => receiver.connections() === 0);
  },
);

test("who begins a head and does not end it is cut", async () => {
  const receiver = start();
  const client = await RawClient.open(receiver.port);
  client.write("POST /v1/traces HTTP/1.1\r\nHost: x\r\nA: ");
  const trickle = setInterval(() => client.write("b"), 50);
  await client.untilClosed();
  clearInterval(trickle);
  expect(client.received).toBe("");
});

test("when it stops, those that wait are ended and those under way are answered", async () => {
  const receiver = start();
  const { promise, resolve } = Promise.withResolvers<void>();
  const answer = receiver.state.answer;
  receiver.state.answer = (tenant, request) => promise.then(() => answer(tenant, request) as never);
  const idle = await RawClient.open(receiver.port);
  const busy = await RawClient.open(receiver.port);
  busy.write(own(`${PROTOBUF}Content-Length: 3\r\n`, "abc"));
  await until(() => receiver.offered.length === 1);
  const stopped = receiver.stop();
  await idle.untilClosed();
  expect(busy.closed).toBe(false);
  resolve();
  await stopped;
  await busy.untilClosed();
  expect(busy.statuses).toEqual([200]);
});

test("who ends its side first has its answer", async () => {
  const receiver = start();
  const { promise, resolve } = Promise.withResolvers<void>();
  const answer = receiver.state.answer;
  receiver.state.answer = (tenant, request) => promise.then(() => answer(tenant, request) as never);
  const client = await RawClient.open(receiver.port);
  client.socket.end(own(`${PROTOBUF}Content-Length: 3\r\n`, "abc"));
  await until(() => receiver.offered.length === 1);
  await Bun.sleep(20);
  resolve();
  await client.untilClosed();
  expect(client.statuses).toEqual([200]);
});

test("who does not read its answers has them all when it does, in order", async () => {
  const receiver = start();
  const client = connect({ port: receiver.port, host: "127.0.0.1" });
  client.on("error", () => {});
  // A body that would be a request, if it were not known where it ends.
  const decoy = `GET /decoy HTTP/1.1\r\nHost: x\r\nA: ${"b".repeat(5000)}\r\n\r\n`;
  const length = `Content-Length: ${decoy.length}\r\n`;
  const request = post(`X-Scope-OrgID: barred\r\n${PROTOBUF}${length}`, decoy);
  client.pause();
  let sent = 0;
  // Until its answers fill all that lies between, and the server does not read on.
  for (let before = -1; before !== receiver.refused.length; await Bun.sleep(100)) {
    before = receiver.refused.length;
    for (; client.writableLength < 8 << 20; sent++) client.write(request);
  }
  let got = "";
  client.on("data", (data) => {
    got += data.toString("latin1");
  });
  client.resume();
  const statuses = () => got.match(/HTTP\/1\.1 \d{3}/g) ?? [];
  await until(() => statuses().length >= sent);
  expect(new Set(statuses())).toEqual(new Set(["HTTP/1.1 429"]));
  expect(statuses().length).toBe(sent);
  client.destroy();
}, 60_000);

test("an error of ours is told of, and ends its connection", async () => {
  const logged: string[] = [];
  const tell = (level: string) => (message: string) => void logged.push(`${level} ${message}`);
  const logger = {
    debug: tell("debug"),
    info: tell("info"),
    warn: tell("warn"),
    error: tell("error"),
  };
  const receiver = start();
  const server = new Http1Server(
    { ...receiver.options, port: 0 },
    { ...receiver.parts, logger },
    () => {
      throw new TypeError("a bug");
    },
  );
  const client = await RawClient.open(server.port);
  client.write(own(PROTOBUF));
  await client.untilClosed();
  expect(logged).toEqual(["error receiver failed"]);
  await server.stop();
});

test("connections over the limit are cut, and there is room when others go", async () => {
  useServer("own");
  const receiver = startReceiver({ connectionsMax: 2 });
  running.push(receiver);
  const [first, second] = [
    await RawClient.open(receiver.port),
    await RawClient.open(receiver.port),
  ];
  const third = await RawClient.open(receiver.port);
  await third.untilClosed();
  await until(() => receiver.logged.includes("connections over the limit were cut"));
  first.destroy();
  await until(() => receiver.connections() === 1);
  const next = await RawClient.open(receiver.port);
  for (const client of [second, next]) {
    client.post("Content-Length: 3", "abc");
    await client.until("200 OK");
    client.destroy();
  }
});
