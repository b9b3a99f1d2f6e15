import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { COLUMNS_AT_ONCE, HALF_COLUMNS, HALF_ROWS, OK } from "../../native/src/layout.ts";
import { prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceCombiner } from "../../src/query/trace-combine.ts";
import { HeadKernel } from "../support/head-kernel.ts";
import { OtlpGenerator, toWire } from "../support/otlp-generator.ts";
import { type Flat, flatTrace, SentTraces } from "../support/sent-traces.ts";

const kernel = new HeadKernel();
const TENANTS = ["a", "b", "team-1"];
const BYTES_MAX = 2 ** 30;

const encoded = (request: ExportTraceServiceRequest) =>
  toBinary(ExportTraceServiceRequestSchema, request);

function requestOf(spans: Span[]): ExportTraceServiceRequest {
  return create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

function read(tenant: string, traceId: Uint8Array): Flat {
  const combiner = new TraceCombiner(traceId, BYTES_MAX);
  combiner.addRows(kernel.rows(tenant, traceId));
  return flatTrace(combiner.finish());
}

describe("what was sent comes back", () => {
  test.each([1, 2, 3, 4, 5, 6])("seed %i", (seed) => {
    kernel.reset();
    const random = prng(seed);
    const generator = new OtlpGenerator(random, 12);
    const sent = new SentTraces();
    for (let i = 0; i < 120; i++) {
      const request = generator.request();
      const tenant = TENANTS[random.below(TENANTS.length)];
      const wire = random.below(2) === 0 ? encoded(request) : toWire(request, random);
      expect(kernel.add(wire, tenant)).toMatchObject({ code: OK, badUtf8: 0, badSpanId: 0 });
      sent.add(request, tenant);
    }
    let spans = 0;
    for (const tenant of TENANTS) {
      for (const traceId of generator.traceIds) {
        const found = read(tenant, traceId);
        expect(found).toEqual(sent.trace(tenant, traceId) ?? []);
        spans += found.length;
      }
    }
    expect(spans).toBe(kernel.header(HALF_ROWS));
    expect(spans).toBeGreaterThan(200);
  });

  test("attributes of more keys than there are columns", () => {
    kernel.reset();
    const generator = new OtlpGenerator(prng(7), 1);
    const sent = new SentTraces();
    for (let i = 0; i < 3; i++) {
      const span = generator.span();
      for (let key = 0; key < 700; key++) {
        const stringValue = { case: "stringValue" as const, value: `${i}` };
        const keyed = create(ExportTraceServiceRequestSchema, {
          resourceSpans: [
            {
              scopeSpans: [
                {
                  spans: [{ attributes: [{ key: `${i}.${key}`, value: { value: stringValue } }] }],
                },
              ],
            },
          ],
        });
        span.attributes.push(...keyed.resourceSpans[0].scopeSpans[0].spans[0].attributes);
      }
      const request = requestOf([span, generator.span()]);
      kernel.add(encoded(request), "a");
      sent.add(request, "a");
    }
    expect(kernel.header(HALF_COLUMNS)).toBeGreaterThanOrEqual(16 + COLUMNS_AT_ONCE);
    const [traceId] = generator.traceIds;
    expect(read("a", traceId)).toEqual(sent.trace("a", traceId));
  });

  test("a trace of many thousands of rows between those of others", () => {
    kernel.reset();
    const generator = new OtlpGenerator(prng(8), 2);
    const sent = new SentTraces();
    for (let i = 0; i < 24; i++) {
      const request = requestOf(Array.from({ length: 500 }, () => generator.span()));
      kernel.add(encoded(request), "a");
      sent.add(request, "a");
    }
    for (const traceId of generator.traceIds) {
      const expected = sent.trace("a", traceId);
      expect(expected?.length).toBeGreaterThan(5000);
      expect([...kernel.rows("a", traceId)].length).toBe(expected?.length);
      expect(read("a", traceId)).toEqual(expected);
    }
  });

  test("a span that was sent twice is there once", () => {
    kernel.reset();
    const generator = new OtlpGenerator(prng(9), 1);
    const sent = new SentTraces();
    const spans = Array.from({ length: 50 }, () => generator.span());
    for (let i = 0; i < 2; i++) {
      const request = requestOf(spans);
      kernel.add(encoded(request), "a");
      sent.add(request, "a");
    }
    const [traceId] = generator.traceIds;
    expect([...kernel.rows("a", traceId)].length).toBe(100);
    expect(read("a", traceId)).toEqual(sent.trace("a", traceId));
  });
});

describe("what is not there", () => {
  test("nothing is seen before it is committed, nor by another tenant", () => {
    kernel.reset();
    const generator = new OtlpGenerator(prng(10), 2);
    const spans = Array.from({ length: 40 }, () => generator.span());
    const first = spans.slice(0, 20);
    kernel.add(encoded(requestOf(first)), "a");
    kernel.append(encoded(requestOf(spans.slice(20))), "a");
    const count = (tenant: string) =>
      generator.traceIds.reduce((sum, id) => sum + [...kernel.rows(tenant, id)].length, 0);
    expect(count("a")).toBe(20);
    expect(count("aa")).toBe(0);
    expect(count("")).toBe(0);
    kernel.kernel.commit();
    expect(count("a")).toBe(40);
    expect([...kernel.rows("a", new Uint8Array(16))]).toEqual([]);
  });

  test("rejected spans leave the others as they are", () => {
    kernel.reset();
    const generator = new OtlpGenerator(prng(11), 1);
    const [traceId] = generator.traceIds;
    const spans = Array.from({ length: 40 }, () => generator.span());
    for (const [i, span] of spans.entries()) {
      if (i % 3 === 0) span.spanId = new Uint8Array(i % 9);
      else if (i % 7 === 0) span.traceId = new Uint8Array(16);
    }
    const good = spans.filter((_, i) => i % 3 !== 0 && i % 7 !== 0);
    const verdict = kernel.add(encoded(requestOf(spans)), "a");
    expect(verdict.badSpanId + verdict.badTraceId).toBe(spans.length - good.length);
    const sent = new SentTraces();
    sent.add(requestOf(good), "a");
    expect(read("a", traceId)).toEqual(sent.trace("a", traceId));
  });
});
