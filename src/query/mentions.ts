/**
 * What a query speaks of, and so what is shown of the spans that it finds: a field that it only
 * compares with constants (nowhere below a `!`) where one of these comparisons holds, a field that
 * it mentions in any other way wherever it has a value.
 */
import { assert } from "../base/assert.ts";
import type {
  Binary,
  Field,
  FieldExpr,
  MetricsExpr,
  Pipeline,
  ScalarExpr,
  Stage,
} from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import { isCompareOp } from "./value-compare.ts";

export interface Mention {
  readonly field: Field;
  /** With constants. */
  readonly comparisons: readonly Binary[];
  /** Mentioned in another way as well. */
  readonly isOther: boolean;
}

/** Of a metrics query the part before its function. */
export function searchedPipeline(body: Pipeline | MetricsExpr): Pipeline {
  if (body.node === "pipeline") return body;
  if (body.node === "metricsQuery") return body.pipeline;
  const side = body.left.node === "literal" ? body.right : body.left;
  assert(side.node !== "literal", "query: arithmetic of constants alone");
  return searchedPipeline(side);
}

/** By field, in the order of their first mention. */
export function mentionsOf(pipeline: Pipeline): Mention[] {
  const found = new Map<string, { field: Field; comparisons: Binary[]; isOther: boolean }>();
  const note = (field: Field, comparison: Binary | undefined): void => {
    const name = printField(field);
    const mention = found.get(name) ?? { field, comparisons: [], isOther: false };
    found.set(name, mention);
    if (comparison === undefined) mention.isOther = true;
    else mention.comparisons.push(comparison);
  };
  for (const stage of pipeline.stages) visitStage(stage, note);
  return [...found.values()];
}

type Note = (field: Field, comparison: Binary | undefined) => void;

function visitStage(stage: Stage, note: Note): void {
  switch (stage.node) {
    case "filter":
      visit(stage.expr, { note, isOther: false });
      break;
    case "spansetOperation":
      visitStage(stage.left, note);
      visitStage(stage.right, note);
      break;
    case "absence":
      visitStage(stage.of, note);
      break;
    case "pipeline":
      for (const inner of stage.stages) visitStage(inner, note);
      break;
    case "group":
    case "sort":
      visit(stage.by, { note, isOther: true });
      break;
    case "select":
      for (const field of stage.fields) note(field, undefined);
      break;
    case "scalarFilter":
      visitScalar(stage.left, note);
      visitScalar(stage.right, note);
      break;
    case "coalesce":
      break;
  }
}

function visitScalar(scalar: ScalarExpr, note: Note): void {
  if (scalar.node !== "aggregate" || scalar.argument === undefined) return;
  visit(scalar.argument, { note, isOther: true });
}

function visit(expr: FieldExpr, how: { readonly note: Note; readonly isOther: boolean }): void {
  const { note, isOther } = how;
  if (expr.node === "literal") return;
  if (expr.node === "unary") visit(expr.operand, { note, isOther: isOther || expr.op === "!" });
  else if (expr.node === "binary") {
    const field = isOther ? undefined : comparedField(expr);
    if (field !== undefined) note(field, expr);
    else {
      visit(expr.left, how);
      visit(expr.right, how);
    }
  } else note(expr, undefined);
}

/** Of a comparison of a field with a constant. */
function comparedField({ op, left, right }: Binary): Field | undefined {
  if (!isCompareOp(op)) return undefined;
  const [field, other] = left.node === "literal" ? [right, left] : [left, right];
  if (other.node !== "literal") return undefined;
  return field.node === "attribute" || field.node === "intrinsic" ? field : undefined;
}
