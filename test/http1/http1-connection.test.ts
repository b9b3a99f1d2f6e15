/** The connection without a socket: any bytes in any pieces, and what comes of them. */
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { Http1Answer } from "../../src/http1/http1-answer.ts";
import type { Http1Body } from "../../src/http1/http1-body.ts";
import { Http1Connection, type Http1Socket } from "../../src/http1/http1-connection.ts";
import type { Http1Head } from "../../src/http1/http1-head.ts";

const OK: Http1Answer = { status: 200, headers: {}, body: "ok" };
const NO: Http1Answer = { status: 503, headers: { "retry-after": "1" }, body: "no" };

class FakeSocket implements Http1Socket {
  written = "";
  room = Number.POSITIVE_INFINITY;
  ended = false;
  shut = false;
  cut = false;
  paused = false;

  write(bytes: Uint8Array): number {
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.written += Buffer.from(bytes.subarray(0, taken)).toString("latin1");
    return taken;
  }
  end(): void {
    this.ended = true;
  }
  shutdown(): void {
    this.shut = true;
  }
  terminate(): void {
    this.cut = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  get statuses(): number[] {
    return [...this.written.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));
  }
}

type Answering = (head: Http1Head, body: Http1Body) => Http1Answer | Promise<Http1Answer>;

function open(answering: Answering, keepMax = 1 << 20) {
  const socket = new FakeSocket();
  const state = { kept: 0, nowMs: 0 };
  const connection = new Http1Connection(socket, {
    request: answering,
    keep: (bytes) => {
      if (state.kept + bytes > keepMax) return false;
      state.kept += bytes;
      return true;
    },
    letGo: (bytes) => {
      state.kept -= bytes;
    },
    nowMs: () => state.nowMs,
  });
  const feed = (text: string) => connection.feed(Buffer.from(text, "latin1"), true);
  return { socket, connection, state, feed };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

/** Answers with what came; refuses by the head what has "x-no". */
function echo(seen: string[]): Answering {
  return (head, body) => {
    if (head.fields.has("x-no")) {
      seen.push(`no ${head.target}`);
      return NO;
    }
    const whole = head.length === "chunked" ? readAll(body) : body.whole();
    return whole.then(
      (bytes) => {
        seen.push(`${head.target} ${Buffer.from(bytes).toString("latin1")}`);
        body.free();
        return OK;
      },
      () => {
        seen.push(`gone ${head.target}`);
        return NO;
      },
    );
  };
}

async function readAll(body: Http1Body): Promise<Uint8Array> {
  const reader = body.pieces();
  const pieces: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) return Buffer.concat(pieces);
    pieces.push(value);
  }
}

const head = (target: string, fields: string) =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n`;

interface Sent {
  readonly text: string;
  readonly seen: string;
}

function randomRequest(random: ReturnType<typeof prng>, at: number): Sent {
  const body = "abcdefghij".repeat(random.below(40)).slice(random.below(9));
  const refused = random.below(3) === 0;
  const no = refused ? "x-no: 1\r\n" : "";
  const seen = refused ? `no /${at}` : `/${at} ${body}`;
  if (random.below(2) === 0) {
    return { text: head(`/${at}`, `${no}Content-Length: ${body.length}`) + body, seen };
  }
  let chunks = "";
  for (let from = 0; from < body.length; ) {
    const piece = body.slice(from, from + 1 + random.below(60));
    chunks += `${piece.length.toString(16)}${random.below(4) === 0 ? ";a=b" : ""}\r\n${piece}\r\n`;
    from += piece.length;
  }
  const trailer = random.below(4) === 0 ? "A: b\r\n" : "";
  const all = `${chunks}0\r\n${trailer}\r\n`;
  return { text: head(`/${at}`, `${no}Transfer-Encoding: chunked`) + all, seen };
}

describe("requests, one after the other", () => {
  test("in whatever pieces they come, they are what they are (seed 5)", async () => {
    const random = prng(5);
    for (let round = 0; round < 150; round++) {
      const seen: string[] = [];
      const one = open(echo(seen));
      const sent = Array.from({ length: 1 + random.below(6) }, (_, at) =>
        randomRequest(random, at),
      );
      const text = sent.map((request) => request.text).join("");
      const isSlow = random.below(2) === 0;
      const drain = () => {
        one.socket.room = isSlow ? random.below(100) : Number.POSITIVE_INFINITY;
        one.connection.drained();
      };
      for (let at = 0; at < text.length; drain()) {
        const to = at + 1 + random.below(random.below(3) === 0 ? 8 : 400);
        // As the kernel drops what is said to be unwanted, or it comes as all else does.
        const dropped = random.below(2) * Math.min(one.connection.unwanted, text.length - at);
        if (dropped > 0) one.connection.dropped(dropped);
        else one.feed(text.slice(at, to));
        at = dropped > 0 ? at + dropped : to;
        // The runtime does not read a socket that is paused, and the kernel would drop of it.
        if (one.socket.paused) expect(one.connection.unwanted).toBe(0);
        for (; one.socket.paused; await turns()) drain();
      }
      one.connection.ended();
      for (; !one.connection.isOver; await turns()) drain();
      expect(seen).toEqual(sent.map((request) => request.seen));
      const statuses = sent.map(({ seen: words }) => (words.startsWith("no") ? 503 : 200));
      expect(one.socket.statuses).toEqual(statuses);
      expect([one.state.kept, one.socket.ended]).toEqual([0, true]);
    }
  });

  test("a refused body may be dropped before it is read, in any parts", () => {
    const seen: string[] = [];
    const one = open(echo(seen));
    one.feed(`${head("/1", "x-no: 1\r\nContent-Length: 1000")}some`);
    expect(one.socket.statuses).toEqual([503]);
    expect([one.connection.unwanted, one.connection.isRefused]).toEqual([996, true]);
    one.connection.dropped(990);
    one.connection.dropped(6);
    one.feed(head("/2", "x-no: 1\r\nContent-Length: 0"));
    expect(seen).toEqual(["no /1", "no /2"]);
    expect(() => one.connection.dropped(1)).toThrow("wanted");
  });

  test("what comes before its turn is kept within bounds, and then it is cut", async () => {
    const { promise, resolve } = Promise.withResolvers<Http1Answer>();
    const one = open(() => promise, 100);
    one.feed(head("/1", "Content-Length: 0"));
    one.feed("x".repeat(90));
    expect([one.state.kept, one.socket.paused]).toEqual([90, true]);
    one.feed("x".repeat(11));
    expect([one.state.kept, one.socket.cut]).toEqual([0, true]);
    resolve(OK);
    await turns();
    expect(one.socket.written).toBe("");
  });

  test("an answer that is not read waits, and so does the next request", () => {
    const seen: string[] = [];
    const one = open(echo(seen));
    one.socket.room = 10;
    one.feed(head("/1", "x-no: 1\r\nContent-Length: 0"));
    one.feed(head("/2", "x-no: 1\r\nContent-Length: 0"));
    expect(seen).toEqual(["no /1"]);
    expect(one.socket.paused).toBe(true);
    one.socket.room = 1000;
    one.connection.drained();
    expect(one.socket.statuses).toEqual([503, 503]);
    expect([one.socket.paused, one.state.kept]).toEqual([false, 0]);
  });
});

test("a refused body is passed over while the answer is not read", () => {
  const seen: string[] = [];
  const one = open(echo(seen));
  one.socket.room = 10;
  one.feed(`${head("/1", "x-no: 1\r\nContent-Length: 1000")}some`);
  // What is here of the body already is not what is to come of it.
  expect(one.connection.unwanted).toBe(996);
  one.connection.dropped(one.connection.unwanted);
  one.feed(head("/2", "x-no: 1\r\nContent-Length: 0"));
  one.socket.room = 1000;
  one.connection.drained();
  expect(seen).toEqual(["no /1", "no /2"]);
  expect(one.socket.statuses).toEqual([503, 503]);
});

test("empty lines between requests are passed over", () => {
  const seen: string[] = [];
  const one = open(echo(seen));
  const next = head("/2", "x-no: 1\r\nContent-Length: 0");
  one.feed(`\r\n${head("/1", "x-no: 1\r\nContent-Length: 4")}some\r\n`);
  expect(one.connection.isIdle).toBe(true);
  for (const byte of `\r\n${next}`) one.feed(byte);
  expect(seen).toEqual(["no /1", "no /2"]);
});

describe("the end", () => {
  test("chunks that are none, of a request that has its answer, get no second one", () => {
    const one = open(() => NO);
    one.feed(`${head("/1", "Transfer-Encoding: chunked")}zz\r\n`);
    expect([one.socket.statuses, one.socket.shut]).toEqual([[503], true]);
  });

  test("who says nothing more has the answers to all that was said", async () => {
    const seen: string[] = [];
    const one = open(echo(seen));
    one.feed(`${head("/1", "Content-Length: 0")}${head("/2", "Content-Length: 1")}x`);
    one.connection.ended();
    await turns();
    await turns();
    expect(seen).toEqual(["/1 ", "/2 x"]);
    expect([one.socket.statuses, one.socket.ended, one.state.kept]).toEqual([[200, 200], true, 0]);
  });

  test.each([
    ["before a request", ""],
    ["in a head", "POST /"],
    ["in a body", `${head("/1", "Content-Length: 4")}so`],
    ["in a body that nobody wants", `${head("/1", "x-no: 1\r\nContent-Length: 4")}so`],
    ["after the last answer", `${head("/1", "x-no: 1\r\nConnection: close\r\nContent-Length: 9")}`],
  ])("who says nothing more %s has gone", async (_name, text) => {
    const one = open(echo([]));
    one.feed(text);
    one.connection.ended();
    await turns();
    expect([one.socket.ended, one.connection.isOver]).toEqual([true, true]);
  });

  test("after the last answer what still comes is dropped, for a while", () => {
    const one = open(() => ({ ...NO, headers: { connection: "close" } }));
    one.feed(`${head("/1", "Content-Length: 100")}some`);
    expect([one.socket.shut, one.socket.ended]).toEqual([true, false]);
    one.feed(head("/2", "Content-Length: 0"));
    expect(one.socket.statuses).toEqual([503]);
    one.state.nowMs = 1900;
    one.connection.sweep({ idleMs: 60_000, headMs: 60_000 });
    expect(one.socket.cut).toBe(false);
    one.state.nowMs = 2100;
    one.connection.sweep({ idleMs: 60_000, headMs: 60_000 });
    expect(one.socket.cut).toBe(true);
  });

  test("who waits for a word and is refused gets no word, and the connection ends", () => {
    const one = open(() => NO);
    one.feed(head("/1", "Content-Length: 100\r\nExpect: 100-continue"));
    expect(one.socket.statuses).toEqual([503]);
    expect(one.socket.written).toContain("Connection: close");
    expect(one.socket.shut).toBe(true);
  });

  test("who was answered late has time for the next request", async () => {
    const { promise, resolve } = Promise.withResolvers<Http1Answer>();
    const one = open(() => promise);
    one.feed(head("/1", "Content-Length: 0"));
    one.state.nowMs = 4000;
    resolve(OK);
    await turns();
    one.state.nowMs = 8000;
    one.connection.sweep({ idleMs: 5000, headMs: 5000 });
    expect([one.socket.statuses, one.socket.cut]).toEqual([[200], false]);
    one.state.nowMs = 10_000;
    one.connection.sweep({ idleMs: 5000, headMs: 5000 });
    expect(one.socket.cut).toBe(true);
  });

  test("a head that does not end, however slowly it comes", () => {
    const one = open(() => NO);
    for (one.state.nowMs = 0; !one.socket.cut; one.state.nowMs += 1000) {
      one.feed("G");
      one.connection.sweep({ idleMs: 5000, headMs: 10_000 });
    }
    expect(one.state.nowMs).toBeGreaterThan(10_000);
    expect(one.state.nowMs).toBeLessThan(14_000);
  });

  test("a client that goes is told of", async () => {
    const seen: string[] = [];
    for (const fields of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
      const one = open(echo(seen));
      one.feed(`${head("/1", fields)}3\r\nabc`);
      one.connection.closed();
      await turns();
    }
    expect(seen).toEqual(["gone /1", "gone /1"]);
  });
});

test("no bytes throw, hang, or make two requests of one (seeds 1 to 300)", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = prng(seed);
    const seen: string[] = [];
    const one = open(echo(seen), 10_000);
    const sent = Array.from({ length: 3 }, (_, at) => randomRequest(random, at));
    const bytes = Buffer.from(sent.map(({ text }) => text).join(""), "latin1");
    for (let change = random.below(6); change >= 0; change--) {
      const at = random.below(bytes.length);
      if (random.below(2) === 0) bytes[at] = random.below(256);
      else bytes.copyWithin(at, random.below(bytes.length));
    }
    for (let at = 0; at < bytes.length; ) {
      const to = at + 1 + random.below(300);
      one.connection.feed(Buffer.from(bytes.subarray(at, to)), true);
      at = to;
      if (random.below(3) === 0) await turns();
    }
    await turns();
    one.connection.closed();
    await turns();
    expect(one.socket.statuses.length).toBeLessThanOrEqual(seen.length + 1);
    for (const status of one.socket.statuses) expect([200, 400, 431, 503, 505]).toContain(status);
    expect(one.state.kept).toBe(0);
  }
});
