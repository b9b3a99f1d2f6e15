/**
 * What a query says, as a tree. Plain data: no node knows its parent, its place, or how it is
 * evaluated. Types are of the language, not of storage.
 */

export type StatusName = "error" | "ok" | "unset";
export type KindName = "unspecified" | "internal" | "client" | "server" | "producer" | "consumer";

/** A constant. Integers and durations (nanoseconds) have 64 bits. */
export type Static =
  | { readonly type: "nil" }
  | { readonly type: "int"; readonly value: bigint }
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "duration"; readonly value: bigint }
  | { readonly type: "status"; readonly value: StatusName }
  | { readonly type: "kind"; readonly value: KindName };

export type AttributeScope = "none" | "resource" | "span" | "event" | "link" | "instrumentation";

/** `span.http.route`, `.a`; with `parent` of the span's parent. */
export interface Attribute {
  readonly node: "attribute";
  readonly scope: AttributeScope;
  readonly parent: boolean;
  readonly name: string;
}

/** By the name under which it is printed. */
export const INTRINSICS = [
  ...["duration", "name", "status", "statusMessage", "kind", "span:id", "span:parentID"],
  ...["span:childCount", "trace:id", "traceDuration", "rootName", "rootServiceName"],
  ...["event:name", "event:timeSinceStart", "link:traceID", "link:spanID"],
  ...["instrumentation:name", "instrumentation:version"],
  ...["nestedSetLeft", "nestedSetRight", "nestedSetParent", "parent"],
] as const;
export type IntrinsicName = (typeof INTRINSICS)[number];

export interface Intrinsic {
  readonly node: "intrinsic";
  readonly name: IntrinsicName;
}

export interface Literal {
  readonly node: "literal";
  readonly value: Static;
}

export type UnaryOp = "-" | "!";
export type ArithmeticOp = "+" | "-" | "*" | "/" | "%" | "^";
export type CompareOp = "=" | "!=" | "<" | "<=" | ">" | ">=";
export type BinaryOp = ArithmeticOp | CompareOp | "=~" | "!~" | "&&" | "||";

export interface Unary {
  readonly node: "unary";
  readonly op: UnaryOp;
  readonly operand: FieldExpr;
}

export interface Binary {
  readonly node: "binary";
  readonly op: BinaryOp;
  readonly left: FieldExpr;
  readonly right: FieldExpr;
}

/** An expression over one span. */
export type FieldExpr = Literal | Attribute | Intrinsic | Unary | Binary;
/** What may be named by select, by of metrics, and metrics functions. */
export type Field = Attribute | Intrinsic;

export interface Filter {
  readonly node: "filter";
  readonly expr: FieldExpr;
}

export type StructuralOp =
  | (">" | ">>" | "<" | "<<" | "~")
  | ("!>" | "!>>" | "!<" | "!<<" | "!~")
  | ("&>" | "&>>" | "&<" | "&<<" | "&~");
export type SpansetOp = "&&" | "||" | StructuralOp;

/** Both sides filters and operations of these, or (as Tempo has it) pipelines in parentheses. */
export interface SpansetOperation {
  readonly node: "spansetOperation";
  readonly op: SpansetOp;
  readonly left: SpansetExpr;
  readonly right: SpansetExpr;
}

/**
 * `!{ … }`, beyond Tempo: all spans of a trace in which the spanset is empty, none of the others.
 */
export interface Absence {
  readonly node: "absence";
  readonly of: SpansetExpr;
}

export type SpansetExpr = Filter | SpansetOperation | Absence | Pipeline;

/** `quantile(duration, .95)` is beyond Tempo. */
export type AggregateName = "count" | "min" | "max" | "avg" | "sum" | "quantile";

export interface Aggregate {
  readonly node: "aggregate";
  readonly fn: AggregateName;
  /** Undefined for count. */
  readonly argument: FieldExpr | undefined;
  /** Of quantile: 0 to 1. */
  readonly quantile: number | undefined;
}

/** Spansets of a pipeline to one number: `({ … } | count())`. */
export interface ScalarPipeline {
  readonly node: "scalarPipeline";
  readonly pipeline: Pipeline;
  readonly scalar: ScalarExpr;
}

export interface ScalarOperation {
  readonly node: "scalarOperation";
  readonly op: ArithmeticOp;
  readonly left: ScalarExpr;
  readonly right: ScalarExpr;
}

export type ScalarExpr = Literal | Aggregate | ScalarOperation | ScalarPipeline;

export interface ScalarFilter {
  readonly node: "scalarFilter";
  readonly op: CompareOp;
  readonly left: ScalarExpr;
  readonly right: ScalarExpr;
}

export interface Group {
  readonly node: "group";
  readonly by: FieldExpr;
}

export interface Coalesce {
  readonly node: "coalesce";
}

export interface Select {
  readonly node: "select";
  readonly fields: readonly Field[];
}

/**
 * `sort(duration desc, 20)`, beyond Tempo: the order of spans in a spanset and of traces by their
 * first span; spans without a value last, equal ones by time and id. With a limit, so many traces.
 */
export interface Sort {
  readonly node: "sort";
  readonly by: FieldExpr;
  readonly descending: boolean;
  readonly limit: bigint | undefined;
}

export type Stage = SpansetExpr | ScalarFilter | Group | Coalesce | Select | Sort;

/** Stages in order; each gets the spansets of the one before. */
export interface Pipeline {
  readonly node: "pipeline";
  readonly stages: readonly Stage[];
}

export type MetricsFunctionName =
  | ("rate" | "count_over_time" | "min_over_time" | "max_over_time" | "sum_over_time")
  | ("avg_over_time" | "quantile_over_time" | "histogram_over_time");

export interface MetricsFunction {
  readonly node: "metricsFunction";
  readonly fn: MetricsFunctionName;
  /** Undefined for rate and count_over_time. */
  readonly field: Field | undefined;
  /** Of quantile_over_time. */
  readonly quantiles: readonly number[];
  readonly by: readonly Field[];
}

export interface Compare {
  readonly node: "compare";
  readonly selection: SpansetExpr;
  readonly topN: bigint | undefined;
  /** Unix nanoseconds, of the selection. */
  readonly start: bigint | undefined;
  readonly end: bigint | undefined;
}

export type SecondStage =
  | { readonly node: "topk" | "bottomk"; readonly limit: bigint }
  | { readonly node: "seriesFilter"; readonly op: CompareOp; readonly value: Static };

export interface MetricsQuery {
  readonly node: "metricsQuery";
  readonly pipeline: Pipeline;
  readonly fn: MetricsFunction | Compare;
  readonly seconds: readonly SecondStage[];
}

export interface MetricsOperation {
  readonly node: "metricsOperation";
  readonly op: "+" | "-" | "*" | "/";
  readonly left: MetricsExpr | Literal;
  readonly right: MetricsExpr | Literal;
  readonly seconds: readonly SecondStage[];
}

export type MetricsExpr = MetricsQuery | MetricsOperation;

export interface Hint {
  readonly name: string;
  readonly value: Static;
}

export interface Query {
  readonly body: Pipeline | MetricsExpr;
  readonly hints: readonly Hint[];
}
