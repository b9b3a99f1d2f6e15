/**
 * Attributes that are now in the residual, now in a column, come back as they were sent: each
 * once, in order, keys that repeat included.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { COL_ATTRIBUTE_FIRST, COLUMNS_AT_ONCE, HALF_COLUMNS } from "../../native/src/layout.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import {
  type KeyValue,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { TraceCombiner } from "../../src/query/trace-combine.ts";
import { HeadKernel } from "../support/head-kernel.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { flatTrace, SentTraces } from "../support/sent-traces.ts";

const TENANTS = ["a", "b"];

/** Of 4,000 keys a few are dense and most are rare; one in eight comes twice or more. */
function randomAttributes(random: Prng): KeyValue[] {
  const attributes: KeyValue[] = [];
  for (let left = 5 + random.below(30); left > 0; left--) {
    const key = `key-${random.below(1 + random.below(1 + random.below(4000)))}`;
    for (let times = random.below(8) === 0 ? 2 : 1; times > 0; times--) {
      attributes.push(create(KeyValueSchema, { key, value: { value: randomValue(random) } }));
    }
  }
  return attributes;
}

function randomValue(random: Prng) {
  switch (random.below(6)) {
    case 0:
      return { case: "intValue", value: BigInt(random.below(100)) } as const;
    case 1:
      return { case: "doubleValue", value: random.below(100) / 8 } as const;
    case 2:
      return { case: "boolValue", value: random.below(2) === 1 } as const;
    default:
      return { case: "stringValue", value: `${random.below(1000)}` } as const;
  }
}

function randomRequest(generator: OtlpGenerator, random: Prng): ExportTraceServiceRequest {
  const spans = Array.from({ length: 40 }, () => {
    const span = generator.span();
    span.attributes.push(...randomAttributes(random));
    for (const { attributes } of [...span.events, ...span.links]) {
      attributes.push(...randomAttributes(random));
    }
    return span;
  });
  return create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

describe("attributes in columns and in the residual", () => {
  test.each([1, 2, 3, 4])("come back as they were sent, over three halves, seed %i", (seed) => {
    const head = new HeadKernel();
    const random = prng(seed);
    const generator = new OtlpGenerator(random, 12);
    for (let half = 0; half < 3; half++) {
      const sent = new SentTraces();
      for (let i = 0; i < 20; i++) {
        const request = randomRequest(generator, random);
        const tenant = TENANTS[random.below(TENANTS.length)];
        head.add(toBinary(ExportTraceServiceRequestSchema, request), tenant);
        sent.add(request, tenant);
      }
      const columns = head.header(HALF_COLUMNS) - COL_ATTRIBUTE_FIRST;
      expect(columns).toBeGreaterThan(COLUMNS_AT_ONCE);
      for (const tenant of TENANTS) {
        for (const traceId of generator.traceIds) {
          const combiner = new TraceCombiner(traceId, 2 ** 30);
          combiner.addRows(head.rows(tenant, traceId));
          const expected = sent.trace(tenant, traceId) ?? [];
          expect(flatTrace(combiner.finish())).toEqual(expected);
        }
      }
      head.kernel.rankColumns();
      head.reset();
      head.kernel.carryColumns();
    }
  });
});
