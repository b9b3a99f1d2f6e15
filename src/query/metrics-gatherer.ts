/** Metrics: what all segments count, as series. */
import { assert } from "../base/assert.ts";
import { chooseCompared } from "./compare-choose.ts";
import { countsByRows } from "./counts-by-rows.ts";
import {
  type Gathered,
  type Gatherer,
  type GatherTools,
  NOTHING_BETTER,
  type SecondVisit,
} from "./gatherer.ts";
import { LateExemplars } from "./late-exemplars.ts";
import { ExemplarTaker } from "./metrics-exemplars.ts";
import { finishMetrics } from "./metrics-finish.ts";
import { emptyPartial, type MetricsPartial, mergePartial } from "./metrics-partial.ts";
import { type MetricsPlan, planMetrics } from "./metrics-plan.ts";
import { tallySegment } from "./metrics-segment.ts";
import type { AnswerMetrics, MetricsAnswer, MetricsQuestion } from "./question.ts";
import type { SegmentPart } from "./segment-part.ts";

export class MetricsGatherer implements Gatherer {
  readonly mayEndEarly = false;
  readonly better = NOTHING_BETTER;
  readonly byRows: boolean;
  readonly #plan: MetricsPlan;
  readonly #tools: GatherTools;
  readonly #partial: MetricsPartial;
  readonly #late = new LateExemplars();
  /** By fragment; they know what is in the partial, until it is settled. */
  #takers: readonly ExemplarTaker[] | undefined;
  #chosen: SecondVisit | undefined;

  constructor(question: MetricsQuestion, tools: GatherTools, chosen: SecondVisit | undefined) {
    this.#chosen = chosen;
    this.#plan = planMetrics(question);
    this.byRows = countsByRows(this.#plan.fragments);
    this.#tools = tools;
    this.#partial = emptyPartial(this.#plan);
  }

  use(part: SegmentPart): void {
    const [partial, chosen, takers] = [this.#partial, this.#chosen, this.#exemplars()];
    tallySegment(this.#plan, part, { ...this.#tools, partial, chosen, takers });
  }

  /** Undefined: none are wanted. */
  #exemplars(): readonly ExemplarTaker[] | undefined {
    if (this.#plan.exemplars === 0) return undefined;
    const into = { exemplars: this.#partial.exemplars, late: this.#late };
    this.#takers ??= this.#plan.fragments.map(
      (_, place) => new ExemplarTaker(this.#plan, place, into),
    );
    return this.#takers;
  }

  again(): SecondVisit | undefined {
    this.#chosen = chooseCompared(this.#plan, this.#partial);
    return this.#chosen;
  }

  isDone(): boolean {
    return false;
  }

  take(): Gathered {
    this.#late.settle(this.#partial.exemplars);
    this.#takers = undefined;
    return { type: "metrics", partial: this.#partial };
  }

  add(gathered: Gathered): void {
    assert(gathered.type === "metrics", "query: gathered for another question");
    const rooms = this.#exemplars()?.map(({ room }) => room) ?? [];
    mergePartial(this.#plan, { into: this.#partial, rooms }, gathered.partial);
  }

  answer(metrics: AnswerMetrics): MetricsAnswer {
    const { series, partial } = finishMetrics(this.#plan, this.#partial);
    const { damagedBlocks: damaged } = metrics;
    const lacks =
      damaged.length === 0 ? [] : [`Damaged blocks are left out: ${damaged.join(", ")}`];
    const why = [...(partial === undefined ? [] : [partial]), ...lacks].join("; ");
    return { type: "metrics", series, partial: why === "" ? undefined : why, metrics };
  }
}
