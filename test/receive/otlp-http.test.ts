import { create, fromBinary, fromJsonString, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { closing } from "../../src/http1/http1-connection.ts";
import { type Status, StatusSchema } from "../../src/proto-gen/google/rpc/status_pb.ts";
import {
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { errorAnswer } from "../../src/receive/otlp-response.ts";
import type { Verdict } from "../../src/receive/receive.ts";
import { compressedBodies } from "./compressed-bodies.ts";
import {
  NONE_REJECTED,
  RawClient,
  type Receiver,
  type ReceiverSettings,
  STORED,
  startReceiver,
} from "./start-receiver.ts";

const BODY = toBinary(
  ExportTraceServiceRequestSchema,
  create(ExportTraceServiceRequestSchema, {
    resourceSpans: [{ scopeSpans: [{ spans: [{ name: "GET /".repeat(100) }] }] }],
  }),
);
const PROTOBUF = "application/x-protobuf";

let running: Receiver[] = [];
afterEach(async () => {
  for (const receiver of running) {
    await receiver.atRest();
    expect(receiver.inFlight.tenants).toBe(0);
    await receiver.stop();
  }
  running = [];
});
function start(settings?: ReceiverSettings): Receiver {
  const receiver = startReceiver(settings);
  running.push(receiver);
  return receiver;
}

test("an answer that ends the connection leaves those of the same words as they are", () => {
  const error = new EngineError("overloaded", "no room");
  const first = errorAnswer(error, "protobuf");
  expect(closing(first).headers["connection"]).toBe("close");
  const second = errorAnswer(error, "protobuf");
  expect(second.headers).toEqual({ "content-type": PROTOBUF, "retry-after": "1" });
  const { code, message } = fromBinary(StatusSchema, Buffer.from(second.body ?? ""));
  expect([second.status, code, message]).toEqual([503, 14, "no room"]);
});

function post(
  url: string,
  headers: Record<string, string> = {},
  body: Uint8Array | string = BODY,
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": PROTOBUF, ...headers },
    body: Buffer.from(body),
  });
}

async function statusOf(response: Response): Promise<Status> {
  if (response.headers.get("content-type") === "application/json") {
    return fromJsonString(StatusSchema, await response.text());
  }
  expect(response.headers.get("content-type")).toBe(PROTOBUF);
  return fromBinary(StatusSchema, await response.bytes());
}

describe("what is stored", () => {
  test.each([PROTOBUF, "application/protobuf", "Application/X-Protobuf; charset=utf-8"])(
    "%s",
    async (type) => {
      const receiver = start();
      const response = await post(receiver.url, { "content-type": type });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(PROTOBUF);
      expect((await response.bytes()).length).toBe(0);
      expect(receiver.offered).toEqual([{ tenant: "single-tenant", body: BODY }]);
      const one = { tenant: "single-tenant", bytes: BODY.length, verdict: STORED };
      expect([receiver.stored, receiver.refused]).toEqual([[one], []]);
    },
  );

  test("an empty body is a request without spans", async () => {
    const receiver = start();
    expect((await post(receiver.url, {}, "")).status).toBe(200);
    const client = await RawClient.open(receiver.port);
    client.post("X: y"); // neither length nor chunks: no body
    await client.until("200 OK");
    client.destroy();
    const none = { tenant: "single-tenant", body: new Uint8Array(0) };
    expect(receiver.offered).toEqual([none, none]);
  });

  test("the query string does not matter", async () => {
    const receiver = start();
    expect((await post(`${receiver.url}?a=/v1/x`)).status).toBe(200);
  });

  test("every encoding", async () => {
    const receiver = start();
    const names: string[] = [];
    for (const { name, encoding, bytes } of await compressedBodies(BODY)) {
      const response = await post(receiver.url, { "content-encoding": encoding }, bytes);
      expect(`${name} ${response.status}`).toBe(`${name} 200`);
      names.push(name);
    }
    expect((await post(receiver.url, { "content-encoding": "identity" })).status).toBe(200);
    expect(receiver.offered).toHaveLength(names.length + 1);
    for (const { body } of receiver.offered) expect(Buffer.compare(body, BODY)).toBe(0);
    for (const { bytes } of receiver.stored) expect(bytes).toBe(BODY.length);
  });

  test("in part: how many spans were not, and why", async () => {
    const receiver = start();
    const rejected = { ...NONE_REJECTED, invalidTraceId: 2, invalidSpanId: 3, overLimit: 7 };
    receiver.state.answer = () => Promise.resolve({ outcome: "stored", accepted: 1, rejected });
    const response = await post(receiver.url);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, PROTOBUF]);
    const message = fromBinary(ExportTraceServiceResponseSchema, await response.bytes());
    expect(message.partialSuccess?.rejectedSpans).toBe(12n);
    expect(message.partialSuccess?.errorMessage).toBe(
      "12 spans rejected: 2 invalid trace id, 3 invalid span id, " +
        "7 attributes too many or nested too deep",
    );
  });
});

describe("what is refused before the body is read", () => {
  const cases: {
    name: string;
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    status: number;
    grpc: number;
    message: RegExp;
  }[] = [
    { name: "another path", path: "/v1/metrics", status: 404, grpc: 5, message: /not found/ },
    { name: "a longer path", path: "/v1/traces/", status: 404, grpc: 5, message: /not found/ },
    { name: "the root", path: "/", status: 404, grpc: 5, message: /not found/ },
    { name: "PUT", method: "PUT", status: 405, grpc: 12, message: /method PUT is not/ },
    { name: "DELETE", method: "DELETE", status: 405, grpc: 12, message: /POST is/ },
    {
      name: "brotli",
      headers: { "content-encoding": "br" },
      ...{ status: 415, grpc: 3, message: /"br" is not accepted.*gzip, zstd.*lz4/ },
    },
    {
      name: "gzip twice",
      headers: { "content-encoding": "gzip, gzip" },
      ...{ status: 415, grpc: 3, message: /"gzip, gzip" is not/ },
    },
  ];
  test.each(cases)("$name", async (one) => {
    const receiver = start();
    const response = await fetch(`http://127.0.0.1:${receiver.port}${one.path ?? "/v1/traces"}`, {
      method: one.method ?? "POST",
      headers: { "content-type": PROTOBUF, ...one.headers },
      body: BODY,
    });
    expect(response.status).toBe(one.status);
    expect(response.headers.get("allow")).toBe(one.status === 405 ? "POST" : null);
    expect(response.headers.get("retry-after")).toBeNull();
    const status = await statusOf(response);
    expect(status.code).toBe(one.grpc);
    expect(status.message).toMatch(one.message);
    expect(receiver.offered).toEqual([]);
    expect(receiver.refused).toHaveLength(1);
  });

  test.each([
    ["of text", "text/plain"],
    ["of gRPC", "application/grpc"],
    ["that is long", "x".repeat(5000)],
    ["that is empty", ""],
  ])("a content type %s, in plain text", async (_name, type) => {
    const receiver = start();
    const response = await post(receiver.url, { "content-type": type });
    expect(response.status).toBe(415);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    const text = await response.text();
    expect(text).toContain("application/x-protobuf and application/json are");
    expect(text.length).toBeLessThan(200);
  });

  test("GET, in plain text", async () => {
    const receiver = start();
    const response = await fetch(receiver.url);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await response.text()).toBe("method GET is not accepted, POST is");
  });

  test("strange targets and hosts are no paths of ours", async () => {
    const receiver = start();
    const targets = ["*", "//v1/traces", "/v1/traces/../x", "/v1%2ftraces", "http://x/v1/x"];
    for (const target of targets) {
      const client = await RawClient.open(receiver.port);
      client.write(`POST ${target} HTTP/1.1\r\nHost: a b<>\r\nContent-Length: 0\r\n\r\n`);
      await client.until("\r\n\r\n");
      expect([400, 404]).toContain(client.statuses[0]);
      client.destroy();
    }
    expect(receiver.offered).toEqual([]);
    const client = await RawClient.open(receiver.port);
    client.write(
      `POST /v1/traces HTTP/1.1\r\nHost: a b<>\r\nContent-Type: ${PROTOBUF}\r\n` +
        "Content-Length: 0\r\n\r\n",
    );
    await client.until("\r\n\r\n");
    expect(client.statuses).toEqual([200]);
    client.destroy();
  });
});

describe("what the engine says", () => {
  const cases: { outcome: Verdict["outcome"]; status: number; grpc: number; retry: boolean }[] = [
    { outcome: "malformed", status: 400, grpc: 3, retry: false },
    { outcome: "too_large", status: 413, grpc: 8, retry: false },
    { outcome: "overloaded", status: 503, grpc: 14, retry: true },
    { outcome: "disk_failed", status: 503, grpc: 14, retry: true },
  ];
  test.each(cases)("$outcome", async ({ outcome, status, grpc, retry }) => {
    const receiver = start();
    const verdict = { outcome, accepted: 0, rejected: NONE_REJECTED };
    receiver.state.answer = () => Promise.resolve(verdict);
    const response = await post(receiver.url);
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(retry ? "1" : null);
    expect((await statusOf(response)).code).toBe(grpc);
    expect(receiver.refused).toEqual([`single-tenant:${outcome}`]);
    expect(receiver.stored).toEqual([]);
  });

  test("no room", async () => {
    const receiver = start();
    receiver.state.answer = () => undefined;
    const response = await post(receiver.url);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(receiver.refused).toEqual(["single-tenant:overloaded"]);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("secret 1");
      },
    ],
    ["rejects", () => Promise.reject(new Error("secret 2"))],
  ] as const)("a bug that %s is logged and not told", async (_name, answer) => {
    const receiver = start();
    receiver.state.answer = answer;
    const response = await post(receiver.url);
    expect(response.status).toBe(500);
    expect((await statusOf(response)).message).toBe("internal error");
    expect(receiver.logged).toEqual(["receiver failed"]);
  });

  test("damaged bodies are 400 with what is wrong", async () => {
    const receiver = start();
    for (const { encoding, bytes } of await compressedBodies(BODY)) {
      const cut = bytes.subarray(0, bytes.length - 1);
      const response = await post(receiver.url, { "content-encoding": encoding }, cut);
      expect(response.status).toBe(400);
      expect((await statusOf(response)).message).toMatch(/ body is damaged: /);
    }
    expect(receiver.offered).toEqual([]);
  });
});

describe("tenants", () => {
  test.each([
    ["none", undefined, 401, "no org id"],
    ["empty", "", 401, "no org id"],
    ["the folder above", "..", 400, "tenant ID is '.' or '..'"],
    ["a folder below", "a/b", 400, "tenant ID 'a/b' contains unsupported character '/'"],
    ["two", "a|b", 400, "tenant ID 'a|b' contains unsupported character '|'"],
    ["a long one", "x".repeat(151), 400, "tenant ID is too long: max 150 characters"],
  ])("%s is refused", async (...[, tenant, expected, message]) => {
    const receiver = start({ multitenancyEnabled: true });
    const headers: Record<string, string> = tenant === undefined ? {} : { "x-scope-orgid": tenant };
    const response = await post(receiver.url, headers);
    expect(response.status).toBe(expected);
    expect((await statusOf(response)).message).toBe(message);
    expect(receiver.offered).toEqual([]);
  });

  test("without content type the text is Tempo's", async () => {
    const receiver = start({ multitenancyEnabled: true });
    const response = await post(receiver.url, { "content-type": "text/plain" });
    expect([response.status, await response.text()]).toEqual([401, "no org id"]);
  });

  test("each gets its own; without multitenancy there is one", async () => {
    const many = start({ multitenancyEnabled: true });
    for (const tenant of ["a", "team-1", "x".repeat(150)]) {
      expect((await post(many.url, { "X-Scope-OrgID": tenant })).status).toBe(200);
    }
    const seen = many.offered.map(({ tenant }) => tenant);
    expect(seen).toEqual(["a", "team-1", "x".repeat(150)]);
    const one = start();
    for (const tenant of ["a", "..", "a|b"]) {
      expect((await post(one.url, { "X-Scope-OrgID": tenant })).status).toBe(200);
    }
    expect(new Set(one.offered.map(({ tenant }) => tenant))).toEqual(new Set(["single-tenant"]));
  });
});

test("the largest request must fit into the bytes in flight", () => {
  const tooSmall = { requestBytesMax: 101, inFlightBytesMax: 200, tenantBytesMax: 100 };
  expect(() => startReceiver(tooSmall)).toThrow("does not fit");
});
