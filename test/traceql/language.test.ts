/** Queries to trees, judged, printed and folded. */
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { FieldExpr } from "../../src/traceql/ast.ts";
import { check } from "../../src/traceql/check.ts";
import { formatDuration, parseDuration } from "../../src/traceql/duration.ts";
import { fold } from "../../src/traceql/fold.ts";
import { parse } from "../../src/traceql/parse.ts";
import { print, printField } from "../../src/traceql/print.ts";
import { TraceqlError } from "../../src/traceql/traceql-error.ts";
import { BROKEN, GOOD, randomField, randomQuery, SENSELESS } from "./queries.ts";

function errorOf(call: () => void): TraceqlError {
  try {
    call();
  } catch (error) {
    if (error instanceof TraceqlError) return error;
    throw error;
  }
  throw new Error("no error");
}

function exprOf(query: string): FieldExpr {
  const { body } = parse(query);
  const stage = body.node === "pipeline" ? body.stages[0] : undefined;
  if (stage?.node !== "filter") throw new Error("no filter");
  return stage.expr;
}

describe("a query", () => {
  test.each(GOOD)("%s", (query) => {
    const tree = parse(query);
    check(tree);
    expect(parse(print(tree))).toEqual(tree);
  });

  test.each(SENSELESS)("means nothing: %s", (query, says) => {
    const tree = parse(query);
    const { message, place } = errorOf(() => check(tree));
    expect(message).toMatch(says);
    expect(message).not.toMatch(/line/);
    expect(place?.line).toBe(1);
    expect(parse(print(tree))).toEqual(tree);
  });

  test.each([
    ["{ 1 }", 1, 1],
    ["{ .a = 1 &&\n  (status = 3ms) }", 2, 4],
    ['{ .b } |\n{ name + 1 = "a" }', 2, 3],
    ["{ } | by(1)", 1, 10],
    ["{ } | compare({ 1 }, 5)", 1, 15],
    ['{ .a } | avg("a") > 1', 1, 14],
    ["{ } | rate() | topk(0)", 1, 7],
    ["{ } | quantile_over_time(duration, 2)", 1, 7],
    ['{ .a = 1 && .b =~ "(" }', 1, 19],
    ["{ } | count_over_time() by (.a, .b, .c, .d, .e, .f)", 1, 49],
  ] as const)("is senseless there: %s", (query, line, column) => {
    expect(errorOf(() => check(parse(query))).place).toEqual({ line, column });
  });

  test.each(BROKEN)("is none: %s", (query, line, column) => {
    const error = errorOf(() => parse(query));
    expect(error.place).toEqual({ line, column });
    expect(error.message).toMatch(new RegExp(`^parse error at line ${line}, col ${column}: `));
    expect(error.face.http).toBe(400);
  });
});

const precedences = [
  [".a || .b && .c", "(.a || .b) && .c"],
  [".a = 1 && .b = 2 || .c", "((.a = 1) && (.b = 2)) || .c"],
  ["-.a ^ 2 = 1", "(-(.a ^ 2)) = 1"],
  ["-.a * .b > 1", "(-(.a * .b)) > 1"],
  ["-.a + .b > 1", "((-.a) + .b) > 1"],
  ["!.a = .b", "(!.a) = .b"],
  [".a ^ .b ^ .c = 1", "(.a ^ (.b ^ .c)) = 1"],
  [".a - .b - .c = 1", "(.a - .b - .c) = 1"],
  [".a + .b * .c % 2 = 1", "(.a + ((.b * .c) % 2)) = 1"],
  [".a-b = 1", ".a-b = 1"],
] as const;

test.each(precedences)("%s is %s", (query, grouped) => {
  expect(printField(exprOf(`{ ${query} }`))).toBe(grouped);
});

test.each([
  ["{ .a } >> { .b } && { .c }", "({ .a } >> { .b }) && { .c }"],
  ["{ .a } > { .b } < { .c }", "({ .a } > { .b }) < { .c }"],
  ["{ .a } || { .b } && { .c }", "({ .a } || { .b }) && { .c }"],
  ["({ } | rate()) - 3 * 2", "({ true } | rate()) - 6"],
  ["3 - 2 * ({ } | rate())", "3 - (2 * ({ true } | rate()))"],
  ["1 / 2 + ({ } | rate())", "0 + ({ true } | rate())"],
  ["({ } | rate()) > 1 / 2.0", "{ true } | rate() > 0.5"],
] as const)("%s is %s", (query, grouped) => {
  expect(parse(query)).toEqual(parse(grouped));
});

test.each([
  ["1 + 1 = 2", "true"],
  ["-2 ^ 2 = -4", "true"],
  ["2 ^ 3 = 8", "true"],
  ["2 ^ 64 = 0 && 2 ^ -1 = 0", "true"],
  ["true || true && false", "false"],
  ["7 / 2 = 3 && -7 / 2 = -3 && 7 / 2.0 = 3.5", "true"],
  ["1d = 24h && 1h30m = 90m && 1.5h = 90m", "true"],
  ["9007199254740993 > 9007199254740992.0", "true"],
  ['"ab" =~ "a" || "ab" !~ "a."', "false"],
  ['"a\\nb" =~ "a.b"', "true"],
  ['"é" > "z" && "\\uff61" < "\\U0001f600"', "true"],
  ["nil = nil || nil != nil", "false"],
  ["1 / 0 = 1", "(1 / 0) = 1"],
  [".a = 1 + 1", ".a = 2"],
] as const)("%s folds to %s", (query, folded) => {
  expect(printField(fold(exprOf(`{ ${query} }`)))).toBe(folded);
});

test.each([[["0s", "1ns", "100µs", "85.578042ms", "1.5s", "1m0s", "1h30m0s", "26280h0m0s"]]])(
  "durations are printed as they are read",
  (texts) => {
    expect(texts.map((text) => formatDuration(parseDuration(text) ?? -1n))).toEqual(texts);
  },
);

test.each([
  ['{ span."a b" }', 'span."a b"'],
  ['{ span."q\\"uote" }', 'span."q\\"uote"'],
  ['{ span."back\\\\slash" }', "span.back\\slash"],
  ['{ span."a \\\\ b" }', 'span."a \\\\ b"'],
])("names of labels have quotes where they need them: %s", (query, label) => {
  expect(printField(exprOf(query))).toBe(label);
});

test.each(["", "1", "s", "1x", "1m1d", "1.5d", "1..5s", "300y", "1s1"])(
  "%j is no duration",
  (text) => {
    expect(parseDuration(text)).toBe(undefined);
  },
);

test.each([1, 2, 3])("random trees are printed to what parses to them, seed %i", (seed) => {
  const random = prng(seed);
  for (let i = 0; i < 1500; i++) {
    const tree = randomQuery(random);
    expect(parse(print(tree))).toEqual(tree);
  }
});

test.each([4, 5])("folding twice changes nothing more, seed %i", (seed) => {
  const random = prng(seed);
  for (let i = 0; i < 2000; i++) {
    const once = fold(safeToFold(randomField(random, 5)));
    expect(fold(once)).toEqual(once);
  }
});

/** Only good patterns have a meaning. */
function safeToFold(expr: FieldExpr): FieldExpr {
  if (expr.node === "unary") return { ...expr, operand: safeToFold(expr.operand) };
  if (expr.node !== "binary") return expr;
  const op = expr.op === "=~" || expr.op === "!~" ? "=" : expr.op;
  return { ...expr, op, left: safeToFold(expr.left), right: safeToFold(expr.right) };
}
