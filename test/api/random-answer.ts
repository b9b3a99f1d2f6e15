/** Answers of every kind, made at random, awkward values first. */
import type { Prng } from "../../src/base/prng.ts";
import type {
  AnswerMetrics,
  Exemplar,
  KeyValue,
  MetricsAnswer,
  SearchAnswer,
  SpanSet,
  TagNamesAnswer,
  TagValuesAnswer,
  TraceSummary,
  Value,
} from "../../src/query/question.ts";
import type { Static } from "../../src/traceql/ast.ts";

const TEXTS = [
  "",
  "shop",
  "ü",
  "🔥",
  '"\\',
  "a b\n",
  "__proto__",
  "nil",
  "\u0000",
  "<&>",
  "\u2028",
];
const FLOATS = [0, -0, 0.1, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 3, Number.NaN];
const INTS = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n];
const TIMES = [0n, 1n, 1_700_000_000_123_456_789n, 2n ** 63n - 1n, -5n];
const COUNTS = [0, 1, 7, 1000, 2 ** 32 - 1, 2 ** 40];

const pick = <T>(random: Prng, list: readonly T[]): T => list[random.below(list.length)];
const some = <T>(random: Prng, make: () => T, max = 4): T[] =>
  Array.from({ length: random.below(max) }, make);

function staticValue(random: Prng): Static {
  const infinity = random.below(2) === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return pick<Static>(random, [
    { type: "nil" },
    { type: "int", value: pick(random, INTS) },
    { type: "float", value: random.below(9) === 0 ? infinity : pick(random, FLOATS) },
    { type: "string", value: pick(random, TEXTS) },
    { type: "bool", value: random.below(2) === 0 },
    { type: "duration", value: pick(random, INTS) },
    { type: "status", value: "error" },
    { type: "kind", value: "server" },
  ]);
}

function value(random: Prng): Value {
  if (random.below(6) > 0) return staticValue(random);
  const one = staticValue(random);
  return { type: "list", values: some(random, () => one) };
}

const keyValue = (random: Prng): KeyValue => ({ key: pick(random, TEXTS), value: value(random) });
const hex = (random: Prng, bytes: number) =>
  random
    .bytes(random.below(bytes + 1))
    .toHex()
    .padStart(bytes * 2, "0");

function metrics(random: Prng): AnswerMetrics {
  return {
    inspectedTraces: pick(random, COUNTS),
    inspectedSpans: pick(random, COUNTS),
    inspectedBytes: pick(random, COUNTS),
    totalBlocks: pick(random, COUNTS),
    totalBlockBytes: pick(random, COUNTS),
    totalJobs: pick(random, COUNTS),
    completedJobs: pick(random, COUNTS),
    damagedBlocks: Array.from({ length: random.below(3) }, () => hex(random, 16)),
  };
}

function spanSet(random: Prng): SpanSet {
  return {
    matched: pick(random, COUNTS),
    attributes: some(random, () => keyValue(random)),
    spans: some(random, () => ({
      spanId: hex(random, 8),
      name: random.below(2) === 0 ? undefined : pick(random, TEXTS),
      startUnixNano: pick(random, TIMES),
      durationNano: pick(random, TIMES),
      attributes: some(random, () => keyValue(random)),
    })),
  };
}

function trace(random: Prng): TraceSummary {
  return {
    traceId: hex(random, 16),
    rootServiceName: pick(random, TEXTS),
    rootTraceName: pick(random, TEXTS),
    startUnixNano: pick(random, TIMES),
    durationNano: pick(random, TIMES),
    services: TEXTS.slice(0, random.below(6)).map((service) => ({
      service,
      spans: pick(random, COUNTS),
      errors: pick(random, COUNTS),
    })),
    spanSets: some(random, () => spanSet(random), 3),
  };
}

export function searchAnswer(random: Prng): SearchAnswer {
  const traces = some(random, () => trace(random), 6);
  return { type: "search", traces, metrics: metrics(random) };
}

export function tagNamesAnswer(random: Prng): TagNamesAnswer {
  const names = () => TEXTS.slice(0, random.below(TEXTS.length)).toSorted();
  const scopes = (["resource", "span", "link"] as const).map((scope) => ({
    scope,
    names: names(),
  }));
  return { type: "tagNames", scopes: scopes.slice(random.below(3)), metrics: metrics(random) };
}

export function tagValuesAnswer(random: Prng): TagValuesAnswer {
  const values = some(random, () => staticValue(random), 20);
  return { type: "tagValues", values, metrics: metrics(random) };
}

export function metricsAnswer(random: Prng): MetricsAnswer {
  const sample = () => ({
    timestampMs: random.below(2) * 1_700_000_000_000,
    value: pick(random, FLOATS),
  });
  const exemplar = (): Exemplar => ({
    ...sample(),
    labels: some(random, () => keyValue(random)),
  });
  const series = some(random, () => ({
    labels: some(random, () => keyValue(random)),
    samples: some(random, sample, 6),
    exemplars: some(random, exemplar),
  }));
  const partial = random.below(2) === 0 ? undefined : pick(random, TEXTS);
  return { type: "metrics", series, partial, metrics: metrics(random) };
}
