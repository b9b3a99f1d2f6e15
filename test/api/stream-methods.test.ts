import { connect as connectHttp2 } from "node:http2";
import { type DescMessage, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { EngineError, type ErrorCode } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { grpcFrame } from "../../src/grpc/grpc-frame.ts";
import {
  QueryInstantResponseSchema,
  QueryRangeResponseSchema,
  SearchRequestSchema,
  SearchResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
} from "../../src/proto-gen/tempopb/tempo_pb.ts";
import type {
  Answer,
  MetricsAnswer,
  SearchAnswer,
  Series,
  TraceSummary,
} from "../../src/query/question.ts";
import { type Message, StreamClient } from "../support/stream-client.ts";
import { waitFor } from "../support/wait.ts";
import { metricsAnswer, searchAnswer, tagNamesAnswer, tagValuesAnswer } from "./random-answer.ts";
import { startStream } from "./start-stream.ts";

const TIMEOUT_MS = 60_000;
const START = 1_600_000_000;
const END = 1_600_003_600;
const NS = 1_000_000_000n;

interface Method {
  readonly name: string;
  readonly schema: DescMessage;
  readonly request: Message;
  /** The same over HTTP. */
  readonly path: string;
}

const range = { start: START, end: END };
const rangeText = `start=${START}&end=${END}`;
const nanos = { start: String(BigInt(START) * NS), end: String(BigInt(END) * NS) };
const rateByName = encodeURIComponent("{} | rate() by (name)");
const filter = encodeURIComponent('{ span.a = "b" }');

const methods: readonly Method[] = [
  {
    name: "Search",
    schema: SearchResponseSchema,
    request: { Query: '{ span.a = "b" }', Limit: 7, SpansPerSpanSet: 5, ...range },
    path: `/api/search?q=${filter}&limit=7&spss=5&${rangeText}`,
  },
  {
    name: "Search",
    schema: SearchResponseSchema,
    request: { Tags: { "service.name": "x" }, MinDurationMs: 5, MaxDurationMs: 2000 },
    path: "/api/search?tags=service.name%3Dx&minDuration=5ms&maxDuration=2s",
  },
  {
    name: "SearchTags",
    schema: SearchTagsResponseSchema,
    request: { scope: "span", maxTagsPerScope: 4, ...range },
    path: `/api/search/tags?scope=span&limit=4&${rangeText}`,
  },
  {
    name: "SearchTagsV2",
    schema: SearchTagsV2ResponseSchema,
    request: { query: '{ span.a = "b" }' },
    path: `/api/v2/search/tags?q=${filter}`,
  },
  {
    name: "SearchTagValues",
    schema: SearchTagValuesResponseSchema,
    request: { tagName: "service.name", ...range },
    path: `/api/search/tag/service.name/values?${rangeText}`,
  },
  {
    name: "SearchTagValuesV2",
    schema: SearchTagValuesV2ResponseSchema,
    request: { tagName: "span.http/route", query: '{ span.a = "b" }', maxTagValues: 9 },
    path: `/api/v2/search/tag/span.http%2Froute/values?q=${filter}&limit=9`,
  },
  {
    name: "MetricsQueryRange",
    schema: QueryRangeResponseSchema,
    request: { query: "{} | rate() by (name)", ...nanos, step: "60000000000", exemplars: 3 },
    path: `/api/metrics/query_range?q=${rateByName}&${rangeText}&step=60&exemplars=3`,
  },
  {
    name: "MetricsQueryInstant",
    schema: QueryInstantResponseSchema,
    request: { query: "{} | rate()", ...nanos },
    path: `/api/metrics/query?q=${encodeURIComponent("{} | rate()")}&${rangeText}`,
  },
];

/** What all packets say together, as JSON, which has no negative zero. */
function joined(schema: DescMessage, packets: readonly Buffer[]): unknown {
  return JSON.parse(JSON.stringify(toJson(schema, fromBinary(schema, Buffer.concat(packets)))));
}

async function packetsOf(client: StreamClient, { name, request }: Method) {
  const packets: Buffer[] = [];
  const got = await client.call(name, request, {
    onPacket: (bytes) => packets.push(Buffer.from(bytes)),
  });
  return { ...got, packets };
}

function answerOf(type: Answer["type"], seed: number): Answer {
  const random = prng(seed);
  if (type === "search") return searchAnswer(random);
  if (type === "tagNames") return tagNamesAnswer(random);
  return type === "tagValues" ? tagValuesAnswer(random) : metricsAnswer(random);
}

describe("every method", () => {
  for (const method of methods) {
    test(`${method.name} of ${JSON.stringify(method.request)} is as over HTTP`, async () => {
      let seed = 0;
      await using api = await startStream({
        answer: async ({ type }) => answerOf(type, seed),
      });
      for (const address of [api.url, api.grpcAddress]) {
        using client = new StreamClient(address);
        for (seed = 1; seed < 30; seed++) {
          const response = await fetch(`${api.url}${method.path}`);
          const want = await response.json();
          const got = await packetsOf(client, method);
          expect([got.code, got.details]).toEqual([0, ""]);
          expect(joined(method.schema, got.packets)).toEqual(want);
          const [overHttp, overGrpc] = api.asked.splice(0);
          expect(overGrpc).toEqual(overHttp);
        }
      }
    });
  }

  test("is counted by its name", async () => {
    await using api = await startStream({ answer: async ({ type }) => answerOf(type, 1) });
    using client = new StreamClient(api.url);
    await client.call("Search", { Query: "{}" });
    await client.call("Search", { Query: "{" });
    await client.raw("/a.B/c", Buffer.alloc(0));
    await waitFor(
      () => api.answered.length === 3,
      () => JSON.stringify(api.answered),
    );
    const counted = api.answered.map(({ method, route, status }) => [method, route, status]);
    expect(counted).toEqual([
      ["gRPC", "/tempopb.StreamingQuerier/Search", 200],
      ["gRPC", "/tempopb.StreamingQuerier/Search", 400],
      ["gRPC", "other", 501],
    ]);
  });
});

const COST = {
  ...{ inspectedTraces: 1, inspectedSpans: 1, inspectedBytes: 1 },
  ...{ totalBlocks: 3, totalBlockBytes: 9, totalJobs: 4, completedJobs: 1, damagedBlocks: [] },
};

function traceOf(id: number, size = 10): TraceSummary {
  return {
    traceId: id.toString(16).padStart(32, "f"),
    rootServiceName: "s",
    rootTraceName: "n".repeat(size),
    startUnixNano: BigInt(id),
    durationNano: 1n,
    services: [],
    spanSets: [],
  };
}

function seriesOf(label: string, values: readonly number[]): Series {
  return {
    labels: [{ key: "name", value: { type: "string", value: label } }],
    samples: values.map((value, slot) => ({ timestampMs: slot * 1000, value })),
    exemplars: [],
  };
}

/** Tells the parts one after the other, each when the one before is on its way. */
async function tellAll(
  parts: readonly Answer[],
  { method, field }: { method: Omit<Method, "schema" | "path">; field: string },
): Promise<unknown[]> {
  await using api = await startStream({
    answer: async (_question, { onProgress }) => {
      for (const part of parts.slice(0, -1)) {
        onProgress?.(part);
        await new Promise((resolve) => setImmediate(resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
      return parts[parts.length - 1];
    },
  });
  using client = new StreamClient(api.url);
  const { code, messages } = await client.call(method.name, method.request);
  expect(code).toBe(0);
  return messages.map((message) => message[field]);
}

describe("what is known so far", () => {
  test("is told of traces once, with progress, and then all of them", async () => {
    const parts: SearchAnswer[] = [[1], [1, 2], [1, 2], [0, 1, 2, 3]].map((ids, index) => ({
      type: "search",
      traces: ids.map((id) => traceOf(id)),
      metrics: { ...COST, completedJobs: index + 1 },
    }));
    const method = { name: "Search", request: { Query: "{}" } };
    const traces = await tellAll(parts, { method, field: "traces" });
    const names = (some: unknown) =>
      ((some ?? []) as { traceID: string }[]).map(({ traceID }) => traceID.at(-1));
    expect(traces.map(names)).toEqual([["1"], ["2"], [], ["0", "1", "2", "3"]]);
    const metrics = await tellAll(parts, { method, field: "metrics" });
    expect(metrics).toMatchObject(
      [1, 2, 3, 4].map((completedJobs) => ({ completedJobs, totalJobs: 4 })),
    );
  });

  test("is told of names and values once, unless a limit may take them back", async () => {
    const names = [["a"], ["a", "b"], ["a", "b", "c"]].map((some) => ({
      type: "tagNames" as const,
      scopes: [{ scope: "span" as const, names: some }],
      metrics: COST,
    }));
    const own = { name: "SearchTagsV2", request: { scope: "span" } };
    expect(await tellAll(names, { method: own, field: "scopes" })).toEqual([
      [{ name: "span", tags: ["a"] }],
      [{ name: "span", tags: ["b"] }],
      [{ name: "span", tags: ["a", "b", "c"] }],
    ]);
    const older = { name: "SearchTags", request: {} };
    expect(await tellAll(names, { method: older, field: "tagNames" })).toEqual([
      ...[["a"], ["b"], ["a", "b", "c"]],
    ]);
    const values = [["x"], ["x", "y"]].map((some) => ({
      type: "tagValues" as const,
      values: some.map((value) => ({ type: "string" as const, value })),
      metrics: COST,
    }));
    const request = { tagName: "span.a" };
    const all = { name: "SearchTagValuesV2", request };
    expect(await tellAll(values, { method: all, field: "tagValues" })).toEqual([
      [{ type: "string", value: "x" }],
      ["x", "y"].map((value) => ({ type: "string", value })),
    ]);
    const few = { name: "SearchTagValuesV2", request: { ...request, maxTagValues: 2 } };
    const some = await tellAll(values, { method: few, field: "tagValues" });
    expect(some).toEqual([undefined, ["x", "y"].map((value) => ({ type: "string", value }))]);
  });

  test("is told of samples when they change, unless a later stage chooses among them", async () => {
    const parts: MetricsAnswer[] = [
      [seriesOf("a", [1])],
      [seriesOf("a", [1, 2]), seriesOf("b", [5])],
      [seriesOf("a", [1, 3]), seriesOf("b", [5])],
    ].map((series) => ({ type: "metrics", series, partial: undefined, metrics: COST }));
    const request = { ...nanos, step: "60000000000" };
    const rate = { name: "MetricsQueryRange", request: { ...request, query: "{} | rate()" } };
    const values = (series: unknown) =>
      ((series ?? []) as { samples: { value?: number }[] }[]).map(({ samples }) =>
        samples.map(({ value }) => value),
      );
    const told = await tellAll(parts, { method: rate, field: "series" });
    expect(told.map(values)).toEqual([[[1]], [[2], [5]], [[1, 3], [5]]]);
    for (const stage of ["topk(1)", "> 2"]) {
      const query = stage === "> 2" ? "{} | rate() > 2" : `{} | rate() | ${stage}`;
      const method = { name: "MetricsQueryRange", request: { ...request, query } };
      const kept = await tellAll(parts, { method, field: "series" });
      expect(kept.map(values)).toEqual([[], [], [[1, 3], [5]]]);
    }
    const compare = "{} | compare({ status = error })";
    const method = { name: "MetricsQueryRange", request: { ...request, query: compare } };
    expect((await tellAll(parts, { method, field: "series" })).map(values).at(0)).toEqual([]);
  });
});

describe("large answers", () => {
  test("come in packets, each with what it took", async () => {
    const traces = Array.from({ length: 500 }, (_, id) => traceOf(id, 20_000));
    await using api = await startStream({
      answer: async () => ({ type: "search", traces, metrics: COST }),
    });
    using client = new StreamClient(api.url);
    const { bytes, messages } = await client.call("Search", { Query: "{}" });
    expect(bytes.length).toBeGreaterThan(9);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(1 << 20);
    expect(messages.every(({ metrics }) => metrics !== undefined)).toBe(true);
    const got = messages.flatMap(
      (message) => message["traces"] as { startTimeUnixNano?: string }[],
    );
    expect(got.map(({ startTimeUnixNano = "0" }) => Number(startTimeUnixNano))).toEqual(
      traces.map((_, id) => id),
    );
  });

  test("are cut inside series and scopes, too", async () => {
    const values = Array.from({ length: 90_000 }, (_, slot) => slot + 0.5);
    const series = [seriesOf("long", values), seriesOf("short", [1])];
    const names = Array.from({ length: 2000 }, (_, id) => `${id} ${"n".repeat(900)}`);
    await using api = await startStream({
      answer: async ({ type }) =>
        type === "metrics"
          ? { type, series, partial: "there is more", metrics: COST }
          : { type: "tagNames", scopes: [{ scope: "span", names }], metrics: COST },
    });
    using client = new StreamClient(api.url);
    const range = await packetsOf(client, methods[6]);
    expect(Math.max(...range.bytes)).toBeLessThanOrEqual(1 << 20);
    const parts = range.messages.flatMap(
      (message) => message["series"] as { samples: unknown[] }[],
    );
    expect(parts.flatMap(({ samples }) => samples)).toHaveLength(90_001);
    const said = range.messages.map(({ status, message }) => [status, message]);
    expect(said.at(-1)).toEqual(["PARTIAL", "there is more"]);
    expect(said.slice(0, -1).every(([status]) => status === undefined)).toBe(true);
    const tags = await client.call("SearchTagsV2", { scope: "span" });
    expect(Math.max(...tags.bytes)).toBeLessThanOrEqual(1 << 20);
    const scopes = tags.messages.flatMap((message) => message["scopes"] as { tags: string[] }[]);
    expect(scopes.flatMap((scope) => scope.tags)).toEqual(names);
  });

  test("are refused while clients that do not read hold too much", async () => {
    const traces = Array.from({ length: 200 }, (_, id) => traceOf(id, 20_000));
    await using api = await startStream({
      options: { answersHeldBytesMax: 5_000_000 },
      answer: async () => ({ type: "search", traces, metrics: COST }),
    });
    const session = connectHttp2(api.url);
    const request = session.request({
      ":method": "POST",
      ":path": "/tempopb.StreamingQuerier/Search",
      "content-type": "application/grpc",
    });
    request.on("error", () => undefined);
    const search = { $typeName: "tempopb.SearchRequest", Query: "{}" } as const;
    const empty = fromBinary(SearchRequestSchema, new Uint8Array(0));
    request.end(grpcFrame([toBinary(SearchRequestSchema, { ...empty, ...search })]));
    await new Promise((resolve) => request.on("response", resolve));
    using client = new StreamClient(api.url);
    const refused = await client.call("Search", { Query: "{}" });
    expect([refused.code, refused.details]).toEqual([
      14,
      "large answers wait for their clients, try again",
    ]);
    request.close();
    await waitFor(
      async () => (await client.call("Search", { Query: "{}" })).code === 0,
      () => "nothing is let go of",
    );
    session.destroy();
  });
});

describe("whose data", () => {
  const answer = async () => ({ type: "search", traces: [], metrics: COST }) as const;
  const ask = async (client: StreamClient, tenant?: string | readonly string[]) =>
    await client.call(
      "Search",
      { Query: "{}" },
      tenant === undefined
        ? {}
        : {
            metadata: { "x-scope-orgid": tenant },
          },
    );

  test("is said by metadata, with several tenants", async () => {
    await using api = await startStream({ answer, options: { multitenancyEnabled: true } });
    using client = new StreamClient(api.url);
    for (const nobody of [undefined, "", ["a", "a"], ["a", "b"]]) {
      const { code, details } = await ask(client, nobody);
      expect([code, details]).toEqual([16, "no org id"]);
    }
    const bad = await ask(client, "a/b");
    const overHttp = await fetch(`${api.url}/api/search`, { headers: { "x-scope-orgid": "a/b" } });
    expect([bad.code, bad.details]).toEqual([3, await overHttp.text()]);
    expect(api.asked).toEqual([]);
    for (const tenant of ["a", "b|a", "b|a|b"]) expect((await ask(client, tenant)).code).toBe(0);
    expect(api.asked.map(({ tenants }) => tenants)).toEqual([["a"], ["a", "b"], ["a", "b"]]);
  });

  test("is the one tenant's without multitenancy", async () => {
    await using api = await startStream({ answer });
    using client = new StreamClient(api.url);
    for (const tenant of [undefined, "x", ["a", "b"]])
      expect((await ask(client, tenant)).code).toBe(0);
    expect(new Set(api.asked.map(({ tenants }) => tenants.join()))).toEqual(
      new Set(["single-tenant"]),
    );
  });
});

describe("what is wrong", () => {
  const cases: readonly [Method["name"], Message, string][] = [
    ["Search", { Query: "{ x" }, `/api/search?q=${encodeURIComponent("{ x")}`],
    ["Search", { Query: "{}", Limit: 1001 }, "/api/search?q=%7B%7D&limit=1001"],
    ["Search", { Query: "{}", SpansPerSpanSet: 101 }, "/api/search?q=%7B%7D&spss=101"],
    ["Search", { Query: "{}", start: 9, end: 3 }, "/api/search?q=%7B%7D&start=9&end=3"],
    [
      "Search",
      { MinDurationMs: 9, MaxDurationMs: 3 },
      "/api/search?minDuration=9ms&maxDuration=3ms",
    ],
    ["SearchTags", { scope: "none such" }, "/api/search/tags?scope=none+such"],
    ["SearchTagsV2", { start: 9, end: 3 }, "/api/v2/search/tags?start=9&end=3"],
    ["SearchTagValuesV2", { tagName: "a b" }, "/api/v2/search/tag/a%20b/values"],
    [
      "MetricsQueryRange",
      { query: "{}", ...nanos },
      `/api/metrics/query_range?q=%7B%7D&${rangeText}`,
    ],
    [
      "MetricsQueryRange",
      { query: "{} | rate()", ...nanos, step: "1000" },
      `/api/metrics/query_range?q=%7B%7D%7Crate()&${rangeText}&step=0.000001`,
    ],
    ["MetricsQueryInstant", { query: "{", ...nanos }, `/api/metrics/query?q=%7B&${rangeText}`],
  ];
  test.each(cases)("%s of %j is said as over HTTP", async (name, request, path) => {
    await using api = await startStream();
    using client = new StreamClient(api.url);
    const response = await fetch(`${api.url}${path}`);
    const { code, details } = await client.call(name, request);
    expect([code, details]).toEqual([3, await response.text()]);
    expect(response.status).toBe(400);
  });

  test("in the message itself is said", async () => {
    await using api = await startStream();
    using client = new StreamClient(api.url);
    const got = await client.raw("/tempopb.StreamingQuerier/Search", Buffer.of(0xff, 0xff));
    expect(got.code).toBe(13);
    expect(got.details).toMatch(/^grpc: failed to unmarshal the received message: /);
  });

  const codes: readonly [ErrorCode, number][] = [
    ["malformed", 3],
    ["not_found", 5],
    ["tenant_overloaded", 8],
    ["overloaded", 14],
    ["internal", 13],
  ];
  test.each(codes)("with the answer is a status: %s is %i", async (code, status) => {
    await using api = await startStream({
      answer: () => Promise.reject(new EngineError(code, "it is 5 % ü\n")),
    });
    using client = new StreamClient(api.url);
    const got = await client.call("Search", { Query: "{}" });
    expect([got.code, got.details]).toEqual([status, "it is 5 % ü\n"]);
  });
});

describe("time", () => {
  const never = (_question: unknown, { signal }: { signal: AbortSignal }) => {
    const { promise, reject } = Promise.withResolvers<Answer>();
    signal.addEventListener("abort", () => reject(signal.reason));
    return promise;
  };

  test("is over for the server as for the client", async () => {
    await using api = await startStream({ answer: never, options: { queryTimeoutMs: 200 } });
    using client = new StreamClient(api.url);
    const got = await client.call("Search", { Query: "{}" });
    expect([got.code, got.details]).toEqual([4, "context deadline exceeded"]);
  });

  test("ends a question whose client has gone", async () => {
    const reasons: unknown[] = [];
    await using api = await startStream({
      answer: async (question, options) => {
        options.signal.addEventListener("abort", () => reasons.push(options.signal.reason));
        options.onProgress?.({ type: "search", traces: [traceOf(1)], metrics: COST });
        return await never(question, options);
      },
    });
    using client = new StreamClient(api.url);
    const onMessage = (_message: Message, _bytes: number, cancel: () => void) => cancel();
    expect((await client.call("Search", { Query: "{}" }, { onMessage })).code).toBe(1);
    expect((await client.call("Search", { Query: "{}" }, { timeoutMs: 200 })).code).toBe(4);
    await waitFor(
      () => reasons.length === 2,
      () => `${reasons.length} of 2 questions have ended`,
    );
  });
});

describe("health", () => {
  const CHECK = "/grpc.health.v1.Health/Check";
  const WATCH = "/grpc.health.v1.Health/Watch";

  test("is told on both ports", async () => {
    let reasons: string[] = [];
    await using api = await startStream({ reasons: () => reasons });
    for (const address of [api.url, api.grpcAddress]) {
      using client = new StreamClient(address);
      for (const service of ["", "tempopb.StreamingQuerier", "grpc.health.v1.Health"]) {
        reasons = [];
        expect((await client.call(CHECK, { service })).messages).toEqual([{ status: "SERVING" }]);
        reasons = ["replaying the log"];
        const starting = await client.call(CHECK, { service });
        expect(starting.messages).toEqual([{ status: "NOT_SERVING" }]);
      }
      const unknown = await client.call(CHECK, { service: "none" });
      expect([unknown.code, unknown.details]).toEqual([5, "unknown service"]);
    }
  });

  test("is watched until the client has seen enough", async () => {
    let reasons: string[] = ["starting"];
    await using api = await startStream({ reasons: () => reasons });
    using client = new StreamClient(api.url);
    const seen: unknown[] = [];
    const onMessage = ({ status }: Message, _bytes: number, cancel: () => void) => {
      seen.push(status);
      reasons = [];
      if (status === "SERVING") cancel();
    };
    expect((await client.call(WATCH, { service: "" }, { onMessage })).code).toBe(1);
    expect(seen).toEqual(["NOT_SERVING", "SERVING"]);
    const unknown = await client.call(WATCH, { service: "none" }, { timeoutMs: 200 });
    expect(unknown.messages).toEqual([{ status: "SERVICE_UNKNOWN" }]);
    expect(unknown.code).toBe(4);
  });
});

test("a stop ends calls that have no end of their own", async () => {
  await using api = await startStream();
  using client = new StreamClient(api.url);
  const stopped: Promise<void>[] = [];
  const onMessage = () => stopped.push(api.listener.stop());
  const watch = await client.call("/grpc.health.v1.Health/Watch", {}, { onMessage });
  expect([watch.code, watch.details]).toEqual([14, "the server stops"]);
  await Promise.all(stopped);
});

test(
  "the HTTP port takes gRPC only if it may",
  async () => {
    await using api = await startStream({
      streamOverHttp: false,
      answer: async ({ type }) => answerOf(type, 1),
    });
    using other = new StreamClient(api.url);
    expect((await other.call("Search", { Query: "{}" }, { timeoutMs: 1000 })).code).not.toBe(0);
    using own = new StreamClient(api.grpcAddress);
    expect((await own.call("Search", { Query: "{}" })).code).toBe(0);
    expect((await fetch(`${api.url}/api/search?q=%7B%7D`)).status).toBe(200);
  },
  TIMEOUT_MS,
);
