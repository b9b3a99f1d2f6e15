/** Spans of Jaeger as plain values, in the forms in which they travel, and random ones. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Prng } from "../../src/base/prng.ts";
import { PostSpansRequestSchema } from "../../src/proto-gen/jaeger/api_v2/collector_pb.ts";
import type {
  KeyValueSchema,
  ProcessSchema,
  SpanSchema,
} from "../../src/proto-gen/jaeger/api_v2/model_pb.ts";
import { STRUCT } from "../../src/receive/thrift.ts";
import {
  bool,
  double,
  i32,
  i64,
  list,
  struct,
  type ThriftStruct,
  type ThriftValue,
  text,
} from "./thrift-tree.ts";

export type JaegerTag = readonly [
  key: string,
  value: string | boolean | bigint | number | Uint8Array<ArrayBuffer>,
];

export interface JaegerProcess {
  readonly service: string;
  readonly tags: readonly JaegerTag[];
}

export interface JaegerReference {
  readonly follows: boolean;
  /** Sixteen bytes. */
  readonly traceId: Uint8Array<ArrayBuffer>;
  /** Eight bytes. */
  readonly spanId: Uint8Array<ArrayBuffer>;
}

export interface JaegerModelSpan {
  readonly traceId: Uint8Array<ArrayBuffer>;
  readonly spanId: Uint8Array<ArrayBuffer>;
  /** Of the thrift form; the other one has references alone. */
  readonly parentId: Uint8Array<ArrayBuffer> | undefined;
  readonly name: string;
  readonly references: readonly JaegerReference[];
  readonly flags: number;
  /** Microseconds. */
  readonly start: bigint;
  readonly duration: bigint;
  readonly tags: readonly JaegerTag[];
  readonly logs: readonly { readonly time: bigint; readonly fields: readonly JaegerTag[] }[];
  /** Of the protobuf form alone. */
  readonly process: JaegerProcess | undefined;
}

export interface JaegerBatch {
  readonly process: JaegerProcess;
  readonly spans: readonly JaegerModelSpan[];
}

// ---- jaeger.thrift

const number = (id: Uint8Array, from: number) => i64(Buffer.from(id).readBigInt64BE(from));

function thriftTag([key, value]: JaegerTag): ThriftStruct {
  const name = [1, text(key)] as const;
  if (typeof value === "string") return struct(name, [2, i32(0)], [3, text(value)]);
  if (typeof value === "number") return struct(name, [2, i32(1)], [4, double(value)]);
  if (typeof value === "boolean") return struct(name, [2, i32(2)], [5, bool(value)]);
  if (typeof value === "bigint") return struct(name, [2, i32(3)], [6, i64(value)]);
  return struct(name, [2, i32(4)], [7, text(value)]);
}

const thriftTags = (tags: readonly JaegerTag[]) => list(STRUCT, tags.map(thriftTag));

function thriftSpan(span: JaegerModelSpan): ThriftStruct {
  const references = span.references.map(({ follows, traceId, spanId }) =>
    struct(
      ...([
        [1, i32(follows ? 1 : 0)],
        [2, number(traceId, 8)],
        [3, number(traceId, 0)],
      ] as const),
      [4, number(spanId, 0)],
    ),
  );
  const logs = span.logs.map(({ time, fields }) => struct([1, i64(time)], [2, thriftTags(fields)]));
  const fields: (readonly [number, ThriftValue])[] = [
    [1, number(span.traceId, 8)],
    [2, number(span.traceId, 0)],
    [3, number(span.spanId, 0)],
    [4, span.parentId === undefined ? i64(0) : number(span.parentId, 0)],
    [5, text(span.name)],
    [6, list(STRUCT, references)],
    [7, i32(span.flags)],
    [8, i64(span.start)],
    [9, i64(span.duration)],
    [10, thriftTags(span.tags)],
    [11, list(STRUCT, logs)],
  ];
  return struct(...fields);
}

/** `spansFirst` is an order that no client has and every reader takes. */
export function thriftBatch({ process, spans }: JaegerBatch, spansFirst = false): ThriftStruct {
  const inOrder = [
    [1, struct([1, text(process.service)], [2, thriftTags(process.tags)])],
    [2, list(STRUCT, spans.map(thriftSpan))],
  ] as const;
  return struct(...(spansFirst ? inOrder.toReversed() : inOrder));
}

export const emitBatchArguments = (batch: JaegerBatch) => struct([1, thriftBatch(batch)]);

// ---- jaeger.api_v2

function protoTag([key, value]: JaegerTag): MessageInitShape<typeof KeyValueSchema> {
  if (typeof value === "string") return { key, vType: 0, vStr: value };
  if (typeof value === "number") return { key, vType: 3, vFloat64: value };
  if (typeof value === "boolean") return { key, vType: 1, vBool: value };
  if (typeof value === "bigint") return { key, vType: 2, vInt64: value };
  return { key, vType: 4, vBinary: value };
}

function protoProcess({ service, tags }: JaegerProcess): MessageInitShape<typeof ProcessSchema> {
  return { serviceName: service, tags: tags.map(protoTag) };
}

/** Of microseconds; a duration has the sign of its whole in both parts, a time in its seconds. */
function protoTime(time: bigint, isDuration: boolean) {
  let seconds = time / 1_000_000n;
  let micros = time % 1_000_000n;
  if (!isDuration && micros < 0n) {
    seconds -= 1n;
    micros += 1_000_000n;
  }
  return { seconds, nanos: Number(micros) * 1000 };
}

function protoSpan(span: JaegerModelSpan): MessageInitShape<typeof SpanSchema> {
  const parent = span.parentId;
  const references = [...span.references];
  if (parent !== undefined) {
    references.unshift({ follows: false, traceId: span.traceId, spanId: parent });
  }
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    operationName: span.name,
    references: references.map(({ follows, traceId, spanId }) => ({
      traceId,
      spanId,
      refType: follows ? 1 : 0,
    })),
    flags: span.flags,
    startTime: protoTime(span.start, false),
    duration: protoTime(span.duration, true),
    tags: span.tags.map(protoTag),
    logs: span.logs.map(({ time, fields }) => ({
      timestamp: protoTime(time, false),
      fields: fields.map(protoTag),
    })),
    ...(span.process === undefined ? {} : { process: protoProcess(span.process) }),
  };
}

export function postSpansMessage({ process, spans }: JaegerBatch) {
  return { batch: { process: protoProcess(process), spans: spans.map(protoSpan) } };
}

export function postSpans(batch: JaegerBatch): Uint8Array<ArrayBuffer> {
  const message = create(PostSpansRequestSchema, postSpansMessage(batch));
  return toBinary(PostSpansRequestSchema, message);
}

// ---- random ones

const KEYS = [
  ...["span.kind", "error", "otel.status_code", "otel.status_description", "http.status_code"],
  ...["http.status_message", "w3c.tracestate", "otel.scope.name", "otel.scope.version", "event"],
  ...["message", "hostname", "host.name", "jaeger.version", "opencensus.exporterversion"],
  ...[
    "otel.library.version",
    "service.name",
    "ip",
    "db.statement",
    "",
    "straße",
    "a",
    "b",
    "c",
    "span.kine",
    "ewror",
    "otel.library.name",
  ],
];
const TEXTS = [
  ...["client", "server", "producer", "consumer", "internal", "OK", "ok", "ERROR", "Unset", "true"],
  ...["500", "404", "200", "399", "x".repeat(300), "", "日本", "SELECT 1", "k=v", "12345678901"],
];

function randomTag(random: Prng): JaegerTag {
  const key = KEYS[random.below(KEYS.length)];
  const kinds = [
    () => TEXTS[random.below(TEXTS.length)],
    () => TEXTS[random.below(TEXTS.length)],
    () => random.below(2) === 0,
    () => [200n, 404n, 500n, 99n, -1n, 2n ** 63n - 1n, -(2n ** 63n)][random.below(7)],
    () => [0.5, -0, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 3][random.below(6)],
    () => random.bytes(random.below(9)) as Uint8Array<ArrayBuffer>,
  ];
  return [key, kinds[random.below(kinds.length)]()];
}

function several<T>(random: Prng, most: number, one: () => T): T[] {
  return Array.from({ length: random.below(most + 1) }, one);
}

export function randomProcess(random: Prng): JaegerProcess {
  const service = ["shop", "", "cart", "日本"][random.below(4)];
  return { service, tags: several(random, 4, () => randomTag(random)) };
}

/** All of one trace or of another, so that references meet. */
export function randomBatch(random: Prng, process = randomProcess(random)): JaegerBatch {
  const id = (length: number) => random.bytes(length) as Uint8Array<ArrayBuffer>;
  const traces = [id(16), Buffer.concat([new Uint8Array(8), id(8)])];
  const spans = Array.from({ length: 4 }, () => id(8));
  const pick = <T>(from: readonly T[]) => from[random.below(from.length)];
  const time = () =>
    BigInt(random.below(2 ** 31)) * 1_000_003n * (random.below(9) === 0 ? -1n : 1n);
  const span = (): JaegerModelSpan => ({
    traceId: pick(traces),
    spanId: pick(spans),
    parentId: random.below(2) === 0 ? pick(spans) : undefined,
    name: pick(["GET /", "", "日本", "x".repeat(200)]),
    references: several(random, 3, () => ({
      follows: random.below(2) === 0,
      traceId: pick(traces),
      spanId: pick(spans),
    })),
    flags: random.below(4),
    start: time(),
    duration: BigInt(random.below(10_000_000)) * (random.below(9) === 0 ? -1n : 1n),
    tags: several(random, random.below(20) === 0 ? 60 : 12, () => randomTag(random)),
    logs: several(random, 3, () => ({
      time: time(),
      fields: several(random, 3, () => randomTag(random)),
    })),
    process: undefined,
  });
  return { process, spans: several(random, 5, span) };
}
