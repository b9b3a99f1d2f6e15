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
import { fieldsOf, unbound } from "./field-of.ts";
import type { Value } from "./question.ts";
import type { ListScope } from "./segment.ts";
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
  readonly first: (scope: ListScope, row: number) => number;
  /** After the last. */
  readonly end: (scope: ListScope, row: number) => number;
  /** The same for values: a list without entries may count as one entry without content. */
  readonly valueEnd: (scope: ListScope, row: number) => number;
}

type Run = (readers: Readers, spot: Spot) => Value;

export interface Compiled {
  readonly fields: readonly Field[];
  /** The value for a row, or for an event or link of it that the spot names. */
  readonly run: Run;
}

/** As a condition. */
export function compile(expr: FieldExpr): Compiled {
  const { fields, places } = placesIn(expr);
  return { fields, run: compileCondition(expr, places) };
}

/** As a value: outside of comparisons at the first event, then link, that gives one. */
export function compileValue(expr: FieldExpr): Compiled {
  const { fields, places } = placesIn(expr);
  const run = compileOperand(expr, places);
  const scopes = unbound(expr);
  if (scopes.length === 0) return { fields, run };
  const first: Run = (readers, spot) => {
    let found: Value = NIL;
    const test = () => {
      found = run(readers, spot);
      return found.type !== "nil";
    };
    eachEntry(scopes, { readers, spot, test, end: readers.valueEnd });
    return found;
  };
  return { fields, run: first };
}

function placesIn(expr: FieldExpr): { readonly fields: readonly Field[]; readonly places: Places } {
  const fields = fieldsOf(expr);
  return { fields, places: new Map(fields.map((field, i) => [printField(field), i])) };
}

export function isTrue(value: Value): boolean {
  return value.type === "bool" && value.value;
}

type Places = ReadonlyMap<string, number>;

/** Speaks of the events and links at hand, or of any where there are none at hand. */
function compileCondition(expr: FieldExpr, places: Places): Run {
  if (expr.node === "unary" && expr.op === "!") {
    const operand = compileCondition(expr.operand, places);
    return (readers, spot) => {
      const value = operand(readers, spot);
      if (value.type !== "bool") return NIL;
      return value.value ? FALSE : TRUE;
    };
  }
  if (expr.node === "binary" && (expr.op === "&&" || expr.op === "||")) {
    const left = compileCondition(expr.left, places);
    const right = compileCondition(expr.right, places);
    if (expr.op === "&&") {
      return (readers, spot) =>
        isTrue(left(readers, spot)) && isTrue(right(readers, spot)) ? TRUE : FALSE;
    }
    return (readers, spot) =>
      isTrue(left(readers, spot)) || isTrue(right(readers, spot)) ? TRUE : FALSE;
  }
  if (expr.node === "binary" && isCompareOp(expr.op)) return compileComparison(expr, places);
  const run = compileOperand(expr, places);
  const scopes = unbound(expr);
  return scopes.length === 0 ? run : compileAny(run, scopes);
}

/** A bare field of events: true when it is in some event, else false when it is in some. */
function compileAny(run: Run, scopes: readonly ListScope[]): Run {
  return (readers, spot) => {
    let found: Value = NIL;
    const test = () => {
      const value = run(readers, spot);
      if (value.type === "bool" && (found.type === "nil" || value.value)) found = value;
      return isTrue(found);
    };
    eachEntry(scopes, { readers, spot, test, end: readers.end });
    return found;
  };
}

/** A part of a comparison or of arithmetic; conditions in it speak for themselves. */
function compileOperand(expr: FieldExpr, places: Places): Run {
  switch (expr.node) {
    case "literal": {
      const { value } = expr;
      return () => value;
    }
    case "unary": {
      if (expr.op === "!") return alone(compileCondition(expr, places));
      const operand = compileOperand(expr.operand, places);
      return (readers, spot) => negatedValue(operand(readers, spot));
    }
    case "binary": {
      const { op } = expr;
      if (op === "&&" || op === "||" || isCompareOp(op)) {
        return alone(compileCondition(expr, places));
      }
      const left = compileOperand(expr.left, places);
      const right = compileOperand(expr.right, places);
      return (readers, spot) => {
        const a = left(readers, spot);
        const b = right(readers, spot);
        if (a.type === "list" || b.type === "list") return NIL;
        return arithmetic(op, a, b) ?? NIL;
      };
    }
    default: {
      const place = places.get(printField(expr));
      assert(place !== undefined, "query: a field without a place");
      return (readers, spot) => readers.fields[place](spot);
    }
  }
}

/** Without the events and links at hand. */
function alone(run: Run): Run {
  return (readers, spot) => {
    const { event, link } = spot;
    spot.event = -1;
    spot.link = -1;
    const value = run(readers, spot);
    spot.event = event;
    spot.link = link;
    return value;
  };
}

function compileComparison(expr: Binary, places: Places): Run {
  const test = compileTest(expr, places);
  const scopes = unbound(expr.left, expr.right);
  if (scopes.length === 0) {
    return (readers, spot) => (test(readers, spot) ? TRUE : FALSE);
  }
  return (readers, spot) =>
    eachEntry(scopes, { readers, spot, test: () => test(readers, spot), end: readers.end })
      ? TRUE
      : FALSE;
}

function compileTest(
  { op, left: leftExpr, right: rightExpr }: Binary,
  places: Places,
): (readers: Readers, spot: Spot) => boolean {
  assert(isCompareOp(op), "query: a comparison");
  const left = compileOperand(leftExpr, places);
  const right = compileOperand(rightExpr, places);
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

/** Walks events (and links) of the row until `test` is true; those at hand stay. */
interface EntryWalk {
  readonly readers: Readers;
  readonly spot: Spot;
  readonly test: () => boolean;
  readonly end: Readers["end"];
}

function eachEntry(scopes: readonly ListScope[], walk: EntryWalk): boolean {
  const { readers, spot, test } = walk;
  const [scope, ...rest] = scopes;
  if (scope === undefined) return test();
  if (spot[scope] >= 0) return eachEntry(rest, walk);
  const end = walk.end(scope, spot.row);
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
