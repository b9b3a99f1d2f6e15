/** Values: how they compare, how they are reckoned with, how they are ordered. */
import { RE2JS } from "re2js";
import type { Value } from "../../src/query/question.ts";
import type {
  ArithmeticOp,
  CompareOp,
  KindName,
  Static,
  StatusName,
} from "../../src/traceql/ast.ts";
import { KINDS, NIL } from "./oracle-span.ts";

export type ComparingOp = CompareOp | "=~" | "!~";
type Numeric = Extract<Static, { type: "int" | "float" | "duration" }>;

export function isNumeric(value: Value): value is Numeric {
  return value.type === "int" || value.type === "float" || value.type === "duration";
}

/**
 * Always true or false. With nil always false: `= nil` and `!= nil` are not for this function. Of a
 * list any element has to do, for != and !~ all of them; two lists never do.
 */
export function compares(op: ComparingOp, a: Value, b: Value): boolean {
  if (a.type === "list" && b.type === "list") return false;
  const isForAll = op === "!=" || op === "!~";
  if (a.type === "list") {
    const does = (element: Static) => compares(op, element, b);
    return isForAll ? a.values.every(does) : a.values.some(does);
  }
  if (b.type === "list") {
    const does = (element: Static) => compares(op, a, element);
    return isForAll ? b.values.every(does) : b.values.some(does);
  }
  return scalarsCompare(op, a, b);
}

function scalarsCompare(op: ComparingOp, a: Static, b: Static): boolean {
  if (a.type === "string" && b.type === "string") {
    if (op === "=~") return matches(a.value, b.value);
    if (op === "!~") return !matches(a.value, b.value);
    return holds(op, Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)));
  }
  if (op === "=~" || op === "!~") return false;
  if (isNumeric(a) && isNumeric(b)) return holds(op, compareNumbers(a, b));
  if (a.type !== b.type || a.type === "nil" || b.type === "nil") return false;
  if (op === "=") return a.value === b.value;
  return op === "!=" && a.value !== b.value;
}

/** Exact, whatever the types; NaN when one of them is. */
function compareNumbers(a: Numeric, b: Numeric): number {
  if (a.value < b.value) return -1;
  if (a.value > b.value) return 1;
  return Number.isNaN(a.value) || Number.isNaN(b.value) ? Number.NaN : 0;
}

function holds(op: CompareOp, order: number): boolean {
  switch (op) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

const patterns = new Map<string, RE2JS>();

function matches(text: string, pattern: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
    patterns.set(pattern, compiled);
  }
  return compiled.matches(text);
}

/** Integers stay integers of 64 bits, all else becomes a float; nil when there is no result. */
export function reckon(op: ArithmeticOp, a: Value, b: Value): Static {
  if (!isNumeric(a) || !isNumeric(b)) return NIL;
  if (a.type !== "int" || b.type !== "int") {
    return { type: "float", value: reckonFloats(op, Number(a.value), Number(b.value)) };
  }
  const value = reckonInts(op, a.value, b.value);
  return value === undefined ? NIL : { type: "int", value: BigInt.asIntN(64, value) };
}

function reckonInts(op: ArithmeticOp, a: bigint, b: bigint): bigint | undefined {
  if (op === "+") return a + b;
  if (op === "-") return a - b;
  if (op === "*") return a * b;
  if (op === "/") return b === 0n ? undefined : a / b;
  if (op === "%") return b === 0n ? undefined : a % b;
  return powerOfInts(a, b);
}

/** Modulo 2^64; truncated below one. */
function powerOfInts(base: bigint, exponent: bigint): bigint | undefined {
  if (exponent < 0n) {
    if (base === 0n) return undefined;
    if (base === 1n || base === -1n) return exponent % 2n === 0n ? 1n : base;
    return 0n;
  }
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = BigInt.asIntN(64, result * result * (bit === "1" ? base : 1n));
  }
  return result;
}

function reckonFloats(op: ArithmeticOp, a: number, b: number): number {
  if (op === "+") return a + b;
  if (op === "-") return a - b;
  if (op === "*") return a * b;
  if (op === "/") return a / b;
  if (op === "%") return a % b;
  return a ** b;
}

export function negative(value: Value): Static {
  if (value.type === "float") return { type: "float", value: -value.value };
  if (value.type !== "int" && value.type !== "duration") return NIL;
  return { type: value.type, value: BigInt.asIntN(64, -value.value) };
}

const TYPE_ORDER: readonly Value["type"][] = ["bool", "int", "string", "status", "kind", "list"];
const STATUS_ORDER: readonly StatusName[] = ["error", "ok", "unset"];

/**
 * A total order of what is not nil: booleans, numbers of all types, texts, statuses, kinds, lists;
 * NaN after the other numbers.
 */
export function orderOf(a: Value, b: Value): number {
  const rank = (value: Value) => TYPE_ORDER.indexOf(isNumeric(value) ? "int" : value.type);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (isNumeric(a) && isNumeric(b)) {
    const order = compareNumbers(a, b);
    if (!Number.isNaN(order)) return order;
    return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
  }
  if (a.type === "string" && b.type === "string") {
    return Buffer.compare(Buffer.from(a.value), Buffer.from(b.value));
  }
  if (a.type === "bool" && b.type === "bool") return Number(a.value) - Number(b.value);
  if (a.type === "status" && b.type === "status") {
    return STATUS_ORDER.indexOf(a.value) - STATUS_ORDER.indexOf(b.value);
  }
  if (a.type === "kind" && b.type === "kind") return kindRank(a.value) - kindRank(b.value);
  if (a.type === "list" && b.type === "list") {
    for (let i = 0; i < Math.min(a.values.length, b.values.length); i++) {
      const order = orderOfAll(a.values[i], b.values[i]);
      if (order !== 0) return order;
    }
    return a.values.length - b.values.length;
  }
  return 0;
}

function kindRank(kind: KindName): number {
  return KINDS.indexOf(kind);
}

/** Of same type and content: the same text. */
export function keyOf(value: Value): string {
  if (value.type === "nil") return "nil";
  if (value.type === "list") return `[${value.values.map(keyOf).join(",")}]`;
  const text = value.type === "string" ? JSON.stringify(value.value) : String(value.value);
  return `${value.type} ${text}`;
}

const NUMBERS: readonly Value["type"][] = ["int", "float", "duration"];

/** The same without ties: of numbers that are equal integers come first, then floats. */
export function orderOfAll(a: Value, b: Value): number {
  return orderOf(a, b) || NUMBERS.indexOf(a.type) - NUMBERS.indexOf(b.type);
}
