import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { TraceAsk } from "../../src/api/api-parts.ts";
import { EngineError, type ErrorCode } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { startApi } from "./start-api.ts";

const ID = "0123456789abcdef0123456789abcdef";

describe("a question", () => {
  test("reaches the query thread", async () => {
    await using api = startApi();
    const response = await fetch(`${api.url}/api/traces/ABC?start=5&end=9`, {
      headers: { Accept: "application/protobuf", "X-Scope-OrgID": "ignored" },
    });
    expect(response.status).toBe(200);
    expect(api.asked).toEqual([
      {
        tenants: ["single-tenant"],
        traceId: Uint8Array.fromHex("abc".padStart(32, "0")),
        version: 1,
        accept: "application/protobuf",
        startSeconds: 5,
        endSeconds: 9,
      },
    ]);
  });

  test.each(["GET", "POST", "PUT"])("may be a %s, as in Tempo", async (method) => {
    await using api = startApi();
    const response = await fetch(`${api.url}/api/v2/traces/${ID}`, { method });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"trace":{},"metrics":{}}');
    expect(api.asked[0]).toMatchObject({ version: 2 });
  });

  test("of HEAD has no body", async () => {
    await using api = startApi();
    const response = await fetch(`${api.url}/api/v2/traces/${ID}`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await response.text()).toBe("");
  });

  test("is under the prefix only", async () => {
    await using api = startApi({}, { httpApiPrefix: "/tempo" });
    expect((await fetch(`${api.url}/tempo/api/traces/1`)).status).toBe(200);
    expect((await fetch(`${api.url}/api/traces/1`)).status).toBe(404);
    expect((await fetch(`${api.url}/tempo/api/echo`)).status).toBe(200);
    expect((await fetch(`${api.url}/ready`)).status).toBe(200);
    expect((await fetch(`${api.url}/tempo/ready`)).status).toBe(404);
    expect(api.answered.map((request) => request.route)).toEqual([
      "tempo_api_traces_traceid",
      "other",
      "tempo_api_echo",
      "ready",
      "other",
    ]);
  });
});

describe("refused before it is asked", () => {
  const cases: readonly (readonly [string, number, string])[] = [
    [
      "/api/traces/xyz",
      400,
      "trace IDs can only contain hex characters: invalid character 'x' at position 1",
    ],
    [`/api/v2/traces/0${ID}`, 400, "trace IDs can't be larger than 128 bits"],
    [
      "/api/traces/1%C3%A9",
      400,
      "trace IDs can only contain hex characters: invalid character 'é' at position 2",
    ],
    ["/api/traces/1%ff", 400, "invalid URL escape in the path"],
    ["/api/traces/%zz", 400, "invalid URL escape in the path"],
    ["/api/traces/1%2f2", 404, "404 page not found\n"],
    ["/api/traces/", 404, "404 page not found\n"],
    ["/api/traces/1/", 404, "404 page not found\n"],
    ["/api/traces", 404, "404 page not found\n"],
    ["/api/v2/traces/1?mode=x", 400, "invalid value for mode x"],
    [
      "/api/v2/traces/1?start=2&end=1",
      400,
      "http parameter start must be before end. received start=2 end=1",
    ],
    [
      "/api/v2/traces/1?q=%7B",
      400,
      "invalid TraceQL filter: failed to parse TraceQL spanset filter: " +
        "parse error at line 1, col 2: syntax error: unexpected end of query",
    ],
  ];
  test.each(cases)("%s", async (path, status, text) => {
    await using api = startApi();
    const response = await fetch(api.url + path);
    expect([response.status, await response.text()]).toEqual([status, text]);
    expect(response.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    expect(api.asked).toEqual([]);
  });
});

describe("tenants", () => {
  const cases: readonly (readonly [string | undefined, number, string | readonly string[]])[] = [
    [undefined, 401, "no org id\n"],
    ["", 401, "no org id\n"],
    ["one", 200, ["one"]],
    ["two|one|two", 200, ["one", "two"]],
    ["a/b", 400, "tenant ID 'a/b' contains unsupported character '/'"],
    ["..", 400, "tenant ID is '.' or '..'"],
  ];
  test.each(cases)("%s", async (header, status, outcome) => {
    await using api = startApi({}, { multitenancyEnabled: true });
    const headers = new Headers(header === undefined ? {} : { "X-Scope-OrgID": header });
    const response = await fetch(`${api.url}/api/v2/traces/1`, { headers });
    expect(response.status).toBe(status);
    if (status === 200) expect(api.asked[0].tenants).toEqual(outcome);
    else expect(await response.text()).toBe(outcome);
  });

  test("are asked for before anything else", async () => {
    await using api = startApi({}, { multitenancyEnabled: true });
    for (const path of ["/api/traces/xyz", "/api/search"]) {
      expect((await fetch(api.url + path)).status).toBe(401);
    }
    for (const path of ["/api/echo", "/ready", "/metrics", "/api/status/buildinfo"]) {
      expect((await fetch(api.url + path)).status).toBe(200);
    }
  });
});

describe("answers", () => {
  test("without a type have none, as an absent trace in the first API", async () => {
    const answer = { status: 404, contentType: "", body: [] };
    await using api = startApi({ traces: { ask: async () => answer } });
    const response = await fetch(`${api.url}/api/traces/1`);
    expect(response.status).toBe(404);
    expect(response.headers.get("Content-Type")).toBeNull();
    expect(response.headers.get("Content-Length")).toBe("0");
  });

  const body = new TextEncoder().encode('{"trace":{}}'.padEnd(5000));
  const packing: readonly (readonly [string, boolean])[] = [
    ["", false],
    ["gzip", true],
    ["deflate, GZIP;q=0.5", true],
    ["*", true],
    ["br", false],
    ["gzip;q=0", false],
    ["gzip;q=0.000, *", false],
    ["identity;q=1, *;q=0", false],
  ];
  test.each(packing)("to Accept-Encoding %j: packed %s", async (header, packed) => {
    const answer = { status: 200, contentType: "application/json", body: [body] };
    await using api = startApi({ traces: { ask: async () => answer } });
    const response = await fetch(`${api.url}/api/v2/traces/1`, {
      headers: { "Accept-Encoding": header },
      decompress: false,
    });
    expect(response.headers.get("Content-Encoding")).toBe(packed ? "gzip" : null);
    expect(response.headers.get("Vary")).toBe("Accept-Encoding");
    const bytes = await response.bytes();
    expect(new Uint8Array(packed ? gunzipSync(bytes) : bytes)).toEqual(body);
    expect(bytes.length < body.length).toBe(packed);
  });

  const failures: readonly (readonly [ErrorCode, number])[] = [
    ["overloaded", 503],
    ["tenant_overloaded", 429],
    ["disk_failed", 503],
    ["block_corrupt", 500],
    ["too_large", 413],
  ];
  test.each(failures)("%s is %i with its sentence", async (code, status) => {
    const ask = () => Promise.reject(new EngineError(code, "job queue full"));
    await using api = startApi({ traces: { ask } });
    const response = await fetch(`${api.url}/api/traces/1`);
    expect([response.status, await response.text()]).toEqual([status, "job queue full"]);
    expect(response.headers.has("Retry-After")).toBe(status === 503 || status === 429);
    expect(api.logged.length).toBe(status === 500 ? 1 : 0);
  });

  test("a fault of ours is 500, logged and not shown", async () => {
    const thrown = new TypeError("x of undefined");
    for (const ask of [() => Promise.reject(thrown), () => Promise.reject("text")]) {
      await using api = startApi({ traces: { ask } });
      const response = await fetch(`${api.url}/api/traces/1`);
      expect([response.status, await response.text()]).toEqual([500, "internal error"]);
      expect(api.logged).toHaveLength(1);
    }
  });

  test("no answer in time is 504, and the work is told", async () => {
    const told = Promise.withResolvers<void>();
    const ask = (_question: TraceAsk, signal: AbortSignal) => {
      signal.addEventListener("abort", () => told.resolve());
      return new Promise<never>(() => undefined);
    };
    await using api = startApi({ traces: { ask } }, { queryTimeoutMs: 5 });
    const response = await fetch(`${api.url}/api/traces/1`);
    expect([response.status, await response.text()]).toEqual([504, "context deadline exceeded"]);
    await told.promise;
  });

  test("when the client goes the work is told, and what it says then is dropped", async () => {
    const told = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const metered = Promise.withResolvers<number>();
    const ask = (_question: TraceAsk, signal: AbortSignal) => {
      reached.resolve();
      return new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          told.resolve();
          reject(new TypeError("too late"));
        });
      });
    };
    const meter = { answered: ({ status }: { status: number }) => metered.resolve(status) };
    await using api = startApi({ traces: { ask }, meter });
    const controller = new AbortController();
    const waiting = fetch(`${api.url}/api/traces/1`, { signal: controller.signal });
    await reached.promise;
    controller.abort();
    await expect(waiting).rejects.toThrow();
    await told.promise;
    expect(await metered.promise).toBe(499);
    expect(api.logged).toEqual([]);
  });
});

test("strange requests are answered (seed 17)", async () => {
  await using api = startApi({}, { multitenancyEnabled: true });
  const random = prng(17);
  const pieces = [
    ..."/api traces v2 search status ready metrics ? & = % %2f %ff .. . // é 0 abc".split(" "),
    ...["{traceID}", "start", "end", "mode", "q", "config", "diff", "__proto__", "constructor"],
  ];
  const allowed = [200, 400, 401, 404, 405, 501];
  for (let i = 0; i < 400; i++) {
    const parts = Array.from(
      { length: random.below(8) },
      () => pieces[random.below(pieces.length)],
    );
    const path = `/${parts.join(random.below(2) > 0 ? "/" : "")}`;
    const response = await fetch(api.url + path, {
      headers: random.below(2) > 0 ? { "X-Scope-OrgID": "a" } : {},
    });
    await response.bytes();
    expect(allowed).toContain(response.status);
  }
  expect(api.logged).toEqual([]);
});

test("a strange Host header harms nobody", async () => {
  await using api = startApi();
  for (const host of ["[", "a b", "x:99999999", "", "é", "http://", "a/../b?x#y"]) {
    const answer = await rawRequest(api.port, `GET /api/echo HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 (200|400|404) /);
  }
  expect((await fetch(`${api.url}/api/echo`)).status).toBe(200);
});

/** The first bytes that come back. */
function rawRequest(port: number, text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(port, "127.0.0.1", () => socket.write(text));
  socket.once("data", (data) => {
    resolve(data.toString("latin1"));
    socket.destroy();
  });
  socket.once("error", reject);
  return promise;
}
