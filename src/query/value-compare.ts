/**
 * Comparisons of values as TraceQL means them: always true or false. What is not there, or of a
 * type that does not fit, compares to nothing, and `!=` is false as well.
 */
import type { Binary, Static } from "../traceql/ast.ts";
import { truth } from "../traceql/fold.ts";
import type { Value } from "./question.ts";

export type CompareOp = Extract<Binary["op"], "=" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~">;

export const NIL: Static = { type: "nil" };
export const TRUE: Static = { type: "bool", value: true };
export const FALSE: Static = { type: "bool", value: false };

const COMPARE_OPS: ReadonlySet<string> = new Set(["=", "!=", "<", "<=", ">", ">=", "=~", "!~"]);

export function isCompareOp(op: Binary["op"]): op is CompareOp {
  return COMPARE_OPS.has(op);
}

/** Of a list: `=`, `<`, `=~` … of any element, `!=` and `!~` of all. Two lists never compare. */
export function compareValues(op: CompareOp, a: Value, b: Value): boolean {
  if (a.type === "list") {
    if (b.type === "list") return false;
    return holds(op, a.values, (one) => scalar(op, one, b));
  }
  if (b.type === "list") return holds(op, b.values, (one) => scalar(op, a, one));
  return scalar(op, a, b);
}

/** The same with a pattern at hand. */
export function matchValue(
  op: "=~" | "!~",
  value: Value,
  fits: (text: string) => boolean,
): boolean {
  const one = (text: Static) => text.type === "string" && fits(text.value) === (op === "=~");
  return value.type === "list" ? holds(op, value.values, one) : one(value);
}

function holds(
  op: CompareOp,
  values: readonly Static[],
  test: (value: Static) => boolean,
): boolean {
  return op === "!=" || op === "!~" ? values.every(test) : values.some(test);
}

function scalar(op: CompareOp, a: Static, b: Static): boolean {
  return truth(op, a, b) ?? false;
}
