/**
 * Whether a query that is well-formed means something: types of operands, operators for types,
 * what must name a span. Throws TraceqlError with Tempo's words, UnsupportedError for what the
 * language has and no engine evaluates.
 */
import type {
  Aggregate,
  Binary,
  Compare,
  FieldExpr,
  MetricsExpr,
  MetricsQuery,
  Pipeline,
  Query,
  ScalarExpr,
  ScalarFilter,
  Sort,
  Stage,
  Unary,
} from "./ast.ts";
import { type FieldType, intrinsicType } from "./intrinsics.ts";
import { placeOfNode } from "./node-places.ts";
import { printField, printStage } from "./print.ts";
import { checkRegex } from "./regex.ts";
import { TraceqlError, UnsupportedError } from "./traceql-error.ts";

const BY_MAX = 5;
/** Functions that need a label of their own, or two series. */
const BY_MAX_OF_TWO = 4;
const TWO_SERIES: readonly string[] = [
  ...["quantile_over_time", "histogram_over_time", "avg_over_time"],
];
const COMPARE_TOP_MAX = 1000n;

export function check({ body }: Query): void {
  if (body.node === "pipeline") checkPipeline(body);
  else checkMetrics(body);
}

function checkPipeline({ stages }: Pipeline): void {
  for (const stage of stages) checkStage(stage);
}

function checkStage(stage: Stage): void {
  switch (stage.node) {
    case "pipeline":
      checkPipeline(stage);
      return;
    case "absence":
      checkStage(stage.of);
      return;
    case "sort":
      checkSort(stage);
      return;
    case "spansetOperation":
      checkStage(stage.left);
      checkStage(stage.right);
      return;
    case "filter": {
      const type = checkField(stage.expr);
      if (type === "bool" || type === "any") return;
      throw refused(
        stage,
        `span filter field expressions must resolve to a boolean: ${printStage(stage)}`,
      );
    }
    case "group":
      checkField(stage.by);
      if (!namesSpan(stage.by)) {
        throw refused(
          stage.by,
          `grouping field expressions must reference the span: ${printField(stage.by)}`,
        );
      }
      return;
    case "select":
      for (const field of stage.fields) checkField(field);
      return;
    case "scalarFilter":
      checkScalarFilter(stage);
      return;
    case "coalesce":
      return;
  }
}

function checkSort(sort: Sort): void {
  const { by, limit } = sort;
  checkField(by);
  if (!namesSpan(by)) {
    throw refused(by, `sort field expressions must reference the span: ${printField(by)}`);
  }
  if (limit === 0n) throw refused(sort, "limit must be greater than 0");
}

function checkScalarFilter(filter: ScalarFilter): void {
  checkScalar(filter.left);
  checkScalar(filter.right);
  if (filter.left.node === "aggregate" && filter.right.node === "literal") return;
  const what = `scalar filter ${printStage(filter)}: this form is`;
  throw new UnsupportedError(what, placeOfNode(filter));
}

function checkScalar(scalar: ScalarExpr): void {
  if (scalar.node === "aggregate") checkAggregate(scalar);
  else if (scalar.node === "scalarPipeline") {
    checkPipeline(scalar.pipeline);
    checkScalar(scalar.scalar);
  } else if (scalar.node === "scalarOperation") {
    checkScalar(scalar.left);
    checkScalar(scalar.right);
  }
}

function checkAggregate(aggregate: Aggregate): void {
  const { fn, argument, quantile } = aggregate;
  if (argument === undefined) return;
  if (quantile !== undefined && !(quantile >= 0 && quantile <= 1)) {
    throw refused(aggregate, "quantile must be between 0 and 1");
  }
  const type = checkField(argument);
  const text = `${fn}(${printField(argument)})`;
  if (type !== "any" && !isNumeric(type)) {
    throw refused(argument, `aggregate field expressions must resolve to a number type: ${text}`);
  }
  if (!namesSpan(argument)) {
    throw refused(argument, `aggregate field expressions must reference the span: ${text}`);
  }
}

/** The type of an expression, after its parts are found good. */
function checkField(expr: FieldExpr): FieldType {
  switch (expr.node) {
    case "literal":
      return expr.value.type;
    case "intrinsic":
      if (expr.name === "parent") throw new UnsupportedError("parent", placeOfNode(expr));
      return intrinsicType(expr.name);
    case "attribute":
      if (expr.parent) throw new UnsupportedError("parent", placeOfNode(expr));
      return "any";
    case "unary":
      return checkUnary(expr);
    case "binary":
      return checkBinary(expr);
  }
}

function checkUnary(expr: Unary): FieldType {
  const type = checkField(expr.operand);
  const isFit = type === "any" || (expr.op === "!" ? type === "bool" : isNumeric(type));
  if (!isFit) throw illegal(expr);
  return expr.op === "!" ? "bool" : type;
}

function checkBinary(expr: Binary): FieldType {
  const left = checkField(expr.left);
  const right = checkField(expr.right);
  if (!isAlike(left, right)) {
    const text = printField(expr);
    throw refused(expr, `binary operations must operate on the same type: ${text}`);
  }
  if (!isLegal(expr, left) || !isLegal(expr, right)) throw illegal(expr);
  if (expr.op === "=~" || expr.op === "!~") checkPattern(expr);
  if (expr.op === "=") checkNil(expr, left, right);
  if (!isArithmetic(expr.op)) return "bool";
  return left === "any" ? right : left;
}

function isAlike(left: FieldType, right: FieldType): boolean {
  if (left === right || left === "any" || right === "any") return true;
  if (left === "nil" || right === "nil") return true;
  return isNumeric(left) && isNumeric(right);
}

function isLegal({ op }: Binary, type: FieldType): boolean {
  if (type === "any") return true;
  if (op === "=" || op === "!=") return true;
  if (op === "&&" || op === "||") return type === "bool";
  if (op === "=~" || op === "!~") return type === "string";
  if (isArithmetic(op)) return isNumeric(type);
  return type === "string" || isNumeric(type);
}

function isArithmetic(op: string): boolean {
  return "+-*/%^".includes(op);
}

function isNumeric(type: FieldType): boolean {
  return type === "int" || type === "float" || type === "duration";
}

/** The pattern has to be known before anything is read. */
function checkPattern(expr: Binary): void {
  const { right } = expr;
  if (right.node !== "literal" || right.value.type !== "string") throw illegal(expr);
  try {
    checkRegex(right.value.value);
  } catch (error) {
    throw error instanceof TraceqlError ? refused(right, error.message) : error;
  }
}

/** Intrinsics are always there, and so is a resource's service.name. */
function checkNil(expr: Binary, left: FieldType, right: FieldType): void {
  const other = left === "nil" ? expr.right : right === "nil" ? expr.left : undefined;
  if (other === undefined) return;
  const text = printField(expr);
  if (other.node === "intrinsic") {
    throw refused(expr, `${text} is not valid because intrinsics cannot be nil`);
  }
  const isServiceName =
    other.node === "attribute" && other.scope === "resource" && other.name === "service.name";
  if (isServiceName) {
    throw refused(expr, `${text} is not valid because resource.service.name cannot be nil`);
  }
}

function illegal(expr: FieldExpr): TraceqlError {
  return refused(expr, `illegal operation for the given types: ${printField(expr)}`);
}

function refused(node: object, message: string): TraceqlError {
  return new TraceqlError(message, placeOfNode(node), "meaning");
}

/** Whether the value can differ from span to span. */
function namesSpan(expr: FieldExpr): boolean {
  switch (expr.node) {
    case "literal":
      return false;
    case "attribute":
    case "intrinsic":
      return true;
    case "unary":
      return namesSpan(expr.operand);
    case "binary":
      return namesSpan(expr.left) || namesSpan(expr.right);
  }
}

function checkMetrics(metrics: MetricsExpr): void {
  for (const second of metrics.seconds) {
    if (second.node !== "seriesFilter" && second.limit <= 0n) {
      throw refused(ofSecond(metrics), "limit must be greater than 0");
    }
  }
  if (metrics.node === "metricsQuery") {
    checkMetricsQuery(metrics);
    return;
  }
  for (const side of [metrics.left, metrics.right]) {
    if (side.node === "literal") continue;
    checkMetrics(side);
    if (side.node === "metricsQuery" && side.fn.node === "compare") {
      throw refused(side.fn, "compare() cannot be used with math");
    }
  }
}

function checkMetricsQuery({ pipeline, fn, seconds }: MetricsQuery): void {
  checkPipeline(pipeline);
  if (fn.node === "compare") {
    checkStage(fn.selection);
    if (seconds.length > 0) throw refused(fn, "compare() cannot have a second stage");
    checkCompareNumbers(fn);
    return;
  }
  if (fn.field !== undefined) checkField(fn.field);
  for (const field of fn.by) checkField(field);
  const max = TWO_SERIES.includes(fn.fn) ? BY_MAX_OF_TWO : BY_MAX;
  if (fn.by.length > max) {
    const what = `metrics group by ${fn.by.length} values`;
    throw new UnsupportedError(what, placeOfNode(fn.by[max]));
  }
  if (fn.quantiles.some((quantile) => quantile < 0 || quantile > 1)) {
    throw refused(fn, "quantile must be between 0 and 1");
  }
}

function checkCompareNumbers(compare: Compare): void {
  const { topN, start, end } = compare;
  if (topN !== undefined && (topN < 1n || topN > COMPARE_TOP_MAX)) {
    throw refused(compare, "compare() top number of values must be between 1 and 1000");
  }
  if (start === undefined || end === undefined) return;
  if (start <= 0n || end <= start) {
    const message = "compare() timestamps must be positive, the end behind the start";
    throw refused(compare, message);
  }
}

/** What a second stage stands behind. */
function ofSecond(metrics: MetricsExpr): object {
  return metrics.node === "metricsQuery" ? metrics.fn : metrics;
}
