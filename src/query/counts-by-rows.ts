/**
 * Whether a question counts each span by what its own row says, wherever the rest of its trace
 * lies: then traces that lie in several places need not be assembled for it.
 */
import type { Field, FieldExpr, IntrinsicName, Pipeline } from "../traceql/ast.ts";
import { fieldsOf } from "./field-of.ts";
import type { Fragment } from "./metrics-plan.ts";

/** What follows from the other spans of the trace. */
const OF_TRACES: readonly IntrinsicName[] = [
  ...(["traceDuration", "rootName", "rootServiceName", "span:childCount", "parent"] as const),
  ...(["nestedSetLeft", "nestedSetRight", "nestedSetParent"] as const),
];

/** Of the three of these that compare() itself looks at, shared-facts.ts knows. */
export function countsByRows(fragments: readonly Fragment[]): boolean {
  return fragments.every(({ fn, pipeline }) => {
    // Others take exemplars, or add up numbers whose order shows in the last digit.
    return fn.node === "compare" && isOfRows(fn.selection) && isOfRows(pipeline);
  });
}

function isOfRows(of: Pipeline | Pipeline["stages"][number]): boolean {
  if (of.node === "pipeline") return of.stages.every(isOfRows);
  if (of.node === "select") return true;
  return of.node === "filter" && isExprOfRows(of.expr);
}

function isExprOfRows(expr: FieldExpr): boolean {
  return fieldsOf(expr).every(isFieldOfRows);
}

function isFieldOfRows(field: Field): boolean {
  return field.node === "attribute" ? !field.parent : !OF_TRACES.includes(field.name);
}
