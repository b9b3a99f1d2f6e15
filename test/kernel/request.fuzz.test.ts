import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  HALF_ARENA_POS,
  HALF_CHUNK_POS,
  HALF_COLUMNS,
  HALF_EVENTS,
  HALF_KEYS,
  HALF_LINKS,
  HALF_REQUESTS,
  HALF_ROWS,
  HALF_STRINGS,
  HALF_TRACES,
  OK,
} from "../../native/src/layout.ts";
import { prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { TraceCombiner } from "../../src/query/trace-combine.ts";
import { HeadKernel, rejectedOf, type Verdict } from "../support/head-kernel.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { flatTrace, SentTraces } from "../support/sent-traces.ts";
import { mutated } from "./wire.ts";

const kernel = new HeadKernel();
const ROUNDS = 600;
const COUNTS = [
  HALF_ROWS,
  HALF_TRACES,
  HALF_EVENTS,
  HALF_LINKS,
  HALF_COLUMNS,
  HALF_STRINGS,
  HALF_KEYS,
  HALF_CHUNK_POS,
  HALF_ARENA_POS,
  HALF_REQUESTS,
];

const counts = () => COUNTS.map((field) => kernel.header(field));

/** Undefined when a text is not UTF-8: of a resource or scope without spans, or it is rejected. */
function parsed(bytes: Uint8Array): ExportTraceServiceRequest | undefined {
  try {
    return fromBinary(ExportTraceServiceRequestSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

const spansOf = (request: ExportTraceServiceRequest) =>
  request.resourceSpans.flatMap((group) => group.scopeSpans.flatMap(({ spans }) => spans));

/** Without the groups' numbers: resources may differ in bytes and be equal as messages. */
const content = (flat: readonly string[]) =>
  flat.map((line) => line.replace(/^\d+ (\S+) \d+ /, "$1 ")).sort();

test.each([1, 2, 3, 4])("changed requests, seed %i", (seed) => {
  const random = prng(seed);
  const generator = new OtlpGenerator(random, 3);
  const seen = { malformed: 0, rejected: 0, exact: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 50 === 0) kernel.reset();
    let bytes = toBinary(ExportTraceServiceRequestSchema, generator.request());
    for (let i = random.below(3); i >= 0; i--) bytes = new Uint8Array(mutated(bytes, random));
    const before = counts();
    const tenant = `${round}`;
    const verdict = kernel.add(bytes, tenant);
    const rejected = rejectedOf(verdict);
    if (verdict.code !== OK) {
      expect(counts()).toEqual(before);
      seen.malformed++;
      continue;
    }
    expect(kernel.header(HALF_ROWS)).toBe(before[0] + verdict.spans - rejected);
    if (rejected > 0) seen.rejected++;
    else if (verdict.spans > 0) seen.exact += checkExact(bytes, tenant, verdict);
    // Whatever was kept, clients can read.
    for (const traceId of generator.traceIds) read(tenant, traceId);
  }
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(ROUNDS / 100);
});

function read(tenant: string, traceId: Uint8Array): readonly string[] {
  const combiner = new TraceCombiner(traceId, 2 ** 30);
  combiner.addRows(kernel.rows(tenant, traceId));
  return flatTrace(combiner.finish());
}

/** What has no fault is understood by protobuf-es, and comes back as it understands it. */
function checkExact(bytes: Uint8Array, tenant: string, verdict: Verdict): number {
  const request = parsed(bytes);
  if (request === undefined) return 0;
  const spans = spansOf(request);
  expect(spans.length).toBe(verdict.spans);
  const sent = new SentTraces();
  sent.add(request, tenant);
  for (const { traceId } of spans) {
    const expected = sent.trace(tenant, traceId) ?? [];
    expect(content(read(tenant, traceId))).toEqual(content(expected));
  }
  return 1;
}
