import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { pieceStream } from "../../src/api/api-stream.ts";
import { prng } from "../../src/base/prng.ts";

function randomPieces(lengths: readonly number[]): Uint8Array<ArrayBuffer>[] {
  const random = prng(9);
  return lengths.map((length) => Uint8Array.from({ length }, () => random.below(2)));
}

async function read(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe("pieces to a client", () => {
  const lengths = [1, 0, 300_000, 5, 1_200_000, 40];

  test("come as they are, in order", async () => {
    const pieces = randomPieces(lengths);
    expect(Buffer.compare(await read(pieceStream(pieces)), Buffer.concat(pieces))).toBe(0);
  });

  test("come as one gzip member", async () => {
    const pieces = randomPieces(lengths);
    const packed = await read(pieceStream(pieces, 1));
    expect(packed.length).toBeLessThan(1_000_000);
    expect(Buffer.compare(gunzipSync(packed), Buffer.concat(pieces))).toBe(0);
  });

  test.each([undefined, 1])("may be none, gzip level %s", async (level) => {
    const bytes = await read(pieceStream([], level));
    expect((level === undefined ? bytes : gunzipSync(bytes)).length).toBe(0);
  });

  test.each([undefined, 1])("wait for the reader, who may go, gzip level %s", async (level) => {
    const pieces = randomPieces([200_000, 200_000, 200_000]);
    const reader = pieceStream(pieces, level).getReader();
    const { value } = await reader.read();
    expect(value?.length).toBeLessThanOrEqual(200_000);
    await reader.cancel();
    expect((await reader.read()).done).toBe(true);
  });
});
