/**
 * The streaming gRPC of the real process, on both of its ports: as over HTTP, whatever clients of
 * other kinds do meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { open, portOf } from "../fault/hostile-clients.ts";
import { floods, frame, PREFACE, write } from "../support/hostile-http2.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { Server } from "../support/server.ts";
import { type Message, StreamClient } from "../support/stream-client.ts";

const TIMEOUT_MS = 120_000;
const START = 1_700_000_000;
const NS = 1_000_000_000n;
const TRACES = 60;

let server: Server;

beforeAll(async () => {
  server = await Server.start({ multitenancy_enabled: true });
  for (const half of [0, 1, 2]) {
    for (const tenant of ["a", "b"]) {
      const sent = await server.send(bodyOf(tenant, half), { "x-scope-orgid": tenant });
      expect(sent.status).toBe(200);
    }
    if (half < 2) await server.flush();
  }
}, TIMEOUT_MS);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Two parts lie in blocks of their own, the third in the head. */
function bodyOf(tenant: string, part: number): Uint8Array<ArrayBuffer> {
  const spans = Array.from({ length: TRACES }, (_, index) => {
    const id = (part * TRACES + index).toString(16);
    const startNano = BigInt(START + part * TRACES + index) * NS;
    return spanOf({
      traceId: `${tenant}${id.padStart(31, "0")}`,
      spanId: `${tenant}${id}`,
      name: `GET /${index % 5}`,
      start: `${startNano}`,
      end: `${startNano + 5_000_000n}`,
      attributes: [["http.route", ["string", `/${index % 5}`]]],
      resource: [["service.name", ["string", `shop-${tenant}`]]],
    });
  });
  return requestOf(spans);
}

interface Case {
  readonly method: string;
  readonly request: Message;
  readonly path: string;
  /** Of the answer. */
  readonly field: string;
}

const range = { start: START, end: START + 3 * TRACES };
const nanos = { start: String(BigInt(range.start) * NS), end: String(BigInt(range.end) * NS) };
const rangeText = `start=${range.start}&end=${range.end}`;
const byName = "{} | rate() by (name)";

const cases: readonly Case[] = [
  {
    method: "Search",
    request: { Query: '{ span.http.route = "/1" }', Limit: 50, ...range },
    path: `/api/search?q=${encodeURIComponent('{ span.http.route = "/1" }')}&limit=50&${rangeText}`,
    field: "traces",
  },
  { method: "SearchTags", request: {}, path: "/api/search/tags", field: "tagNames" },
  { method: "SearchTagsV2", request: {}, path: "/api/v2/search/tags", field: "scopes" },
  {
    method: "SearchTagValues",
    request: { tagName: "http.route" },
    path: "/api/search/tag/http.route/values",
    field: "tagValues",
  },
  {
    method: "SearchTagValuesV2",
    request: { tagName: "resource.service.name" },
    path: "/api/v2/search/tag/resource.service.name/values",
    field: "tagValues",
  },
  {
    method: "MetricsQueryRange",
    request: { query: byName, ...nanos, step: "30000000000" },
    path: `/api/metrics/query_range?q=${encodeURIComponent(byName)}&${rangeText}&step=30`,
    field: "series",
  },
  {
    method: "MetricsQueryInstant",
    request: { query: "{} | count_over_time()", ...nanos },
    path: `/api/metrics/query?q=${encodeURIComponent("{} | count_over_time()")}&${rangeText}`,
    field: "series",
  },
];

/** Zeros are on the wire in fields of which there can be none. */
function comparable(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (_key, value) => (value === 0 ? undefined : value));
}

async function expectAsHttp(client: StreamClient, tenant: string): Promise<void> {
  for (const { method, request, path, field } of cases) {
    const metadata = { "x-scope-orgid": tenant };
    const got = await client.call(method, request, { metadata });
    expect([method, got.code, got.details]).toEqual([method, 0, ""]);
    const response = await server.get(path, metadata);
    const want = (await response.json()) as Message;
    const last = got.messages.at(-1) ?? {};
    expect([method, comparable(last[field])]).toEqual([method, comparable(want[field])]);
    expect(JSON.stringify(last[field]).length, method).toBeGreaterThan(10);
    expect(last["metrics"]).toMatchObject(
      field === "scopes" || field.startsWith("tag") ? {} : { inspectedSpans: expect.any(String) },
    );
  }
}

describe("every method answers as HTTP does", () => {
  test.each(["a", "b", "a|b"])(
    "to tenant %s, on both ports",
    async (tenant) => {
      using overHttp = new StreamClient(server.api);
      await expectAsHttp(overHttp, tenant);
      using own = new StreamClient(server.grpc);
      await expectAsHttp(own, tenant);
    },
    TIMEOUT_MS,
  );

  test("and to nobody without a tenant, as HTTP", async () => {
    using client = new StreamClient(server.api);
    for (const { method, request, path } of cases) {
      const { code, details } = await client.call(method, request);
      expect([code, details]).toEqual([16, "no org id"]);
      expect((await server.get(path)).status).toBe(401);
    }
  });
});

test("the health of the process is told on both ports", async () => {
  for (const address of [server.api, server.grpc]) {
    using client = new StreamClient(address);
    const got = await client.call("/grpc.health.v1.Health/Check", { service: "" });
    expect(got.messages).toEqual([{ status: "SERVING" }]);
  }
});

test(
  "floods and half-open connections on the port leave others served",
  async () => {
    using client = new StreamClient(server.api);
    const silent = await Promise.all(Array.from({ length: 50 }, () => open(portOf(server.api))));
    for (const socket of silent) socket.write(PREFACE.subarray(0, 5));
    const work = async (flood: (path: string) => Generator<Buffer>) => {
      const socket = await open(portOf(server.api));
      socket.resume();
      socket.write(Buffer.concat([PREFACE, frame({ type: "settings" })]));
      for (const piece of flood("/tempopb.StreamingQuerier/Search")) {
        if (!(await write(socket, piece))) break;
      }
    };
    await Promise.all([...Object.values(floods).map(work), expectAsHttp(client, "a")]);
    await expectAsHttp(client, "b");
    for (const socket of silent) socket.destroy();
    const unknown = /level=(error|fatal)/;
    expect(server.log.split("\n").filter((line) => unknown.test(line))).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "a stop ends streams and connections",
  async () => {
    await using other = await Server.start();
    using client = new StreamClient(other.api);
    let exit: Promise<number> | undefined;
    const onMessage = () => {
      exit ??= other.stop();
    };
    const watch = await client.call("/grpc.health.v1.Health/Watch", {}, { onMessage });
    expect(watch.code).toBe(14);
    expect(await exit).toBe(0);
  },
  TIMEOUT_MS,
);
