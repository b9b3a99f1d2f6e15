/**
 * A tree as a query that parses to the same tree. Parentheses stand wherever an operand is another
 * operation, so that nobody needs to know precedences to read it.
 */
import type {
  Attribute,
  Binary,
  FieldExpr,
  Filter,
  MetricsExpr,
  MetricsQuery,
  Query,
  ScalarExpr,
  SecondStage,
  SpansetExpr,
  SpansetOperation,
  Stage,
  Static,
} from "./ast.ts";
import { formatDuration } from "./duration.ts";

export function print({ body, hints }: Query): string {
  const text = body.node === "pipeline" ? printStages(body.stages) : printMetrics(body);
  if (hints.length === 0) return text;
  const list = hints.map(({ name, value }) => `${name}=${printStatic(value)}`);
  return `${text} with(${list.join(", ")})`;
}

function printStages(stages: readonly Stage[]): string {
  return stages.map(printStage).join(" | ");
}

export function printStage(stage: Stage): string {
  switch (stage.node) {
    case "filter":
      return printFilter(stage);
    case "spansetOperation":
      return `${printLeftSpanset(stage)} ${stage.op} ${printOperand(stage.right)}`;
    case "absence":
      return `!${printOperand(stage.of)}`;
    case "sort": {
      const limit = stage.limit === undefined ? "" : `, ${stage.limit}`;
      return `sort(${printField(stage.by)} ${stage.descending ? "desc" : "asc"}${limit})`;
    }
    case "pipeline":
      return `(${printStages(stage.stages)})`;
    case "group":
      return `by(${printField(stage.by)})`;
    case "coalesce":
      return "coalesce()";
    case "select":
      return `select(${stage.fields.map(printField).join(", ")})`;
    case "scalarFilter":
      return `${printScalar(stage.left)} ${stage.op} ${printScalar(stage.right)}`;
  }
}

function printFilter({ expr }: Filter): string {
  return `{ ${printField(expr)} }`;
}

function printLeftSpanset({ op, left }: SpansetOperation): string {
  const isChain = left.node === "spansetOperation" && left.op === op;
  return isChain ? printStage(left) : printOperand(left);
}

function printOperand(spanset: SpansetExpr): string {
  return spanset.node === "spansetOperation" ? `(${printStage(spanset)})` : printStage(spanset);
}

function printScalar(scalar: ScalarExpr): string {
  if (scalar.node === "literal") return printStatic(scalar.value);
  if (scalar.node === "aggregate") {
    const argument = scalar.argument === undefined ? "" : printField(scalar.argument);
    const quantile = scalar.quantile === undefined ? "" : `, ${scalar.quantile}`;
    return `${scalar.fn}(${argument}${quantile})`;
  }
  if (scalar.node === "scalarPipeline") {
    return `(${printStages(scalar.pipeline.stages)} | ${printScalar(scalar.scalar)})`;
  }
  return `(${printScalar(scalar.left)} ${scalar.op} ${printScalar(scalar.right)})`;
}

/** An expression over a span; attributes as they name series, too. */
export function printField(expr: FieldExpr): string {
  switch (expr.node) {
    case "literal":
      return printStatic(expr.value);
    case "attribute":
      return printAttribute(expr);
    case "intrinsic":
      return expr.name;
    case "unary":
      return `${expr.op}${printInner(expr.operand)}`;
    case "binary":
      return `${printLeft(expr)} ${expr.op} ${printInner(expr.right)}`;
  }
}

/** A chain of one operator needs no parentheses, however long it is. */
function printLeft({ op, left }: Binary): string {
  const isChain = left.node === "binary" && left.op === op && CHAINED.includes(op);
  return isChain ? printField(left) : printInner(left);
}

function printInner(expr: FieldExpr): string {
  const isSimple = expr.node !== "unary" && expr.node !== "binary" && !isSigned(expr);
  return isSimple ? printField(expr) : `(${printField(expr)})`;
}

/** A folded constant may be negative, and is read again as the negative of one. */
function isSigned(expr: FieldExpr): boolean {
  return expr.node === "literal" && printStatic(expr.value).startsWith("-");
}

/** From left to right, and parsed so. */
const CHAINED: readonly string[] = ["&&", "||", "+", "-", "*", "/", "%"];
const PLAIN_NAME = /^[^\s{}()=~!<>&|^,"]+$/;

function printAttribute({ scope, parent, name }: Attribute): string {
  const path = `${parent ? "parent." : ""}${scope === "none" ? (parent ? "" : ".") : `${scope}.`}`;
  // ".5" would be a number.
  const isPlain = PLAIN_NAME.test(name) && !(path === "." && /^\d/.test(name));
  const quoted = `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return `${path}${isPlain ? name : quoted}`;
}

function printStatic(value: Static): string {
  switch (value.type) {
    case "nil":
      return "nil";
    case "string":
      return printString(value.value);
    case "duration":
      return formatDuration(value.value);
    case "float":
      return printFloat(value.value);
    default:
      return String(value.value);
  }
}

/** JSON's escapes are Go's, but for surrogates, which no text of ours has alone. */
function printString(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\x7f");
}

/** Never like an integer, and without a plus in the exponent that would end it. */
function printFloat(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function printMetrics(metrics: MetricsExpr): string {
  const seconds = metrics.seconds.map(printSecond).join("");
  if (metrics.node === "metricsQuery") return printMetricsQuery(metrics) + seconds;
  const sides = [metrics.left, metrics.right].map((side) =>
    side.node === "literal" ? printStatic(side.value) : `(${printMetrics(side)})`,
  );
  return `${sides[0]} ${metrics.op} ${sides[1]}${seconds}`;
}

function printMetricsQuery({ pipeline, fn }: MetricsQuery): string {
  const stages = printStages(pipeline.stages);
  if (fn.node === "compare") {
    const numbers = [fn.topN, fn.start, fn.end].filter((number) => number !== undefined);
    return `${stages} | compare(${[printStage(fn.selection), ...numbers].join(", ")})`;
  }
  const field = fn.field === undefined ? [] : [printField(fn.field)];
  const by = fn.by.length === 0 ? "" : ` by(${fn.by.map(printField).join(", ")})`;
  return `${stages} | ${fn.fn}(${[...field, ...fn.quantiles].join(", ")})${by}`;
}

function printSecond(second: SecondStage): string {
  if (second.node === "seriesFilter") return ` ${second.op} ${printStatic(second.value)}`;
  return ` | ${second.node}(${second.limit})`;
}
