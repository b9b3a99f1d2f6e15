/** Searches: the best traces of all segments. */
import { assert } from "../base/assert.ts";
import type { Gathered, Gatherer, GatherTools, Left } from "./gatherer.ts";
import type { AnswerMetrics, SearchAnswer, SearchQuestion } from "./question.ts";
import {
  orderRanked,
  planSearch,
  type Rank,
  type RankedTrace,
  type SearchPlan,
} from "./search-plan.ts";
import { type Probes, searchSegment } from "./search-segment.ts";
import type { SegmentPart } from "./segment-part.ts";

export class SearchGatherer implements Gatherer {
  readonly #plan: SearchPlan;
  readonly #tools: GatherTools;
  /** What others have found already is better. */
  readonly #worst: Rank | undefined;
  readonly #probes: Probes = { traces: 0, found: 0 };
  #best: readonly RankedTrace[] = [];

  constructor(question: SearchQuestion, tools: GatherTools, worst: Rank | undefined) {
    this.#plan = planSearch(question);
    this.#tools = tools;
    this.#worst = worst;
  }

  get mayEndEarly(): boolean {
    return this.#plan.sort === undefined;
  }

  get worst(): Rank | undefined {
    const own = this.#best.length >= this.#plan.limit ? this.#best.at(-1) : undefined;
    if (own === undefined || this.#worst === undefined) return own ?? this.#worst;
    return orderRanked(this.#plan, own, this.#worst) < 0 ? own : this.#worst;
  }

  use(part: SegmentPart): void {
    const { worst } = this;
    const probes = this.#probes;
    this.#take(searchSegment(this.#plan, part, { ...this.#tools, worst, probes }));
  }

  /** Blocks that are left end before the worst of enough traces starts. */
  isDone(latestNano: bigint): boolean {
    if (this.#plan.limit === 0) return true;
    const { worst } = this;
    return this.mayEndEarly && worst !== undefined && worst.startUnixNano > latestNano;
  }

  take(): Gathered {
    return { type: "search", traces: this.#best };
  }

  add(gathered: Gathered): void {
    assert(gathered.type === "search", "query: gathered for another question");
    this.#take(gathered.traces);
  }

  answer(metrics: AnswerMetrics, left?: Left): SearchAnswer {
    const best = left === undefined ? this.#best : this.#settled(left);
    return { type: "search", traces: best.map(({ summary }) => summary), metrics };
  }

  /** Clients add up what they are told, and never take a trace back. */
  #settled({ latestNano }: Left): readonly RankedTrace[] {
    if (!this.mayEndEarly || latestNano === undefined) return [];
    return this.#best.filter(({ startUnixNano }) => startUnixNano > latestNano);
  }

  #take(found: readonly RankedTrace[]): void {
    if (found.length === 0) return;
    this.#best = [...this.#best, ...found]
      .sort((a, b) => orderRanked(this.#plan, a, b))
      .slice(0, this.#plan.limit);
  }
}
