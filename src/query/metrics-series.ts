/** Of partials the series: labels, and a value for each slot, NaN where there is none. */
import type { MetricsFunction } from "../traceql/ast.ts";
import { compareSeries } from "./metrics-compare-series.ts";
import type { FragmentPartial, PartialSeries, SeriesPartial } from "./metrics-partial.ts";
import type { Fragment, MetricsPlan, Slots } from "./metrics-plan.ts";
import { quantileAt } from "./metrics-quantile.ts";
import { numberOf, unitOf } from "./metrics-values.ts";
import { labelKey } from "./numbered-values.ts";
import type { KeyValue } from "./question.ts";

export interface PlanSeries {
  readonly labels: readonly KeyValue[];
  /** By slot. */
  readonly values: Float64Array;
  /** Of the partial's series that are in it; exemplars are by these. */
  readonly from: readonly SeriesSource[];
}

export interface SeriesSource {
  readonly fragment: number;
  readonly key: string;
  /** Of exemplars: their own if they have one, that of the series, or, of quantiles, at most it. */
  readonly value: "own" | "series" | "quantile";
}

export const NAME = "__name__";

export function fragmentSeries(
  { slots }: MetricsPlan,
  { fn }: Fragment,
  { place, partial }: { readonly place: number; readonly partial: FragmentPartial },
): PlanSeries[] {
  if (partial.kind === "compare") {
    return fn.node === "compare" ? compareSeries(fn, partial) : [];
  }
  if (fn.node === "compare") return [];
  if (fn.fn === "quantile_over_time") return quantileSeries(fn, { slots, place, partial });
  const counted = partial.series.size === 0 ? nothingCounted(fn, slots) : partial.series;
  return Array.from(counted, ([key, { labels, cells }]): PlanSeries => {
    const from = [{ fragment: place, key, value: "own" as const }];
    return { labels: shownLabels(fn, labels), values: finished(fn, slots, cells), from };
  }).filter(({ values }) => !values.every(Number.isNaN));
}

/** Where spans are counted and nothing parts them, there is one series: of zeros without spans. */
function nothingCounted({ fn, by }: MetricsFunction, { count }: Slots): SeriesPartial["series"] {
  const isCount = fn === "rate" || fn === "count_over_time";
  if (!isCount || by.length > 0) return new Map();
  return new Map([["", { labels: [], cells: new Float64Array(count) }]]);
}

/** Without nil, but the first if nothing else is left; without by() the function's name. */
function shownLabels(fn: MetricsFunction, labels: readonly KeyValue[]): readonly KeyValue[] {
  if (labels.length === 0) return [{ key: NAME, value: { type: "string", value: fn.fn } }];
  const known = labels.filter(({ value }) => value.type !== "nil");
  return known.length === 0 ? labels.slice(0, 1) : known;
}

function finished(fn: MetricsFunction, { seconds }: Slots, cells: Float64Array): Float64Array {
  const unit = unitOf(fn.field);
  switch (fn.fn) {
    case "rate":
      return cells.map((count) => count / seconds);
    case "sum_over_time":
    case "avg_over_time": {
      const isAverage = fn.fn === "avg_over_time";
      return Float64Array.from({ length: cells.length / 2 }, (_, slot) => {
        const [count, sum] = [cells[slot * 2], cells[slot * 2 + 1]];
        if (count === 0) return Number.NaN;
        return isAverage ? sum / unit / count : sum / unit;
      });
    }
    case "min_over_time":
    case "max_over_time":
      return cells.map((value) => value / unit);
    default:
      return cells;
  }
}

interface QuantileOf {
  readonly slots: Slots;
  readonly place: number;
  readonly partial: SeriesPartial;
}

/** One series for each quantile of the series that differ in the bucket alone. */
function quantileSeries(
  { quantiles }: MetricsFunction,
  { slots, place, partial }: QuantileOf,
): PlanSeries[] {
  const groups = Map.groupBy(partial.series, ([, { labels }]) =>
    labels
      .slice(0, -1)
      .map(({ value }) => labelKey(value))
      .join("\n"),
  );
  return [...groups.values()].flatMap((group) => {
    const from = group.map(([key]) => ({ fragment: place, key, value: "quantile" as const }));
    const labels = group[0][1].labels.slice(0, -1).filter(({ value }) => value.type !== "nil");
    const buckets = group.map(([, series]) => bucket(series)).sort((a, b) => a.bound - b.bound);
    return quantiles.map(
      (p): PlanSeries => ({
        labels: [...labels, { key: "p", value: { type: "float", value: p } }],
        values: Float64Array.from({ length: slots.count }, (_, slot) =>
          quantileAt(p, buckets, slot),
        ),
        from,
      }),
    );
  });
}

function bucket({ labels, cells }: PartialSeries): { bound: number; counts: Float64Array } {
  const last = labels.at(-1);
  return { bound: last === undefined ? Number.NaN : numberOf(last.value), counts: cells };
}
