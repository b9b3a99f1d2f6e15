/**
 * What is done with series after their function: the most and the least of each slot, comparisons.
 *
 * topk and bottomk leave sets alone that are not larger than asked for. Of equal values those with
 * alphabetically earlier texts in their labels count as greater, as in Tempo.
 */
import type { SecondStage, Static } from "../traceql/ast.ts";
import { formatDuration } from "../traceql/duration.ts";
import { NAME, type PlanSeries } from "./metrics-series.ts";
import { numberOf } from "./metrics-values.ts";
import type { KeyValue, Value } from "./question.ts";
import { compareValues } from "./value-compare.ts";
import { orderLabels } from "./value-order.ts";

export function runSeconds(
  seconds: readonly SecondStage[],
  series: readonly PlanSeries[],
): readonly PlanSeries[] {
  return seconds.reduce(runSecond, series);
}

function runSecond(series: readonly PlanSeries[], second: SecondStage): readonly PlanSeries[] {
  if (second.node !== "seriesFilter") return ranked(series, second);
  const { op, value } = second;
  // Samples of durations are in seconds.
  const limit: Static =
    value.type === "duration" ? { type: "float", value: numberOf(value) } : value;
  const keeps = (sample: number) => compareValues(op, { type: "float", value: sample }, limit);
  return withSamples(series, (values) =>
    values.map((sample) => (!Number.isNaN(sample) && keeps(sample) ? sample : Number.NaN)),
  );
}

function withSamples(
  series: readonly PlanSeries[],
  change: (values: Float64Array, place: number) => Float64Array,
): PlanSeries[] {
  return series
    .map((one, place) => ({ ...one, values: change(one.values, place) }))
    .filter(({ values }) => !values.every(Number.isNaN));
}

type Ranking = Extract<SecondStage, { node: "topk" | "bottomk" }>;

function ranked(series: readonly PlanSeries[], { node, limit }: Ranking): readonly PlanSeries[] {
  if (BigInt(series.length) <= limit) return series;
  const most = Number(limit);
  const ranks = labelRanks(series);
  const kept = series.map(({ values }) => new Float64Array(values.length).fill(Number.NaN));
  const slots = series[0]?.values.length ?? 0;
  for (let slot = 0; slot < slots; slot++) {
    const isBefore = (a: number, b: number) => {
      const order = series[a].values[slot] - series[b].values[slot] || ranks[a] - ranks[b];
      return node === "topk" ? order > 0 : order < 0;
    };
    for (const place of best(series, { slot, most, isBefore })) {
      kept[place][slot] = series[place].values[slot];
    }
  }
  return withSamples(series, (_, place) => kept[place]);
}

interface BestOf {
  readonly slot: number;
  readonly most: number;
  isBefore(a: number, b: number): boolean;
}

/** Places of the first ones in the slot. */
function best(series: readonly PlanSeries[], { slot, most, isBefore }: BestOf): number[] {
  const found: number[] = [];
  for (const [place, { values }] of series.entries()) {
    if (Number.isNaN(values[slot])) continue;
    if (found.length === most && !isBefore(place, found[most - 1])) continue;
    let low = 0;
    let high = found.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(place, found[middle])) high = middle;
      else low = middle + 1;
    }
    found.splice(low, 0, place);
    if (found.length > most) found.pop();
  }
  return found;
}

/** Of each series its place in the order of labels: the greater the higher. */
function labelRanks(series: readonly PlanSeries[]): Uint32Array {
  const labels = series.map((one) => one.labels.filter(({ key }) => key !== NAME));
  const order = Array.from(labels.keys()).sort((a, b) => compareLabels(labels[a], labels[b]));
  const ranks = new Uint32Array(series.length);
  for (const [rank, place] of order.entries()) ranks[place] = rank;
  return ranks;
}

/** Above zero: `a` is greater. */
function compareLabels(a: readonly KeyValue[], b: readonly KeyValue[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i]?.value, b[i]?.value];
    const order =
      bytewise(textOf(y), textOf(x)) ||
      bytewise(b[i]?.key ?? "", a[i]?.key ?? "") ||
      typeRank(x) - typeRank(y) ||
      compareContents(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** What is no number, bool or list is a text by now. */
function textOf(value: Value | undefined): string {
  switch (value?.type) {
    case "string":
    case "status":
    case "kind":
      return value.value;
    case "duration":
      return formatDuration(value.value);
    case "nil":
      return "nil";
    default:
      return "";
  }
}

/** Nil, which shows the label "nil", comes before the text that shows the same. */
const TYPES: readonly Value["type"][] = ["int", "float", "nil", "string", "bool", "list"];

function typeRank(value: Value | undefined): number {
  if (value === undefined) return 0;
  const place = TYPES.indexOf(value.type);
  return place < 0 ? typeRank({ type: "string", value: "" }) : place + 1;
}

/** Of values whose texts are equal: integers without their sign, floats by their bits, as Tempo;
 * lists by their elements. */
function compareContents(a: Value | undefined, b: Value | undefined): number {
  if (a?.type === "list" && b?.type === "list") return orderLabels(a, b);
  const [x, y] = [bitsOf(a), bitsOf(b)];
  if (x === y) return 0;
  return x < y ? -1 : 1;
}

function bitsOf(value: Value | undefined): bigint {
  if (value?.type === "int") return BigInt.asUintN(64, value.value);
  if (value?.type === "bool") return value.value ? 1n : 0n;
  if (value?.type !== "float") return 0n;
  return new BigUint64Array(new Float64Array([value.value]).buffer)[0];
}
