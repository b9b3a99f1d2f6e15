/**
 * Requests with few keys, of all types, in traces with parents, events and links: all attributes
 * get columns, so that blocks of them can be compared column by column.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Prng } from "../../src/base/prng.ts";
import { ExportTraceServiceRequestSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type {
  AnyValueSchema,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";

type Value = Exclude<MessageInitShape<typeof AnyValueSchema>["value"], undefined>;
type Attribute = MessageInitShape<typeof KeyValueSchema>;

export interface ShopTrace {
  readonly id: Uint8Array<ArrayBuffer>;
  /** Span ids so far: later spans have them as parents. */
  readonly spans: Uint8Array<ArrayBuffer>[];
}

export function shopTraces(random: Prng, count: number): ShopTrace[] {
  return Array.from({ length: count }, () => ({
    id: Uint8Array.from(random.bytes(16)),
    spans: [],
  }));
}

/** One request of `count` spans of some of the traces. */
export function shopRequest(random: Prng, traces: readonly ShopTrace[], count: number): Uint8Array {
  const spans = Array.from({ length: count }, () => span(random, traces));
  const resource = {
    attributes: [attribute("service.name", text(`service-${random.below(5)}`))],
    droppedAttributesCount: random.below(40) === 0 ? 1 : 0,
  };
  const scope = { name: `scope-${random.below(3)}`, version: "1" };
  const scopeSpans = [{ scope, spans, schemaUrl: random.below(3) === 0 ? "https://s" : "" }];
  const request = create(ExportTraceServiceRequestSchema, {
    resourceSpans: [{ resource, scopeSpans }],
  });
  return toBinary(ExportTraceServiceRequestSchema, request);
}

function span(random: Prng, traces: readonly ShopTrace[]): MessageInitShape<typeof SpanSchema> {
  const trace = traces[random.below(traces.length)];
  const spanId = Uint8Array.from(random.bytes(8));
  const { spans } = trace;
  const parent = random.below(8) === 0 ? undefined : spans[random.below(spans.length + 1)];
  spans.push(spanId);
  const start = 1_700_000_000_000_000_000n + BigInt(random.below(2 ** 31)) * 1000n;
  const events = random.below(6) === 0 ? random.below(4) : 0;
  return {
    traceId: trace.id,
    spanId,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    name: `operation-${random.below(20)}`,
    kind: random.below(6) as 0 | 1 | 2 | 3 | 4 | 5,
    startTimeUnixNano: start,
    endTimeUnixNano: start + BigInt(random.below(2 ** 30)) - 1000n,
    flags: random.below(3),
    traceState: random.below(9) === 0 ? "a=b" : "",
    status: {
      code: random.below(3) as 0 | 1 | 2,
      message: random.below(9) === 0 ? "it failed" : "",
    },
    droppedEventsCount: random.below(9) === 0 ? 3 : 0,
    attributes: attributes(random, "", true),
    events: Array.from({ length: events }, () => ({
      timeUnixNano: start + BigInt(random.below(1000)),
      name: `event-${random.below(3)}`,
      attributes: attributes(random, "e.", false),
    })),
    links: Array.from({ length: random.below(20) === 0 ? 2 : 0 }, () => ({
      traceId: Uint8Array.from(random.bytes(16)),
      spanId: Uint8Array.from(random.bytes(8)),
      attributes: attributes(random, "l.", false),
    })),
  };
}

function attributes(random: Prng, prefix: string, withLists: boolean): Attribute[] {
  const all = [
    attribute("few", text(`value-${random.below(10)}`)),
    attribute("many", text(`value-${random.below(2 ** 30)}`)),
    attribute("empty", text("")),
    attribute("small", int(BigInt(random.below(100)))),
    attribute("large", int(BigInt(random.below(2 ** 30)) - 2n ** 29n)),
    attribute("score", { case: "doubleValue", value: random.below(1000) / 8 }),
    attribute("wide", { case: "doubleValue", value: random.below(2 ** 30) / 7 }),
    attribute("flag", { case: "boolValue", value: random.below(2) === 0 }),
    attribute("bytes", { case: "bytesValue", value: Uint8Array.from(random.bytes(5)) }),
    attribute("few", int(1n)),
    ...(withLists ? lists(random) : []),
  ];
  const wanted = all.filter(() => random.below(3) === 0);
  return wanted.map(({ key, value }) => ({ key: `${prefix}${key}`, value: value ?? {} }));
}

function lists(random: Prng): Attribute[] {
  const list = (value: () => Value): Value => ({
    case: "arrayValue",
    value: { values: Array.from({ length: 1 + random.below(3) }, () => ({ value: value() })) },
  });
  return [
    attribute(
      "texts",
      list(() => text(`v${random.below(9)}`)),
    ),
    attribute(
      "ints",
      list(() => int(BigInt(random.below(9)))),
    ),
    attribute(
      "doubles",
      list(() => ({ case: "doubleValue", value: random.below(9) / 2 })),
    ),
    attribute(
      "flags",
      list(() => ({ case: "boolValue", value: random.below(2) === 0 })),
    ),
  ];
}

function attribute(key: string, value: Value): Attribute {
  return { key, value: { value } };
}

function text(value: string): Value {
  return { case: "stringValue", value };
}

function int(value: bigint): Value {
  return { case: "intValue", value };
}
