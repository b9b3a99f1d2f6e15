import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { TraceByIDResponseSchema, TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { joined } from "../../src/query/proto-cursor.ts";
import { type TraceAnswerRequest, traceAnswer } from "../../src/query/trace-answer.ts";
import type { FoundTrace } from "../../src/query/trace-finder.ts";
import { encodedTrace, randomTrace } from "./random-trace.ts";

const shop = toBinary(
  TraceSchema,
  create(TraceSchema, {
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: "service.name", value: { value: { case: "stringValue", value: "shop" } } },
            { key: "replicas", value: { value: { case: "intValue", value: 3n } } },
          ],
        },
        scopeSpans: [
          {
            scope: { name: "lib", version: "1" },
            spans: [
              {
                traceId: Uint8Array.fromHex("5b8efff798038103d269b633813fc60c"),
                spanId: Uint8Array.fromHex("eee19b7ec3b1b174"),
                parentSpanId: Uint8Array.fromHex("eee19b7ec3b1b173"),
                name: "GET /",
                kind: 2,
                startTimeUnixNano: 1684778327699392724n,
                endTimeUnixNano: 1684778328256471203n,
                attributes: [
                  {
                    key: "http.status_code",
                    value: { value: { case: "intValue", value: 9007199254740993n } },
                  },
                  {
                    key: "tags",
                    value: {
                      value: {
                        case: "arrayValue",
                        value: {
                          values: [
                            { value: { case: "stringValue", value: "a" } },
                            { value: { case: "boolValue", value: false } },
                            { value: { case: "bytesValue", value: Uint8Array.of(1, 255) } },
                            {},
                          ],
                        },
                      },
                    },
                  },
                ],
                events: [{ name: "e", timeUnixNano: 5n }],
                links: [{ traceId: new Uint8Array(16), spanId: new Uint8Array(8).fill(1) }],
                status: { code: 2, message: "x" },
              },
            ],
          },
        ],
      },
    ],
  }),
);

const found: FoundTrace = {
  trace: shop,
  spans: 1,
  partial: false,
  damagedBlocks: [],
  inspectedBytes: 20480,
};
const absent: FoundTrace = {
  trace: new Uint8Array(),
  spans: 0,
  damagedBlocks: [],
  partial: false,
  inspectedBytes: 0,
};

function ask(request: Partial<TraceAnswerRequest>) {
  const answer = traceAnswer({ version: 2, accept: "", found, bytesMax: 5_000_000, ...request });
  const body = joined(answer.body);
  return {
    ...answer,
    body,
    pieces: answer.body,
    text: new TextDecoder().decode(body),
    hex: body.toHex(),
  };
}

/** By hand, from what Tempo answers. */
const group =
  '{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},' +
  '{"key":"replicas","value":{"intValue":"3"}}]},' +
  '"scopeSpans":[{"scope":{"name":"lib","version":"1"},"spans":[{' +
  '"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsOxsXQ=","parentSpanId":"7uGbfsOxsXM=",' +
  '"name":"GET /","kind":"SPAN_KIND_SERVER","startTimeUnixNano":"1684778327699392724",' +
  '"endTimeUnixNano":"1684778328256471203","attributes":[{"key":"http.status_code","value":' +
  '{"intValue":"9007199254740993"}},{"key":"tags","value":{"arrayValue":{"values":[' +
  '{"stringValue":"a"},{"boolValue":false},{"bytesValue":"Af8="},{}]}}}],' +
  '"events":[{"timeUnixNano":"5","name":"e"}],' +
  '"links":[{"traceId":"AAAAAAAAAAAAAAAAAAAAAA==","spanId":"AQEBAQEBAQE="}],' +
  '"status":{"message":"x","code":"STATUS_CODE_ERROR"}}]}]}';

const PARTIAL = "Trace exceeds maximum size of 5000000 bytes, a partial trace is returned";

describe("the first API", () => {
  test("JSON has batches", () => {
    const answer = ask({ version: 1 });
    expect(answer.text).toBe(`{"batches":[${group}]}`);
    expect(answer).toMatchObject({ status: 200, contentType: "application/json" });
  });

  test("protobuf is the trace itself", () => {
    const answer = ask({ version: 1, accept: "application/protobuf" });
    expect(answer.pieces).toEqual([shop]);
    expect(answer.pieces[0]).toBe(shop);
    expect(answer).toMatchObject({ status: 200, contentType: "application/protobuf" });
  });

  test("models get JSON", () => {
    const answer = ask({ version: 1, accept: "application/vnd.grafana.llm" });
    expect(answer.contentType).toBe("application/json");
    expect(answer.text).toBe(`{"batches":[${group}]}`);
  });

  test.each(["", "application/protobuf"])("absent is 404 without body, asked for %j", (accept) => {
    const answer = ask({ version: 1, found: absent, accept });
    expect(answer).toMatchObject({ status: 404, contentType: "", hex: "" });
  });

  test("too large is 422", () => {
    const answer = ask({ version: 1, found: { ...found, partial: true } });
    expect(answer.status).toBe(422);
    expect(answer.text).toBe("trace exceeds max size (max bytes: 5000000)");
  });
});

describe("the second API", () => {
  test("JSON", () => {
    const answer = ask({});
    expect(answer.text).toBe(
      `{"trace":{"resourceSpans":[${group}]},"metrics":{"inspectedBytes":"20480"}}`,
    );
    expect(answer).toMatchObject({ status: 200, contentType: "application/json" });
  });

  test("a partial trace says so", () => {
    const answer = ask({ found: { ...found, partial: true } });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({
      trace: { resourceSpans: [JSON.parse(group)] },
      metrics: { inspectedBytes: "20480" },
      status: "PARTIAL",
      message: PARTIAL,
    });
  });

  test("absent is an empty trace", () => {
    expect(ask({ found: absent }).text).toBe('{"trace":{},"metrics":{}}');
    const protobuf = ask({ found: absent, accept: "application/protobuf" });
    expect(protobuf).toMatchObject({ status: 200, hex: "0a001200" });
    expect(ask({ found: absent, accept: "application/vnd.grafana.llm" }).text).toBe("{}");
  });

  test("protobuf", () => {
    for (const inspectedBytes of [0, 1, 300, 2 ** 31, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER]) {
      for (const partial of [false, true]) {
        const answer = ask({
          accept: "application/protobuf",
          found: { ...found, partial, inspectedBytes },
        });
        expect(answer.contentType).toBe("application/protobuf");
        expect(fromBinary(TraceByIDResponseSchema, answer.body)).toEqual(
          create(TraceByIDResponseSchema, {
            trace: fromBinary(TraceSchema, shop),
            metrics: { inspectedBytes: BigInt(inspectedBytes) },
            status: partial ? 1 : 0,
            message: partial ? PARTIAL : "",
          }),
        );
      }
    }
  });

  test("for models", () => {
    const answer = ask({ accept: "application/vnd.grafana.llm" });
    expect(answer.contentType).toBe("application/vnd.grafana.llm+json");
    expect(answer.text).toBe(
      '{"trace":{"traceId":"5b8efff798038103d269b633813fc60c","services":[{"serviceName":"shop",' +
        '"resource":{"replicas":3},"scopes":[{"name":"lib","version":"1","spans":[{' +
        '"spanId":"eee19b7ec3b1b174","name":"GET /","parentSpanId":"eee19b7ec3b1b173",' +
        '"kind":"SPAN_KIND_SERVER","startTimeUnixNano":"1684778327699392724",' +
        '"endTimeUnixNano":"1684778328256471203","durationMs":557.078479,' +
        '"attributes":{"http.status_code":9007199254740993,"tags":["a",false,"01ff",null]},' +
        '"events":[{"name":"e","timeUnixNano":"5"}],' +
        '"links":[{"traceId":"00000000000000000000000000000000","spanId":"0101010101010101"}],' +
        '"status":{"code":"STATUS_CODE_ERROR","message":"x"}}]}]}]},' +
        '"metrics":{"inspectedBytes":20480},"status":"COMPLETE"}',
    );
  });

  test("random traces for models are JSON (seed 11)", () => {
    const random = prng(11);
    for (let i = 0; i < 200; i++) {
      const trace = encodedTrace(randomTrace(random));
      const spans = fromBinary(TraceSchema, trace).resourceSpans.flatMap((it) => it.scopeSpans);
      const { text } = ask({ accept: "application/vnd.grafana.llm", found: { ...found, trace } });
      const ids = text.match(/"spanId":"[0-9a-f]{16}","name"/g) ?? [];
      expect(ids).toHaveLength(spans.flatMap((scope) => scope.spans).length);
      JSON.parse(text);
    }
  });
});

test("the Accept header is searched for Tempo's names in Tempo's order", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "application/json"],
    ["*/*", "application/json"],
    ["text/html, application/protobuf;q=0.1", "application/protobuf"],
    ["application/json, application/protobuf", "application/protobuf"],
    ["application/vnd.grafana.llm, application/json", "application/json"],
    ["application/vnd.grafana.llm+json", "application/vnd.grafana.llm+json"],
    ["APPLICATION/PROTOBUF", "application/json"],
  ];
  for (const [accept, contentType] of cases) {
    expect([accept, ask({ accept }).contentType]).toEqual([accept, contentType]);
  }
});
