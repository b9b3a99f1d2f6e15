/** Traces with every field set at random, also to zero, empty and extreme values. */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Prng } from "../../src/base/prng.ts";
import type {
  AnyValue,
  KeyValue,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  AnyValueSchema,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import {
  Span_EventSchema,
  Span_LinkSchema,
  SpanSchema,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { type Trace, TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";

export function randomTrace(random: Prng): Trace {
  return create(TraceSchema, {
    resourceSpans: some(random, 4, () => ({
      ...(random.below(4) > 0 && {
        resource: {
          attributes: attributes(random),
          droppedAttributesCount: count(random),
          entityRefs: some(random, 2, () => ({
            schemaUrl: text(random),
            type: text(random),
            idKeys: some(random, 3, () => text(random)),
            descriptionKeys: some(random, 2, () => text(random)),
          })),
        },
      }),
      schemaUrl: text(random),
      scopeSpans: some(random, 3, () => ({
        ...(random.below(4) > 0 && {
          scope: {
            name: text(random),
            version: text(random),
            attributes: attributes(random),
            droppedAttributesCount: count(random),
          },
        }),
        schemaUrl: text(random),
        spans: some(random, 4, () => randomSpan(random)),
      })),
    })),
  });
}

export const encodedTrace = (trace: Trace): Uint8Array => toBinary(TraceSchema, trace);

function randomSpan(random: Prng): Span {
  return create(SpanSchema, {
    traceId: random.bytes(16),
    spanId: random.bytes(8),
    parentSpanId: random.bytes(8 * random.below(2)),
    traceState: text(random),
    flags: count(random),
    name: text(random),
    kind: random.below(6) as Span["kind"],
    startTimeUnixNano: bits64(random, false),
    endTimeUnixNano: bits64(random, false),
    attributes: attributes(random),
    droppedAttributesCount: count(random),
    droppedEventsCount: count(random),
    droppedLinksCount: count(random),
    events: some(random, 3, () =>
      create(Span_EventSchema, {
        timeUnixNano: bits64(random, false),
        name: text(random),
        attributes: attributes(random),
        droppedAttributesCount: count(random),
      }),
    ),
    links: some(random, 3, () =>
      create(Span_LinkSchema, {
        traceId: random.bytes(16),
        spanId: random.bytes(8),
        traceState: text(random),
        attributes: attributes(random),
        droppedAttributesCount: count(random),
        flags: count(random),
      }),
    ),
    ...(random.below(2) > 0 && { status: { message: text(random), code: random.below(3) as 0 } }),
  });
}

function attributes(random: Prng): KeyValue[] {
  return some(random, 4, () =>
    create(KeyValueSchema, {
      key: text(random),
      ...(random.below(8) > 0 && { value: value(random, 0) }),
    }),
  );
}

export function value(random: Prng, depth: number): AnyValue {
  const values = () => some(random, 3, () => value(random, depth + 1));
  const pairs = () =>
    values().map((inner) => create(KeyValueSchema, { key: text(random), value: inner }));
  const kinds = [
    () => ({ case: undefined }),
    () => ({ case: "stringValue", value: text(random) }),
    () => ({ case: "boolValue", value: random.below(2) > 0 }),
    () => ({ case: "intValue", value: bits64(random, true) }),
    () => ({ case: "doubleValue", value: double(random) }),
    () => ({ case: "bytesValue", value: random.bytes(random.below(9)) }),
    () => ({ case: "arrayValue", value: { values: values() } }),
    () => ({ case: "kvlistValue", value: { values: pairs() } }),
  ] as const;
  const kind = kinds[random.below(depth > 4 ? 6 : kinds.length)];
  return create(AnyValueSchema, { value: kind() as AnyValue["value"] });
}

function some<Item>(random: Prng, bound: number, make: () => Item): Item[] {
  return Array.from({ length: random.below(bound) }, make);
}

function text(random: Prng): string {
  const pieces = ["", "a", '"', "\\", "\n", "\t\r\b\f", "\u0000", "\u001f", "é", "漢", "😀", "/<&"];
  return Array.from({ length: random.below(5) }, () => pieces[random.below(pieces.length)]).join();
}

function count(random: Prng): number {
  return [0, 0, 1, 127, 128, 4_294_967_295, random.below(2 ** 32)][random.below(7)];
}

function bits64(random: Prng, signed: boolean): bigint {
  const any = new DataView(random.bytes(8).buffer).getBigUint64(0);
  const near = [0n, 1n, 127n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, any];
  const picked = near[random.below(near.length)];
  return signed ? BigInt.asIntN(64, random.below(2) > 0 ? -picked : picked) : picked;
}

function double(random: Prng): number {
  const near = [0, 1, -1.5, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, NaN];
  return near[random.below(near.length)];
}
