/**
 * Expressions over a span, by precedence climbing:
 *
 *   && ||  <  comparisons  <  + - (also the prefix -)  <  !  <  * / %  <  ^ (from the right)
 *
 * So `-2 ^ 2` is -(2 ^ 2), `!a = b` is (!a) = b, and && binds no tighter than ||, as in Tempo.
 */
import type { BinaryOp, Field, FieldExpr, KindName, Literal, Static, StatusName } from "./ast.ts";
import { intrinsicNamed } from "./intrinsics.ts";
import type { TokenCursor } from "./token-cursor.ts";

const LOGIC = 1;
const COMPARE = 2;
const SUM = 3;
const NOT = 4;
const PRODUCT = 5;
const POWER = 6;

const LEVELS: Readonly<Record<string, number>> = {
  ...{ "&&": LOGIC, "||": LOGIC },
  ...{ "=": COMPARE, "!=": COMPARE, "<": COMPARE, "<=": COMPARE, ">": COMPARE, ">=": COMPARE },
  ...{ "=~": COMPARE, "!~": COMPARE, "+": SUM, "-": SUM },
  ...{ "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "^": POWER },
};

export function parseFieldExpr(cursor: TokenCursor): FieldExpr {
  return cursor.nested(() => parseFrom(cursor, LOGIC));
}

/** Operators of this level and tighter ones. */
function parseFrom(cursor: TokenCursor, least: number): FieldExpr {
  const { token: first } = cursor;
  let left = parsePrefix(cursor);
  for (;;) {
    const op = cursor.symbol;
    const level = op === undefined ? undefined : LEVELS[op];
    if (op === undefined || level === undefined || level < least) return left;
    cursor.next();
    const { token } = cursor;
    const right = cursor.nested(() => parseFrom(cursor, level === POWER ? POWER : level + 1));
    const isPattern = (op === "=~" || op === "!~") && right.node === "literal";
    if (isPattern && right.value.type === "string") cursor.countRegex(right.value.value, token);
    // A key of LEVELS is one.
    left = cursor.placed({ node: "binary", op: op as BinaryOp, left, right }, first);
  }
}

function parsePrefix(cursor: TokenCursor): FieldExpr {
  const { symbol: op, token } = cursor;
  if (op === "-" || op === "!") {
    cursor.next();
    const operand = cursor.nested(() => parseFrom(cursor, op === "-" ? SUM + 1 : NOT + 1));
    return cursor.placed({ node: "unary", op, operand }, token);
  }
  if (cursor.accept("(")) {
    const inner = parseFieldExpr(cursor);
    cursor.expect(")");
    return inner;
  }
  return parseField(cursor) ?? parseLiteral(cursor);
}

/** An attribute or an intrinsic; undefined when none is next. */
export function parseField(cursor: TokenCursor): Field | undefined {
  const { token } = cursor;
  if (token.type === "attribute") {
    cursor.next();
    const { scope, parent, name } = token;
    return cursor.placed({ node: "attribute", scope, parent, name }, token);
  }
  if (token.type !== "word" && token.type !== "scoped") return undefined;
  const name = intrinsicNamed(token.text);
  if (name === undefined && token.type === "scoped") throw cursor.unexpected();
  if (name === undefined) return undefined;
  cursor.next();
  return cursor.placed({ node: "intrinsic", name }, token);
}

const STATUSES: readonly string[] = ["error", "ok", "unset"] satisfies StatusName[];
const KINDS: readonly string[] = [
  ...["unspecified", "internal", "client"],
  ...["server", "producer", "consumer"],
] satisfies readonly string[];

const WORDS = new Map<string, Static>([
  ["true", { type: "bool", value: true }],
  ["false", { type: "bool", value: false }],
  ["nil", { type: "nil" }],
  ["minInt", { type: "int", value: -(2n ** 63n) }],
  ["maxInt", { type: "int", value: 2n ** 63n - 1n }],
  ...STATUSES.map((name): [string, Static] => [
    name,
    { type: "status", value: name as StatusName },
  ]),
  ...KINDS.map((name): [string, Static] => [name, { type: "kind", value: name as KindName }]),
]);

export function parseLiteral(cursor: TokenCursor): Literal {
  const { token } = cursor;
  return cursor.placed({ node: "literal", value: parseStatic(cursor) }, token);
}

/** A constant without a sign. */
export function parseStatic(cursor: TokenCursor): Static {
  const { token } = cursor;
  if (token.type === "word") {
    const value = WORDS.get(token.text);
    if (value === undefined) throw cursor.error(`unknown identifier: ${token.text}`);
    cursor.next();
    return value;
  }
  const value = numberOrText(cursor);
  if (value === undefined) throw cursor.unexpected();
  cursor.next();
  return value;
}

function numberOrText({ token }: TokenCursor): Static | undefined {
  if (token.type === "int" || token.type === "duration") {
    return { type: token.type, value: token.value };
  }
  if (token.type === "float") return { type: "float", value: token.value };
  return token.type === "string" ? { type: "string", value: token.value } : undefined;
}
