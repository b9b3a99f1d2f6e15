import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { pieceStream } from "../../src/api/api-stream.ts";
import { prng } from "../../src/base/prng.ts";
import { waitFor } from "../support/wait.ts";
import { startApi } from "./start-api.ts";

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
    const packed = await read(pieceStream(pieces, { level: 1 }));
    expect(packed.length).toBeLessThan(1_000_000);
    expect(Buffer.compare(gunzipSync(packed), Buffer.concat(pieces))).toBe(0);
  });

  test.each([undefined, 1])("may be none, gzip level %s", async (level) => {
    const bytes = await read(pieceStream([], { level }));
    expect((level === undefined ? bytes : gunzipSync(bytes)).length).toBe(0);
  });

  test.each([undefined, 1])("wait for the reader, who may go, gzip level %s", async (level) => {
    const pieces = randomPieces([200_000, 200_000, 200_000]);
    const reader = pieceStream(pieces, { level }).getReader();
    const { value } = await reader.read();
    expect(value?.length).toBeLessThanOrEqual(200_000);
    await reader.cancel();
    expect((await reader.read()).done).toBe(true);
  });
});

describe("large answers on their way", () => {
  const MiB = 2 ** 20;
  const large = {
    status: 200,
    contentType: "application/json",
    body: Array.from({ length: 24 }, () => new Uint8Array(MiB).fill(0x20)),
  };
  const traces = { ask: async () => ({ ...large, body: large.body.map((one) => one.slice()) }) };
  const path = "/api/traces/1";

  test("are refused above a bound until a client has read or gone", async () => {
    await using api = startApi({ traces }, { answersHeldBytesMax: 30 * MiB });
    const gone = new AbortController();
    const headers = { "accept-encoding": "identity" };
    const stalled = await fetch(api.url + path, { headers, signal: gone.signal });
    expect(stalled.status).toBe(200);
    const refused = await fetch(api.url + path, { headers });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    gone.abort();
    const statuses: number[] = [];
    await waitFor(
      async () => {
        const response = await fetch(api.url + path, { headers });
        const bytes = (await response.arrayBuffer()).byteLength;
        statuses.push(response.status);
        return response.status === 200 && bytes === 24 * MiB;
      },
      () => `only ${statuses}`,
    );
    // Read to its end: the next one finds room at once.
    const next = await fetch(api.url + path, { headers });
    expect([next.status, (await next.arrayBuffer()).byteLength]).toEqual([200, 24 * MiB]);
  });

  test("to HEAD are nothing that has to be read", async () => {
    await using api = startApi({ traces }, { answersHeldBytesMax: 30 * MiB });
    for (let i = 0; i < 3; i++) {
      const response = await fetch(api.url + path, { method: "HEAD" });
      expect([response.status, response.headers.get("content-type")]).toEqual([
        200,
        "application/json",
      ]);
    }
  });
});
