/**
 * Exemplars: some of the counted spans, spread over the question's time, one of a trace at most,
 * each with all that the query speaks of. Which ones follows from the data alone, whatever the
 * blocks that they lie in.
 */
import type { Field } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { ExemplarRoom } from "./exemplar-room.ts";
import type { CodeTools } from "./field-codes.ts";
import { hexAt } from "./field-columns.ts";
import type { MetricsPartial } from "./metrics-partial.ts";
import { fieldsOfFragment, type MetricsPlan } from "./metrics-plan.ts";
import { fieldNumbers, numberOf } from "./metrics-values.ts";
import type { KeyValue, Value } from "./question.ts";
import type { CountedRows, RowGroups } from "./row-groups.ts";
import type { Segment } from "./segment.ts";
import type { Spansets } from "./spansets.ts";

const NO_ROW = 0xffff_ffff;

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

export function takeExemplars(
  plan: MetricsPlan,
  { place, groups, counted, spansets, partial }: ExemplarRows,
  tools: CodeTools,
): void {
  if (plan.exemplars === 0) return;
  const { scratch, kernel } = tools;
  const { segment } = spansets.filter;
  const { slotOf, rows, slots } = counted;
  const { fn } = plan.fragments[place];
  const room = new ExemplarRoom(plan, partial.exemplars, place);
  const out = scratch.take(room.stretches * 8);
  const [times, values] = [segment.start(), valuesOf(fn, { spansets, slotOf }, tools)];
  kernel.exemplarRows(slotOf, rows, times, segment.starts, values, slots, room.stretches, out);
  const reader = new ExemplarReader(plan, place, spansets);
  const { bytes, ulongs } = scratch;
  for (const row of scratch.words.subarray(out / 4, out / 4 + room.stretches * 2)) {
    if (row === NO_ROW) continue;
    const group = groups.of(row);
    if (group >= groups.size) continue;
    const slot = bytes[slotOf + row * 2] | (bytes[slotOf + row * 2 + 1] << 8);
    const time = ulongs[times / 8 + row];
    const traceId = hexAt(bytes, segment.traceIds + traceOf(segment, row, scratch) * 16, 16);
    if (!room.has({ slot, time, traceId })) continue;
    const { key } = groups.at(group);
    room.add({ key, slot, time, value: reader.value(row), traceId, labels: reader.labels(row) });
  }
}

/** Doubles, where some rows may have no value; else 0. */
function valuesOf(
  fn: MetricsPlan["fragments"][number]["fn"],
  { spansets, slotOf }: { readonly spansets: Spansets; readonly slotOf: number },
  tools: CodeTools,
): number {
  if (fn.node !== "metricsFunction" || fn.field === undefined) return 0;
  if (fn.field.node === "intrinsic" && fn.field.name === "duration") return 0;
  return fieldNumbers(spansets.filter, { field: fn.field, slotOf }, tools);
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

  /** NaN: that of the series. */
  value(row: number): number {
    return this.#value === undefined ? Number.NaN : numberOf(this.#value(row));
  }

  labels(row: number): KeyValue[] {
    return this.#labels
      .map(({ key, at }) => ({ key, value: at(row) }))
      .filter(({ value }) => value.type !== "nil");
  }
}
