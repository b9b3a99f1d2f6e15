/**
 * What segments say about metrics, before it is an answer: plain data, so that threads can work on
 * one question, and additive, so that in which order does not matter.
 */
import { type CompareCounts, mergeCounts } from "./compare-counts.ts";
import type { ExemplarRoom, PartialExemplar } from "./exemplar-room.ts";
import { metricsCells } from "./metrics-cells.ts";
import type { Fragment, MetricsPlan } from "./metrics-plan.ts";
import type { KeyValue, Value } from "./question.ts";
import { addSlots, emptySlots, type SlotCounts } from "./slot-counts.ts";

export interface PartialSeries {
  readonly labels: readonly KeyValue[];
  /** As metrics-cells.ts has them. */
  readonly cells: Float64Array;
}

export interface SeriesPartial {
  readonly kind: "series";
  /** By what their labels are. */
  readonly series: Map<string, PartialSeries>;
}

/** Values of one attribute, or intrinsic, among the spans of one side. */
export interface ComparedValue {
  readonly value: Value;
  readonly counts: SlotCounts;
}

export interface ComparedSide {
  readonly totals: Float64Array;
  readonly values: Map<string, ComparedValue>;
}

export interface ComparedKey {
  readonly selection: ComparedSide;
  readonly baseline: ComparedSide;
  /** Of values that are too many: none of these is among the sides' until they are chosen. */
  many: CompareCounts | undefined;
}

export interface ComparePartial {
  readonly kind: "compare";
  /** By the name in labels. */
  readonly keys: Map<string, ComparedKey>;
}

export type FragmentPartial = SeriesPartial | ComparePartial;

export interface MetricsPartial {
  /** In the order of the plan's. */
  readonly fragments: readonly FragmentPartial[];
  readonly exemplars: PartialExemplar[];
  /** Places for numbers that are taken. */
  cells: number;
  /** There was no room for some series. */
  isCut: boolean;
}

/** Numbers that one question may hold: 32 MiB. */
const CELLS_MAX = 4 * 2 ** 20;

export function emptyPartial({ fragments }: MetricsPlan): MetricsPartial {
  return { fragments: fragments.map(emptyFragment), exemplars: [], cells: 0, isCut: false };
}

function emptyFragment({ fn }: Fragment): FragmentPartial {
  if (fn.node === "compare") return { kind: "compare", keys: new Map() };
  return { kind: "series", series: new Map() };
}

/** Whether so many numbers have room; if not, the answer is cut. */
export function takeCells(partial: MetricsPartial, count: number): boolean {
  if (partial.cells + count > CELLS_MAX) {
    partial.isCut = true;
    return false;
  }
  partial.cells += count;
  return true;
}

interface PartialInto {
  readonly into: MetricsPartial;
  /** Those of its exemplars, by fragment. */
  readonly rooms: readonly ExemplarRoom[];
}

/** Adds all of `from`, which is given up with that. */
export function mergePartial(
  plan: MetricsPlan,
  { into, rooms }: PartialInto,
  from: MetricsPartial,
): void {
  for (const [i, fragment] of from.fragments.entries()) {
    const to = into.fragments[i];
    if (fragment.kind === "series" && to.kind === "series") {
      mergeSeries(plan.fragments[i], { into, to: to.series }, fragment.series);
    } else if (fragment.kind === "compare" && to.kind === "compare") {
      mergeCompared(plan, { into, to: to.keys }, fragment.keys);
    }
  }
  for (const one of from.exemplars) rooms[one.fragment].add(one);
  if (from.isCut) into.isCut = true;
}

function mergeSeries(
  { fn }: Fragment,
  { into, to }: { readonly into: MetricsPartial; readonly to: SeriesPartial["series"] },
  from: SeriesPartial["series"],
): void {
  const { add } = metricsCells(fn);
  for (const [key, series] of from) {
    const known = to.get(key);
    if (known !== undefined) add(known.cells, series.cells);
    else if (takeCells(into, series.cells.length)) to.set(key, series);
  }
}

/** What is large in a partial, to be handed over to another thread instead of copied. */
export function buffersOf({ fragments }: MetricsPartial): ArrayBuffer[] {
  return fragments.flatMap((fragment) => {
    if (fragment.kind !== "compare") return [];
    return Array.from(fragment.keys.values(), ({ many }) => many)
      .filter((many) => many !== undefined)
      .flatMap(({ hashes, counts }) => [hashes.buffer, counts.buffer]);
  });
}

function mergeCompared(
  plan: MetricsPlan,
  { into, to }: { readonly into: MetricsPartial; readonly to: ComparePartial["keys"] },
  from: ComparePartial["keys"],
): void {
  for (const [key, compared] of from) {
    const known = comparedKey(plan, { into, keys: to }, key);
    if (known === undefined) continue;
    if (compared.many !== undefined) {
      const { many } = known;
      known.many = many === undefined ? compared.many : mergeCounts(many, compared.many);
    }
    for (const side of ["selection", "baseline"] as const) {
      addCounts(known[side].totals, compared[side].totals);
      for (const [name, { value, counts }] of compared[side].values) {
        const own = comparedValue(into, known[side], { name, value });
        if (own !== undefined) addSlots(own, counts.first, counts.counts);
      }
    }
  }
}

/** Undefined: there is no room for another one. */
export function comparedKey(
  { slots }: MetricsPlan,
  { into, keys }: { readonly into: MetricsPartial; readonly keys: ComparePartial["keys"] },
  key: string,
): ComparedKey | undefined {
  const known = keys.get(key);
  if (known !== undefined) return known;
  if (!takeCells(into, slots.count * 2)) return undefined;
  const side = (): ComparedSide => ({ totals: new Float64Array(slots.count), values: new Map() });
  const added: ComparedKey = { selection: side(), baseline: side(), many: undefined };
  keys.set(key, added);
  return added;
}

/** The same. */
export function comparedValue(
  into: MetricsPartial,
  { totals, values }: ComparedSide,
  { name, value }: { readonly name: string; readonly value: Value },
): SlotCounts | undefined {
  const known = values.get(name);
  if (known !== undefined) return known.counts;
  if (!takeCells(into, totals.length)) return undefined;
  const counts = emptySlots();
  values.set(name, { value, counts });
  return counts;
}

function addCounts(to: Float64Array, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] += from[i];
}
