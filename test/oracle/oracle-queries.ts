/** Questions at random that find something in the trace sets of oracle-traces.ts. */
import type { Prng } from "../../src/base/prng.ts";
import type {
  Aggregate,
  Attribute,
  AttributeScope,
  Binary,
  Compare,
  CompareOp,
  Field,
  FieldExpr,
  IntrinsicName,
  MetricsExpr,
  MetricsFunction,
  MetricsQuery,
  Pipeline,
  Query,
  SecondStage,
  SpansetExpr,
  Stage,
  Static,
  StructuralOp,
} from "../../src/traceql/ast.ts";
import { check } from "../../src/traceql/check.ts";
import { parse } from "../../src/traceql/parse.ts";
import { print } from "../../src/traceql/print.ts";
import { TraceqlError } from "../../src/traceql/traceql-error.ts";
import {
  BIG_FLOATS,
  BIG_INTS,
  BIG_KEY,
  EPOCH,
  EVENT_NAMES,
  FLOATS,
  INTS,
  KEYS,
  MESSAGES,
  NAMES,
  ROUND_STARTS,
  SCOPE_NAMES,
  SERVICES,
  TEXTS,
  traceIdOf,
} from "./oracle-traces.ts";

function pick<T>(random: Prng, from: readonly T[]): T {
  return from[random.below(from.length)];
}

const chance = (random: Prng, one: number) => random.below(one) === 0;
const literal = (value: Static): FieldExpr => ({ node: "literal", value });
const text = (value: string): Static => ({ type: "string", value });
const int = (value: bigint): Static => ({ type: "int", value });
const float = (value: number): Static => ({ type: "float", value });
const duration = (value: bigint): Static => ({ type: "duration", value });

// ---- fields and literals that fit

const PATTERNS = [
  "a",
  "a.*",
  ".*b",
  "[ab]",
  "",
  ".*",
  "(?i)A|ü.*",
  "\\d+",
  "a.b",
  "s[12]",
  "e(v|x)",
];
const DURATION_LITERALS = [0n, 1n, 5_000_000n, 10_000_000n, 1_000_000_000n];

type Literals = (random: Prng) => Static;

const numbers: Literals = (random) => {
  const kind = random.below(6);
  if (kind < 3) return int(pick(random, INTS));
  if (kind < 5) return float(pick(random, FLOATS));
  return duration(pick(random, DURATION_LITERALS));
};
const texts =
  (of: readonly string[]): Literals =>
  (random) =>
    text(pick(random, of));
const ids: Literals = (random) => {
  const hex = Buffer.from(traceIdOf(random.below(6))).toString("hex");
  return text(chance(random, 3) ? hex : hex.replace(/^0+/, ""));
};
const spanIds = texts([
  ...["0000000000000001", "0000000000000002", "ab00000000000003", "1", "0000000000000000"],
]);
/** Between durations that there are: none of them is equal. */
const FRACTIONS = [0.5, 1.5, 9_999_999.5];
const durations: Literals = (random) => {
  const kind = random.below(8);
  if (kind < 2) return numbers(random);
  if (kind === 2) return float(pick(random, FRACTIONS));
  return duration(pick(random, DURATION_LITERALS));
};
const smallNumbers: Literals = (random) =>
  chance(random, 4) ? float(pick(random, FLOATS)) : int(BigInt(random.below(6) - 1));

const INTRINSIC_LITERALS: Readonly<Record<Exclude<IntrinsicName, "parent">, Literals>> = {
  duration: durations,
  name: texts(NAMES),
  status: (random) => ({ type: "status", value: pick(random, ["ok", "error", "unset"]) }),
  statusMessage: texts(MESSAGES),
  kind: (random) => ({
    type: "kind",
    value: pick(random, ["unspecified", "internal", "client", "server", "producer", "consumer"]),
  }),
  "span:id": spanIds,
  "span:parentID": spanIds,
  "span:childCount": smallNumbers,
  "trace:id": ids,
  traceDuration: durations,
  rootName: texts(NAMES),
  rootServiceName: texts(SERVICES),
  "event:name": texts(EVENT_NAMES),
  "event:timeSinceStart": durations,
  "link:traceID": ids,
  "link:spanID": spanIds,
  "instrumentation:name": texts(SCOPE_NAMES),
  "instrumentation:version": texts(["", "1.0"]),
  nestedSetLeft: smallNumbers,
  nestedSetRight: smallNumbers,
  nestedSetParent: smallNumbers,
};
const INTRINSIC_NAMES = Object.keys(INTRINSIC_LITERALS) as (keyof typeof INTRINSIC_LITERALS)[];
const NUMERIC: readonly IntrinsicName[] = [
  ...(["duration", "traceDuration", "event:timeSinceStart", "span:childCount"] as const),
];
const SCOPES: readonly AttributeScope[] = [
  ...(["none", "none", "span", "span", "span", "resource", "resource"] as const),
  ...(["event", "link", "instrumentation"] as const),
];

function randomAttribute(random: Prng, keys: readonly string[] = KEYS): Attribute {
  if (chance(random, 6)) {
    const scope = chance(random, 3) ? "none" : "resource";
    return { node: "attribute", scope, parent: false, name: "service.name" };
  }
  const name = chance(random, 20) ? "missing" : pick(random, keys);
  return { node: "attribute", scope: pick(random, SCOPES), parent: false, name };
}

export function randomField(random: Prng): Field {
  if (chance(random, 8)) return { node: "intrinsic", name: pick(random, NUMERIC) };
  if (chance(random, 3)) return { node: "intrinsic", name: pick(random, INTRINSIC_NAMES) };
  return randomAttribute(random);
}

function literalFor(random: Prng, field: FieldExpr): Static {
  if (field.node === "intrinsic" && field.name !== "parent") {
    return INTRINSIC_LITERALS[field.name](random);
  }
  if (field.node === "attribute" && field.name === "service.name") {
    return text(pick(random, SERVICES));
  }
  if (field.node === "attribute" && field.name === BIG_KEY) {
    return chance(random, 2) ? int(bigInt(random)) : float(pick(random, BIG_FLOATS));
  }
  const kind = random.below(6);
  if (kind < 2) return text(pick(random, TEXTS));
  if (kind === 2) return { type: "bool", value: chance(random, 2) };
  return numbers(random);
}

/** Those that a query can write: a minus is an operator. */
function bigInt(random: Prng): bigint {
  return pick(
    random,
    BIG_INTS.filter((value) => value >= 0n),
  );
}

// ---- conditions

const COMPARES: readonly CompareOp[] = ["=", "!=", "<", "<=", ">", ">="];

/** Of events, or links, whether what holds of one holds of any: `{ event.a = (event.b > 1) }`. */
function randomNested(random: Prng): FieldExpr {
  const scope = pick(random, ["event", "link"] as const);
  const of = (): Attribute => ({
    node: "attribute",
    scope,
    parent: false,
    name: pick(random, KEYS),
  });
  const [inner, op] = [of(), pick(random, ["=", "!="] as const)];
  const compared = literal(literalFor(random, inner));
  const right: FieldExpr = {
    node: "binary",
    op: pick(random, COMPARES),
    left: inner,
    right: compared,
  };
  return { node: "binary", op, left: of(), right };
}

/** Two conditions of one event, or link: `{ event:name = "ev" && event.a > 1 }`. */
function randomTogether(random: Prng): FieldExpr {
  const scope = pick(random, ["event", "link"] as const);
  const one = (): FieldExpr => {
    const named: Field = {
      node: "intrinsic",
      name: scope === "event" ? "event:name" : "link:spanID",
    };
    const attribute: Field = { node: "attribute", scope, parent: false, name: pick(random, KEYS) };
    const left = chance(random, 2) ? named : attribute;
    const op = pick(random, COMPARES);
    return { node: "binary", op, left, right: literal(literalFor(random, left)) };
  };
  return { node: "binary", op: "&&", left: one(), right: one() };
}

function randomComparison(random: Prng): FieldExpr {
  if (chance(random, 16)) return randomNested(random);
  if (chance(random, 16)) return randomTogether(random);
  const field = randomField(random);
  const kind = random.below(12);
  const compare = (left: FieldExpr, op: Binary["op"], right: FieldExpr): FieldExpr =>
    chance(random, 6)
      ? { node: "binary", op, left: right, right: left }
      : { node: "binary", op, left, right };
  if (kind === 0) return compare(field, pick(random, ["=", "!="]), literal({ type: "nil" }));
  if (kind < 3) {
    const pattern = literal(text(pick(random, PATTERNS)));
    return { node: "binary", op: pick(random, ["=~", "!~"]), left: field, right: pattern };
  }
  if (kind === 3) return compare(field, pick(random, COMPARES), randomField(random));
  if (kind === 4) {
    const sum = randomArithmetic(random, 2);
    return compare(sum, pick(random, COMPARES), literal(numbers(random)));
  }
  return compare(field, pick(random, COMPARES), literal(literalFor(random, field)));
}

const ARITHMETIC = ["+", "-", "*", "/", "%", "^"] as const;

export function randomArithmetic(random: Prng, depth: number): FieldExpr {
  if (depth === 0 || chance(random, 3)) {
    if (chance(random, 3)) return literal(numbers(random));
    if (chance(random, 3)) return { node: "intrinsic", name: pick(random, NUMERIC) };
    return randomAttribute(random);
  }
  const operand = randomArithmetic(random, depth - 1);
  if (chance(random, 5)) return { node: "unary", op: "-", operand };
  const right = randomArithmetic(random, depth - 1);
  return { node: "binary", op: pick(random, ARITHMETIC), left: operand, right };
}

export function randomCondition(random: Prng, depth: number): FieldExpr {
  const kind = random.below(depth === 0 ? 8 : 14);
  if (kind === 0) return chance(random, 2) ? randomAttribute(random) : literal(bool(random));
  if (kind < 8) return randomComparison(random);
  if (kind === 8) return { node: "unary", op: "!", operand: randomCondition(random, depth - 1) };
  const op = chance(random, 3) ? "||" : "&&";
  const left = randomCondition(random, depth - 1);
  return { node: "binary", op, left, right: randomCondition(random, depth - 1) };
}

function bool(random: Prng): Static {
  return { type: "bool", value: chance(random, 2) };
}

// ---- spansets and pipelines

const STRUCTURAL: readonly StructuralOp[] = [
  ...([">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~"] as const),
  ...(["&>", "&>>", "&<", "&<<", "&~"] as const),
];

function randomFilter(random: Prng): SpansetExpr {
  const isAll = chance(random, 4);
  const depth = chance(random, 2) ? 0 : 2;
  const expr = isAll ? literal({ type: "bool", value: true }) : randomCondition(random, depth);
  return { node: "filter", expr };
}

function randomSpanset(random: Prng, depth: number): SpansetExpr {
  const kind = random.below(depth === 0 ? 4 : 9);
  if (kind < 4) return randomFilter(random);
  if (kind === 4) return { node: "absence", of: randomSpanset(random, depth - 1) };
  const op = chance(random, 3) ? pick(random, ["&&", "||"] as const) : pick(random, STRUCTURAL);
  if (kind === 5) {
    const [left, right] = [randomPipeline(random, 0), randomPipeline(random, 0)];
    return { node: "spansetOperation", op, left, right };
  }
  const left = randomSpanset(random, depth - 1);
  return { node: "spansetOperation", op, left, right: randomSpanset(random, depth - 1) };
}

function randomStage(random: Prng, depth: number): Stage {
  const kind = random.below(10);
  if (kind < 2) return randomSpanset(random, depth);
  if (kind < 4) return { node: "group", by: randomValueExpr(random) };
  if (kind === 4) return { node: "coalesce" };
  if (kind < 7) {
    const fields = Array.from({ length: 1 + random.below(3) }, () => randomField(random));
    return { node: "select", fields };
  }
  if (kind === 7) {
    const limit = chance(random, 2) ? BigInt(1 + random.below(4)) : undefined;
    return { node: "sort", by: randomValueExpr(random), descending: chance(random, 2), limit };
  }
  return randomScalarFilter(random);
}

function randomValueExpr(random: Prng): FieldExpr {
  if (chance(random, 8)) return randomCondition(random, 1);
  return chance(random, 5) ? randomArithmetic(random, 1) : randomField(random);
}

function randomScalarFilter(random: Prng): Stage {
  const op = pick(random, COMPARES);
  const left = randomAggregate(random);
  const isCount = left.fn === "count";
  const value = isCount ? int(BigInt(random.below(5))) : numbers(random);
  return { node: "scalarFilter", op, left, right: { node: "literal", value } };
}

/** What is summed is not large: the order of additions would show. */
const SUMMED: readonly string[] = KEYS.filter((key) => key !== BIG_KEY);

function randomAggregate(random: Prng): Aggregate {
  const fn = pick(random, ["count", "min", "max", "avg", "sum", "quantile"] as const);
  if (fn === "count") return { node: "aggregate", fn, argument: undefined, quantile: undefined };
  const argument: FieldExpr = chance(random, 2)
    ? { node: "intrinsic", name: pick(random, NUMERIC) }
    : randomAttribute(random, fn === "sum" || fn === "avg" ? SUMMED : KEYS);
  const quantile = fn === "quantile" ? pick(random, [0, 0.5, 0.95, 1]) : undefined;
  return { node: "aggregate", fn, argument, quantile };
}

function randomPipeline(random: Prng, depth: number): Pipeline {
  const first: Stage = chance(random, 12)
    ? randomScalarFilter(random)
    : randomSpanset(random, depth);
  const count = chance(random, 2) ? 0 : random.below(4);
  const rest = Array.from({ length: count }, () => randomStage(random, depth));
  return { node: "pipeline", stages: [first, ...rest] };
}

/**
 * A sorted search with a limit inside of metrics would cut traces: there is no order in metrics.
 */
function isSorting({ stages }: Pipeline): boolean {
  return stages.some(({ node }) => node === "sort");
}

// ---- metrics

function randomMetrics(random: Prng, depth: number): MetricsExpr {
  const kind = random.below(depth === 0 ? 6 : 9);
  if (kind < 6) return randomMetricsQuery(random);
  const op = pick(random, ["+", "-", "*", "/"] as const);
  const left = randomMetrics(random, depth - 1);
  const isScalar = chance(random, 2);
  const scalar = { node: "literal", value: pick(random, [int(2n), float(0.5), int(0n)]) } as const;
  const right = isScalar ? scalar : randomMetrics(random, depth - 1);
  const seconds = randomSeconds(random);
  if (isScalar && chance(random, 2)) {
    return { node: "metricsOperation", op, left: scalar, right: left, seconds };
  }
  return { node: "metricsOperation", op, left, right, seconds };
}

function randomMetricsQuery(random: Prng): MetricsQuery {
  const pipeline = randomPipeline(random, 1);
  if (isSorting(pipeline)) return randomMetricsQuery(random);
  if (chance(random, 5)) {
    return { node: "metricsQuery", pipeline, fn: randomCompare(random), seconds: [] };
  }
  const fn = randomFunction(random);
  return { node: "metricsQuery", pipeline, fn, seconds: randomSeconds(random) };
}

function randomCompare(random: Prng): Compare {
  const isTimed = chance(random, 2);
  const isAll = isTimed && chance(random, 2);
  const expr = isAll ? literal({ type: "bool", value: true }) : randomCondition(random, 1);
  const start = BigInt(EPOCH + pick(random, ROUND_STARTS)) * 1_000_000_000n;
  return {
    node: "compare",
    selection: { node: "filter", expr },
    topN: isTimed || chance(random, 2) ? BigInt(1 + random.below(4)) : undefined,
    start: isTimed ? start : undefined,
    end: isTimed ? start + 100_000_000_000n : undefined,
  };
}

function randomFunction(random: Prng): MetricsFunction {
  const fn = pick(random, [
    ...(["rate", "count_over_time", "min_over_time", "max_over_time", "sum_over_time"] as const),
    ...(["avg_over_time", "quantile_over_time", "histogram_over_time"] as const),
  ]);
  const isCount = fn === "rate" || fn === "count_over_time";
  const isSummed = fn === "sum_over_time" || fn === "avg_over_time";
  const field: Field = chance(random, 2)
    ? { node: "intrinsic", name: pick(random, NUMERIC) }
    : randomAttribute(random, isSummed ? SUMMED : KEYS);
  return {
    node: "metricsFunction",
    fn,
    field: isCount ? undefined : field,
    quantiles: fn === "quantile_over_time" ? [0.5, ...(chance(random, 2) ? [0.9] : [])] : [],
    by: Array.from({ length: random.below(3) }, () => randomField(random)),
  };
}

function randomSeconds(random: Prng): SecondStage[] {
  if (!chance(random, 4)) return [];
  if (chance(random, 2)) {
    return [{ node: pick(random, ["topk", "bottomk"]), limit: BigInt(1 + random.below(3)) }];
  }
  const value = pick(random, [int(0n), int(1n), float(0.5), duration(10_000_000n)]);
  return [{ node: "seriesFilter", op: pick(random, COMPARES), value }];
}

// ---- queries that are checked

export function randomSearchQuery(random: Prng): Query {
  return checked(() => ({ body: randomPipeline(random, 2), hints: [] }));
}

export function randomMetricsBody(random: Prng): Query {
  return checked(() => ({ body: randomMetrics(random, 1), hints: [] }));
}

export function randomTagFilter(random: Prng): FieldExpr {
  const { body } = checked(() => {
    const expr = randomCondition(random, 1);
    return { body: { node: "pipeline", stages: [{ node: "filter", expr }] }, hints: [] };
  });
  const stage = body.node === "pipeline" ? body.stages[0] : undefined;
  if (stage?.node !== "filter") throw new Error("oracle: no filter");
  return stage.expr;
}

function checked(make: () => Query): Query {
  for (;;) {
    const query = make();
    if (isGood(query)) return query;
  }
}

/** Whether it means something, and can be said: not everything may stand everywhere. */
export function isGood(query: Query): boolean {
  try {
    check(query);
    parse(print(query));
    return true;
  } catch (error) {
    if (error instanceof TraceqlError) return false;
    throw error;
  }
}
