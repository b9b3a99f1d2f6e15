/** The query paths over real HTTP, with an engine that gives fixed answers. */
import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { NO_COST } from "../../src/api/api-query.ts";
import { EngineError } from "../../src/base/error.ts";
import {
  SearchResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
} from "../../src/proto-gen/tempopb/tempo_pb.ts";
import type {
  Answer,
  Asker,
  MetricsAnswer,
  Question,
  SearchAnswer,
  TagNamesAnswer,
  TagValuesAnswer,
} from "../../src/query/question.ts";
import { startApi } from "./start-api.ts";

const metrics = { ...NO_COST, inspectedBytes: 7, completedJobs: 1, totalJobs: 1 };
const found: SearchAnswer = {
  type: "search",
  traces: [
    {
      traceId: "0000000000000000000000000000000a",
      rootServiceName: "shop",
      rootTraceName: "GET /",
      startUnixNano: 5n,
      durationNano: 9_000_000n,
      services: [{ service: "shop", spans: 1, errors: 0 }],
      spanSets: [],
    },
  ],
  metrics,
};
const tagNames: TagNamesAnswer = {
  type: "tagNames",
  scopes: [{ scope: "span", names: ["a", "b"] }],
  metrics,
};
const tagValues: TagValuesAnswer = {
  type: "tagValues",
  values: [
    { type: "int", value: 5n },
    { type: "string", value: "x" },
  ],
  metrics,
};
const sums: MetricsAnswer = {
  type: "metrics",
  series: [
    {
      labels: [{ key: "name", value: { type: "string", value: "GET /" } }],
      samples: [{ timestampMs: 1_700_000_000_000, value: 2 }],
      exemplars: [],
    },
  ],
  partial: undefined,
  metrics,
};

/** Our own interface: what the engine is asked, and an answer of the question's kind. */
class FixedAsker implements Asker {
  readonly #answers: readonly Answer[];
  readonly asked: Question[] = [];

  constructor(answers: readonly Answer[] = [found, tagNames, tagValues, sums]) {
    this.#answers = answers;
  }

  async ask<Q extends Question>(question: Q) {
    this.asked.push(question);
    const answer = this.#answers.find(({ type }) => type === question.type);
    // The type of the answer is that of the question.
    return answer as Extract<Answer, { type: Q["type"] }>;
  }
}

const traces = [
  {
    traceID: "a",
    rootServiceName: "shop",
    rootTraceName: "GET /",
    startTimeUnixNano: "5",
    durationMs: 9,
    serviceStats: { shop: { spanCount: 1 } },
  },
];
const cost = { inspectedBytes: "7", completedJobs: 1, totalJobs: 1 };
const labels = [{ key: "name", value: { stringValue: "GET /" } }];

describe("answers in JSON", () => {
  const cases: readonly (readonly [string, object])[] = [
    ["/api/search?q={}", { traces, metrics: cost }],
    ["/api/search/tags", { tagNames: ["a", "b"], metrics: cost }],
    [
      "/api/v2/search/tags?scope=span",
      { scopes: [{ name: "span", tags: ["a", "b"] }], metrics: cost },
    ],
    ["/api/search/tag/a/values", { tagValues: ["5", "x"], metrics: cost }],
    [
      "/api/v2/search/tag/.a/values",
      {
        tagValues: [
          { type: "int", value: "5" },
          { type: "string", value: "x" },
        ],
        metrics: cost,
      },
    ],
    [
      "/api/metrics/query_range?q={}|rate()",
      {
        series: [{ labels, samples: [{ timestampMs: "1700000000000", value: 2 }] }],
        metrics: cost,
      },
    ],
    ["/api/metrics/query?q={}|rate()", { series: [{ labels, value: 2 }], metrics: cost }],
  ];
  test.each(cases)("%s", async (path, body) => {
    const asker = new FixedAsker();
    await using api = startApi({ asker });
    for (const accept of ["application/json", "*/*", "application/vnd.other"]) {
      const response = await fetch(api.url + path, { headers: { Accept: accept } });
      expect(await response.json()).toEqual(body);
      expect(response.status).toBe(200);
      expect(response.headers.get("Content-Type")).toBe("application/json");
    }
    expect(asker.asked).toHaveLength(3);
  });

  test("what is no data is not asked for", async () => {
    const asker = new FixedAsker();
    await using api = startApi({ asker });
    const status = await fetch(`${api.url}/api/v2/search/tag/status/values`);
    expect(await status.json()).toEqual({
      tagValues: [
        { type: "keyword", value: "ok" },
        { type: "keyword", value: "error" },
        { type: "keyword", value: "unset" },
      ],
      metrics: {},
    });
    const old = await fetch(`${api.url}/api/search/tag/status.code/values`);
    expect(await old.json()).toEqual({ tagValues: ["error", "ok", "unset"], metrics: {} });
    const names = await fetch(`${api.url}/api/v2/search/tags?scope=intrinsic&limit=2`);
    expect(await names.json()).toEqual({
      scopes: [{ name: "intrinsic", tags: ["duration", "event:name"] }],
      metrics: {},
    });
    expect(asker.asked).toEqual([]);
  });
});

describe("answers in protobuf", () => {
  async function bytes(path: string): Promise<Uint8Array> {
    await using api = startApi({ asker: new FixedAsker() });
    const headers = { Accept: "application/protobuf" };
    const response = await fetch(api.url + path, { headers });
    expect(response.headers.get("Content-Type")).toBe("application/protobuf");
    return await response.bytes();
  }

  test("of searches, names and values", async () => {
    const search = fromBinary(SearchResponseSchema, await bytes("/api/search?q={}"));
    expect(search.traces[0]).toMatchObject({ traceID: "a", durationMs: 9 });
    const v1 = fromBinary(SearchTagsResponseSchema, await bytes("/api/search/tags"));
    expect(v1.tagNames).toEqual(["a", "b"]);
    const v2 = fromBinary(SearchTagsV2ResponseSchema, await bytes("/api/v2/search/tags"));
    expect(v2.scopes.map(({ name }) => name)).toEqual(["span", "intrinsic"]);
    const texts = await bytes("/api/search/tag/a/values");
    expect(fromBinary(SearchTagValuesResponseSchema, texts).tagValues).toEqual(["5", "x"]);
    const typed = await bytes("/api/v2/search/tag/.a/values");
    expect(fromBinary(SearchTagValuesV2ResponseSchema, typed).tagValues).toHaveLength(2);
  });

  test("are not there for metrics, as in Tempo", async () => {
    await using api = startApi({ asker: new FixedAsker() });
    for (const path of ["query", "query_range"]) {
      const headers = { Accept: "application/protobuf" };
      const response = await fetch(`${api.url}/api/metrics/${path}?q={}|rate()`, { headers });
      expect(response.headers.get("Content-Type")).toBe("application/json");
    }
  });
});

test("language models get values by their type", async () => {
  await using api = startApi({ asker: new FixedAsker() });
  const headers = { Accept: "application/vnd.grafana.llm" };
  const response = await fetch(`${api.url}/api/v2/search/tag/.a/values`, { headers });
  expect(response.headers.get("Content-Type")).toBe("application/vnd.grafana.llm+json");
  expect(await response.json()).toEqual({
    tagValues: { int: ["5"], string: ["x"] },
    metrics: { inspectedBytes: 7, completedJobs: 1, totalJobs: 1 },
  });
  const search = await fetch(`${api.url}/api/search`, { headers });
  expect(search.headers.get("Content-Type")).toBe("application/json");
});

describe("names of tags in the path", () => {
  test.each([
    ["v2/search/tag/span.http.route/values", "http.route"],
    ["v2/search/tag/span.a/b/values", "a/b"],
    ["v2/search/tag/span.a%2Fb/values", "a/b"],
    ["v2/search/tag/span.%22a%20b%22/values", "a b"],
    ["v2/search/tag/span.%C3%BC/values/values", "ü/values"],
    ["search/tag/a%25b/values", "a%b"],
  ])("%s", async (path, name) => {
    const asker = new FixedAsker();
    await using api = startApi({ asker });
    expect((await fetch(`${api.url}/api/${path}`)).status).toBe(200);
    expect(asker.asked).toMatchObject([{ field: { name } }]);
    expect(api.answered[0].route).toContain("search_tag_tagname_values");
  });

  test.each([
    ["search/tag/values", 404, "404 page not found\n"],
    ["search/tag//values", 400, "please provide a non-empty tagName"],
    ["search/tag/a/valuesx", 404, "404 page not found\n"],
    ["search/tag/%/values", 400, "invalid URL escape in the path"],
  ])("%s is refused", async (path, status, text) => {
    await using api = startApi({ asker: new FixedAsker() });
    const response = await fetch(`${api.url}/api/${path}`);
    expect([response.status, await response.text()]).toEqual([status, text]);
  });
});

describe("tenants", () => {
  const paths = [
    ...["search", "search/tags", "v2/search/tags", "search/tag/a/values"],
    ...["v2/search/tag/.a/values", "v2/search/tag/status/values"],
    ...["metrics/query?q={}|rate()", "metrics/query_range?q={}|rate()"],
  ];
  test.each(paths)("/api/%s", async (path) => {
    const asker = new FixedAsker();
    await using api = startApi({ asker }, { multitenancyEnabled: true });
    const nobody = await fetch(`${api.url}/api/${path}`);
    expect([nobody.status, await nobody.text()]).toEqual([401, "no org id\n"]);
    expect(asker.asked).toEqual([]);
    const headers = { "X-Scope-OrgID": "b|a|b" };
    expect((await fetch(`${api.url}/api/${path}`, { headers })).status).toBe(200);
    if (asker.asked.length > 0) expect(asker.asked[0].tenants).toEqual(["a", "b"]);
  });
});

describe("errors", () => {
  const failing = (error: Error): Asker => ({ ask: () => Promise.reject(error) });

  test.each([
    [new EngineError("malformed", "bad"), 400, "bad"],
    [new EngineError("tenant_overloaded", "job queue full"), 429, "job queue full"],
    [new EngineError("overloaded", "busy"), 503, "busy"],
    [new Error("secret"), 500, "internal error"],
  ])("%s", async (error, status, text) => {
    await using api = startApi({ asker: failing(error) });
    for (const path of ["search", "search/tags", "metrics/query?q={}|rate()"]) {
      const response = await fetch(`${api.url}/api/${path}`);
      expect([response.status, await response.text()]).toEqual([status, text]);
    }
  });

  test("a query that is none says where", async () => {
    const asker = new FixedAsker();
    await using api = startApi({ asker });
    const response = await fetch(`${api.url}/api/search?q=${encodeURIComponent("{ .a = }")}`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("invalid TraceQL query: parse error at line 1, col 8");
    expect(asker.asked).toEqual([]);
  });

  test("at the deadline the engine hears that nobody waits", async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const asker: Asker = {
      ask: (_question, { signal }) => {
        signal.addEventListener("abort", () => resolve());
        return new Promise(() => undefined);
      },
    };
    await using api = startApi({ asker }, { queryTimeoutMs: 20 });
    const response = await fetch(`${api.url}/api/search`);
    expect([response.status, await response.text()]).toEqual([504, "context deadline exceeded"]);
    await aborted;
  });

  test("when the client goes the engine hears it", async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    const asker: Asker = {
      ask: (_question, { signal }) => {
        signal.addEventListener("abort", () => abort());
        ask();
        return new Promise(() => undefined);
      },
    };
    await using api = startApi({ asker });
    const client = new AbortController();
    const response = fetch(`${api.url}/api/metrics/query?q={}|rate()`, { signal: client.signal });
    await asked;
    client.abort();
    await expect(response).rejects.toThrow();
    await aborted;
  });
});

test("large answers are compressed", async () => {
  const values = Array.from({ length: 1000 }, (_, i) => ({
    type: "string" as const,
    value: `value ${i}`,
  }));
  await using api = startApi({ asker: new FixedAsker([{ ...tagValues, values }]) });
  const response = await fetch(`${api.url}/api/v2/search/tag/.a/values`, {
    headers: { "Accept-Encoding": "gzip" },
  });
  expect(response.headers.get("Content-Encoding")).toBe("gzip");
  expect(await response.json()).toMatchObject({ tagValues: { length: 1000 } });
});
