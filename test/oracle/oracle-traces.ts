/**
 * Trace sets at random, of few names and values so that queries find something: one key with values
 * of every type, parents that are missing, wrong or in a circle, several roots, spans that came
 * twice, spans of one trace days apart, in head and blocks. Sums keep their meaning whatever the
 * order of additions: numbers of both signs are small, large ones stand under a key of their own.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Prng } from "../../src/base/prng.ts";
import type {
  AnyValueSchema,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type {
  Span_SpanKind,
  SpanSchema,
  Status_StatusCode,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { type Trace, TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { type OracleTrace, spansOfMessage, tracesOf } from "./oracle-span.ts";

type AnyInit = MessageInitShape<typeof AnyValueSchema>;
type KeyValueInit = MessageInitShape<typeof KeyValueSchema>;
type SpanInit = MessageInitShape<typeof SpanSchema>;

/**
 * A span with where it comes from, and when it is sent: before each but the last, a flush follows.
 */
export interface SentItem {
  readonly part: number;
  readonly span: SpanInit;
  readonly resource: readonly KeyValueInit[];
  readonly scope: {
    readonly name: string;
    readonly version: string;
    readonly attributes: readonly KeyValueInit[];
  };
}

/** Two parts end in blocks, the last stays in the head. */
export const PARTS = 3;
/**
 * Traces that some tenants have besides: the engine looks at few rows one by one, and only at more
 * than 64 of a place by columns.
 */
export const CROWD = 50;
/** Unix seconds of what is not far away. */
export const EPOCH = 1_700_000_000;
export const SPREAD = 300;
/** Seconds from the epoch at which much begins, and at which times of questions begin and end. */
export const ROUND_STARTS: readonly number[] = [0, 100, 200];

const NS_PER_SECOND = 1_000_000_000n;
const MS = 1_000_000n;

function pick<T>(random: Prng, from: readonly T[]): T {
  return from[random.below(from.length)];
}

const chance = (random: Prng, one: number) => random.below(one) === 0;

// ---- values

export const TEXTS: readonly string[] = ["a", "b", "ab", "", "nil", "1", "true", "ü☃", "a\nb"];
export const INTS: readonly bigint[] = [0n, 1n, 2n, 3n, -1n, 200n];
export const FLOATS: readonly number[] = [0.5, 1, 1.5, -2, 200, 0.1, 0];
export const BIG_INTS: readonly bigint[] = [
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 53n,
];
export const BIG_FLOATS: readonly number[] = [1e300, 1e-300, 2 ** 53, 2 ** 63];
const ODD_FLOATS: readonly number[] = [Number.NaN, Number.POSITIVE_INFINITY, ...BIG_FLOATS];

const text = (value: string): AnyInit => ({ value: { case: "stringValue", value } });
const int = (value: bigint): AnyInit => ({ value: { case: "intValue", value } });
const float = (value: number): AnyInit => ({ value: { case: "doubleValue", value } });
const bool = (value: boolean): AnyInit => ({ value: { case: "boolValue", value } });
const list = (values: AnyInit[]): AnyInit => ({ value: { case: "arrayValue", value: { values } } });

/** Beside the usual, what has no value in the language. */
const ODD_VALUES: readonly AnyInit[] = [
  list([]),
  list([int(1n), text("a")]),
  list([list([int(1n)])]),
  { value: { case: "kvlistValue", value: { values: [{ key: "a", value: int(1n) }] } } },
  { value: { case: "bytesValue", value: Uint8Array.of(1, 0, 255) } },
  {},
];

function randomScalar(random: Prng, type: number): AnyInit {
  if (type === 0) return text(pick(random, TEXTS));
  if (type === 1) return int(pick(random, INTS));
  if (type === 2) return float(pick(random, FLOATS));
  return bool(chance(random, 2));
}

function randomValue(random: Prng): AnyInit {
  if (chance(random, 12)) return pick(random, ODD_VALUES);
  const type = random.below(4);
  if (!chance(random, 6)) return randomScalar(random, type);
  return list(Array.from({ length: 1 + random.below(3) }, () => randomScalar(random, type)));
}

/** Under this key: what is large, and what is no number. */
export const BIG_KEY = "big";
/** Where a span lacks this one, Tempo says "nil". */
export const NIL_SHOWN_KEY = "http.route";
export const KEYS: readonly string[] = ["k1", "k2", NIL_SHOWN_KEY, "with space", BIG_KEY];

function randomAttributes(random: Prng, countMax: number): KeyValueInit[] {
  const chosen = KEYS.filter(() => random.below(KEYS.length) < countMax);
  return chosen.map((key) => ({ key, value: key === BIG_KEY ? big(random) : randomValue(random) }));
}

function big(random: Prng): AnyInit {
  return chance(random, 2) ? int(pick(random, BIG_INTS)) : float(pick(random, ODD_FLOATS));
}

// ---- spans

export const NAMES: readonly string[] = ["a", "b", "c", "", "ü"];
export const SERVICES: readonly string[] = ["s1", "s2", "s3", ""];
export const EVENT_NAMES: readonly string[] = ["ev", "ex", ""];
export const MESSAGES: readonly string[] = ["", "oops"];
export const SCOPE_NAMES: readonly string[] = ["", "lib"];
export const SCOPE_VERSIONS: readonly string[] = ["", "1.0"];
const DURATIONS: readonly bigint[] = [0n, 1n, 2n, 5n * MS, 10n * MS, 10n * MS, 1000n * MS];
const ODD_DURATIONS: readonly bigint[] = [-5n * MS, 3_600_000n * MS, -1n];
/** Seconds away from the epoch: days later, the first second of 1970, and a hundred years. */
const FAR: readonly number[] = [90_000, 864_000, 1 - EPOCH, 3_155_000_000];

/** Of every tenant the same, so that none may see another's. */
export function traceIdOf(index: number): Uint8Array {
  const id = new Uint8Array(16);
  id[15] = index + 1;
  if (index % 2 === 1) id.set([0xed, index], 0);
  return id;
}

function spanIdOf(number: number): Uint8Array {
  const id = new Uint8Array(8);
  id[7] = number;
  if (number % 3 === 0) id[0] = 0xab;
  return id;
}

const MISSING_PARENT = 99;

/** At most `tracesMax` traces, and `crowd` beside them, most of which are sent at once. */
export function randomItems(random: Prng, tracesMax: number, crowd = 0): SentItem[] {
  const sources = Array.from({ length: 1 + random.below(4) }, () => randomSource(random));
  const count = 1 + random.below(tracesMax);
  const own = Array.from({ length: count }, (_, i) => randomTrace(random, { index: i, sources }));
  const home = crowd > 0 ? random.below(PARTS) : undefined;
  const others = Array.from({ length: crowd }, (_, i) =>
    randomTrace(random, { index: count + i, sources, home: chance(random, 6) ? undefined : home }),
  );
  const items = [...own, ...others].flat();
  // Of different traces in turns, as they come from different services.
  const keyed = items.map((item) => ({ item, key: random.unit() }));
  const mixed = keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  return mixed.sort((a, b) => a.part - b.part);
}

type ItemSource = Pick<SentItem, "resource" | "scope">;

function randomSource(random: Prng): ItemSource {
  const service: KeyValueInit[] = chance(random, 8)
    ? []
    : [{ key: "service.name", value: text(pick(random, SERVICES)) }];
  return {
    resource: [...service, ...randomAttributes(random, 2)],
    scope: {
      name: pick(random, SCOPE_NAMES),
      version: pick(random, SCOPE_VERSIONS),
      attributes: randomAttributes(random, 1),
    },
  };
}

/** With a `home` it is sent in that part alone. */
function randomTrace(
  random: Prng,
  {
    index,
    sources,
    home,
  }: { index: number; sources: readonly ItemSource[]; home?: number | undefined },
): SentItem[] {
  const count = 1 + random.below(chance(random, 6) ? 20 : 6);
  const start = chance(random, 3) ? pick(random, ROUND_STARTS) : random.below(SPREAD);
  const isShared = chance(random, 5);
  const parts = home !== undefined ? [home] : chance(random, 2) ? [random.below(PARTS)] : [0, 1, 2];
  return Array.from({ length: count }, (_, i) => {
    const isAgain = chance(random, isShared ? 2 : 6);
    const number = isAgain ? 1 + random.below(isShared ? 2 : count) : i + 1;
    const kinds = isShared ? SHARED_KINDS : KINDS;
    return {
      part: pick(random, parts),
      span: randomSpan(random, { index, number, count, start, kinds }),
      ...pick(random, sources),
    };
  });
}

const KINDS: readonly number[] = [0, 1, 2, 3, 4, 5];
/** Where spans share ids, as those of a client and its server do in Zipkin. */
const SHARED_KINDS: readonly number[] = [2, 2, 3, 3, 1];

interface Place {
  readonly kinds: readonly number[];
  readonly index: number;
  readonly number: number;
  readonly count: number;
  readonly start: number;
}

function randomSpan(random: Prng, { index, number, count, start, kinds }: Place): SpanInit {
  const later = chance(random, 3) ? 0 : random.below(8);
  const at = chance(random, 25) ? pick(random, FAR) : start + later;
  const time = BigInt(EPOCH + at) * NS_PER_SECOND + BigInt(random.below(3)) * MS;
  const duration = pick(random, chance(random, 12) ? ODD_DURATIONS : DURATIONS);
  const code = random.below(3) as Status_StatusCode;
  const message = pick(random, MESSAGES);
  return {
    traceId: traceIdOf(index),
    spanId: spanIdOf(number),
    parentSpanId: parentOf(random, number, count),
    name: pick(random, NAMES),
    kind: pick(random, kinds) as Span_SpanKind,
    startTimeUnixNano: time,
    endTimeUnixNano: time + duration,
    attributes: randomAttributes(random, 3),
    events: few(random, () => ({
      name: pick(random, EVENT_NAMES),
      timeUnixNano: time + pick(random, [0n, 1n, 5n * MS, -1n * MS]),
      attributes: randomAttributes(random, 2),
    })),
    links: few(random, () => ({
      traceId: traceIdOf(random.below(6)),
      spanId: spanIdOf(random.below(6)),
      attributes: randomAttributes(random, 2),
    })),
    ...(code === 0 && message === "" ? {} : { status: { code, message } }),
  };
}

function few<T>(random: Prng, make: () => T): T[] {
  return Array.from({ length: chance(random, 2) ? 0 : random.below(3) }, make);
}

/** Mostly one that is there; the first span has mostly none. */
function parentOf(random: Prng, number: number, count: number): Uint8Array {
  const isRoot = number === 1 ? !chance(random, 6) : chance(random, 8);
  if (isRoot) return new Uint8Array(0);
  if (chance(random, 10)) return spanIdOf(MISSING_PARENT);
  const above = chance(random, 8) ? 1 + random.below(count) : 1 + random.below(number);
  return spanIdOf(above);
}

// ---- requests

/** What is sent in a part: neighbours of one source stand together. */
export function messageOf(items: readonly SentItem[]): Trace {
  const groups: { readonly of: SentItem; readonly spans: SpanInit[] }[] = [];
  for (const item of items) {
    const last = groups.at(-1);
    const isSame = last?.of.resource === item.resource && last.of.scope === item.scope;
    if (last !== undefined && isSame) last.spans.push(item.span);
    else groups.push({ of: item, spans: [item.span] });
  }
  const resourceSpans = groups.map(({ of: { resource, scope }, spans }) => ({
    resource: { attributes: [...resource] },
    scopeSpans: [{ scope: { ...scope, attributes: [...scope.attributes] }, spans }],
  }));
  return create(TraceSchema, { resourceSpans });
}

/** A request of a part; undefined when there is nothing to send. */
export function requestOf(
  items: readonly SentItem[],
  part: number,
): Uint8Array<ArrayBuffer> | undefined {
  const own = items.filter((item) => item.part === part);
  return own.length === 0 ? undefined : toBinary(TraceSchema, messageOf(own));
}

/** What a tenant has that sent all of it, by parts. */
export function oracleTraces(items: readonly SentItem[]): OracleTrace[] {
  const parts = Array.from({ length: PARTS }, (_, part) =>
    items.filter((item) => item.part === part),
  );
  return tracesOf(parts.flatMap((own) => spansOfMessage(messageOf(own))));
}

// ---- for people

/** One line, with what is not empty. */
export function itemText({ part, span, resource, scope }: SentItem): string {
  const id = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("hex");
  const { traceId, spanId, parentSpanId, startTimeUnixNano, endTimeUnixNano, ...others } = span;
  const start = (startTimeUnixNano ?? 0n) - BigInt(EPOCH) * NS_PER_SECOND;
  const end = (endTimeUnixNano ?? 0n) - BigInt(EPOCH) * NS_PER_SECOND;
  const own = { ...others, resource, scope };
  return [
    `part ${part} trace ${id(traceId).replace(/^0+/, "")} span ${id(spanId)}`,
    `parent ${id(parentSpanId) || "-"} ${start}..${end} ${JSON.stringify(own, compact)}`,
  ].join(" ");
}

function compact(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}`;
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (value === "" || (Array.isArray(value) && value.length === 0)) return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  // A value without the layers of its message.
  if ("case" in value && "value" in value) return { [String(value.case)]: value.value };
  const [only, ...more] = Object.keys(value);
  return only === "value" && more.length === 0 ? Object.values(value)[0] : value;
}
