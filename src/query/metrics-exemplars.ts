/**
 * Exemplars: some of the counted spans, spread over the question's time, one of a trace at most,
 * each with all that the query speaks of. Which ones follows from the data, and from which thread
 * reads which block.
 */
import type { Field } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { CodeTools } from "./field-codes.ts";
import { hexAt } from "./field-columns.ts";
import { ExemplarRoom, type MetricsPartial } from "./metrics-partial.ts";
import { fieldsOfFragment, type MetricsPlan } from "./metrics-plan.ts";
import { numberOf } from "./metrics-values.ts";
import type { KeyValue, Value } from "./question.ts";
import type { CountedRows, RowGroups } from "./row-groups.ts";
import type { Segment } from "./segment.ts";
import type { Spansets } from "./spansets.ts";

/** Rows that are looked at for one exemplar: many fall into stretches of time that have enough. */
const TRIES = 4;
const NS_PER_MS = 1_000_000n;

const IDS: readonly Field[] = [
  { node: "intrinsic", name: "trace:id" },
  { node: "intrinsic", name: "span:id" },
];

/** What tells the value of an exemplar by itself; of others it is that of the series. */
const OF_VALUES: readonly string[] = [
  ...["min_over_time", "max_over_time", "sum_over_time", "avg_over_time", "quantile_over_time"],
];

export interface ExemplarRows {
  /** Of the fragment in the plan. */
  readonly place: number;
  readonly groups: RowGroups;
  readonly counted: CountedRows;
  readonly spansets: Spansets;
  readonly partial: MetricsPartial;
}

export function sampleExemplars(
  plan: MetricsPlan,
  { place, groups, counted, spansets, partial }: ExemplarRows,
  { scratch, kernel }: CodeTools,
): void {
  if (plan.exemplars === 0) return;
  const { segment } = spansets.filter;
  const { slotOf, rows } = counted;
  const most = plan.exemplars * TRIES;
  const out = scratch.take(most * 4);
  const found = kernel.sampleRows(slotOf, rows, most, out) >>> 0;
  const reader = new ExemplarReader(plan, place, spansets);
  const room = new ExemplarRoom(plan, partial, place);
  const { bytes, ulongs } = scratch;
  for (const row of scratch.words.subarray(out / 4, out / 4 + found)) {
    const slot = bytes[slotOf + row * 2] | (bytes[slotOf + row * 2 + 1] << 8);
    const group = groups.of(row);
    if (group >= groups.size || !room.has(slot)) continue;
    const traceId = hexAt(bytes, segment.traceIds + traceOf(segment, row, scratch) * 16, 16);
    const value = room.hasTrace(traceId) ? undefined : reader.value(row);
    if (value === undefined) continue;
    const timeMs = Number(ulongs[segment.start() / 8 + row] / NS_PER_MS);
    const { key } = groups.at(group);
    room.add({ key, slot, timeMs, value, traceId, labels: reader.labels(row) });
  }
}

/** The number of the trace that the row is in. */
function traceOf({ starts, traces }: Segment, row: number, { words }: StepScratch): number {
  let low = 0;
  let high = traces;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (words[starts / 4 + middle] <= row) low = middle;
    else high = middle;
  }
  return low;
}

class ExemplarReader {
  readonly #value: ((row: number) => Value) | undefined;
  readonly #labels: readonly { readonly key: string; readonly at: (row: number) => Value }[];

  constructor(plan: MetricsPlan, place: number, spansets: Spansets) {
    const fragment = plan.fragments[place];
    const { fn } = fragment;
    const isOfValues = fn.node === "metricsFunction" && OF_VALUES.includes(fn.fn);
    this.#value = isOfValues && fn.field !== undefined ? spansets.fieldReader(fn.field) : undefined;
    this.#labels = [...fieldsOfFragment(fragment), ...IDS].map((field) => ({
      key: printField(field),
      at: spansets.fieldReader(field),
    }));
  }

  /** NaN: that of the series; undefined: the span has none. */
  value(row: number): number | undefined {
    if (this.#value === undefined) return Number.NaN;
    const value = numberOf(this.#value(row));
    return Number.isNaN(value) ? undefined : value;
  }

  labels(row: number): KeyValue[] {
    return this.#labels
      .map(({ key, at }) => ({ key, value: at(row) }))
      .filter(({ value }) => value.type !== "nil");
  }
}
