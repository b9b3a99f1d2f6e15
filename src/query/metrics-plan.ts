/** What a question about metrics asks for, apart from where spans lie. */
import { EngineError } from "../base/error.ts";
import type { Compare, Field, MetricsExpr, MetricsFunction, Pipeline } from "../traceql/ast.ts";
import { printField, printStage } from "../traceql/print.ts";
import { mentionsOf } from "./mentions.ts";
import type { MetricsQuestion } from "./question.ts";

/** Slot i is (first + i * step, first + (i + 1) * step]. */
export interface Slots {
  readonly first: bigint;
  readonly step: bigint;
  readonly count: number;
  /** Of a step. */
  readonly seconds: number;
}

/** One function over one pipeline. */
export interface Fragment {
  readonly pipeline: Pipeline;
  /** Equal for equal pipelines. */
  readonly pipelineText: string;
  readonly fn: MetricsFunction | Compare;
}

export interface MetricsPlan {
  readonly slots: Slots;
  readonly body: MetricsExpr;
  /** In the order in which they stand in the query. */
  readonly fragments: readonly Fragment[];
  readonly exemplars: number;
  readonly seriesMax: number;
}

/** Slots are 16 bits, and a selection and a baseline are counted in one table. */
const SLOTS_MAX = 0x7fff;

export function planMetrics(question: MetricsQuestion): MetricsPlan {
  const { query, exemplars, seriesMax } = question;
  const { body } = query;
  if (body.node === "pipeline") throw new EngineError("malformed", "not a metrics query");
  const isExtrapolated = query.hints.some(
    ({ name, value }) => name === "extrapolate" && value.type === "bool" && value.value,
  );
  // Hints to sample are met by counting every span; this one asks for other numbers.
  if (isExtrapolated) throw new EngineError("malformed", "the hint extrapolate is not supported");
  const fragments: Fragment[] = [];
  collect(body, fragments);
  return { slots: slotsOf(question), body, fragments, exemplars, seriesMax };
}

function collect(body: MetricsExpr, fragments: Fragment[]): void {
  if (body.node === "metricsQuery") {
    const { pipeline, fn } = body;
    if (pipeline.stages.some((stage) => stage.node === "sort" && stage.limit !== undefined)) {
      const message = "a sort with a limit cannot stand before a metrics function";
      throw new EngineError("malformed", message);
    }
    fragments.push({ pipeline, pipelineText: printStage(pipeline), fn });
    return;
  }
  for (const side of [body.left, body.right]) {
    if (side.node !== "literal") collect(side, fragments);
  }
}

function slotsOf({ startNano, endNano, stepNano }: MetricsQuestion): Slots {
  const step = stepNano ?? endNano - startNano;
  const count = Number((endNano - startNano + step - 1n) / step);
  if (count > SLOTS_MAX) {
    throw new EngineError("malformed", `${count} steps are too many, ${SLOTS_MAX} is the most`);
  }
  return { first: startNano, step, count, seconds: Number(step) / 1e9 };
}

/** All that the fragment speaks of, each once. */
export function fieldsOfFragment({ pipeline, fn }: Fragment): Field[] {
  const own =
    fn.node === "compare" ? [] : [...fn.by, ...(fn.field === undefined ? [] : [fn.field])];
  const all = [...own, ...mentionsOf(pipeline).map(({ field }) => field)];
  return [...new Map(all.map((field) => [printField(field), field])).values()];
}
