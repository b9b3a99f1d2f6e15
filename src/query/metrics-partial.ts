/**
 * What segments say about metrics, before it is an answer: plain data, so that threads can work on
 * one question, and additive, so that in which order does not matter.
 */
import { type CompareCounts, emptyCounts, mergeCounts } from "./compare-counts.ts";
import { metricsCells } from "./metrics-cells.ts";
import type { Fragment, MetricsPlan } from "./metrics-plan.ts";
import type { KeyValue, Value } from "./question.ts";

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
  /** By slot. */
  readonly counts: Float64Array;
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

export interface PartialExemplar {
  readonly fragment: number;
  /** Of the series. */
  readonly key: string;
  readonly slot: number;
  readonly timeMs: number;
  /** NaN: that of the series in the slot. */
  readonly value: number;
  readonly traceId: string;
  readonly labels: readonly KeyValue[];
}

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

/** Adds all of `from`, which is given up with that. */
export function mergePartial(plan: MetricsPlan, into: MetricsPartial, from: MetricsPartial): void {
  for (const [i, fragment] of from.fragments.entries()) {
    const to = into.fragments[i];
    if (fragment.kind === "series" && to.kind === "series") {
      mergeSeries(plan.fragments[i], { into, to: to.series }, fragment.series);
    } else if (fragment.kind === "compare" && to.kind === "compare") {
      mergeCompared(plan, { into, to: to.keys }, fragment.keys);
    }
  }
  // Whichever comes first, the same ones stay.
  const exemplars = [...into.exemplars, ...from.exemplars].sort(orderExemplars);
  into.exemplars.length = 0;
  for (const fragment of plan.fragments.keys()) {
    const room = new ExemplarRoom(plan, into, fragment);
    for (const one of exemplars) if (one.fragment === fragment) room.add(one);
  }
  if (from.isCut) into.isCut = true;
}

function orderExemplars(a: PartialExemplar, b: PartialExemplar): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  if (a.traceId !== b.traceId) return a.traceId < b.traceId ? -1 : 1;
  return a.key < b.key ? -1 : Number(a.key > b.key);
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

function mergeCompared(
  plan: MetricsPlan,
  { into, to }: { readonly into: MetricsPartial; readonly to: ComparePartial["keys"] },
  from: ComparePartial["keys"],
): void {
  for (const [key, compared] of from) {
    const known = comparedKey(plan, { into, keys: to }, key);
    if (known === undefined) continue;
    if (compared.many !== undefined) {
      known.many ??= emptyCounts();
      mergeCounts(known.many, compared.many);
    }
    for (const side of ["selection", "baseline"] as const) {
      addCounts(known[side].totals, compared[side].totals);
      for (const [name, { value, counts }] of compared[side].values) {
        const own = comparedValue(into, known[side], { name, value });
        if (own !== undefined) addCounts(own, counts);
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
): Float64Array | undefined {
  const known = values.get(name);
  if (known !== undefined) return known.counts;
  if (!takeCells(into, totals.length)) return undefined;
  const counts = new Float64Array(totals.length);
  values.set(name, { value, counts });
  return counts;
}

function addCounts(to: Float64Array, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] += from[i];
}

/** Where there is room for exemplars of a fragment: stretches of time have two at most each. */
export class ExemplarRoom {
  readonly #plan: MetricsPlan;
  readonly #exemplars: PartialExemplar[];
  readonly #fragment: number;
  readonly #perStretch: number;
  readonly #taken: Uint8Array;
  readonly #traces: Set<string>;

  constructor(plan: MetricsPlan, { exemplars }: MetricsPartial, fragment: number) {
    this.#plan = plan;
    this.#exemplars = exemplars;
    this.#fragment = fragment;
    const most = Math.floor(plan.exemplars / plan.fragments.length);
    this.#perStretch = Math.min(most, 2);
    this.#taken = new Uint8Array(Math.max(1, Math.floor(most / 2)));
    const own = exemplars.filter((one) => one.fragment === fragment);
    for (const { slot } of own) this.#taken[this.#stretch(slot)]++;
    this.#traces = new Set(own.map(({ traceId }) => traceId));
  }

  has(slot: number): boolean {
    return this.#taken[this.#stretch(slot)] < this.#perStretch;
  }

  /** One of a trace; to be asked for where there is room. */
  hasTrace(traceId: string): boolean {
    return this.#traces.has(traceId);
  }

  add(exemplar: Omit<PartialExemplar, "fragment">): void {
    if (!this.has(exemplar.slot) || this.hasTrace(exemplar.traceId)) return;
    this.#exemplars.push({ ...exemplar, fragment: this.#fragment });
    this.#taken[this.#stretch(exemplar.slot)]++;
    this.#traces.add(exemplar.traceId);
  }

  #stretch(slot: number): number {
    return Math.floor((slot * this.#taken.length) / this.#plan.slots.count);
  }
}
