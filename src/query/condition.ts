/**
 * A condition on one field: the expression as a question to a value, and what more is known of it
 * that lets columns be asked at once.
 */
import type { Binary, FieldExpr } from "../traceql/ast.ts";
import { compileRegex } from "../traceql/regex.ts";
import { globTexts } from "../traceql/regex-glob.ts";
import { compile, isTrue, type Readers, type Spot } from "./compile.ts";
import type { Condition, TextPattern } from "./layer-test.ts";
import { numberTest } from "./number-range.ts";
import type { Value } from "./question.ts";
import { NIL } from "./value-compare.ts";

const encoder = new TextEncoder();

/** Made once for a question, not for each block. */
const conditions = new WeakMap<FieldExpr, Condition>();

/** Of an expression that speaks of one field. */
export function conditionOf(expr: FieldExpr): Condition {
  const known = conditions.get(expr) ?? makeCondition(expr);
  conditions.set(expr, known);
  return known;
}

function makeCondition(expr: FieldExpr): Condition {
  const compiled = compile(expr);
  let current: Value = NIL;
  const readers: Readers = {
    fields: [() => current],
    first: () => 0,
    end: () => 0,
    valueEnd: () => 0,
  };
  const spot: Spot = { row: 0, event: 0, link: 0 };
  const test = (value: Value) => {
    current = value;
    return isTrue(compiled.run(readers, spot));
  };
  if (expr.node !== "binary") return { test };
  const equalTo = expr.op === "=" ? textOf(expr) : undefined;
  return { test, equalTo, pattern: patternOf(expr), number: numberTest(expr) };
}

function patternOf({ op, left, right }: Binary): TextPattern | undefined {
  if (op !== "=~" || (left.node !== "attribute" && left.node !== "intrinsic")) return undefined;
  if (right.node !== "literal" || right.value.type !== "string") return undefined;
  const { value } = right.value;
  const globs = globTexts(value)?.map((pieces) => pieces.map((piece) => encoder.encode(piece)));
  return { fits: compileRegex(value), globs };
}

function textOf({ left, right }: Binary): Condition["equalTo"] {
  const [a, b] = left.node === "literal" ? [left, right] : [right, left];
  if (a.node !== "literal" || a.value.type !== "string") return undefined;
  // Ids of traces are compared without their leading zeros.
  const isPlain = b.node === "intrinsic" && b.name !== "trace:id" && b.name !== "link:traceID";
  const { value: text } = a.value;
  const isField = b.node === "attribute" || isPlain;
  return isField ? { text, bytes: encoder.encode(text) } : undefined;
}
