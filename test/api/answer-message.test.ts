import { toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  queryInstantResponse,
  queryRangeResponse,
  searchResponse,
  tagsResponse,
  tagsV2Response,
  tagValuesResponse,
  tagValuesV2Response,
} from "../../src/api/answer-message.ts";
import {
  QueryInstantResponseSchema,
  QueryRangeResponseSchema,
  SearchResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
} from "../../src/proto-gen/tempopb/tempo_pb.ts";
import type { AnswerMetrics, MetricsAnswer, TraceSummary } from "../../src/query/question.ts";

const nothing: AnswerMetrics = {
  inspectedTraces: 0,
  inspectedSpans: 0,
  inspectedBytes: 0,
  totalBlocks: 0,
  totalBlockBytes: 0,
  totalJobs: 0,
  completedJobs: 0,
  damagedBlocks: [],
};

const trace: TraceSummary = {
  traceId: "002f3e0cee77ae5dc9c17ade3689eb2e",
  rootServiceName: "shop",
  rootTraceName: "update-billing",
  startUnixNano: 1684778327699392724n,
  durationNano: 557_999_999n,
  services: [
    { service: "shop", spans: 4, errors: 1 },
    { service: "", spans: 1, errors: 0 },
  ],
  spanSets: [
    {
      matched: 3,
      attributes: [
        { key: "by(resource.service.name)", value: { type: "string", value: "shop" } },
        { key: "count()", value: { type: "int", value: 3n } },
      ],
      spans: [
        {
          spanId: "003d623c76514f8e",
          name: "q",
          startUnixNano: 1684778327735077898n,
          durationNano: 446979497n,
          attributes: [
            { key: "status", value: { type: "status", value: "error" } },
            { key: "kind", value: { type: "kind", value: "server" } },
            { key: "gone", value: { type: "nil" } },
            { key: "on", value: { type: "bool", value: false } },
            { key: "empty", value: { type: "string", value: "" } },
            { key: "n", value: { type: "int", value: -9223372036854775808n } },
            { key: "wait", value: { type: "duration", value: 1_500_000_000n } },
            { key: "big", value: { type: "float", value: 1e21 } },
            { key: "inf", value: { type: "float", value: Number.POSITIVE_INFINITY } },
            {
              key: "tags",
              value: { type: "list", values: [{ type: "string", value: "a" }] },
            },
          ],
        },
        {
          spanId: "0000000000000001",
          name: undefined,
          startUnixNano: 1n,
          durationNano: -5n,
          attributes: [],
        },
      ],
    },
    { matched: 0, attributes: [], spans: [] },
  ],
};

const set = {
  spans: [
    {
      spanID: "003d623c76514f8e",
      name: "q",
      startTimeUnixNano: "1684778327735077898",
      durationNanos: "446979497",
      attributes: [
        { key: "status", value: { stringValue: "error" } },
        { key: "kind", value: { stringValue: "server" } },
        { key: "gone", value: { stringValue: "nil" } },
        { key: "on", value: { boolValue: false } },
        { key: "empty", value: { stringValue: "" } },
        { key: "n", value: { intValue: "-9223372036854775808" } },
        { key: "wait", value: { stringValue: "1.5s" } },
        { key: "big", value: { doubleValue: 1e21 } },
        { key: "inf", value: { doubleValue: "Infinity" } },
        { key: "tags", value: { arrayValue: { values: [{ stringValue: "a" }] } } },
      ],
    },
    { spanID: "0000000000000001", startTimeUnixNano: "1" },
  ],
  matched: 3,
  attributes: [
    { key: "by(resource.service.name)", value: { stringValue: "shop" } },
    { key: "count()", value: { intValue: "3" } },
  ],
};

describe("search", () => {
  test("a trace as Tempo shows it", () => {
    const message = searchResponse({
      type: "search",
      traces: [trace],
      metrics: { ...nothing, inspectedTraces: 3100, inspectedSpans: 12, inspectedBytes: 3811736 },
    });
    expect(toJson(SearchResponseSchema, message)).toEqual({
      traces: [
        {
          traceID: "2f3e0cee77ae5dc9c17ade3689eb2e",
          rootServiceName: "shop",
          rootTraceName: "update-billing",
          startTimeUnixNano: "1684778327699392724",
          durationMs: 557,
          spanSet: set,
          spanSets: [set, {}],
          serviceStats: { shop: { spanCount: 4, errorCount: 1 }, "": { spanCount: 1 } },
        },
      ],
      metrics: { inspectedTraces: 3100, inspectedBytes: "3811736", inspectedSpans: "12" },
    });
  });

  test("without a root, without spansets, with impossible times", () => {
    const bare: TraceSummary = {
      ...trace,
      traceId: "00000000000000000000000000000000",
      rootServiceName: "",
      rootTraceName: "",
      startUnixNano: 0n,
      durationNano: -1_000_000n,
      services: [],
      spanSets: [],
    };
    const message = searchResponse({ type: "search", traces: [bare], metrics: nothing });
    expect(toJson(SearchResponseSchema, message)).toEqual({
      traces: [{ rootServiceName: "<root span not yet received>" }],
      metrics: {},
    });
  });

  test("numbers that do not fit stop at the largest that does", () => {
    const long = { ...trace, durationNano: 2n ** 62n, startUnixNano: 2n ** 65n };
    const message = searchResponse({ type: "search", traces: [long], metrics: nothing });
    expect(message.traces[0].durationMs).toBe(4294967295);
    expect(message.traces[0].startTimeUnixNano).toBe(18446744073709551615n);
  });

  test("nothing found", () => {
    const message = searchResponse({ type: "search", traces: [], metrics: nothing });
    expect(toJson(SearchResponseSchema, message)).toEqual({ metrics: {} });
  });
});

describe("names", () => {
  const answer = {
    type: "tagNames",
    scopes: [
      { scope: "resource", names: ["b", "c"] },
      { scope: "span", names: ["a", "b"] },
    ],
    metrics: { ...nothing, inspectedBytes: 5, totalJobs: 2, completedJobs: 2 },
  } as const;
  const metrics = { inspectedBytes: "5", totalJobs: 2, completedJobs: 2 };

  test("v1 is one list", () => {
    const all = tagsResponse(answer, { intrinsics: [], limit: 0 });
    expect(toJson(SearchTagsResponseSchema, all)).toEqual({ tagNames: ["a", "b", "c"], metrics });
    const cut = tagsResponse(answer, { intrinsics: [], limit: 2 });
    expect(cut.tagNames).toEqual(["a", "b"]);
  });

  test("v2 has scopes", () => {
    const message = tagsV2Response(answer, { intrinsics: ["kind", "name"], limit: 1 });
    expect(toJson(SearchTagsV2ResponseSchema, message)).toEqual({
      scopes: [
        { name: "resource", tags: ["b"] },
        { name: "span", tags: ["a"] },
        { name: "intrinsic", tags: ["kind"] },
      ],
      metrics,
    });
    expect(tagsV2Response(answer, { intrinsics: [], limit: 0 }).scopes).toHaveLength(2);
  });
});

describe("values", () => {
  const answer = {
    type: "tagValues",
    values: [
      { type: "int", value: 200n },
      { type: "string", value: "" },
      { type: "string", value: "200" },
      { type: "float", value: 0.5 },
      { type: "float", value: 1_500_000 },
      { type: "bool", value: true },
      { type: "duration", value: 2_000_000n },
      { type: "status", value: "ok" },
      { type: "kind", value: "client" },
    ],
    metrics: nothing,
  } as const;

  test("v1 is texts", () => {
    expect(toJson(SearchTagValuesResponseSchema, tagValuesResponse(answer))).toEqual({
      tagValues: ["", "0.5", "1.5e+06", "200", "2ms", "client", "ok", "true"],
      metrics: {},
    });
  });

  test("v2 has types", () => {
    expect(toJson(SearchTagValuesV2ResponseSchema, tagValuesV2Response(answer))).toEqual({
      tagValues: [
        { type: "int", value: "200" },
        { type: "string" },
        { type: "string", value: "200" },
        { type: "float", value: "0.5" },
        { type: "float", value: "1.5e+06" },
        { type: "bool", value: "true" },
        { type: "duration", value: "2ms" },
        { type: "keyword", value: "ok" },
        { type: "keyword", value: "client" },
      ],
      metrics: {},
    });
  });

  test.each([
    [0, "0.0"],
    [-0, "-0.0"],
    [200, "200.0"],
    [999_999, "999999.0"],
    [1e6, "1e+06"],
    [1_234_567, "1.234567e+06"],
    [12_345_678.9, "1.23456789e+07"],
    [-1.5e6, "-1.5e+06"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.25e-7, "1.25e-07"],
    [5e-324, "5e-324"],
    [1.7976931348623157e308, "1.7976931348623157e+308"],
    [Number.NaN, "NaN.0"],
    [Number.POSITIVE_INFINITY, "+Inf.0"],
    [Number.NEGATIVE_INFINITY, "-Inf.0"],
  ])("the float %d is %s", (value, text) => {
    const values = [{ type: "float", value } as const];
    const message = tagValuesResponse({ type: "tagValues", values, metrics: nothing });
    expect(message.tagValues).toEqual([text]);
  });
});

describe("metrics", () => {
  const answer: MetricsAnswer = {
    type: "metrics",
    series: [
      {
        labels: [{ key: "resource.service.name", value: { type: "string", value: "shop" } }],
        samples: [
          { timestampMs: 1700000000000, value: 1.5 },
          { timestampMs: 1700000060000, value: 0 },
          { timestampMs: 1700000120000, value: Number.NaN },
          { timestampMs: 1700000180000, value: Number.NEGATIVE_INFINITY },
        ],
        exemplars: [
          {
            labels: [{ key: "trace:id", value: { type: "string", value: "ab" } }],
            value: 0.2,
            timestampMs: 1700000001000,
          },
        ],
      },
      { labels: [{ key: "p", value: { type: "float", value: 0.5 } }], samples: [], exemplars: [] },
    ],
    partial: undefined,
    metrics: { ...nothing, inspectedSpans: 2, totalJobs: 3, completedJobs: 3 },
  };
  const metrics = { inspectedSpans: "2", totalJobs: 3, completedJobs: 3 };
  const labels = [{ key: "resource.service.name", value: { stringValue: "shop" } }];

  test("a range", () => {
    expect(toJson(QueryRangeResponseSchema, queryRangeResponse(answer))).toEqual({
      series: [
        {
          labels,
          samples: [
            { timestampMs: "1700000000000", value: 1.5 },
            { timestampMs: "1700000060000" },
            { timestampMs: "1700000120000", value: "NaN" },
            { timestampMs: "1700000180000", value: "-Infinity" },
          ],
          exemplars: [
            {
              labels: [{ key: "trace:id", value: { stringValue: "ab" } }],
              value: 0.2,
              timestampMs: "1700000001000",
            },
          ],
        },
        { labels: [{ key: "p", value: { doubleValue: 0.5 } }] },
      ],
      metrics,
    });
  });

  test("an instant leaves out series without a sample", () => {
    expect(toJson(QueryInstantResponseSchema, queryInstantResponse(answer))).toEqual({
      series: [{ labels, value: 1.5 }],
      metrics,
    });
  });

  test("a part of the answer says so", () => {
    const message = queryRangeResponse({ ...answer, series: [], partial: "too many" });
    expect(toJson(QueryRangeResponseSchema, message)).toEqual({
      metrics,
      status: "PARTIAL",
      message: "too many",
    });
  });
});
