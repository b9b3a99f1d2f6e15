/** Constants: their types, and arithmetic on them. */
import type { ArithmeticOp, Static } from "./ast.ts";

type Numeric = Extract<Static, { type: "int" | "float" | "duration" }>;

export function isNumeric(value: Static): value is Numeric {
  return value.type === "int" || value.type === "float" || value.type === "duration";
}

/** -value of the same type; undefined for what has none. */
export function negated(value: Static): Static | undefined {
  if (value.type === "float") return { type: "float", value: -value.value };
  if (value.type !== "int" && value.type !== "duration") return undefined;
  return { type: value.type, value: BigInt.asIntN(64, -value.value) };
}

/**
 * Integers give integers of 64 bits, division truncates; everything else is a float, of a duration
 * its nanoseconds. Undefined for division by an integer zero, and for what is no number.
 */
export function arithmetic(op: ArithmeticOp, a: Static, b: Static): Static | undefined {
  if (!isNumeric(a) || !isNumeric(b)) return undefined;
  if (a.type === "int" && b.type === "int") {
    const value = integers(op, a.value, b.value);
    return value === undefined ? undefined : { type: "int", value };
  }
  return { type: "float", value: floats(op, Number(a.value), Number(b.value)) };
}

function integers(op: ArithmeticOp, a: bigint, b: bigint): bigint | undefined {
  switch (op) {
    case "+":
      return BigInt.asIntN(64, a + b);
    case "-":
      return BigInt.asIntN(64, a - b);
    case "*":
      return BigInt.asIntN(64, a * b);
    case "/":
      return b === 0n ? undefined : BigInt.asIntN(64, a / b);
    case "%":
      return b === 0n ? undefined : a % b;
    case "^":
      return power(a, b);
  }
}

/** Modulo 2^64 by squaring; what lies between 0 and 1 is truncated. */
function power(base: bigint, exponent: bigint): bigint | undefined {
  if (exponent < 0n) {
    if (base === 0n) return undefined;
    if (base === 1n) return 1n;
    if (base === -1n) return exponent % 2n === 0n ? 1n : -1n;
    return 0n;
  }
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = BigInt.asIntN(64, result * square);
    square = BigInt.asIntN(64, square * square);
  }
  return result;
}

function floats(op: ArithmeticOp, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a % b;
    case "^":
      return a ** b;
  }
}
