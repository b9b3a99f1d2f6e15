/** The server's side of a connection, byte by byte and without a socket. */
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { headerBlock } from "../../src/http2/hpack-encode.ts";
import { Http2Connection } from "../../src/http2/http2-connection.ts";
import type { Http2Stream } from "../../src/http2/http2-stream.ts";
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  EXPORT_HEADERS,
  FRAME,
  type Frame,
  frame,
} from "../support/http2-frames.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const WINDOW_BYTES = 100_000;
const HEAD = headerBlock(EXPORT_HEADERS);
const OK = headerBlock({ ":status": 200 });

/** `answer` is called when a request's body has come, `begin` when its head has. */
function open(begin: (stream: Http2Stream) => void = () => {}) {
  const state = { nowMs: 0, room: Number.POSITIVE_INFINITY, closed: 0 };
  const bodies = new Map<number, { text: string; ends: number; closed: number }>();
  let written = Buffer.alloc(0);
  const connection: Http2Connection = new Http2Connection(
    {
      write(bytes) {
        const taken = Math.min(state.room, bytes.length);
        state.room -= taken;
        written = Buffer.concat([written, bytes.subarray(0, taken)]);
        return taken;
      },
      end: () => {},
      terminate: () => {},
    },
    { windowBytes: WINDOW_BYTES, streamsMax: 10, headBytesMax: 10_000 },
    {
      nowMs: () => state.nowMs,
      owner: {
        request(stream) {
          const body = { text: "", ends: 0, closed: 0 };
          bodies.set(stream.id, body);
          begin(stream);
          return {
            data(piece) {
              body.text += Buffer.from(piece).toString("latin1");
            },
            end() {
              body.ends += 1;
              stream.respond(OK);
              stream.write(Buffer.from(body.text, "latin1"));
              stream.end();
            },
            closed() {
              body.closed += 1;
            },
          };
        },
        streamClosed: () => {},
        pinged: () => {},
        closed() {
          state.closed += 1;
        },
      },
    },
  );
  const frames = () => {
    const all: Frame[] = [];
    for (let at = 0; at + 9 <= written.length; ) {
      const end = at + 9 + written.readUIntBE(at, 3);
      const [type, flags, stream] = [
        written[at + 3],
        written[at + 4],
        written.readUInt32BE(at + 5),
      ];
      all.push({ type, flags, stream, payload: written.subarray(at + 9, end) });
      at = end;
    }
    written = Buffer.alloc(0);
    return all;
  };
  return { connection, state, bodies, frames };
}

const hello = Buffer.concat([PREFACE, frame("settings")]);
const head = (stream: number, flags = 0) =>
  frame("headers", { flags: END_HEADERS | flags, stream, payload: HEAD });
const data = (stream: number, text: string, flags = 0) =>
  frame("data", { flags, stream, payload: Buffer.from(text) });
const request = (stream: number, text: string) =>
  Buffer.concat([head(stream), data(stream, text, END_STREAM)]);
const windowsOf = (frames: readonly Frame[]) =>
  frames
    .filter(({ type, flags }) => type === FRAME.settings && flags !== ACK)
    .map(({ payload }) => payload.readUInt32BE(2));

describe("bodies of requests", () => {
  test("are asked to wait once one was refused, and let come when they are taken", () => {
    let refuses = true;
    const { connection, state, frames } = open((stream) => {
      if (refuses) stream.refuse(OK);
      else stream.takeBody();
    });
    connection.feed(Buffer.concat([hello, head(1)]));
    const first = frames();
    expect(windowsOf(first).slice(1)).toEqual([0]);
    const [answer, reset] = first.filter(({ stream }) => stream === 1);
    expect([answer.type, answer.flags]).toEqual([FRAME.headers, END_HEADERS | END_STREAM]);
    expect([reset.type, reset.payload.readUInt32BE(0)]).toEqual([FRAME.reset, 0]);
    refuses = false;
    connection.feed(head(3));
    const [grant] = frames();
    expect([grant.type, grant.stream, grant.payload.readUInt32BE(0)]).toEqual([
      FRAME.windowUpdate,
      3,
      WINDOW_BYTES,
    ]);
    // What was on its way is dropped, and ends nothing.
    connection.feed(data(1, "late"));
    state.nowMs += 2000;
    connection.feed(head(5));
    expect(windowsOf(frames())).toEqual([WINDOW_BYTES]);
    expect(connection.isEnded).toBe(false);
  });

  test("that have begun go on when another is refused, and may be as long as before", () => {
    const { connection, state, bodies, frames } = open((stream) => {
      if (stream.id % 4 === 3) stream.refuse(OK);
      else stream.takeBody();
    });
    connection.feed(hello);
    const half = "x".repeat(WINDOW_BYTES / 2);
    // As a client counts it.
    const window = { initial: WINDOW_BYTES, first: WINDOW_BYTES - half.length };
    const hear = () => {
      for (const { type, flags, stream, payload } of frames()) {
        if (type === FRAME.windowUpdate && stream === 1) window.first += payload.readUInt32BE(0);
        if (type !== FRAME.settings || flags & ACK) continue;
        window.first += payload.readUInt32BE(2) - window.initial;
        window.initial = payload.readUInt32BE(2);
      }
    };
    frames();
    const pieces = Array.from({ length: 10 }, () => data(1, "x".repeat(half.length / 10)));
    connection.feed(Buffer.concat([head(1), ...pieces]));
    connection.feed(Buffer.concat([head(3), head(7)]));
    hear();
    expect(window).toEqual({ initial: 0, first: WINDOW_BYTES - half.length });
    state.nowMs += 2000;
    connection.feed(head(9));
    hear();
    expect(window.initial).toBe(WINDOW_BYTES);
    connection.feed(Buffer.concat([...pieces, data(1, "", END_STREAM)]));
    expect(bodies.get(1)).toMatchObject({ text: half + half, ends: 1 });
  });

  test("get their windows back as they come", () => {
    const { connection, frames } = open();
    connection.feed(hello);
    frames();
    let told = 0;
    for (let stream = 1, sent = 0; stream < 101; stream += 2) {
      connection.feed(request(stream, "x".repeat(10_000)));
      sent += 10_000;
      for (const one of frames()) {
        if (one.type === FRAME.windowUpdate) told += one.payload.readUInt32BE(0);
      }
      expect(sent - told).toBeLessThanOrEqual(WINDOW_BYTES);
    }
    expect(told).toBeGreaterThan(0);
  });
});

describe("answers", () => {
  test("wait for windows, and for a socket that has room", () => {
    const { connection, state, frames } = open();
    const none = frame("settings", { payload: Buffer.from([0, 4, 0, 0, 0, 0]) });
    connection.feed(Buffer.concat([PREFACE, none, request(1, "answer")]));
    expect(frames().filter(({ type }) => type === FRAME.data)).toEqual([]);
    state.room = 3;
    const three = frame("windowUpdate", { stream: 1, payload: Buffer.from([0, 0, 0, 3]) });
    connection.feed(three);
    state.room = 1000;
    connection.drained();
    connection.feed(three);
    const all = frames().filter(({ type }) => type === FRAME.data);
    expect(all.map(({ payload }) => payload.toString()).join("")).toBe("answer");
    expect(all.at(-1)?.flags).toBe(END_STREAM);
  });

  test("that nobody reads end the connection", () => {
    const { connection, state } = open();
    connection.feed(hello);
    state.room = 0;
    for (let i = 0; i < 5000 && !connection.isEnded; i++) {
      connection.feed(frame("ping", { payload: Buffer.alloc(8) }));
      connection.feed(request(2 * i + 1, "x".repeat(1000)));
    }
    expect([connection.isEnded, state.closed]).toEqual([true, 1]);
  });
});

test("a head that does not end is stuck, a body that is slow is not", () => {
  const { connection } = open();
  connection.feed(Buffer.concat([hello, head(1), data(1, "x").subarray(0, 9)]));
  expect([connection.isStuck(0, 100), connection.isStuck(200, 100)]).toEqual([false, false]);
  connection.feed(Buffer.from("x"));
  connection.feed(head(3).subarray(0, 20));
  expect([connection.isStuck(300, 100), connection.isStuck(350, 100)]).toEqual([false, false]);
  expect(connection.isStuck(400, 100)).toBe(true);
});

/** What a client may say, in an order that is right. */
const CONVERSATION = Buffer.concat([
  hello,
  request(1, "one"),
  head(3),
  frame("ping", { payload: Buffer.alloc(8) }),
  data(3, "th"),
  frame("headers", { stream: 5, payload: HEAD.subarray(0, 30) }),
  frame("continuation", { flags: END_HEADERS, stream: 5, payload: HEAD.subarray(30) }),
  frame("data", { flags: 8, stream: 3, payload: Buffer.from([3, 0x72, 0x65, 0x65, 0, 0, 0]) }),
  frame("windowUpdate", { payload: Buffer.from([0, 0, 1, 0]) }),
  data(5, "", END_STREAM),
  frame("priority", { stream: 7, payload: Buffer.alloc(5) }),
  frame("reset", { stream: 3, payload: Buffer.from([0, 0, 0, 8]) }),
  request(9, "nine"),
]);

test("however bytes are cut, they mean the same (seed 11)", () => {
  const whole = open();
  whole.connection.feed(CONVERSATION);
  const expected = whole.frames().map(({ type, flags, stream }) => [type, flags, stream]);
  expect([...whole.bodies.values()].map(({ text, ends }) => [text, ends])).toEqual([
    ["one", 1],
    ["three", 0],
    ["", 1],
    ["nine", 1],
  ]);
  const random = prng(11);
  for (let run = 0; run < 2000; run++) {
    const { connection, bodies, frames } = open();
    const largest = [1, 5, 60][run % 3];
    for (let at = 0; at < CONVERSATION.length; ) {
      const end = at + 1 + random.below(largest);
      connection.feed(CONVERSATION.subarray(at, end));
      at = end;
    }
    expect(frames().map(({ type, flags, stream }) => [type, flags, stream])).toEqual(expected);
    expect(bodies).toEqual(whole.bodies);
  }
});

test("damaged conversations end once, and every request of theirs once (seed 12)", () => {
  const random = prng(12);
  let ended = 0;
  for (let run = 0; run < 30_000; run++) {
    const { connection, state, bodies } = open((stream) => {
      if (random.below(4) === 0) stream.refuse(OK);
      else if (random.below(8) === 0) stream.reset("protocolError");
    });
    const bytes = Buffer.from(CONVERSATION);
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      bytes[PREFACE.length + random.below(bytes.length - PREFACE.length)] = random.below(256);
    }
    const cut = random.below(bytes.length);
    connection.feed(bytes.subarray(0, cut));
    connection.feed(bytes.subarray(cut));
    if (connection.isEnded) ended += 1;
    connection.closed();
    connection.closed();
    expect(state.closed).toBe(1);
    for (const { closed, ends } of bodies.values()) {
      expect(closed).toBe(1);
      expect(ends).toBeLessThanOrEqual(1);
    }
  }
  expect(ended).toBeGreaterThan(1000);
});
