/**
 * Searches: which traces, in which order, and what is shown of them.
 *
 * A trace is seen whole when it overlaps the time asked for. Traces come newest start first, equal
 * ones by id; when the pipeline itself (not a side in parentheses) sorts, by the last sort's value
 * of the first span of their first spanset, traces without a value last, then newest first. A
 * sort's limit and the question's both hold.
 *
 * Of a span is shown what the query speaks of. A field that the query only compares with constants
 * (nowhere below a `!`) is shown when one of these comparisons holds for the span; of an absent one
 * `= nil` shows the text "nil". Any other mention shows the field when it has a value. Of events
 * and links it is the last that has the value (that makes a comparison true), else, where the span
 * has none at all, the empty value of an intrinsic. The key is the name without its scope; of
 * several scopes that of the span comes first, then resource, instrumentation, event, link.
 */
import type {
  FoundSpan,
  KeyValue,
  SearchAnswer,
  SearchQuestion,
  ServiceCount,
  TraceSummary,
  Value,
} from "../../src/query/question.ts";
import type {
  Binary,
  FieldExpr,
  MetricsExpr,
  Pipeline,
  ScalarExpr,
  Sort,
  Stage,
} from "../../src/traceql/ast.ts";
import {
  type At,
  type FieldNode,
  fieldAt,
  isComparing,
  isField,
  isNilShown,
  isTrue,
  valueAt,
} from "./oracle-field.ts";
import { compareSorted, runPipeline, type Spanset, sortable } from "./oracle-pipeline.ts";
import { type OracleSpan, type OracleTrace, serviceOf } from "./oracle-span.ts";

export type OracleSearchAnswer = Omit<SearchAnswer, "metrics">;

export function search(
  question: SearchQuestion,
  traces: readonly OracleTrace[],
): OracleSearchAnswer {
  const pipeline = searchedPipeline(question.query.body);
  const sort = pipeline.stages.findLast((stage) => stage.node === "sort");
  const found = traces
    .filter((trace) => overlaps(trace, question) && isOfLength(trace, question))
    .map((trace) => ({ trace, sets: runPipeline(pipeline, trace) }))
    .filter(({ sets }) => sets.length > 0)
    .sort((a, b) => compareFound(sort, a, b));
  const sortLimits = pipeline.stages.map((stage) =>
    stage.node === "sort" && stage.limit !== undefined ? Number(stage.limit) : question.limit,
  );
  const shown = found.slice(0, Math.min(question.limit, ...sortLimits));
  const mentions = mentionsOf(pipeline);
  return {
    type: "search",
    traces: shown.map(({ trace, sets }) => summary({ trace, sets, mentions, question })),
  };
}

/** Of a metrics query the part before its function. */
function searchedPipeline(body: Pipeline | MetricsExpr): Pipeline {
  if (body.node === "pipeline") return body;
  if (body.node === "metricsQuery") return body.pipeline;
  const side = body.left.node === "literal" ? body.right : body.left;
  if (side.node === "literal") throw new Error("oracle: arithmetic of constants alone");
  return searchedPipeline(side);
}

interface Window {
  readonly startNano: bigint | undefined;
  readonly endNano: bigint | undefined;
}

export function overlaps({ start, latest }: OracleTrace, { startNano, endNano }: Window) {
  const isAfter = endNano !== undefined && start > endNano;
  return !isAfter && (startNano === undefined || latest >= startNano);
}

function isOfLength({ duration }: OracleTrace, question: SearchQuestion): boolean {
  const { minDurationNano: min, maxDurationNano: max } = question;
  return (min === undefined || duration >= min) && (max === undefined || duration <= max);
}

interface Found {
  readonly trace: OracleTrace;
  readonly sets: readonly Spanset[];
}

function compareFound(sort: Sort | undefined, a: Found, b: Found): number {
  if (sort !== undefined) {
    const first = ({ trace, sets }: Found) =>
      sortable(valueAt(sort.by, { trace, span: sets[0].spans[0] }));
    const order = compareSorted(sort, first(a), first(b));
    if (order !== 0) return order;
  }
  if (a.trace.start !== b.trace.start) return a.trace.start > b.trace.start ? -1 : 1;
  return a.trace.traceId < b.trace.traceId ? -1 : 1;
}

interface Shown extends Found {
  readonly mentions: readonly Mention[];
  readonly question: SearchQuestion;
}

function summary({ trace, sets, mentions, question }: Shown): TraceSummary {
  const spanSets = sets.map((set) => ({
    matched: set.spans.length,
    attributes: set.attributes.map(({ key, value }) => ({ key, value: shownValue(value) })),
    spans: set.spans
      .slice(0, question.spansPerSpanSet)
      .map((span) => foundSpan({ trace, span }, mentions)),
  }));
  return {
    traceId: trace.traceId,
    rootServiceName: serviceOf(trace.root),
    rootTraceName: trace.root?.name ?? "",
    startUnixNano: trace.start,
    durationNano: trace.duration,
    services: serviceCounts(trace.spans),
    spanSets: question.withoutSpanSets ? [] : spanSets,
  };
}

export function shownValue(value: Value): Value {
  return value.type === "nil" ? { type: "string", value: "nil" } : value;
}

function serviceCounts(spans: readonly OracleSpan[]): ServiceCount[] {
  return [...Map.groupBy(spans, serviceOf)].map(([service, own]) => ({
    service,
    spans: own.length,
    errors: own.filter(({ status }) => status === "error").length,
  }));
}

// ---- what the query speaks of

interface Mention {
  readonly field: FieldNode;
  /** With a constant; undefined: mentioned in some other way. */
  readonly comparison: Binary | undefined;
}

function mentionsOf({ stages }: Pipeline): Mention[] {
  return stages.flatMap(mentionsOfStage);
}

function mentionsOfStage(stage: Stage): Mention[] {
  switch (stage.node) {
    case "filter":
      return mentionsIn(stage.expr, false);
    case "spansetOperation":
      return [...mentionsOfStage(stage.left), ...mentionsOfStage(stage.right)];
    case "absence":
      return mentionsOfStage(stage.of);
    case "pipeline":
      return mentionsOf(stage);
    case "group":
    case "sort":
      return mentionsIn(stage.by, true);
    case "select":
      return stage.fields.map((field) => ({ field, comparison: undefined }));
    case "scalarFilter":
      return [...mentionsOfScalar(stage.left), ...mentionsOfScalar(stage.right)];
    case "coalesce":
      return [];
  }
}

function mentionsOfScalar(scalar: ScalarExpr): Mention[] {
  if (scalar.node !== "aggregate" || scalar.argument === undefined) return [];
  return mentionsIn(scalar.argument, true);
}

/** `isOther`: comparisons do not count as conditions here. */
function mentionsIn(expr: FieldExpr, isOther: boolean): Mention[] {
  if (isField(expr)) return [{ field: expr, comparison: undefined }];
  if (expr.node === "unary") return mentionsIn(expr.operand, isOther || expr.op === "!");
  if (expr.node !== "binary") return [];
  const { left, right } = expr;
  if (!isOther && isComparing(expr.op)) {
    if (isField(left) && isConstant(right)) return [{ field: left, comparison: expr }];
    if (isField(right) && isConstant(left)) return [{ field: right, comparison: expr }];
  }
  return [...mentionsIn(left, isOther), ...mentionsIn(right, isOther)];
}

function isConstant(expr: FieldExpr): boolean {
  if (expr.node === "unary") return isConstant(expr.operand);
  if (expr.node === "binary") return isConstant(expr.left) && isConstant(expr.right);
  return expr.node === "literal";
}

// ---- what is shown of a span

const NEVER_SHOWN: readonly string[] = [
  ...["duration", "traceDuration", "rootName", "rootServiceName", "trace:id", "span:id"],
];
const SCOPES: readonly string[] = ["span", "resource", "instrumentation", "event", "link"];

function foundSpan(at: At, mentions: readonly Mention[]): FoundSpan {
  const { span, trace } = at;
  const byField = Map.groupBy(mentions, ({ field }) => JSON.stringify(field));
  let name: string | undefined;
  const shown: (KeyValue & { readonly rank: number })[] = [];
  for (const [{ field }, ...others] of byField.values()) {
    const all = byField.get(JSON.stringify(field)) ?? others;
    const value = mentionedValue(field, all, { span, trace });
    if (value === undefined) continue;
    if (field.node === "intrinsic" && field.name === "name") name = span.name;
    else if (!NEVER_SHOWN.includes(field.name)) {
      shown.push({ key: field.name, value, rank: SCOPES.indexOf(scopeOf(field, span)) });
    }
  }
  shown.sort((a, b) => a.rank - b.rank);
  const attributes = shown
    .filter(({ key }, i) => shown.findIndex((other) => other.key === key) === i)
    .map(({ key, value }) => ({ key, value }));
  return {
    spanId: span.spanId,
    name,
    startUnixNano: span.start,
    durationNano: span.end - span.start,
    attributes,
  };
}

function scopeOf(field: FieldNode, span: OracleSpan): string {
  if (field.node === "intrinsic") return "span";
  if (field.scope !== "none") return field.scope;
  return span.attributes.get(field.name) === undefined ? "resource" : "span";
}

/** Undefined: not shown. */
function mentionedValue(field: FieldNode, mentions: readonly Mention[], at: At): Value | undefined {
  const places = placesOf(field, at);
  const isOther = mentions.some(({ comparison }) => comparison === undefined);
  const found = places.findLast((place) => {
    const value = fieldAt(field, place);
    if (isOther && value.type !== "nil") return true;
    return mentions.some(({ comparison }) => comparison !== undefined && isTrue(comparison, place));
  });
  if (found !== undefined) return shownValue(fieldAt(field, found));
  if (isOther && isNilShown(field)) return { type: "string", value: "nil" };
  if (!isOther || places.length > 0) return undefined;
  const empty = valueAt(field, at);
  return empty.type === "nil" ? undefined : empty;
}

/** For a field of events or links each of them, else the span itself. */
function placesOf(field: FieldNode, at: At): At[] {
  const of = field.node === "intrinsic" ? field.name.split(":")[0] : field.scope;
  if (of === "event") return at.span.events.map((event) => ({ ...at, event }));
  if (of === "link") return at.span.links.map((link) => ({ ...at, link }));
  return [at];
}
