/** Frames of gRPC and of HTTP/2 in every way that they may come, right and wrong. Seeded. */
import { connect } from "node:net";
import { expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { GrpcRequestReader } from "../../src/grpc/grpc-frame.ts";
import { GrpcError } from "../../src/grpc/grpc-status.ts";
import {
  END_HEADERS,
  END_STREAM,
  EXPORT_HEADERS,
  frame,
  headerBlock,
  messagePrefix,
} from "../support/http2-frames.ts";
import { startGrpc } from "./start-grpc.ts";
import { until } from "./start-receiver.ts";

const MESSAGE_BYTES_MAX = 300_000;

/** Cut anywhere; most pieces are small, some are empty. */
function pieces(bytes: Uint8Array, random: Prng): Uint8Array[] {
  const all: Uint8Array[] = [];
  const largest = [1, 10, 3000, 100_000][random.below(4)];
  for (let at = 0; at < bytes.length; ) {
    const end = at + random.below(largest + 1);
    all.push(bytes.slice(at, end));
    at = end;
  }
  return all;
}

function readAll(all: readonly Uint8Array[]): { message: Buffer; isCompressed: boolean } | number {
  const reader = new GrpcRequestReader(MESSAGE_BYTES_MAX);
  try {
    for (const piece of all) reader.push(piece);
    const { bytes, isCompressed } = reader.end();
    return { message: Buffer.from(bytes), isCompressed };
  } catch (error) {
    if (error instanceof GrpcError) return error.code;
    throw error;
  }
}

test("messages are what was framed, however they are cut (seed 5)", () => {
  const random = prng(5);
  for (let i = 0; i < 400; i++) {
    const message = Buffer.alloc(random.below([10, 1000, 60_000][random.below(3)]), i);
    const isCompressed = random.below(2) === 1;
    const framed = Buffer.concat([messagePrefix(message.length, isCompressed), message]);
    const got = readAll(pieces(framed, random));
    const isSame = typeof got !== "number" && got.message.equals(message);
    expect(isSame && got.isCompressed === isCompressed, `run ${i}`).toBe(true);
  }
});

test("what is not framed is refused (seed 6)", () => {
  const random = prng(6);
  for (let i = 0; i < 2000; i++) {
    const said = random.below(4000);
    const there = random.below(4000);
    const bytes = Buffer.concat([messagePrefix(said), Buffer.alloc(there, 1)]);
    if (random.below(10) === 0) bytes[random.below(5)] = random.below(256);
    const declared = bytes.readUInt32BE(1);
    const got = readAll(pieces(bytes.subarray(0, random.below(20) === 0 ? 4 : undefined), random));
    const isRight = bytes[0] < 2 && declared === there;
    expect(typeof got === "number" || isRight, `run ${i}`).toBe(true);
  }
});

test("connections of damaged bytes end, and nobody else's (seed 7)", async () => {
  const receiver = await startGrpc({ messageBytesMax: MESSAGE_BYTES_MAX });
  receiver.state.keep = false;
  const random = prng(7);
  const hello = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame("settings")]);
  const call = (stream: number) => {
    const headers = headerBlock({ ...EXPORT_HEADERS, "grpc-timeout": "5S", "x-scope-orgid": "a" });
    const message = Buffer.alloc(random.below(30_000), 3);
    const body = Buffer.concat([messagePrefix(message.length), message]);
    const half = random.below(Math.min(16_384, body.length));
    return [
      frame("headers", { flags: END_HEADERS, stream, payload: headers }),
      frame("data", { stream, payload: body.subarray(0, half) }),
      frame("data", { stream, payload: body.subarray(half, half + 16_384) }),
      frame("data", { stream, payload: body.subarray(half + 16_384), flags: END_STREAM }),
    ];
  };
  for (let round = 0; round < 40; round++) {
    const sockets = Array.from({ length: 25 }, () => {
      const bytes = Buffer.concat([hello, ...[1, 3, 5].flatMap(call)]);
      const damages = random.below(6);
      for (let i = 0; i < damages; i++) {
        // Most of the interesting bytes are those of frame headers and header blocks.
        const at = hello.length + random.below(random.below(2) === 0 ? 300 : 40_000);
        if (at < bytes.length) bytes[at] = random.below(256);
      }
      const end = random.below(3) === 0 ? random.below(bytes.length) : bytes.length;
      const socket = connect(receiver.port, "127.0.0.1");
      socket.on("error", () => {}); // ended by the other side
      socket.resume();
      socket.end(bytes.subarray(0, end));
      return socket;
    });
    await until(() => sockets.every(({ closed, destroyed }) => closed || destroyed));
  }
  await receiver.atRest();
  expect(receiver.logged).toEqual([]);
  expect((await receiver.client().send(Buffer.alloc(10))).code).toBe(0);
  await receiver.stop();
}, 120_000);
