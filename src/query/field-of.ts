/** Fields of expressions: which there are, and whether events or links have them. */
import type { Aggregate, Field, FieldExpr } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import type { ListScope } from "./segment.ts";
import { isCompareOp } from "./value-compare.ts";

/** Whose value it is: each row has one, or each of its events or links. */
export type FieldScope = "row" | "event" | "link";

export function fieldScope(field: Field): FieldScope {
  if (field.node === "attribute") {
    return field.scope === "event" || field.scope === "link" ? field.scope : "row";
  }
  if (field.name.startsWith("event:")) return "event";
  return field.name.startsWith("link:") ? "link" : "row";
}

const known = new WeakMap<FieldExpr, readonly Field[]>();

/** Distinct fields by their printed name, in order of appearance. */
export function fieldsOf(...exprs: readonly FieldExpr[]): readonly Field[] {
  const [only] = exprs;
  // Each segment asks it of each condition.
  if (exprs.length !== 1) return findFields(exprs);
  const fields = known.get(only) ?? findFields(exprs);
  known.set(only, fields);
  return fields;
}

function findFields(exprs: readonly FieldExpr[]): readonly Field[] {
  const found = new Map<string, Field>();
  const visit = (expr: FieldExpr): void => {
    if (expr.node === "unary") visit(expr.operand);
    else if (expr.node === "binary") {
      visit(expr.left);
      visit(expr.right);
    } else if (expr.node !== "literal") {
      const name = printField(expr);
      if (!found.has(name)) found.set(name, expr);
    }
  };
  for (const expr of exprs) visit(expr);
  return [...found.values()];
}

/** Lists whose fields stand in it outside of comparisons. */
export function unbound(...exprs: readonly FieldExpr[]): ListScope[] {
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

/** Lists that a comparison, or a field for itself, speaks of; no others do. */
export function spokenOf(expr: FieldExpr): ListScope[] {
  if (expr.node === "attribute" || expr.node === "intrinsic") return unbound(expr);
  return expr.node === "binary" && isCompareOp(expr.op) ? unbound(expr.left, expr.right) : [];
}

export function argumentOf(aggregate: Aggregate): FieldExpr[] {
  return aggregate.argument === undefined ? [] : [aggregate.argument];
}
