/**
 * A query into its tree.
 *
 * Above expressions over spans there are four kinds of things: spansets (and pipelines of them),
 * numbers of spansets, metrics, and constants. They share parentheses and operators, `>` is both
 * a comparison and a relation of spans. So one precedence climber reads them all as parts, and
 * parse-part.ts says what an operator makes of two of them.
 *
 *   query := sequence hints        sequence := part ("|" stage)*
 */
import type {
  Aggregate,
  AggregateName,
  Field,
  Filter,
  Group,
  Hint,
  MetricsExpr,
  Pipeline,
  Query,
  SecondStage,
  Select,
  Sort,
  Stage,
} from "./ast.ts";
import { parseField, parseFieldExpr, parseStatic } from "./parse-field.ts";
import {
  isMetricsFunction,
  parseMetricsFunction,
  parseNumber,
  withSeries,
} from "./parse-metrics.ts";
import { combine, folded, isCompare, isStage, LEVELS, type Part, spansetOf } from "./parse-part.ts";
import { TokenCursor } from "./token-cursor.ts";

/** Throws TraceqlError; what is well-formed may still mean nothing (check.ts). */
export function parse(source: string): Query {
  const cursor = new TokenCursor(source);
  const part = parseSequence(cursor);
  const body = bodyOf(cursor, part);
  const hints: Hint[] = [];
  while (cursor.word === "with") hints.push(...parseHints(cursor));
  cursor.expectEnd();
  return { body, hints };
}

function bodyOf(cursor: TokenCursor, part: Part): Query["body"] {
  if (part.is === "metrics") return part.node;
  if (part.is === "pipeline") return part.node;
  if (isStage(part)) return { node: "pipeline", stages: [part.node] };
  throw cursor.unexpected();
}

/** What stands alone or in parentheses. */
function parseSequence(cursor: TokenCursor): Part {
  const first = parseExpr(cursor, 1);
  if (first.is === "metrics") return { is: "metrics", node: parseSeconds(cursor, first.node) };
  if (!isStage(first) || cursor.symbol !== "|") return first;
  const stages: Stage[] = [first.node];
  while (cursor.accept("|")) {
    const { token } = cursor;
    if (isMetricsFunction(cursor.word)) {
      const fn = cursor.placed(parseMetricsFunction(cursor, parseFilter), token);
      const pipeline: Pipeline = { node: "pipeline", stages };
      const query = { node: "metricsQuery", pipeline, fn, seconds: [] } as const;
      return { is: "metrics", node: parseSeconds(cursor, query) };
    }
    const part = cursor.word === "coalesce" ? parseCoalesce(cursor) : parseExpr(cursor, 1);
    if (part.is === "scalar" && cursor.token.type === "symbol" && cursor.token.text === ")") {
      const pipeline: Pipeline = { node: "pipeline", stages };
      return { is: "scalar", node: { node: "scalarPipeline", pipeline, scalar: part.node } };
    }
    if (!isStage(part)) throw cursor.unexpected();
    stages.push(part.node);
  }
  return { is: "pipeline", node: { node: "pipeline", stages } };
}

/** Takes `| topk(3)`, `> 5` and so on behind metrics. */
function parseSeconds(cursor: TokenCursor, node: MetricsExpr): MetricsExpr {
  let result = node;
  for (;;) {
    const second = parseSecond(cursor);
    if (second === undefined) return result;
    result = withSeries(result, second);
  }
}

function parseSecond(cursor: TokenCursor): SecondStage | undefined {
  const op = cursor.symbol;
  if (op === "|") {
    const { following } = cursor;
    const node = following.type === "word" ? following.text : undefined;
    if (node !== "topk" && node !== "bottomk") return undefined;
    cursor.next();
    cursor.next();
    cursor.expect("(");
    const { token } = cursor;
    if (token.type !== "int") throw cursor.unexpected();
    cursor.next();
    cursor.expect(")");
    return { node, limit: token.value };
  }
  if (op === undefined || !isCompare(op)) return undefined;
  const { token } = cursor;
  cursor.next();
  const right = parseExpr(cursor, LEVELS["+"]);
  if (right.is !== "const") throw cursor.unexpected(token);
  return { node: "seriesFilter", op, value: right.node.value };
}

function parseExpr(cursor: TokenCursor, least: number): Part {
  const { token: first } = cursor;
  let left = parsePart(cursor);
  for (;;) {
    const token = cursor.token;
    const op = cursor.symbol;
    const level = op === undefined ? undefined : LEVELS[op];
    if (op === undefined || level === undefined || level < least) return left;
    cursor.next();
    const tighter = op === "^" ? level : level + 1;
    const right = cursor.nested(() => parseExpr(cursor, tighter));
    left = combine(cursor, { op, token, left, right });
    cursor.placed(left.node, first);
  }
}

function parsePart(cursor: TokenCursor): Part {
  const { token } = cursor;
  const part = parseBarePart(cursor);
  cursor.placed(part.node, token);
  return part;
}

function parseBarePart(cursor: TokenCursor): Part {
  const { symbol, word, token } = cursor;
  if (symbol === "{") return { is: "spanset", node: parseFilter(cursor) };
  if (symbol === "!") {
    cursor.next();
    const operand = cursor.nested(() => parsePart(cursor));
    const of = spansetOf(operand);
    if (of === undefined) throw cursor.unexpected(token);
    return { is: "spanset", node: { node: "absence", of } };
  }
  if (symbol === "(") {
    cursor.next();
    const inner = cursor.nested(() => parseSequence(cursor));
    cursor.expect(")");
    return inner.is === "stage" ? wrapped(inner.node) : inner;
  }
  if (symbol === "-") {
    cursor.next();
    const operand = cursor.nested(() => parsePart(cursor));
    if (operand.is !== "const") throw cursor.unexpected(token);
    return { is: "const", node: folded(cursor, { op: "-", token }, operand.node) };
  }
  if (word === "by") return { is: "stage", node: parseGroup(cursor) };
  if (word === "select") return { is: "stage", node: parseSelect(cursor) };
  if (word === "sort") return { is: "stage", node: parseSort(cursor) };
  if (isAggregate(word)) return { is: "scalar", node: parseAggregate(cursor, word) };
  if (token.type !== "int" && token.type !== "float" && token.type !== "duration") {
    throw cursor.unexpected();
  }
  return { is: "const", node: { node: "literal", value: parseStatic(cursor) } };
}

/** A stage in parentheses is a pipeline of one. */
function wrapped(stage: Stage): Part {
  return { is: "pipeline", node: { node: "pipeline", stages: [stage] } };
}

function parseFilter(cursor: TokenCursor): Filter {
  cursor.expect("{");
  if (cursor.accept("}")) {
    return { node: "filter", expr: { node: "literal", value: { type: "bool", value: true } } };
  }
  const expr = parseFieldExpr(cursor);
  cursor.expect("}");
  return { node: "filter", expr };
}

function parseGroup(cursor: TokenCursor): Group {
  cursor.next();
  cursor.expect("(");
  const by = parseFieldExpr(cursor);
  cursor.expect(")");
  return { node: "group", by };
}

const AGGREGATES: readonly string[] = ["count", "min", "max", "avg", "sum", "quantile"];

function isAggregate(word: string | undefined): word is AggregateName {
  return word !== undefined && AGGREGATES.includes(word);
}

function parseAggregate(cursor: TokenCursor, fn: AggregateName): Aggregate {
  cursor.next();
  cursor.expect("(");
  const argument = fn === "count" ? undefined : parseFieldExpr(cursor);
  let quantile: number | undefined;
  if (fn === "quantile") {
    cursor.expect(",");
    quantile = parseNumber(cursor);
  }
  cursor.expect(")");
  return { node: "aggregate", fn, argument, quantile };
}

/** sort(field [asc|desc] [, limit]) */
function parseSort(cursor: TokenCursor): Sort {
  cursor.next();
  cursor.expect("(");
  const by = parseFieldExpr(cursor);
  const descending = cursor.word === "desc";
  if (descending || cursor.word === "asc") cursor.next();
  let limit: bigint | undefined;
  if (cursor.accept(",")) {
    const { token } = cursor;
    if (token.type !== "int") throw cursor.unexpected();
    cursor.next();
    limit = token.value;
  }
  cursor.expect(")");
  return { node: "sort", by, descending, limit };
}

function parseCoalesce(cursor: TokenCursor): Part {
  cursor.next();
  cursor.expect("(");
  cursor.expect(")");
  return { is: "stage", node: { node: "coalesce" } };
}

function parseSelect(cursor: TokenCursor): Select {
  cursor.next();
  cursor.expect("(");
  const fields: Field[] = [];
  do {
    const field = parseField(cursor);
    if (field === undefined) throw cursor.unexpected();
    fields.push(field);
  } while (cursor.accept(","));
  cursor.expect(")");
  return { node: "select", fields };
}

function parseHints(cursor: TokenCursor): Hint[] {
  cursor.next();
  cursor.expect("(");
  const hints: Hint[] = [];
  do {
    const { token } = cursor;
    if (token.type !== "word") throw cursor.unexpected();
    cursor.next();
    cursor.expect("=");
    hints.push({ name: token.text, value: parseStatic(cursor) });
  } while (cursor.accept(","));
  cursor.expect(")");
  return hints;
}
