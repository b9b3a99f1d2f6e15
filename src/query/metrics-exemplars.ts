/**
 * Exemplars: some of the counted spans, spread over the question's time, one of a trace at most,
 * each with all that the query speaks of. Which ones follows from the data alone, whatever the
 * blocks that they lie in.
 */
import { assert } from "../base/assert.ts";
import type { Field } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { ExemplarRoom, type PartialExemplar } from "./exemplar-room.ts";
import type { CodeTools } from "./field-codes.ts";
import { hexAt } from "./field-columns.ts";
import type { LateExemplar, LateExemplars } from "./late-exemplars.ts";
import type { MetricsPartial } from "./metrics-partial.ts";
import { fieldsOfFragment, type MetricsPlan, type Slots } from "./metrics-plan.ts";
import { fieldNumbers, numberOf } from "./metrics-values.ts";
import type { KeyValue, Value } from "./question.ts";
import type { CountedRows, RowGroups } from "./row-groups.ts";
import type { LateSpan, Segment } from "./segment.ts";
import type { Spansets } from "./spansets.ts";

const NO_ROW = 0xffff_ffff;
/** As exemplarRows() of the kernel has them. */
const STRETCH_BYTES = 24;

const TRACE_ID: Field = { node: "intrinsic", name: "trace:id" };
const SPAN_ID: Field = { node: "intrinsic", name: "span:id" };
/** Stands where a duration is read late. */
const UNREAD: Value = { type: "duration", value: 0n };

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
  readonly late: LateExemplars;
}

export function takeExemplars(
  plan: MetricsPlan,
  { place, groups, counted, spansets, partial, late }: ExemplarRows,
  tools: CodeTools,
): void {
  if (plan.exemplars === 0) return;
  const { scratch, kernel } = tools;
  const { segment } = spansets.filter;
  const { slotOf, few } = counted;
  const room = new ExemplarRoom(plan, partial.exemplars, place);
  const values = valuesOf(plan.fragments[place].fn, { spansets, slotOf }, tools);
  const [times, found] = [segment.start(), stretchesOf(plan.slots, room, scratch)];
  const of = [values, found.table, room.stretches, found.at] as const;
  if (few !== undefined) {
    const { starts, traces } = segment;
    kernel.exemplarsFew(few.at, few.count, slotOf, times, starts, traces, ...of);
  } else {
    const { first, last } = segment.traceStarts();
    kernel.exemplarRows(slotOf, times, segment.starts, segment.traces, first, last, ...of);
  }
  const reader = new ExemplarReader(plan, place, spansets);
  const { bytes, ulongs, words } = scratch;
  for (let i = 0; i < room.stretches * 2; i++) {
    const row = words[(found.at + (i >>> 1) * STRETCH_BYTES) / 4 + 4 + (i & 1)];
    if (row === NO_ROW) continue;
    const slot = bytes[slotOf + row * 2] | (bytes[slotOf + row * 2 + 1] << 8);
    const time = ulongs[times / 8 + row];
    const group = groups.of(row);
    if (group >= groups.size) continue;
    const traceId = hexAt(bytes, segment.traceIds + traceOf(segment, row, scratch) * 16, 16);
    if (!room.has({ slot, time, traceId })) continue;
    const { key } = groups.at(group);
    const span = segment.late?.(row);
    const known = span === undefined ? reader.whole(row) : reader.known(row);
    const taken = room.add({ key, slot, time, traceId, ...known });
    if (taken !== undefined && span !== undefined) late.add(taken, reader.late(span));
  }
}

/** For the kernel: the stretch of each slot, and places for two rows of each stretch. */
function stretchesOf(
  { first, step, count }: Slots,
  room: ExemplarRoom,
  scratch: StepScratch,
): { readonly table: number; readonly at: number } {
  assert(room.stretches <= 256, "query: stretches of exemplars have a byte");
  const table = scratch.take(count);
  const at = scratch.take(room.stretches * STRETCH_BYTES);
  const { bytes, ulongs } = scratch;
  for (let slot = count - 1, last = -1; slot >= 0; slot--) {
    const stretch = room.stretchOf(slot);
    bytes[table + slot] = stretch;
    if (stretch === last) continue;
    last = stretch;
    const to = (at + stretch * STRETCH_BYTES) / 8;
    ulongs[to] = first + BigInt(slot + 1) * step;
    ulongs[to + 1] = room.endOf(stretch);
  }
  return { table, at };
}

/** Doubles, where some rows may have no value; else 0. */
function valuesOf(
  fn: MetricsPlan["fragments"][number]["fn"],
  { spansets, slotOf }: { readonly spansets: Spansets; readonly slotOf: number },
  tools: CodeTools,
): number {
  if (fn.node !== "metricsFunction" || fn.field === undefined) return 0;
  if (isDuration(fn.field)) return 0;
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

type Label = { readonly key: string; readonly at: (row: number) => Value };

class ExemplarReader {
  /** What tells the value; undefined: that of the series does. */
  readonly #valued: Field | undefined;
  readonly #fields: readonly Field[];
  readonly #spansets: Spansets;
  // Columns are not read where nothing is taken, and ids not where they are read late.
  #value: ((row: number) => Value) | undefined;
  #labels: readonly Label[] | undefined;
  #known: readonly Label[] | undefined;
  #spanId: Label | undefined;

  constructor(plan: MetricsPlan, place: number, spansets: Spansets) {
    const fragment = plan.fragments[place];
    const { fn } = fragment;
    const isOfValues = fn.node === "metricsFunction" && OF_VALUES.includes(fn.fn);
    this.#valued = isOfValues ? fn.field : undefined;
    this.#fields = [...fieldsOfFragment(fragment), TRACE_ID];
    this.#spansets = spansets;
  }

  whole(row: number): Pick<PartialExemplar, "value" | "labels"> {
    this.#spanId ??= this.#labelOf(SPAN_ID);
    const label = { key: this.#spanId.key, value: this.#spanId.at(row) };
    this.#labels ??= this.#fields.map((field) => this.#labelOf(field));
    return { value: this.#valueAt(row), labels: [...labelsAt(this.#labels, row), label] };
  }

  /** Without what late() adds. */
  known(row: number): Pick<PartialExemplar, "value" | "labels"> {
    const value = isDuration(this.#valued) ? Number.NaN : this.#valueAt(row);
    this.#known ??= this.#fields.map((field) =>
      isDuration(field) ? { key: printField(field), at: () => UNREAD } : this.#labelOf(field),
    );
    return { value, labels: labelsAt(this.#known, row) };
  }

  late(span: LateSpan): LateExemplar {
    let nanos: bigint | undefined;
    const duration = (): Value => {
      nanos ??= span.duration();
      return { type: "duration", value: nanos };
    };
    return {
      labels: (known) => [
        ...known.map((label) => (label.value === UNREAD ? { ...label, value: duration() } : label)),
        { key: printField(SPAN_ID), value: { type: "string", value: span.id() } },
      ],
      value: isDuration(this.#valued) ? () => numberOf(duration()) : undefined,
    };
  }

  /** NaN: that of the series. */
  #valueAt(row: number): number {
    if (this.#valued === undefined) return Number.NaN;
    this.#value ??= this.#spansets.fieldReader(this.#valued);
    return numberOf(this.#value(row));
  }

  #labelOf(field: Field): Label {
    return { key: printField(field), at: this.#spansets.fieldReader(field) };
  }
}

function labelsAt(labels: readonly Label[], row: number): KeyValue[] {
  return labels
    .map(({ key, at }) => ({ key, value: at(row) }))
    .filter(({ value }) => value.type !== "nil");
}

function isDuration(field: Field | undefined): boolean {
  return field?.node === "intrinsic" && field.name === "duration";
}
