/**
 * Pipelines: from the spans of a trace to spansets.
 *
 * Operations of spansets give one spanset with the attributes of the spanset that came in, spans in
 * their usual order; where a side is a pipeline of several spansets, their spans count together.
 * Inside of groups both sides see the spans of the group, while parents are those of the whole
 * trace. Groups are told apart by type and content, nil is one, and they come in the order of their
 * first span. Aggregates reckon with integers, floats and durations; all else and NaN is passed
 * over, and a spanset with nothing left is dropped. Integers give an integer (a sum modulo 2^64),
 * durations a duration, a mixture and the average of numbers a float, durations in nanoseconds.
 * min, max and quantile give one of the values as it is; quantile the one at max(1, ceil(q * n)) of
 * the n sorted ones. An attribute of a spanset that is set again replaces the old one.
 */
import type { KeyValue, Value } from "../../src/query/question.ts";
import type {
  Aggregate,
  Group,
  Pipeline,
  ScalarFilter,
  Sort,
  SpansetExpr,
  SpansetOperation,
  Stage,
} from "../../src/traceql/ast.ts";
import { printField } from "../../src/traceql/print.ts";
import { filterKeeps, valueAt } from "./oracle-field.ts";
import { bySpanOrder, isRoot, type OracleSpan, type OracleTrace } from "./oracle-span.ts";
import { compares, isNumeric, keyOf, orderOf } from "./oracle-value.ts";

export interface Spanset {
  readonly attributes: readonly KeyValue[];
  readonly spans: readonly OracleSpan[];
}

/** Of the whole trace; spansets without spans are none. */
export function runPipeline({ stages }: Pipeline, trace: OracleTrace): Spanset[] {
  return runStages(stages, [{ attributes: [], spans: trace.spans }], trace);
}

function runStages(stages: readonly Stage[], sets: Spanset[], trace: OracleTrace): Spanset[] {
  let now = sets;
  for (const stage of stages) {
    now = runStage(stage, now, trace).filter(({ spans }) => spans.length > 0);
  }
  return now;
}

function runStage(stage: Stage, sets: Spanset[], trace: OracleTrace): Spanset[] {
  switch (stage.node) {
    case "group":
      return sets.flatMap((set) => grouped(stage, set, trace));
    case "coalesce": {
      const spans = usual(sets.flatMap((set) => set.spans));
      return [{ attributes: [], spans }];
    }
    case "select":
      return sets;
    case "sort":
      return sets.map((set) => ({ ...set, spans: sorted(stage, set.spans, trace) }));
    case "scalarFilter":
      return sets.flatMap((set) => aggregated(stage, set, trace));
    case "pipeline":
      return runStages(stage.stages, sets, trace);
    case "filter":
    case "absence":
    case "spansetOperation":
      return sets.map((set) => ({ ...set, spans: found(stage, set, trace) }));
  }
}

function usual(spans: Iterable<OracleSpan>): OracleSpan[] {
  return [...new Set(spans)].sort(bySpanOrder);
}

/** The spans of a spanset that an expression finds. */
function found(expr: SpansetExpr, set: Spanset, trace: OracleTrace): readonly OracleSpan[] {
  if (expr.node === "filter") {
    return set.spans.filter((span) => filterKeeps(expr.expr, { trace, span }));
  }
  if (expr.node === "absence") {
    return found(expr.of, set, trace).length === 0 ? set.spans : [];
  }
  if (expr.node === "pipeline") {
    return usual(runStages(expr.stages, [set], trace).flatMap(({ spans }) => spans));
  }
  const left = found(expr.left, set, trace);
  const right = found(expr.right, set, trace);
  if (expr.op === "&&")
    return left.length > 0 && right.length > 0 ? usual([...left, ...right]) : [];
  if (expr.op === "||") return usual([...left, ...right]);
  return related(expr.op, { left, right, trace });
}

interface Sides {
  readonly left: readonly OracleSpan[];
  readonly right: readonly OracleSpan[];
  readonly trace: OracleTrace;
}

function related(op: SpansetOperation["op"], { left, right, trace }: Sides): OracleSpan[] {
  const plain = op.replace(/^[!&]/, "");
  const partners = (of: OracleSpan) => left.filter((other) => isRelated(plain, [other, of], trace));
  if (op.startsWith("!")) return usual(right.filter((span) => partners(span).length === 0));
  const matching = right.filter((span) => partners(span).length > 0);
  return usual(op.startsWith("&") ? [...matching, ...matching.flatMap(partners)] : matching);
}

/** Of `{ a } op { b }` as written. */
function isRelated(op: string, [a, b]: [OracleSpan, OracleSpan], trace: OracleTrace): boolean {
  const { parents } = trace;
  if (op === ">") return parents.get(b) === a;
  if (op === "<") return parents.get(a) === b;
  if (op === ">>") return ancestors(b, trace).includes(a);
  if (op === "<<") return ancestors(a, trace).includes(b);
  if (a === b) return false;
  if (isRoot(a) || isRoot(b)) return isRoot(a) && isRoot(b);
  const parent = parents.get(a);
  if (parent !== parents.get(b)) return false;
  return parent !== undefined || a.parentId === b.parentId;
}

function ancestors(span: OracleSpan, { parents }: OracleTrace): OracleSpan[] {
  const above: OracleSpan[] = [];
  let at = parents.get(span);
  while (at !== undefined && at !== span && !above.includes(at)) {
    above.push(at);
    at = parents.get(at);
  }
  return above;
}

function grouped({ by }: Group, { attributes, spans }: Spanset, trace: OracleTrace): Spanset[] {
  const groups = new Map<string, { value: Value; spans: OracleSpan[] }>();
  for (const span of spans) {
    const value = valueAt(by, { trace, span });
    const group = groups.get(keyOf(value)) ?? { value, spans: [] };
    groups.set(keyOf(value), group);
    group.spans.push(span);
  }
  const key = `by(${printField(by)})`;
  return [...groups.values()].map((group) => ({
    attributes: withAttribute(attributes, { key, value: group.value }),
    spans: group.spans,
  }));
}

function withAttribute(attributes: readonly KeyValue[], added: KeyValue): KeyValue[] {
  const isThere = attributes.some(({ key }) => key === added.key);
  if (!isThere) return [...attributes, added];
  return attributes.map((old) => (old.key === added.key ? added : old));
}

/** Spans without a value last, whichever the direction; equal ones as usual. */
function sorted(sort: Sort, spans: readonly OracleSpan[], trace: OracleTrace): OracleSpan[] {
  const values = new Map(spans.map((span) => [span, valueAt(sort.by, { trace, span })]));
  const of = (span: OracleSpan) => sortable(values.get(span));
  return usual(spans).sort((a, b) => compareSorted(sort, of(a), of(b)));
}

/** Undefined: comes last. */
export function sortable(value: Value | undefined): Value | undefined {
  if (value === undefined || value.type === "nil" || value.type === "list") return undefined;
  return value.type === "float" && Number.isNaN(value.value) ? undefined : value;
}

export function compareSorted(sort: Sort, a: Value | undefined, b: Value | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return sort.descending ? orderOf(b, a) : orderOf(a, b);
}

function aggregated(filter: ScalarFilter, set: Spanset, trace: OracleTrace): Spanset[] {
  const { left, right, op } = filter;
  if (left.node !== "aggregate" || right.node !== "literal") {
    throw new Error("oracle: a scalar filter of a form that is not checked");
  }
  const value = aggregateOf(left, set.spans, trace);
  if (value === undefined || !compares(op, value, right.value)) return [];
  const attributes = withAttribute(set.attributes, { key: aggregateName(left), value });
  return [{ ...set, attributes }];
}

function aggregateName({ fn, argument, quantile }: Aggregate): string {
  const text = argument === undefined ? "" : printField(argument);
  return `${fn}(${text}${quantile === undefined ? "" : `, ${quantile}`})`;
}

function aggregateOf(
  { fn, argument, quantile = 0 }: Aggregate,
  spans: readonly OracleSpan[],
  trace: OracleTrace,
): Value | undefined {
  if (argument === undefined) return { type: "int", value: BigInt(spans.length) };
  const values = spans
    .map((span) => valueAt(argument, { trace, span }))
    .filter(isNumeric)
    .filter(({ value }) => !Number.isNaN(value));
  if (values.length === 0) return undefined;
  const ascending = [...values].sort(orderOf);
  if (fn === "min") return ascending[0];
  if (fn === "max") return values.find((value) => orderOf(value, ascending.at(-1) ?? value) === 0);
  if (fn === "quantile") return ascending[Math.max(1, Math.ceil(quantile * values.length)) - 1];
  return sumOrAverage(values, fn === "avg");
}

function sumOrAverage(values: readonly Value[], isAverage: boolean): Value {
  const types = new Set(values.map(({ type }) => type));
  const [type] = types;
  const count = isAverage ? values.length : 1;
  if (types.size === 1 && (type === "duration" || (type === "int" && !isAverage))) {
    const whole = values.reduce(
      (sum, value) => sum + (isNumeric(value) ? BigInt(value.value) : 0n),
      0n,
    );
    return { type, value: BigInt.asIntN(64, whole / BigInt(count)) };
  }
  const sum = values.reduce((all, value) => all + (isNumeric(value) ? Number(value.value) : 0), 0);
  return { type: "float", value: sum / count };
}
