/**
 * Expressions as functions of a row. What is the same for all rows (patterns, places of fields) is
 * settled once; values come from readers, one for each field, that a segment supplies.
 *
 * A field of events or links speaks to the innermost comparison that it stands in: that holds when
 * it holds for some event (and some link). Outside of comparisons its value is that of the first
 * event for which the whole expression has one.
 */
import { assert } from "../base/assert.ts";
import type { Binary, Field, FieldExpr, Static } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import { compileRegex } from "../traceql/regex.ts";
import { arithmetic, negated } from "../traceql/static.ts";
import { type FieldScope, fieldScope, fieldsOf } from "./field-of.ts";
import type { Value } from "./question.ts";
import { compareValues, FALSE, isCompareOp, matchValue, NIL, TRUE } from "./value-compare.ts";

/** Where values are read. `event` and `link` are entries, -1 for none at hand. */
export interface Spot {
  row: number;
  event: number;
  link: number;
}

export type Reader = (spot: Spot) => Value;

export interface Readers {
  /** In the order of the compiled expression's fields. */
  readonly fields: readonly Reader[];
  /** The first entry of the row's list. */
  first(scope: "event" | "link", row: number): number;
  /** After the last. */
  end(scope: "event" | "link", row: number): number;
}

type Run = (readers: Readers, spot: Spot) => Value;

export interface Compiled {
  readonly fields: readonly Field[];
  /** The value for a row, or for an event or link of it that the spot names. */
  readonly run: Run;
}

export function compile(expr: FieldExpr): Compiled {
  const fields = fieldsOf(expr);
  const places = new Map(fields.map((field, i) => [printField(field), i]));
  return { fields, run: compileNode(expr, places) };
}

/** Outside of comparisons: at the first event, then link, that gives a value. */
export function compileValue(expr: FieldExpr): Compiled {
  const compiled = compile(expr);
  const scopes = unbound(expr);
  if (scopes.length === 0) return compiled;
  const { run } = compiled;
  const first: Run = (readers, spot) => {
    let found: Value = NIL;
    const test = () => {
      found = run(readers, spot);
      return found.type !== "nil";
    };
    eachEntry(scopes, { readers, spot, test });
    return found;
  };
  return { fields: compiled.fields, run: first };
}

export function isTrue(value: Value): boolean {
  return value.type === "bool" && value.value;
}

type Places = ReadonlyMap<string, number>;

function compileNode(expr: FieldExpr, places: Places): Run {
  switch (expr.node) {
    case "literal": {
      const { value } = expr;
      return () => value;
    }
    case "unary": {
      const operand = compileOperand(expr.operand, places, expr.op === "!");
      if (expr.op === "-") return (readers, spot) => negatedValue(operand(readers, spot));
      return (readers, spot) => {
        const value = operand(readers, spot);
        if (value.type !== "bool") return NIL;
        return value.value ? FALSE : TRUE;
      };
    }
    case "binary":
      return compileBinary(expr, places);
    default: {
      const place = places.get(printField(expr));
      assert(place !== undefined, "query: a field without a place");
      return (readers, spot) => readers.fields[place](spot);
    }
  }
}

function compileBinary(expr: Binary, places: Places): Run {
  const { op } = expr;
  if (op === "&&" || op === "||") {
    const left = compileOperand(expr.left, places, true);
    const right = compileOperand(expr.right, places, true);
    if (op === "&&") {
      return (readers, spot) =>
        isTrue(left(readers, spot)) && isTrue(right(readers, spot)) ? TRUE : FALSE;
    }
    return (readers, spot) =>
      isTrue(left(readers, spot)) || isTrue(right(readers, spot)) ? TRUE : FALSE;
  }
  if (isCompareOp(op)) return compileComparison(expr, places);
  const left = compileNode(expr.left, places);
  const right = compileNode(expr.right, places);
  return (readers, spot) => {
    const a = left(readers, spot);
    const b = right(readers, spot);
    if (a.type === "list" || b.type === "list") return NIL;
    return arithmetic(op, a, b) ?? NIL;
  };
}

function compileComparison(expr: Binary, places: Places): Run {
  const test = compileTest(expr, places);
  const scopes = unbound(expr.left, expr.right);
  if (scopes.length === 0) {
    return (readers, spot) => (test(readers, spot) ? TRUE : FALSE);
  }
  return (readers, spot) =>
    eachEntry(scopes, { readers, spot, test: () => test(readers, spot) }) ? TRUE : FALSE;
}

function compileTest(
  { op, left: leftExpr, right: rightExpr }: Binary,
  places: Places,
): (readers: Readers, spot: Spot) => boolean {
  assert(isCompareOp(op), "query: a comparison");
  const left = compileNode(leftExpr, places);
  const right = compileNode(rightExpr, places);
  const leftIsNil = isNilLiteral(leftExpr);
  const rightIsNil = isNilLiteral(rightExpr);
  if (leftIsNil || rightIsNil) {
    if (leftIsNil && rightIsNil) return () => false;
    const other = leftIsNil ? right : left;
    return (readers, spot) => (other(readers, spot).type === "nil") === (op === "=");
  }
  if (op === "=~" || op === "!~") {
    assert(rightExpr.node === "literal" && rightExpr.value.type === "string", "query: a pattern");
    const fits = compileRegex(rightExpr.value.value);
    return (readers, spot) => matchValue(op, left(readers, spot), fits);
  }
  const a = withoutZeros(leftExpr, rightExpr) ?? left;
  const b = withoutZeros(rightExpr, leftExpr) ?? right;
  return (readers, spot) => compareValues(op, a(readers, spot), b(readers, spot));
}

/**
 * Trace ids have no leading zeros in queries, and texts that they are compared with lose theirs.
 */
function withoutZeros(expr: FieldExpr, other: FieldExpr): Run | undefined {
  if (other.node !== "intrinsic") return undefined;
  if (other.name !== "trace:id" && other.name !== "link:traceID") return undefined;
  if (expr.node !== "literal" || expr.value.type !== "string") return undefined;
  const value: Static = { type: "string", value: expr.value.value.replace(/^0+/, "") };
  return () => value;
}

/** A bare field of events as an operand of logic: true in some event, else false in some. */
function compileOperand(expr: FieldExpr, places: Places, isLogic: boolean): Run {
  const run = compileNode(expr, places);
  const scopes = isLogic ? unbound(expr) : [];
  if (scopes.length === 0) return run;
  return (readers, spot) => {
    let found: Value = NIL;
    const test = () => {
      const value = run(readers, spot);
      if (value.type === "bool" && (found.type === "nil" || value.value)) found = value;
      return isTrue(found);
    };
    eachEntry(scopes, { readers, spot, test });
    return found;
  };
}

/** Lists whose fields stand in it outside of comparisons. */
export function unbound(...exprs: readonly FieldExpr[]): ("event" | "link")[] {
  const found = new Set<FieldScope>();
  const visit = (expr: FieldExpr): void => {
    if (expr.node === "unary") {
      if (expr.op === "-") visit(expr.operand);
    } else if (expr.node === "binary") {
      if (isCompareOp(expr.op) || expr.op === "&&" || expr.op === "||") return;
      visit(expr.left);
      visit(expr.right);
    } else if (expr.node !== "literal") found.add(fieldScope(expr));
  };
  for (const expr of exprs) visit(expr);
  return (["event", "link"] as const).filter((scope) => found.has(scope));
}

/** Walks events (and links) of the row until `test` is true; those at hand stay. */
interface EntryWalk {
  readonly readers: Readers;
  readonly spot: Spot;
  readonly test: () => boolean;
}

function eachEntry(scopes: readonly ("event" | "link")[], walk: EntryWalk): boolean {
  const { readers, spot, test } = walk;
  const [scope, ...rest] = scopes;
  if (scope === undefined) return test();
  if (spot[scope] >= 0) return eachEntry(rest, walk);
  const end = readers.end(scope, spot.row);
  let isFound = false;
  for (let entry = readers.first(scope, spot.row); entry < end && !isFound; entry++) {
    spot[scope] = entry;
    isFound = eachEntry(rest, walk);
  }
  spot[scope] = -1;
  return isFound;
}

function isNilLiteral(expr: FieldExpr): boolean {
  return expr.node === "literal" && expr.value.type === "nil";
}

function negatedValue(value: Value): Static {
  return value.type === "list" ? NIL : (negated(value) ?? NIL);
}
