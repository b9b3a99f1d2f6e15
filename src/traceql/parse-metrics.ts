/** Metrics functions and the stages behind them. */
import type {
  Compare,
  Field,
  Filter,
  MetricsExpr,
  MetricsFunction,
  MetricsFunctionName,
  SecondStage,
} from "./ast.ts";
import { parseField } from "./parse-field.ts";
import type { TokenCursor } from "./token-cursor.ts";

const WITHOUT_FIELD: readonly string[] = ["rate", "count_over_time"];
const FUNCTIONS: readonly string[] = [
  ...WITHOUT_FIELD,
  ...["min_over_time", "max_over_time", "sum_over_time", "avg_over_time"],
  ...["quantile_over_time", "histogram_over_time", "compare"],
] satisfies (MetricsFunctionName | "compare")[] | string[];

export function isMetricsFunction(word: string | undefined): boolean {
  return word !== undefined && FUNCTIONS.includes(word);
}

export function parseMetricsFunction(
  cursor: TokenCursor,
  parseFilter: (cursor: TokenCursor) => Filter,
): MetricsFunction | Compare {
  const name = cursor.word;
  cursor.next();
  cursor.expect("(");
  if (name === "compare") return parseCompare(cursor, parseFilter);
  const field = name !== undefined && WITHOUT_FIELD.includes(name) ? undefined : fieldOf(cursor);
  const quantiles: number[] = [];
  if (name === "quantile_over_time") {
    cursor.expect(",");
    do quantiles.push(parseNumber(cursor));
    while (cursor.accept(","));
  }
  cursor.expect(")");
  const by = cursor.word === "by" ? parseBy(cursor) : [];
  const fn = name as MetricsFunctionName; // isMetricsFunction() said so
  return { node: "metricsFunction", fn, field, quantiles, by };
}

function parseCompare(cursor: TokenCursor, parseFilter: (cursor: TokenCursor) => Filter): Compare {
  const { token } = cursor;
  const selection = cursor.placed(parseFilter(cursor), token);
  const numbers: bigint[] = [];
  while (numbers.length < 3 && cursor.accept(",")) numbers.push(parseInteger(cursor));
  // A start without an end says nothing.
  if (numbers.length === 2) throw cursor.unexpected();
  cursor.expect(")");
  const [topN, start, end] = numbers;
  return { node: "compare", selection, topN, start, end };
}

function fieldOf(cursor: TokenCursor): Field {
  const field = parseField(cursor);
  if (field === undefined) throw cursor.unexpected();
  return field;
}

function parseBy(cursor: TokenCursor): Field[] {
  cursor.next();
  cursor.expect("(");
  const fields: Field[] = [];
  do fields.push(fieldOf(cursor));
  while (cursor.accept(","));
  cursor.expect(")");
  return fields;
}

export function parseNumber(cursor: TokenCursor): number {
  const sign = cursor.accept("-") ? -1 : 1;
  const { token } = cursor;
  if (token.type !== "int" && token.type !== "float") throw cursor.unexpected();
  cursor.next();
  return sign * Number(token.value);
}

function parseInteger(cursor: TokenCursor): bigint {
  const sign = cursor.accept("-") ? -1n : 1n;
  const { token } = cursor;
  if (token.type !== "int") throw cursor.unexpected();
  cursor.next();
  return sign * token.value;
}

export function withSeries<T extends MetricsExpr>(node: T, second: SecondStage): T {
  return { ...node, seconds: [...node.seconds, second] };
}
