import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Answer } from "../../src/query/question.ts";
import { StreamClient } from "../support/stream-client.ts";
import { waitFor } from "../support/wait.ts";
import { startStream } from "./start-stream.ts";

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function ask(
  session: ClientHttp2Session,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Got> {
  const request = session.request({ ":path": path, ...headers });
  const pieces: Buffer[] = [];
  let got: IncomingHttpHeaders = {};
  request.on("response", (some) => {
    got = some;
  });
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.end();
  await new Promise((resolve, reject) => {
    request.on("close", resolve);
    request.on("error", reject);
  });
  return { headers: got, body: Buffer.concat(pieces) };
}

const COST = {
  ...{ inspectedTraces: 1, inspectedSpans: 1, inspectedBytes: 1 },
  ...{ totalBlocks: 3, totalBlockBytes: 9, totalJobs: 4, completedJobs: 1, damagedBlocks: [] },
};

/** Values of so many bytes together. */
function valuesOf(bytes: number): Answer {
  const values = Array.from({ length: bytes / 1000 }, (_, index) => ({
    type: "string" as const,
    value: String(index).padEnd(1000, "v"),
  }));
  return { type: "tagValues", values, metrics: COST };
}

const VALUES = "/api/v2/search/tag/span.a/values";

describe("the HTTP API over HTTP/2", () => {
  test("answers as over HTTP/1.1", async () => {
    await using api = await startStream({ answer: async () => valuesOf(20_000) });
    const session = connect(api.url);
    for (const path of ["/ready", "/none", VALUES, "/api/search?q=%7B", "/flush"]) {
      const want = await fetch(api.url + path, { headers: { "accept-encoding": "identity" } });
      const { headers, body } = await ask(session, path);
      expect(headers[":status"], path).toBe(want.status);
      expect(headers["content-type"], path).toBe(want.headers.get("content-type") ?? undefined);
      expect(body.toString(), path).toBe(await want.text());
    }
    const packed = await ask(session, VALUES, { "accept-encoding": "gzip" });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(JSON.parse(gunzipSync(packed.body).toString())).toMatchObject({ metrics: {} });
    const head = await ask(session, VALUES, { ":method": "HEAD" });
    expect([head.headers[":status"], head.body.length]).toEqual([200, 0]);
    const post = await ask(session, "/flush", { ":method": "POST" });
    expect(post.headers[":status"]).toBe(204);
    session.close();
  });

  test("stands beside gRPC on one connection, and knows tenants", async () => {
    await using api = await startStream({
      options: { multitenancyEnabled: true },
      answer: async () => valuesOf(1000),
    });
    const session = connect(api.url);
    expect((await ask(session, VALUES)).headers[":status"]).toBe(401);
    const got = await ask(session, VALUES, { "x-scope-orgid": "b|a" });
    expect(got.headers[":status"]).toBe(200);
    expect(api.asked.map(({ tenants }) => tenants)).toEqual([["a", "b"]]);
    using client = new StreamClient(api.url);
    expect((await client.call("SearchTagValuesV2", { tagName: "span.a" })).code).toBe(16);
    session.close();
  });

  test("streams large answers, and ends those whose client goes", async () => {
    const ends: unknown[] = [];
    await using api = await startStream({
      answer: async ({ type }, { signal }) => {
        if (type === "tagValues") return valuesOf(8_000_000);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        ends.push(signal.reason);
        throw signal.reason;
      },
    });
    const session = connect(api.url);
    expect((await ask(session, VALUES)).body.length).toBeGreaterThan(8_000_000);
    const request = session.request({ ":path": VALUES });
    request.on("error", () => undefined);
    request.pause();
    await new Promise((resolve) => request.on("response", resolve));
    request.close(8);
    const search = session.request({ ":path": "/api/search?q=%7B%7D" });
    search.on("error", () => undefined);
    await waitFor(
      () => api.asked.some(({ type }) => type === "search"),
      () => "nothing is asked",
    );
    search.close(8);
    await waitFor(
      () => ends.length === 1,
      () => "the question goes on without its client",
    );
    expect((await ask(session, VALUES)).body.length).toBeGreaterThan(8_000_000);
    session.close();
  });

  test("takes long queries, and closes connections whose heads are too long", async () => {
    await using api = await startStream({
      answer: async () => ({ type: "search", traces: [], metrics: COST }),
    });
    const session = connect(api.url);
    const pathOf = (length: number) => `/api/search?q=%7Bname%3D%22${"x".repeat(length)}%22%7D`;
    expect((await ask(session, pathOf(60_000))).headers[":status"]).toBe(200);
    expect(api.asked).toHaveLength(1);
    for (const length of [100_000, 600_000]) {
      const other = connect(api.url);
      const closed = new Promise<void>((resolve) => {
        other.on("error", () => undefined);
        other.on("close", () => resolve());
      });
      const request = other.request({ ":path": pathOf(length) });
      request.on("error", () => undefined);
      await closed;
    }
    expect(api.asked).toHaveLength(1);
    expect((await ask(session, "/ready")).headers[":status"]).toBe(200);
    session.close();
  });

  test("refuses what is no request", async () => {
    await using api = await startStream();
    const session = connect(api.url);
    await expect(ask(session, "/ready", { ":authority": "not a host" })).rejects.toThrow();
    const strange = await ask(session, "/ready", { ":authority": "[x" });
    expect(strange.headers[":status"]).toBe(400);
    expect((await ask(session, "/%zz")).headers[":status"]).toBe(400);
    expect((await ask(session, "/ready")).headers[":status"]).toBe(200);
    session.close();
  });

  test("is not on the port of gRPC", async () => {
    await using api = await startStream();
    const session = connect(`http://${api.grpcAddress}`);
    expect((await ask(session, "/ready")).headers[":status"]).toBe(415);
    session.close();
  });
});
