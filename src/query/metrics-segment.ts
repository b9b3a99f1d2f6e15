/**
 * Metrics over one segment: the pipeline finds spans among whole traces, those that start within
 * the question's time are counted in slots, and what comes of it is added to the partial.
 */
import type { MetricsFunction, Pipeline } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import { isDedicated, NIL_TEXT } from "./dedicated-attributes.ts";
import { type CodeTools, type FieldCodes, fieldCodes } from "./field-codes.ts";
import { metricsCells } from "./metrics-cells.ts";
import { type ChosenValues, tallyChosen, tallyCompare } from "./metrics-compare.ts";
import type { ExemplarTaker } from "./metrics-exemplars.ts";
import { type MetricsPartial, type SeriesPartial, takeCells } from "./metrics-partial.ts";
import type { MetricsPlan, Slots } from "./metrics-plan.ts";
import { fieldBuckets, fieldNumbers } from "./metrics-values.ts";
import type { KeyValue, Value } from "./question.ts";
import { type CountedRows, RowGroups } from "./row-groups.ts";
import type { SegmentPart } from "./segment-part.ts";
import type { SharedFacts } from "./shared-facts.ts";
import { someTraces, undoubledRows } from "./some-traces.ts";
import { Spansets } from "./spansets.ts";

export const BUCKET = "__bucket";

/** Of a pipeline: where it was run, the spans that it found, and those that count. */
export interface Found {
  readonly spansets: Spansets;
  readonly bits: number;
  readonly counted: CountedRows;
  /** Of rows whose traces were not assembled. */
  readonly facts: SharedFacts | undefined;
}

export interface TallyTools extends CodeTools {
  readonly partial: MetricsPartial;
  /** By fragment: in the second visit what is counted in it; undefined in the first. */
  readonly chosen?: readonly ChosenValues[] | undefined;
  /** By fragment; undefined: none are wanted. */
  readonly takers: readonly ExemplarTaker[] | undefined;
}

export function tallySegment(plan: MetricsPlan, part: SegmentPart, tools: TallyTools): void {
  const { partial, chosen, scratch, takers } = tools;
  const whole = new Spansets(part.segment, tools);
  const known = new Map<string, Found | undefined>();
  for (const [place, { pipeline, pipelineText, fn }] of plan.fragments.entries()) {
    const again = chosen?.[place];
    if (chosen !== undefined && (again === undefined || again.size === 0)) continue;
    if (!known.has(pipelineText)) {
      const found = foundRows(pipeline, { spansets: whole, part }, tools);
      const { facts } = part;
      known.set(pipelineText, found && countedRows(plan.slots, { ...found, facts }, tools));
    }
    const found = known.get(pipelineText);
    if (found === undefined) continue;
    scratch.within(() => {
      const into = partial.fragments[place];
      const { spansets } = found;
      const { filter } = spansets;
      if (fn.node === "compare" && into.kind === "compare") {
        const of = { plan, fn, found, filter };
        const { keys } = into;
        if (again === undefined) tallyCompare(of, { partial, keys }, tools);
        else tallyChosen(of, { partial, keys, chosen: again }, tools);
      } else if (fn.node === "metricsFunction" && into.kind === "series") {
        const of = { fn, filter, counted: found.counted };
        const { slots } = plan;
        const { series } = into;
        const groups = tallyFunction(of, { slots: slots.count, partial, series }, tools);
        takers?.[place].take({ groups, counted: found.counted, spansets }, tools);
      }
    });
  }
}

/** Undefined: the values tell that there are none. */
function foundRows(
  pipeline: Pipeline,
  { spansets, part }: { readonly spansets: Spansets; readonly part: SegmentPart },
  tools: CodeTools,
): Pick<Found, "spansets" | "bits"> | undefined {
  if (spansets.isNone(pipeline)) return undefined;
  const bits = spansets.rows(pipeline, part.within);
  const some = someTraces(part.segment, { kind: "bits", bits }, tools);
  if (some === undefined) return { spansets, bits };
  const own = new Spansets(some, tools);
  return { spansets: own, bits: own.rows(pipeline, undoubledRows(some, tools)) };
}

/** In one of so many rows, at most, it is quicker to look at each that counts. */
const FEW = 16;

/** Undefined: there are none. */
function countedRows(
  { first, step, count }: Slots,
  { spansets, bits, facts }: Omit<Found, "counted">,
  { scratch, kernel }: CodeTools,
): Found | undefined {
  const { segment, bits: rowBits } = spansets.filter;
  const { rows, starts, traces } = segment;
  const found = rowBits.count(bits, rows);
  if (found === 0) return undefined;
  // The kernel writes eight at once.
  const slotOf = scratch.take((rows + 8) * 2);
  kernel.setSlots(first, step, count);
  let few: CountedRows["few"];
  if (found * FEW < rows) {
    const at = scratch.take(found * 4);
    few = { at, count: kernel.slotFew(segment.start(), rows, bits, slotOf, at) >>> 0 };
  } else {
    const of = segment.traceStarts();
    kernel.slotTraces(segment.start(), starts, traces, of.first, of.last, bits, slotOf);
  }
  // A block covers some of a long question's time, and tables are as wide as that.
  const range = kernel.slotRange(slotOf, rows) >>> 0;
  if (range === 0) return undefined;
  const least = range & 0xffff;
  const counted = { rows, slotOf, first: least, slots: (range >>> 16) - least, few };
  return { spansets, bits, counted, facts };
}

export interface FunctionRows {
  readonly fn: MetricsFunction;
  readonly filter: Spansets["filter"];
  readonly counted: CountedRows;
}

interface SeriesInto {
  /** Of the question. */
  readonly slots: number;
  readonly partial: MetricsPartial;
  readonly series: SeriesPartial["series"];
}

/** Bytes of a place in a table: of a count, and of count, sum, least and most. */
const COUNT_BYTES = 4;
const VALUES_BYTES = 32;

function tallyFunction(of: FunctionRows, into: SeriesInto, tools: CodeTools): RowGroups {
  const { fn, filter, counted } = of;
  const { slotOf } = counted;
  const fields = fn.by.map((field) => {
    const codes = fieldCodes(filter, { field, slotOf }, tools);
    return isDedicated(field) ? withNilText(codes) : codes;
  });
  const isBucketed = fn.fn === "histogram_over_time" || fn.fn === "quantile_over_time";
  if (isBucketed && fn.field !== undefined) {
    fields.push(fieldBuckets(filter, { field: fn.field, slotOf }, tools));
  }
  const hasValues = metricsCells(fn).of !== undefined;
  const cellBytes = hasValues ? VALUES_BYTES : COUNT_BYTES;
  const groups = new RowGroups(fields, { counted, cellBytes }, tools);
  if (groups.isCut) into.partial.isCut = true;
  if (hasValues) tallyNumbers(of, { groups, into }, tools);
  else tallyCounts(of, { groups, into }, tools);
  return groups;
}

/** What a row lacks is a text there. */
function withNilText(codes: FieldCodes): FieldCodes {
  const { values } = codes;
  const value = (code: number): Value => {
    const found = codes.value(code);
    return found.type === "nil" ? NIL_TEXT : found;
  };
  return { ...codes, value, values: values && { ...values, missing: NIL_TEXT } };
}

interface GroupsInto {
  readonly groups: RowGroups;
  readonly into: SeriesInto;
}

function tallyCounts(
  { fn, counted }: FunctionRows,
  { groups, into }: GroupsInto,
  { scratch, kernel }: CodeTools,
): void {
  const { first, slots } = counted;
  const { words } = scratch;
  const table = groups.tally();
  const filled = scratch.take(groups.size * 4);
  const found = kernel.filledGroups(table, groups.size, slots, filled) >>> 0;
  for (const group of words.subarray(filled / 4, filled / 4 + found)) {
    const cells = seriesCells(fn, { groups, into }, group);
    if (cells === undefined) continue;
    const at = table / 4 + group * slots;
    for (let slot = 0; slot < slots; slot++) cells[first + slot] += words[at + slot];
  }
}

function tallyNumbers(
  { fn, filter, counted }: FunctionRows,
  { groups, into }: GroupsInto,
  tools: CodeTools,
): void {
  const { scratch, kernel } = tools;
  const { rows, slotOf, first, slots } = counted;
  const { of, width } = metricsCells(fn);
  if (fn.field === undefined || of === undefined) return;
  const values = fieldNumbers(filter, { field: fn.field, slotOf }, tools);
  const cells = groups.size * slots;
  const table = scratch.take(cells * VALUES_BYTES);
  kernel.clearValues(table, cells);
  const from = table - first * VALUES_BYTES;
  kernel.tallyValues(slotOf, groups.groups(), values, rows, groups.size, slots, from);
  for (let group = 0; group < groups.size; group++) {
    const at = table / 8 + group * slots * 4;
    let hasValue = false;
    for (let slot = 0; slot < slots && !hasValue; slot++) {
      hasValue = scratch.doubles[at + slot * 4] > 0;
    }
    if (!hasValue) continue;
    const own = seriesCells(fn, { groups, into }, group);
    if (own === undefined) continue;
    of(scratch.doubles, at, own.subarray(first * width, (first + slots) * width));
  }
}

/** Of the group's series; undefined: it is in none, or there is no room for it. */
function seriesCells(
  fn: MetricsFunction,
  { groups, into }: GroupsInto,
  group: number,
): Float64Array | undefined {
  const { values, key } = groups.at(group);
  const isBucketed = values.length > fn.by.length;
  if (isBucketed && values.at(-1)?.type === "nil") return undefined;
  const known = into.series.get(key);
  if (known !== undefined) return known.cells;
  const { width, initial } = metricsCells(fn);
  const count = into.slots * width;
  if (!takeCells(into.partial, count)) return undefined;
  const cells = new Float64Array(count).fill(initial);
  const labels = values.map((value, i): KeyValue => {
    return { key: i < fn.by.length ? printField(fn.by[i]) : BUCKET, value };
  });
  into.series.set(key, { labels, cells });
  return cells;
}
