/** From a partial to the answer: series, stages behind them, arithmetic, exemplars. */
import type { MetricsExpr, MetricsOperation } from "../traceql/ast.ts";
import { orderExemplars, type PartialExemplar } from "./exemplar-room.ts";
import { type Operand, operate } from "./metrics-arithmetic.ts";
import type { MetricsPartial } from "./metrics-partial.ts";
import type { MetricsPlan, Slots } from "./metrics-plan.ts";
import { runSeconds } from "./metrics-second.ts";
import { fragmentSeries, type PlanSeries, type SeriesSource } from "./metrics-series.ts";
import { numberOf } from "./metrics-values.ts";
import type { Exemplar, KeyValue, MetricsAnswer, Sample, Series } from "./question.ts";
import { shownValue } from "./shown-span.ts";
import { orderLabels } from "./value-order.ts";

const NS_PER_MS = 1_000_000n;

export type Finished = Pick<MetricsAnswer, "series" | "partial">;

export function finishMetrics(plan: MetricsPlan, partial: MetricsPartial): Finished {
  const { body, slots, seriesMax } = plan;
  const all = evaluate(body, { plan, partial, next: 0 })
    .filter(({ values }) => !values.every(Number.isNaN))
    .toSorted(orderSeries);
  const most = Math.min(seriesMax === 0 ? all.length : seriesMax, fitting(all));
  const isOver = all.length > most;
  const kept = isOver ? all.slice(0, most) : all;
  const exemplars = new ExemplarPlaces(partial.exemplars);
  const times = Array.from({ length: slots.count }, (_, slot) => timestampMs(slots, slot));
  return {
    series: kept.map((one) => shownSeries(one, { times, exemplars })),
    partial: isOver ? tooManySeries(most) : partial.isCut ? OVER_MEMORY : undefined,
  };
}

/** Of an answer: 20 MB of JSON, and ten times that while it is made. Charts show less. */
const SAMPLES_MAX = 500_000;

/** How many series have no more samples than an answer may have: one at least. */
function fitting(series: readonly PlanSeries[]): number {
  let samples = 0;
  const over = series.findIndex(({ values }, i) => {
    samples += values.length;
    return i > 0 && samples > SAMPLES_MAX;
  });
  return over < 0 ? series.length : over;
}

/** Tempo's words. */
function tooManySeries(max: number): string {
  const limit = `Response exceeds maximum series limit of ${max}`;
  const warning = "Warning: the accuracy of each individual value is not guaranteed.";
  return `${limit}, a partial response is returned. ${warning}`;
}

const OVER_MEMORY =
  "The series need more memory than one question may have, a partial response is returned.";

interface Evaluation {
  readonly plan: MetricsPlan;
  readonly partial: MetricsPartial;
  /** The fragment that is met next. */
  next: number;
}

function evaluate(body: MetricsExpr, evaluation: Evaluation): readonly PlanSeries[] {
  const { plan, partial } = evaluation;
  if (body.node === "metricsOperation") {
    const left = operand(body.left, evaluation);
    const right = operand(body.right, evaluation);
    return runSeconds(body.seconds, operate(body.op, left, right));
  }
  const place = evaluation.next++;
  const of = { place, partial: partial.fragments[place] };
  return runSeconds(body.seconds, fragmentSeries(plan, plan.fragments[place], of));
}

function operand(side: MetricsOperation["left"], evaluation: Evaluation): Operand {
  return side.node === "literal" ? numberOf(side.value) : evaluate(side, evaluation);
}

function orderSeries(a: PlanSeries, b: PlanSeries): number {
  if (a.labels.length !== b.labels.length) return a.labels.length - b.labels.length;
  for (const [i, { key, value }] of a.labels.entries()) {
    const other = b.labels[i];
    if (key !== other.key) return key < other.key ? -1 : 1;
    const order = orderLabels(value, other.value);
    if (order !== 0) return order;
  }
  return 0;
}

function shownSeries(
  { labels, values, from }: PlanSeries,
  { times, exemplars }: { readonly times: readonly number[]; readonly exemplars: ExemplarPlaces },
): Series {
  return {
    labels: shownLabels(labels),
    // Made when asked for: half a million objects at once are more than all else of an answer.
    get samples() {
      return samplesOf(values, times);
    },
    exemplars: from.flatMap((source) => exemplars.of(source, values)),
  };
}

function samplesOf(values: Float64Array, times: readonly number[]): Sample[] {
  const samples: Sample[] = [];
  for (let slot = 0; slot < values.length; slot++) {
    const value = values[slot];
    if (!Number.isNaN(value)) samples.push({ timestampMs: times[slot], value });
  }
  return samples;
}

function shownLabels(labels: readonly KeyValue[]): KeyValue[] {
  return labels.map(({ key, value }) => ({ key, value: shownValue(value) }));
}

function timestampMs({ first, step }: Slots, slot: number): number {
  return Number((first + BigInt(slot + 1) * step) / NS_PER_MS);
}

class ExemplarPlaces {
  readonly #bySeries: ReadonlyMap<string, readonly PartialExemplar[]>;
  /** Each is shown once. */
  readonly #shown = new Set<PartialExemplar>();

  constructor(exemplars: readonly PartialExemplar[]) {
    const ordered = exemplars.toSorted(orderExemplars);
    this.#bySeries = Map.groupBy(ordered, ({ fragment, key }) => `${fragment} ${key}`);
  }

  /** Of a source of a series with these values. */
  of({ fragment, key, value: kind }: SeriesSource, values: Float64Array): Exemplar[] {
    return (this.#bySeries.get(`${fragment} ${key}`) ?? []).flatMap((exemplar): Exemplar[] => {
      const { slot, time, labels } = exemplar;
      const here = values[slot];
      const value = kind === "series" || Number.isNaN(exemplar.value) ? here : exemplar.value;
      const isBeyond = kind === "quantile" && value > here;
      if (this.#shown.has(exemplar) || Number.isNaN(here) || isBeyond) return [];
      this.#shown.add(exemplar);
      return [{ labels: shownLabels(labels), timestampMs: Number(time / NS_PER_MS), value }];
    });
  }
}
