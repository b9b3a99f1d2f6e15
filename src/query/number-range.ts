/** Comparisons of numbers with a constant as ranges of values, both ends included. */
import type { Binary, FieldExpr, Static } from "../traceql/ast.ts";

type Order = "=" | "<" | "<=" | ">" | ">=";
type Numeric = Extract<Static, { type: "int" | "float" | "duration" }>;

export interface NumberTest {
  readonly op: Order;
  readonly literal: Numeric;
  /** The comparison was `!=`: what has a value and is not in the range. */
  readonly isInverted: boolean;
}

const MIRRORED: Readonly<Record<Order, Order>> = {
  "=": "=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** Of `field op number` or `number op field`; undefined for anything else. */
export function numberTest({ op, left, right }: Binary): NumberTest | undefined {
  const isInverted = op === "!=";
  const order = isInverted ? "=" : op;
  if (!isOrder(order)) return undefined;
  const ofRight = isField(left) ? numericOf(right) : undefined;
  if (ofRight !== undefined) return { op: order, literal: ofRight, isInverted };
  const ofLeft = isField(right) ? numericOf(left) : undefined;
  if (ofLeft !== undefined) return { op: MIRRORED[order], literal: ofLeft, isInverted };
  return undefined;
}

function isOrder(op: string): op is Order {
  return Object.hasOwn(MIRRORED, op);
}

function isField({ node }: FieldExpr): boolean {
  return node === "attribute" || node === "intrinsic";
}

function numericOf(expr: FieldExpr): Numeric | undefined {
  if (expr.node !== "literal") return undefined;
  const { value } = expr;
  const isNumber = value.type === "int" || value.type === "float" || value.type === "duration";
  // NaN is in no range, and `!=` holds for it everywhere: left to the general way.
  return isNumber && !(value.type === "float" && Number.isNaN(value.value)) ? value : undefined;
}

const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** Integers for which it holds; low > high when there are none. */
export function longRange({ op, literal }: NumberTest): { low: bigint; high: bigint } {
  const { floor, ceil } = integersAt(literal);
  const isWhole = floor === ceil;
  switch (op) {
    case "=":
      return isWhole ? clamped(floor, floor) : { low: 1n, high: 0n };
    case "<":
      return clamped(LONG_MIN, isWhole ? floor - 1n : floor);
    case "<=":
      return clamped(LONG_MIN, floor);
    case ">":
      return clamped(isWhole ? ceil + 1n : ceil, LONG_MAX);
    case ">=":
      return clamped(ceil, LONG_MAX);
  }
}

function clamped(low: bigint, high: bigint): { low: bigint; high: bigint } {
  if (low > LONG_MAX || high < LONG_MIN) return { low: 1n, high: 0n };
  return { low: low < LONG_MIN ? LONG_MIN : low, high: high > LONG_MAX ? LONG_MAX : high };
}

function integersAt(literal: Numeric): { floor: bigint; ceil: bigint } {
  if (typeof literal.value === "bigint") return { floor: literal.value, ceil: literal.value };
  const beyond = 2n ** 64n;
  if (literal.value === Number.POSITIVE_INFINITY) return { floor: beyond, ceil: beyond };
  if (literal.value === Number.NEGATIVE_INFINITY) return { floor: -beyond, ceil: -beyond };
  return { floor: BigInt(Math.floor(literal.value)), ceil: BigInt(Math.ceil(literal.value)) };
}

/** Doubles for which it holds; low > high when there are none. */
export function doubleRange({ op, literal }: NumberTest): { low: number; high: number } {
  const { floor, ceil } = doublesAt(literal);
  const isExact = floor === ceil;
  const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  switch (op) {
    case "=":
      return isExact ? { low: floor, high: floor } : { low: 1, high: 0 };
    case "<":
      return { low, high: isExact ? before(floor) : floor };
    case "<=":
      return { low, high: floor };
    case ">":
      return { low: isExact ? -before(-ceil) : ceil, high };
    case ">=":
      return { low: ceil, high };
  }
}

/** The largest double that is not above the number, and the smallest that is not below. */
function doublesAt({ value }: Numeric): { floor: number; ceil: number } {
  const near = Number(value);
  // Comparisons of a number and a bigint are exact.
  if (near > value) return { floor: before(near), ceil: near };
  if (near < value) return { floor: near, ceil: -before(-near) };
  return { floor: near, ceil: near };
}

/** The next double below. NaN for -Infinity, which makes a range that nothing is in. */
function before(value: number): number {
  if (value === Number.NEGATIVE_INFINITY) return Number.NaN;
  if (value === 0) return -Number.MIN_VALUE;
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] += value > 0 ? -1n : 1n;
  return new Float64Array(bits.buffer)[0];
}
