/** Requests of tenants with limits, against the same done to objects of protobuf-es. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { OK } from "../../native/src/layout.ts";
import { MiB } from "../../src/base/bytes.ts";
import { prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema as REQUEST,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type {
  AnyValue,
  KeyValue,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { HeadKernel, rejectedOf } from "../support/head-kernel.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { mutated } from "./wire.ts";

const ROUNDS = 400;
const REQUEST_AT = MiB; // as HeadKernel has it
const CUT_AT = 16_384;
const head = new HeadKernel();
const { kernel, buffer } = head;
const bytes = new Uint8Array(buffer);
const words = new Uint32Array(buffer);

/** What is left of the request that was validated last. */
function rewritten(length: number, { max, drops }: { max: number; drops: boolean }) {
  words.fill(0, CUT_AT / 4, CUT_AT / 4 + 5);
  const left = kernel.rewrite(REQUEST_AT, length, max, drops ? 1 : 0, CUT_AT) >>> 0;
  const request = bytes.slice(REQUEST_AT, REQUEST_AT + left);
  const behind = [...bytes.slice(REQUEST_AT + left, REQUEST_AT + Math.min(length, left + 8))];
  return { request, behind, cut: [...words.slice(CUT_AT / 4, CUT_AT / 4 + 5)] };
}

// ---- the same on objects

class Cutter {
  readonly cut = [0, 0, 0, 0, 0];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  request(request: ExportTraceServiceRequest): ExportTraceServiceRequest {
    for (const { resource, scopeSpans } of request.resourceSpans) {
      this.#all(resource?.attributes ?? [], 0);
      for (const { scope, spans } of scopeSpans) {
        this.#all(scope?.attributes ?? [], 1);
        for (const span of spans) {
          this.#all(span.attributes, 2);
          for (const { attributes } of span.events) this.#all(attributes, 3);
          for (const { attributes } of span.links) this.#all(attributes, 4);
        }
      }
    }
    return request;
  }

  #all(attributes: KeyValue[], of: number): void {
    for (const one of attributes) {
      one.key = this.#text(one.key, of);
      if (one.value !== undefined) this.#value(one.value, of);
    }
  }

  #value({ value }: AnyValue, of: number): void {
    if (value.case === "stringValue") value.value = this.#text(value.value, of);
    else if (value.case === "bytesValue" && value.value.length > this.#max) {
      value.value = value.value.slice(0, this.#max);
      this.cut[of] += 1;
    } else if (value.case === "arrayValue") {
      for (const one of value.value.values) this.#value(one, of);
    } else if (value.case === "kvlistValue") this.#all(value.value.values, of);
  }

  #text(text: string, of: number): string {
    const encoded = Buffer.from(text);
    if (encoded.length <= this.#max) return text;
    this.cut[of] += 1;
    let length = this.#max;
    while ((encoded[length] & 0xc0) === 0x80) length -= 1;
    return encoded.subarray(0, length).toString();
  }
}

const spansOf = (request: ExportTraceServiceRequest) =>
  request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) => spans.map((span) => ({ resource, scope, span }))),
  );

const parse = (request: Uint8Array) => fromBinary(REQUEST, request);
const canonical = (request: ExportTraceServiceRequest) =>
  Buffer.from(toBinary(REQUEST, request)).toString("hex");

test.each([1, 2, 3, 4, 5])("texts are cut where the limit is, seed %i", (seed) => {
  const random = prng(seed);
  const generator = new OtlpGenerator(random, 3);
  let cuts = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let request = toBinary(REQUEST, generator.request());
    if (random.below(2) === 0) request = new Uint8Array(mutated(request, random));
    const verdict = head.validate(request);
    if (verdict.code !== OK || rejectedOf(verdict) > 0) continue;
    const max = 1 + random.below(random.below(2) === 0 ? 8 : 200);
    let expected: ExportTraceServiceRequest;
    try {
      expected = parse(request);
    } catch {
      continue; // bad text in a resource without spans
    }
    const cutter = new Cutter(max);
    cutter.request(expected);
    const { request: left, behind, cut } = rewritten(request.length, { max, drops: false });
    expect(canonical(parse(left))).toBe(canonical(expected));
    if (left.length < request.length) expect(behind.slice(0, -left.length & 7)).not.toContain(1);
    // Of a field that came twice both are cut, and one of them is left.
    const all = (counts: readonly number[]) => counts.reduce((sum, one) => sum + one, 0);
    expect(all(cut)).toBeGreaterThanOrEqual(all(cutter.cut));
    cuts += all(cut);
    expect(head.validate(left)).toEqual(verdict);
  }
  expect(cuts).toBeGreaterThan(ROUNDS);
});

test("what was cut is counted by what has the attribute", () => {
  const random = prng(9);
  const generator = new OtlpGenerator(random, 3);
  const seen = [0, 0, 0, 0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const request = toBinary(REQUEST, generator.request());
    if (head.validate(request).code !== OK) continue;
    const cutter = new Cutter(3);
    cutter.request(parse(request));
    const { cut } = rewritten(request.length, { max: 3, drops: false });
    expect(cut).toEqual(cutter.cut);
    for (let of = 0; of < 5; of++) seen[of] += cut[of];
  }
  for (const count of seen) expect(count).toBeGreaterThan(10);
});

test.each([1, 2, 3])("listed and refused spans leave the others as they were, seed %i", (seed) => {
  const random = prng(100 + seed);
  const generator = new OtlpGenerator(random, 3);
  const counted = { refused: 0, over: 0, kept: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const request = toBinary(REQUEST, generator.request());
    const verdict = head.validate(request);
    if (verdict.code !== OK) continue;
    const sent = spansOf(parse(request));
    const bad = sent.map((_, ordinal) => kernel.isRejected(ordinal) !== 0);
    const max = random.below(3) === 0 ? 0 : 1 + random.below(6);
    const listed = kernel.listSpans(REQUEST_AT, request.length, max) >>> 0;
    const over = sent.map((one, ordinal) => !bad[ordinal] && max > 0 && hasMore(one, max));
    expect(kernel.overAttributes()).toBe(over.filter(Boolean).length);
    const expected = sent.flatMap(({ span }, ordinal) =>
      bad[ordinal] || over[ordinal] ? [] : [{ span, ordinal }],
    );
    expect(entries(listed)).toEqual(
      expected.map(({ span, ordinal }) => ({
        traceId: Buffer.from(span.traceId).toString("hex"),
        ordinal,
        bytes: toBinary(SpanSchema, span).length,
      })),
    );
    const refused = new Set(expected.flatMap(({ ordinal }) => (random.below(3) ? [] : [ordinal])));
    for (const ordinal of refused) kernel.rejectSpan(ordinal);
    const { request: left } = rewritten(request.length, { max: 0, drops: true });
    const kept = expected.filter(({ ordinal }) => !refused.has(ordinal));
    expect(spansOf(parse(left))).toEqual(kept.map(({ ordinal }) => sent[ordinal]));
    expect(rejectedOf(head.validate(left))).toBe(0);
    counted.refused += refused.size;
    counted.over += kernel.overAttributes();
    counted.kept += kept.length;
  }
  for (const count of Object.values(counted)) expect(count).toBeGreaterThan(ROUNDS / 10);
});

function hasMore({ resource, scope, span }: ReturnType<typeof spansOf>[number], max: number) {
  const all = [resource, scope, span, ...span.events, ...span.links];
  return all.some((one) => (one?.attributes ?? []).length > max);
}

function entries(listed: number) {
  const at = (kernel.spanListAt() >>> 0) / 4;
  return Array.from({ length: listed }, (_, i) => {
    const entry = at + 6 * i;
    return {
      traceId: Buffer.from(bytes.slice(4 * entry, 4 * entry + 16)).toString("hex"),
      ordinal: words[entry + 4],
      bytes: words[entry + 5],
    };
  });
}
