/** Queries of every construct, and trees made at random. */
import type { Prng } from "../../src/base/prng.ts";
import {
  type FieldExpr,
  INTRINSICS,
  type Pipeline,
  type Query,
  type SpansetExpr,
  type Stage,
  type Static,
} from "../../src/traceql/ast.ts";

export const GOOD = [
  "{}",
  '{ span.http.route = "/cart" && resource.service.name =~ "front.*" }',
  "{ .retries + 1 > 2 * span.limit - 3 }",
  "{ !(.a = 1) || -.b < .5 && .c ^ 2 ^ 3 >= 1e3 }",
  "{ duration > 1h30m || traceDuration < 1.5ms && span:duration != 1d }",
  '{ status = error && kind != server && event:name = "exception" && link:spanID != "" }',
  '{ ."a b" = "x\\n\\"y\\"" && span.a."b c".d != `raw\\n` && resource.é = "ü" }',
  "{ nestedSetParent < 0 && span:childCount = 3 && instrumentation:version != nil }",
  "{ .x = nil } && { nil != .y }",
  '{ trace:id = "00ab" } // a comment\n | { true } /* another */',
  "{ .a } >> { .b } && { .c } ~ { .d } !<< { .e } &>> { .f }",
  "({ .a } || { .b }) > { .c }",
  "({ .a } | count() > 1) >> ({ .b } | { .c })",
  "{ } | by(resource.service.name) | count() > 3 | coalesce() | select(.a, name)",
  "{ } | avg(duration) >= 1.5s | max(.a + 1) < 2 / 6",
  "{ } | rate() by (resource.service.name) | topk(5) > 10 with(sample=0.1, exemplars=false)",
  "{ } | quantile_over_time(duration, .5, .99) by (name) > 1s",
  "{ } | sum_over_time(span.bytes) | bottomk(3) | topk(2)",
  "{ } | compare({ status = error }, 20, 1700000000000000000, 1700000001000000000)",
  "({ } | rate()) / ({ } | count_over_time() by(name)) * 100 - 3 > 5 | topk(2)",
  "1 + 2 * (-3 + ({ } | rate()))",
  "!{ status = error } && { .a } || !({ .b } >> { .c }) | sort(duration desc, 20)",
  "{ } | sort(.a + 1) | quantile(duration, .95) > 1.5s",
] as const;

/** Well-formed, and of no meaning or none yet; with what the answer says. */
export const SENSELESS: readonly (readonly [query: string, says: RegExp])[] = [
  ["{ duration }", /must resolve to a boolean: \{ duration \}/],
  ['{ 1 = "x" }', /must operate on the same type: 1 = "x"/],
  ["{ status > error }", /illegal operation for the given types: status > error/],
  ["{ name && true }", /same type/],
  ["{ -name = name }", /illegal operation/],
  ["{ .a =~ .b }", /illegal operation/],
  ['{ .a =~ "(" }', /invalid regex: `\(`/],
  ["{ nil = name }", /intrinsics cannot be nil/],
  ["{ resource.service.name = nil }", /service\.name cannot be nil/],
  ["{ parent.a = 1 }", /parent not yet supported/],
  ["{ } | by(1)", /must reference the span: 1/],
  ["{ } | sum(name) > 1", /must resolve to a number type: sum\(name\)/],
  ["{ } | max(1) > 1", /must reference the span: max\(1\)/],
  ["{ } | count() > max(.a)", /not yet supported/],
  ["({ } | count()) + ({ } | count()) > 2", /not yet supported/],
  ["{ } | rate() | topk(0)", /limit must be greater than 0/],
  ["{ } | quantile_over_time(duration, 2)", /between 0 and 1/],
  ["{ } | rate() by(.a, .b, .c, .d, .e, .f)", /metrics group by 6 values not yet supported/],
  ["{ } | avg_over_time(.x) by(.a, .b, .c, .d, .e)", /group by 5 values/],
  ["{ } | sort(1)", /must reference the span/],
  ["{ } | sort(.a, 0)", /greater than 0/],
  ["{ } | quantile(duration, 95) > 1s", /between 0 and 1/],
  ["!{ 1 }", /must resolve to a boolean/],
  ["{ } | compare({ }) > 1", /second stage/],
  ["({ } | compare({ })) + ({ } | rate())", /math/],
  ["{ } | compare({ }, 1001)", /between 1 and 1000/],
  ["{ } | compare({ }, 5, 20, 10)", /timestamps/],
];

/** No query; with the place at which that shows. */
export const BROKEN: readonly (readonly [query: string, line: number, column: number])[] = [
  ["", 1, 1],
  ["{", 1, 2],
  ["{ .a = 1", 1, 9],
  ["{ .a == 1 }", 1, 7],
  ["{ . }", 1, 3],
  ["{\n  foo = 1 }", 2, 3],
  ["{ span:rootName = 1 }", 1, 3],
  ["{ trace:rootServiceName = 1 }", 1, 3],
  ['{ .a = "x }', 1, 8],
  ['{ .a = "\\q" }', 1, 9],
  ["{ .a = 9223372036854775808 }", 1, 8],
  ["{ .a = 1m1d }", 1, 8],
  ["{ } + { }", 1, 5],
  ["{ } | count()", 1, 14],
  ["coalesce() | { }", 1, 1],
  ["{ } | select(1 + 2)", 1, 14],
  ["{ } | rate() + 5", 1, 14],
  ["{ } | 3 > 2", 1, 9],
  ["3 > 2", 1, 3],
  ["({ } | rate()) % 2", 1, 16],
  ["({ } | rate()) > 2s * 2", 1, 21],
  ["({ } | rate()) + 5 100", 1, 20],
  ["{ } | topk(3)", 1, 7],
  ["{ } > 10", 1, 5],
  ["!count() > 1", 1, 1],
  ["{ } | sort(.a down)", 1, 15],
  ["{ } | quantile(.a) > 1", 1, 18],
  ["{ .a = #1 }", 1, 8],
];

export function randomQuery(random: Prng): Query {
  return { body: randomPipeline(random, 3), hints: [] };
}

function randomPipeline(random: Prng, depth: number): Pipeline {
  const first: Stage = randomSpanset(random, depth);
  const rest = Array.from({ length: random.below(3) }, () => randomStage(random, depth));
  return { node: "pipeline", stages: [first, ...rest] };
}

function randomStage(random: Prng, depth: number): Stage {
  const kind = random.below(5);
  if (kind === 4) {
    const limit = random.below(2) === 0 ? undefined : BigInt(random.below(9));
    const descending = random.below(2) === 0;
    return { node: "sort", by: randomField(random, depth), descending, limit };
  }
  if (kind === 0) return { node: "group", by: randomField(random, depth) };
  if (kind === 1) return { node: "coalesce" };
  if (kind > 2) return randomSpanset(random, depth);
  const argument = randomField(random, depth);
  const left = { node: "aggregate", fn: "sum", argument, quantile: undefined } as const;
  const value = { type: "int", value: BigInt(random.below(9)) } as const;
  return { node: "scalarFilter", op: ">=", left, right: { node: "literal", value } };
}

const OPERATIONS = ["&&", "||", ">>", ">", "<", "<<", "~", "!>>", "!~", "&>", "&<<"] as const;

function randomSpanset(random: Prng, depth: number): SpansetExpr {
  if (depth === 0 || random.below(2) === 0) {
    return { node: "filter", expr: randomField(random, 4) };
  }
  if (random.below(4) === 0) return { node: "absence", of: randomSpanset(random, depth - 1) };
  const [left, right] = [randomSpanset(random, depth - 1), randomSpanset(random, depth - 1)];
  const op = OPERATIONS[random.below(OPERATIONS.length)];
  return { node: "spansetOperation", op, left, right };
}

const BINARY = [
  ...["+", "-", "*", "/", "%", "^", "=", "!=", "<", "<=", ">", ">=", "=~", "!~", "&&", "||"],
] as const;
const NAMES = ["a", "http.route", "with space", 'q"uote', "back\\slash", "5", "ü", "a-b[0]", "\n"];
const SCOPES = ["none", "resource", "span", "event", "link", "instrumentation"] as const;

export function randomField(random: Prng, depth: number): FieldExpr {
  const kind = depth === 0 ? random.below(3) : random.below(6);
  if (kind === 0) return { node: "literal", value: randomStatic(random) };
  if (kind === 1) return { node: "intrinsic", name: INTRINSICS[random.below(INTRINSICS.length)] };
  if (kind === 2) {
    const scope = SCOPES[random.below(SCOPES.length)];
    const parent = random.below(5) === 0 && (scope === "span" || scope === "resource");
    return { node: "attribute", scope, parent, name: NAMES[random.below(NAMES.length)] };
  }
  const operand = randomField(random, depth - 1);
  if (kind === 3) return { node: "unary", op: random.below(2) === 0 ? "-" : "!", operand };
  const op = BINARY[random.below(BINARY.length)] as "+";
  return { node: "binary", op, left: operand, right: randomField(random, depth - 1) };
}

function randomStatic(random: Prng): Static {
  const statics: readonly Static[] = [
    { type: "nil" },
    { type: "int", value: BigInt(random.below(2 ** 31)) * BigInt(random.below(2 ** 31)) },
    { type: "float", value: random.below(1000) / 7 },
    { type: "float", value: random.below(1000) * 10 ** (random.below(600) - 300) },
    { type: "string", value: `t"\\\n\u0001é\u2028${random.below(9)}` },
    { type: "bool", value: random.below(2) === 0 },
    { type: "duration", value: BigInt(random.below(2 ** 31)) * BigInt(1 + random.below(10 ** 6)) },
    { type: "status", value: "unset" },
    { type: "kind", value: "producer" },
  ];
  return statics[random.below(statics.length)];
}
