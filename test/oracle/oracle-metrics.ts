/**
 * Metrics over spans: the pipeline sees traces whole, then spans that start in (start, end] count,
 * in slots (start + i * step, start + (i + 1) * step].
 *
 * Durations are in seconds, all of them. Values that are no numbers, and NaN, are passed over; a
 * slot of min, max, sum and avg without values has none, while counts, histograms and quantiles are
 * zero in every slot of a series that is there at all. Without by a series is named after its
 * function. A label that is nil is left out; when nothing is left, the first is the text "nil", and
 * such a series is not that of real texts "nil".
 *
 * Buckets: integers and durations (nanoseconds) from 2 on to the next power of two, of durations
 * then in seconds; floats above zero to the next power of two, fractions too; nothing else.
 * Quantiles as Tempo's: between the bound of the last bucket that is not empty and that of the
 * next, by powers of two.
 *
 * compare: attributes of span, resource and scope, and the intrinsics below; lists as a whole. The
 * most frequent values of a side by their total; of equally frequent ones the lesser value first,
 * as among the values of a tag.
 */
import type { KeyValue, MetricsAnswer, MetricsQuestion, Value } from "../../src/query/question.ts";
import type {
  Compare,
  Field,
  IntrinsicName,
  MetricsExpr,
  MetricsFunction,
  MetricsQuery,
} from "../../src/traceql/ast.ts";
import { printField } from "../../src/traceql/print.ts";
import { type At, fieldAt, filterKeeps, isNilShown, valueAt } from "./oracle-field.ts";
import { runPipeline } from "./oracle-pipeline.ts";
import { shownValue } from "./oracle-search.ts";
import { type OracleSeries, operated, runSeconds } from "./oracle-series.ts";
import type { OracleTrace } from "./oracle-span.ts";
import { isNumeric, keyOf, orderOfAll } from "./oracle-value.ts";

export type OracleMetricsAnswer = Omit<MetricsAnswer, "metrics">;

const NANOS_PER_SECOND = 1e9;
const TOP_N = 10n;

export function metrics(
  question: MetricsQuestion,
  traces: readonly OracleTrace[],
): OracleMetricsAnswer {
  const { body } = question.query;
  if (body.node === "pipeline") throw new Error("oracle: no metrics function");
  const slots = new Slots(question);
  const series = seriesOf(body, slots, traces)
    .map(({ labels, values }) => ({
      labels: labels.map(({ key, value }) => ({ key, value: shownValue(value) })),
      samples: values.flatMap((value, i) =>
        Number.isNaN(value) ? [] : [{ timestampMs: slots.timestampMs(i), value }],
      ),
      exemplars: [],
    }))
    .filter(({ samples }) => samples.length > 0);
  return { type: "metrics", series, partial: undefined };
}

class Slots {
  readonly count: number;
  readonly seconds: number;
  readonly #start: bigint;
  readonly #end: bigint;
  readonly #step: bigint;

  constructor({ startNano, endNano, stepNano }: MetricsQuestion) {
    this.#start = startNano;
    this.#end = endNano;
    this.#step = stepNano ?? endNano - startNano;
    this.count = Number((endNano - startNano + this.#step - 1n) / this.#step);
    this.seconds = Number(this.#step) / NANOS_PER_SECOND;
  }

  /** Undefined: outside of all. */
  of(time: bigint): number | undefined {
    if (time <= this.#start || time > this.#end) return undefined;
    return Number((time - this.#start - 1n) / this.#step);
  }

  timestampMs(slot: number): number {
    return Number((this.#start + BigInt(slot + 1) * this.#step) / 1_000_000n);
  }
}

interface Counted extends At {
  readonly slot: number;
}

function seriesOf(
  expr: MetricsExpr,
  slots: Slots,
  traces: readonly OracleTrace[],
): readonly OracleSeries[] {
  if (expr.node === "metricsOperation") {
    const [left, right] = [expr.left, expr.right].map((side) =>
      side.node === "literal" ? numberOf(side.value) : seriesOf(side, slots, traces),
    );
    return runSeconds(expr.seconds, operated(expr.op, left, right));
  }
  return runSeconds(expr.seconds, functionSeries(expr, slots, traces));
}

function functionSeries(
  { pipeline, fn }: MetricsQuery,
  slots: Slots,
  traces: readonly OracleTrace[],
): OracleSeries[] {
  const counted = traces.flatMap((trace) =>
    runPipeline(pipeline, trace)
      .flatMap(({ spans }) => spans)
      .flatMap((span): Counted[] => {
        const slot = slots.of(span.start);
        return slot === undefined ? [] : [{ trace, span, slot }];
      }),
  );
  if (fn.node === "compare") return compared(fn, slots, counted);
  if (fn.fn === "quantile_over_time") return quantiles(fn, slots, counted);
  if (counted.length === 0 && fn.by.length === 0 && isCount(fn)) {
    return [{ labels: [named(fn)], values: perSlot(slots, [], () => 0) }];
  }
  return grouped(fn, counted, { isBucketed: fn.fn === "histogram_over_time" })
    .map(({ labels, members }) => ({
      labels: labels.length === 0 ? [named(fn)] : labels,
      values: perSlot(slots, members, (own) => reduced(fn, own, slots)),
    }))
    .filter(({ values }) => values.some((value) => !Number.isNaN(value)));
}

function isCount({ fn }: MetricsFunction): boolean {
  return fn === "rate" || fn === "count_over_time";
}

function named({ fn }: MetricsFunction): KeyValue {
  return { key: "__name__", value: { type: "string", value: fn } };
}

function perSlot(
  slots: Slots,
  members: readonly Counted[],
  reduce: (own: readonly Counted[]) => number,
): number[] {
  const bySlot = Map.groupBy(members, ({ slot }) => slot);
  return Array.from({ length: slots.count }, (_, slot) => reduce(bySlot.get(slot) ?? []));
}

/** NaN: the slot has no value. */
function reduced({ fn, field }: MetricsFunction, own: readonly Counted[], slots: Slots): number {
  if (fn === "rate") return own.length / slots.seconds;
  if (fn === "count_over_time" || fn === "histogram_over_time" || field === undefined) {
    return own.length;
  }
  const values = own.map((at) => numberOf(valueAt(field, at))).filter((v) => !Number.isNaN(v));
  if (values.length === 0) return Number.NaN;
  if (fn === "min_over_time") return values.reduce((a, b) => Math.min(a, b));
  if (fn === "max_over_time") return values.reduce((a, b) => Math.max(a, b));
  const sum = sumOf(field, own) ?? values.reduce((a, b) => a + b);
  return fn === "avg_over_time" ? sum / values.length : sum;
}

/** Of durations, in seconds: they add up as whole numbers. undefined: there are others. */
function sumOf(field: Field, own: readonly Counted[]): number | undefined {
  let nanos = 0n;
  for (const at of own) {
    const value = valueAt(field, at);
    if (value.type === "duration") nanos += value.value;
    else if (isNumeric(value)) return undefined;
  }
  return Number(nanos) / NANOS_PER_SECOND;
}

/** Seconds of a duration; NaN for what is no number. */
function numberOf(value: Value): number {
  if (!isNumeric(value)) return Number.NaN;
  return Number(value.value) / (value.type === "duration" ? NANOS_PER_SECOND : 1);
}

// ---- groups

interface Grouped {
  readonly labels: readonly KeyValue[];
  readonly members: readonly Counted[];
}

const BUCKET = "__bucket";

function grouped(
  { by, field }: MetricsFunction,
  counted: readonly Counted[],
  { isBucketed }: { readonly isBucketed: boolean },
): Grouped[] {
  const labelled = counted.flatMap((at) => {
    const all = by.map((one) => ({ key: printField(one), value: labelAt(one, at) }));
    const labels = all.filter(({ value }) => value.type !== "nil");
    if (isBucketed && field !== undefined) {
      const bucket = bucketOf(valueAt(field, at));
      if (bucket === undefined) return [];
      labels.push({ key: BUCKET, value: { type: "float", value: bucket } });
    }
    return [{ at, labels: labels.length === 0 ? all.slice(0, 1) : labels }];
  });
  const groups = Map.groupBy(labelled, ({ labels }) => labelsKey(labels));
  return [...groups.values()].map((group) => ({
    labels: group[0].labels,
    members: group.map(({ at }) => at),
  }));
}

/** Of this key alone Tempo says "nil" where a span lacks it. */
function labelAt(field: Field, at: At): Value {
  const value = valueAt(field, at);
  if (value.type !== "nil" || !isNilShown(field)) return value;
  return { type: "string", value: "nil" };
}

function labelsKey(labels: readonly KeyValue[]): string {
  return labels.map(({ key, value }) => `${key}=${keyOf(value)}`).join(" ");
}

/** Undefined: in none. */
function bucketOf(value: Value): number | undefined {
  if (!isNumeric(value)) return undefined;
  if (value.type === "float") {
    if (!(value.value > 0) || !Number.isFinite(value.value)) return undefined;
    const bound = powerOfTwoFrom(value.value);
    return Number.isFinite(bound) ? bound : undefined;
  }
  if (value.value < 2n) return undefined;
  const bound = 2 ** (value.value - 1n).toString(2).length;
  return value.type === "duration" ? bound / NANOS_PER_SECOND : bound;
}

/** The least power of two that is not below. */
function powerOfTwoFrom(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  while (power / 2 >= value && power / 2 > 0) power /= 2;
  return power;
}

// ---- quantiles

function quantiles(fn: MetricsFunction, slots: Slots, counted: readonly Counted[]): OracleSeries[] {
  const { field } = fn;
  if (field === undefined) throw new Error("oracle: a quantile of nothing");
  const inBuckets = counted.filter((at) => bucketOf(valueAt(field, at)) !== undefined);
  return grouped(fn, inBuckets, { isBucketed: false }).flatMap(({ labels, members }) =>
    fn.quantiles.map((p) => ({
      labels: [
        ...labels.filter(({ value }) => value.type !== "nil"),
        { key: "p", value: { type: "float", value: p } } as const,
      ],
      values: perSlot(slots, members, (own) =>
        quantileOf(
          p,
          own.map((at) => bucketOf(valueAt(field, at)) ?? 0),
        ),
      ),
    })),
  );
}

function quantileOf(p: number, bounds: readonly number[]): number {
  const rank = Math.max(1, Math.ceil(p * bounds.length));
  const buckets = [...Map.groupBy(bounds, (bound) => bound)].sort(([a], [b]) => a - b);
  let before = 0;
  let previous: number | undefined;
  for (const [bound, { length }] of buckets) {
    if (before + length === rank) return bound;
    if (before + length > rank) {
      const high = Math.log2(bound);
      const low = previous === undefined ? high - 1 : Math.log2(previous);
      return 2 ** (low + (high - low) * ((rank - before) / length));
    }
    before += length;
    previous = bound;
  }
  return 0;
}

// ---- compare

const COMPARED: readonly Exclude<IntrinsicName, "parent">[] = [
  ...(["name", "status", "statusMessage", "kind", "span:childCount", "rootName"] as const),
  ...(["rootServiceName", "instrumentation:name", "instrumentation:version"] as const),
];

function compared(compare: Compare, slots: Slots, counted: readonly Counted[]): OracleSeries[] {
  const { selection, start, end } = compare;
  if (selection.node !== "filter") throw new Error("oracle: a selection that is no filter");
  const isSelected = ({ trace, span }: Counted) =>
    (start === undefined || end === undefined || (span.start > start && span.start <= end)) &&
    filterKeeps(selection.expr, { trace, span });
  const top = Number(compare.topN ?? TOP_N);
  const selected = counted.filter(isSelected);
  const baseline = counted.filter((at) => !isSelected(at));
  return [
    ...sideSeries("selection", selected, { slots, top }),
    ...sideSeries("baseline", baseline, { slots, top }),
  ];
}

interface Side {
  readonly slots: Slots;
  readonly top: number;
}

function sideSeries(side: string, counted: readonly Counted[], { slots, top }: Side) {
  const all = counted.flatMap((at) => comparedValues(at).map((pair) => ({ ...pair, at })));
  return [...Map.groupBy(all, ({ key }) => key)].flatMap(([key, found]) => {
    const counts = (members: readonly (typeof found)[number][]) =>
      perSlot(
        slots,
        members.map(({ at }) => at),
        (own) => own.length,
      );
    const byValue = [...Map.groupBy(found, ({ value }) => keyOf(value)).values()].sort(
      (a, b) => b.length - a.length || orderOfAll(a[0].value, b[0].value),
    );
    const metaType = (value: string): KeyValue => ({
      key: "__meta_type",
      value: { type: "string", value },
    });
    return [
      {
        labels: [metaType(`${side}_total`), { key, value: { type: "nil" } as const }],
        values: counts(found),
      },
      ...byValue.slice(0, top).map((members) => ({
        labels: [metaType(side), { key, value: members[0].value }],
        values: counts(members),
      })),
    ];
  });
}

/** What a span has, under its names in labels. */
function comparedValues(at: At): KeyValue[] {
  const { span } = at;
  const attributes = (["span", "resource", "instrumentation"] as const).flatMap((scope) => {
    const own = { span: span.attributes, resource: span.resource, instrumentation: span.scope };
    const names = new Set(own[scope].keys());
    if (scope === "resource") names.add("service.name");
    return [...names].map((name) => ({ node: "attribute", scope, parent: false, name }) as const);
  });
  const intrinsics = COMPARED.map((name) => ({ node: "intrinsic", name }) as const);
  return [...attributes, ...intrinsics]
    .map((field) => ({ key: printField(field), value: fieldAt(field, at) }))
    .filter(({ value }) => value.type !== "nil");
}
