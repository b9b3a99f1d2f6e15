/**
 * Constant parts of an expression to their values: `{ 1 + 1 = 2 }` to `{ true }`. Meant for what
 * check() has passed; what has no value (a division by zero) stays as it is.
 */
import type { Binary, FieldExpr, Literal, Static } from "./ast.ts";
import { compileRegex } from "./regex.ts";
import { arithmetic, isNumeric, negated } from "./static.ts";

export function fold(expr: FieldExpr): FieldExpr {
  if (expr.node === "unary") {
    const operand = fold(expr.operand);
    return (
      literalOf(operand.node === "literal" ? unary(expr.op, operand.value) : undefined) ?? {
        ...expr,
        operand,
      }
    );
  }
  if (expr.node !== "binary") return expr;
  const left = fold(expr.left);
  const right = fold(expr.right);
  const value =
    left.node === "literal" && right.node === "literal"
      ? binary(expr.op, left.value, right.value)
      : undefined;
  return literalOf(value) ?? { ...expr, left, right };
}

function literalOf(value: Static | undefined): Literal | undefined {
  return value && { node: "literal", value };
}

function unary(op: "-" | "!", value: Static): Static | undefined {
  if (op === "-") return negated(value);
  return value.type === "bool" ? { type: "bool", value: !value.value } : undefined;
}

function binary(op: Binary["op"], a: Static, b: Static): Static | undefined {
  switch (op) {
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
    case "^":
      return arithmetic(op, a, b);
    default: {
      const value = truth(op, a, b);
      return value === undefined ? undefined : { type: "bool", value };
    }
  }
}

type TruthOp = Exclude<Binary["op"], "+" | "-" | "*" | "/" | "%" | "^">;

/** Undefined when the operator does not fit the types. nil neither equals nor differs. */
export function truth(op: TruthOp, a: Static, b: Static): boolean | undefined {
  if (op === "&&" || op === "||") {
    if (a.type !== "bool" || b.type !== "bool") return undefined;
    return op === "&&" ? a.value && b.value : a.value || b.value;
  }
  if (a.type === "nil" || b.type === "nil") return op === "=" || op === "!=" ? false : undefined;
  if (op === "=~" || op === "!~") {
    if (a.type !== "string" || b.type !== "string") return undefined;
    return compileRegex(b.value)(a.value) === (op === "=~");
  }
  if (op === "=" || op === "!=") {
    const order = ordered(a, b);
    if (order !== undefined) return (order === 0) === (op === "=");
    return a.type === b.type ? (a.value === b.value) === (op === "=") : undefined;
  }
  const order = ordered(a, b);
  if (order === undefined || Number.isNaN(order)) return order === undefined ? undefined : false;
  if (op === "<") return order < 0;
  if (op === "<=") return order <= 0;
  return op === ">" ? order > 0 : order >= 0;
}

/** Below, at or above zero as a stands to b; NaN when neither; undefined for other types. */
function ordered(a: Static, b: Static): number | undefined {
  if (a.type === "string" && b.type === "string") return bytewise(a.value, b.value);
  if (!isNumeric(a) || !isNumeric(b)) return undefined;
  const [x, y] = [a.value, b.value];
  if (x < y) return -1;
  if (x > y) return 1;
  // Neither is greater: equal, whatever their types (a number and a bigint compare exactly), unless
  // one is no number.
  return Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : 0;
}

/** By Unicode code points, which is the order of UTF-8's bytes. */
function bytewise(a: string, b: string): number {
  if (a === b) return 0;
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    // Halves of pairs stand for what comes after all single units.
    if (isHalf(x) !== isHalf(y)) return isHalf(x) ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

function isHalf(unit: number): boolean {
  return (unit & 0xf800) === 0xd800;
}
