/**
 * Exemplars: some of the counted spans, spread over the question's time, one of a trace at most,
 * each with all that the query speaks of. Which ones follows from the data alone, whatever the
 * blocks that they lie in.
 */
import type { Field } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { ExemplarRoom, type PartialExemplar } from "./exemplar-room.ts";
import type { CodeTools } from "./field-codes.ts";
import { hexAt } from "./field-columns.ts";
import type { LateExemplar, LateExemplars } from "./late-exemplars.ts";
import { type Fragment, fieldsOfFragment, type MetricsPlan } from "./metrics-plan.ts";
import { fieldNumbers, numberOf } from "./metrics-values.ts";
import type { KeyValue, Value } from "./question.ts";
import type { CountedRows, RowGroups } from "./row-groups.ts";
import type { LateSpan, Segment } from "./segment.ts";
import type { Spansets } from "./spansets.ts";

const NO_ROW = 0xffff_ffff;
/** As exemplarRows() of the kernel has them: an end of time, one wanted, and two rows. */
const STRETCH_BYTES = 24;

const TRACE_ID: Field = { node: "intrinsic", name: "trace:id" };
const SPAN_ID: Field = { node: "intrinsic", name: "span:id" };
const SPAN_ID_KEY = printField(SPAN_ID);
/** Stands where a duration is read late. */
const UNREAD: Value = { type: "duration", value: 0n };

/** What tells the value of an exemplar by itself; of others it is that of the series. */
const OF_VALUES: readonly string[] = [
  ...["min_over_time", "max_over_time", "sum_over_time", "avg_over_time", "quantile_over_time"],
];

export interface ExemplarRows {
  readonly groups: RowGroups;
  readonly counted: CountedRows;
  readonly spansets: Spansets;
}

/** Takes those of one fragment of the plan up, segment by segment. */
export class ExemplarTaker {
  readonly room: ExemplarRoom;
  readonly #fn: Fragment["fn"];
  readonly #shown: Shown;
  readonly #late: LateExemplars;

  /** What stays is put into `exemplars`, and what of it is read at the end into `late`. */
  constructor(
    plan: MetricsPlan,
    place: number,
    { exemplars, late }: { readonly exemplars: PartialExemplar[]; readonly late: LateExemplars },
  ) {
    this.room = new ExemplarRoom(plan, exemplars, place);
    this.#fn = plan.fragments[place].fn;
    this.#shown = shownOf(plan.fragments[place]);
    this.#late = late;
  }

  take({ groups, counted, spansets }: ExemplarRows, tools: CodeTools): void {
    const { room } = this;
    const { segment } = spansets.filter;
    const rows = this.#candidates({ counted, spansets }, tools);
    const reader = new ExemplarReader(this.#shown, spansets);
    const { bytes, ulongs, words } = tools.scratch;
    const { slotOf } = counted;
    for (let i = 0; i < room.stretches * 2; i++) {
      const row = words[rows / 4 + i];
      if (row === NO_ROW) continue;
      const slot = bytes[slotOf + row * 2] | (bytes[slotOf + row * 2 + 1] << 8);
      const time = ulongs[segment.start() / 8 + row];
      const group = groups.of(row);
      if (group >= groups.size) continue;
      const trace = traceOf(segment, row, tools.scratch);
      const traceId = hexAt(bytes, segment.traceIds + trace * 16, 16);
      if (!room.has({ slot, time, traceId })) continue;
      const { key } = groups.at(group);
      const span = segment.late?.(row);
      const known = span === undefined ? reader.whole(row) : reader.known(row);
      const taken = room.add({ key, slot, time, traceId, ...known });
      if (taken !== undefined && span !== undefined) this.#late.add(taken, reader.late(span));
    }
  }

  /** Two rows of each stretch, NO_ROW where there are fewer: the address of words. */
  #candidates({ counted, spansets }: Omit<ExemplarRows, "groups">, tools: CodeTools): number {
    const { scratch, kernel } = tools;
    const { segment } = spansets.filter;
    const { slotOf, few } = counted;
    const { stretches, stretchOf, lasts, ends } = this.room;
    const values = valuesOf(this.#fn, { spansets, slotOf }, tools);
    const table = scratch.copy(stretchOf);
    const at = scratch.take(stretches * STRETCH_BYTES);
    scratch.ulongs.set(lasts, at / 8);
    scratch.ulongs.set(ends, at / 8 + stretches);
    const of = [values, table, stretches, at] as const;
    const times = segment.start();
    if (few !== undefined) {
      const { starts, traces } = segment;
      kernel.exemplarsFew(few.at, few.count, slotOf, times, starts, traces, ...of);
    } else {
      const { first, last } = segment.traceStarts();
      kernel.exemplarRows(slotOf, times, segment.starts, segment.traces, first, last, ...of);
    }
    return at + stretches * 16;
  }
}

/** Doubles, where some rows may have no value; else 0. */
function valuesOf(
  fn: Fragment["fn"],
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

/** What an exemplar tells, besides its trace and span. */
interface Shown {
  /** What tells the value; undefined: that of the series does. */
  readonly valued: Field | undefined;
  readonly labels: readonly { readonly key: string; readonly field: Field }[];
}

function shownOf(fragment: Fragment): Shown {
  const { fn } = fragment;
  const isOfValues = fn.node === "metricsFunction" && OF_VALUES.includes(fn.fn);
  const fields = [...fieldsOfFragment(fragment), TRACE_ID];
  return {
    valued: isOfValues ? fn.field : undefined,
    labels: fields.map((field) => ({ key: printField(field), field })),
  };
}

type Label = { readonly key: string; readonly at: (row: number) => Value };

class ExemplarReader {
  readonly #shown: Shown;
  readonly #spansets: Spansets;
  // Columns are not read where nothing is taken, and ids not where they are read late.
  #value: ((row: number) => Value) | undefined;
  #labels: readonly Label[] | undefined;
  #known: readonly Label[] | undefined;
  #spanId: ((row: number) => Value) | undefined;

  constructor(shown: Shown, spansets: Spansets) {
    this.#shown = shown;
    this.#spansets = spansets;
  }

  whole(row: number): Pick<PartialExemplar, "value" | "labels"> {
    this.#spanId ??= this.#spansets.fieldReader(SPAN_ID);
    const label = { key: SPAN_ID_KEY, value: this.#spanId(row) };
    this.#labels ??= this.#shown.labels.map(({ key, field }) => {
      return { key, at: this.#spansets.fieldReader(field) };
    });
    return { value: this.#valueAt(row), labels: [...labelsAt(this.#labels, row), label] };
  }

  /** Without what late() adds. */
  known(row: number): Pick<PartialExemplar, "value" | "labels"> {
    const value = isDuration(this.#shown.valued) ? Number.NaN : this.#valueAt(row);
    this.#known ??= this.#shown.labels.map(({ key, field }) => {
      return { key, at: isDuration(field) ? () => UNREAD : this.#spansets.fieldReader(field) };
    });
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
        { key: SPAN_ID_KEY, value: { type: "string", value: span.id() } },
      ],
      value: isDuration(this.#shown.valued) ? () => numberOf(duration()) : undefined,
    };
  }

  /** NaN: that of the series. */
  #valueAt(row: number): number {
    const { valued } = this.#shown;
    if (valued === undefined) return Number.NaN;
    this.#value ??= this.#spansets.fieldReader(valued);
    return numberOf(this.#value(row));
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
