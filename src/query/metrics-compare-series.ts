/** Of compare() the series: of each attribute the most frequent values, and how many have one. */
import type { Compare } from "../traceql/ast.ts";
import { TOP_N } from "./compare-choose.ts";
import type { ComparedSide, ComparePartial } from "./metrics-partial.ts";
import type { PlanSeries } from "./metrics-series.ts";
import type { KeyValue } from "./question.ts";
import { allSlots, sumSlots } from "./slot-counts.ts";
import { orderLabels } from "./value-order.ts";

const NIL_VALUE = { type: "nil" } as const;

export function compareSeries({ topN }: Compare, { keys }: ComparePartial): PlanSeries[] {
  const top = Number(topN ?? TOP_N);
  return [...keys].flatMap(([key, { selection, baseline }]) => [
    ...sideSeries("selection", selection, { key, top }),
    ...sideSeries("baseline", baseline, { key, top }),
  ]);
}

interface Side {
  readonly key: string;
  readonly top: number;
}

function sideSeries(side: string, { totals, values }: ComparedSide, { key, top }: Side) {
  if (totals.every((count) => count === 0)) return [];
  const series = (kind: string, label: KeyValue, counts: Float64Array): PlanSeries => {
    const type: KeyValue = { key: "__meta_type", value: { type: "string", value: kind } };
    return { labels: [type, label], values: counts, from: [] };
  };
  const ranked = Array.from(values.values(), ({ value, counts }) => {
    return { value, counts, total: sumSlots(counts) };
  }).sort((a, b) => b.total - a.total || orderLabels(a.value, b.value));
  return [
    series(`${side}_total`, { key, value: NIL_VALUE }, totals),
    ...ranked.slice(0, top).map(({ value, counts }) => {
      return series(side, { key, value }, allSlots(counts, totals.length));
    }),
  ];
}
