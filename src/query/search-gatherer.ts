/** Searches: the best traces of all segments. */
import { assert } from "../base/assert.ts";
import type { Better, Gathered, Gatherer, GatherTools, Left } from "./gatherer.ts";
import type { AnswerMetrics, SearchAnswer, SearchQuestion } from "./question.ts";
import {
  isPlace,
  orderRanked,
  planSearch,
  type Rank,
  type RankedTrace,
  type SearchPlan,
} from "./search-plan.ts";
import { type Probes, searchSegment } from "./search-segment.ts";
import type { SegmentPart } from "./segment-part.ts";
import type { TraceCards } from "./trace-cards.ts";

/** With more wanted, only the worst of them is told. */
const RANKS_MAX = 256;

export class SearchGatherer implements Gatherer {
  readonly #plan: SearchPlan;
  readonly #tools: GatherTools;
  readonly #others: Better;
  readonly #cards: TraceCards;
  readonly #probes: Probes = { traces: 0, found: 0 };
  #best: readonly RankedTrace[] = [];
  /** Of `#best` as it is; asked before each block. */
  #worstNow: { readonly rank: Rank | undefined } | undefined;

  constructor(
    question: SearchQuestion,
    tools: GatherTools,
    { better, cards }: { readonly better: Better; readonly cards: TraceCards },
  ) {
    this.#plan = planSearch(question);
    this.#tools = tools;
    this.#others = better;
    this.#cards = cards;
  }

  get mayEndEarly(): boolean {
    return this.#plan.sort === undefined;
  }

  get better(): Better {
    const { limit } = this.#plan;
    if (limit > RANKS_MAX) return { ranks: [], worst: this.#worst() };
    const ranks = this.#ranks().map(rankOf);
    return { ranks, worst: ranks.length === limit ? ranks.at(-1) : undefined };
  }

  /** Of all that is known to be found. */
  #worst(): Rank | undefined {
    this.#worstNow ??= { rank: this.#findWorst() };
    return this.#worstNow.rank;
  }

  #findWorst(): Rank | undefined {
    const { limit } = this.#plan;
    const { ranks, worst } = this.#others;
    const all = ranks.length === 0 ? this.#best : this.#ranks();
    const own = all.length >= limit ? all.at(-1) : undefined;
    if (own === undefined || worst === undefined) return own ?? worst;
    return orderRanked(this.#plan, own, worst) < 0 ? own : worst;
  }

  #ranks(): readonly Rank[] {
    return [...this.#others.ranks, ...this.#best]
      .sort((a, b) => orderRanked(this.#plan, a, b))
      .slice(0, this.#plan.limit);
  }

  use(part: SegmentPart): void {
    const worst = this.#worst();
    const probes = this.#probes;
    this.#take(
      searchSegment(this.#plan, part, { ...this.#tools, worst, probes, cards: this.#cards }),
    );
  }

  /** Blocks that are left end before the worst of enough traces starts. */
  isDone(latestNano: bigint): boolean {
    if (this.#plan.limit === 0) return true;
    const worst = this.#worst();
    return this.mayEndEarly && worst !== undefined && worst.startUnixNano > latestNano;
  }

  take(): Gathered {
    return { type: "search", traces: this.#best };
  }

  add(gathered: Gathered): void {
    assert(gathered.type === "search", "query: gathered for another question");
    this.#take(gathered.traces);
  }

  unshown(): readonly RankedTrace[] {
    return this.#best.filter(({ shown }) => isPlace(shown));
  }

  show(gathered: Gathered): void {
    assert(gathered.type === "search", "query: gathered for another question");
    const shown = new Map(gathered.traces.map((trace) => [trace.traceId, trace]));
    this.#best = this.#best.map((trace) =>
      isPlace(trace.shown) ? (shown.get(trace.traceId) ?? trace) : trace,
    );
  }

  answer(metrics: AnswerMetrics, left?: Left): SearchAnswer {
    const best = left === undefined ? this.#best : this.#settled(left);
    const traces = best.flatMap(({ shown }) => (isPlace(shown) ? [] : [shown]));
    return { type: "search", traces, metrics };
  }

  /** Clients add up what they are told, and never take a trace back. */
  #settled({ latestNano }: Left): readonly RankedTrace[] {
    if (!this.mayEndEarly || latestNano === undefined) return [];
    return this.#best.filter(({ startUnixNano }) => startUnixNano > latestNano);
  }

  #take(found: readonly RankedTrace[]): void {
    if (found.length === 0) return;
    this.#worstNow = undefined;
    this.#best = [...this.#best, ...found]
      .sort((a, b) => orderRanked(this.#plan, a, b))
      .slice(0, this.#plan.limit);
  }
}

function rankOf({ key, startUnixNano, traceId }: Rank): Rank {
  return { key, startUnixNano, traceId };
}
