/**
 * What an answer shows of traces of blocks, when it is known which are the best of all: each block
 * finds as many as are wanted, and most of them are not among these.
 */
import { assert } from "../base/assert.ts";
import type { AheadRange } from "../block/block-ahead.ts";
import type { Gathered, GatherTools, PartGatherer } from "./gatherer.ts";
import type { SearchQuestion } from "./question.ts";
import { isPlace, planSearch, type RankedTrace, type SearchPlan } from "./search-plan.ts";
import type { SegmentPart } from "./segment-part.ts";
import { Spansets } from "./spansets.ts";
import type { TraceCards } from "./trace-cards.ts";
import { TraceSummaries } from "./trace-summary.ts";

export class ShowTraces implements PartGatherer {
  readonly #plan: SearchPlan;
  readonly #tools: GatherTools;
  readonly #cards: TraceCards;
  /** By name of the part that has them. */
  readonly #wanted: ReadonlyMap<string, readonly RankedTrace[]>;
  readonly #traces: RankedTrace[] = [];

  /** All of `wanted` have places in blocks that are visited now, by the plan of then. */
  constructor(
    question: SearchQuestion,
    tools: GatherTools,
    of: { readonly cards: TraceCards; readonly wanted: readonly RankedTrace[] },
  ) {
    this.#plan = planSearch(question);
    this.#tools = tools;
    this.#cards = of.cards;
    this.#wanted = Map.groupBy(of.wanted, ({ shown }) => {
      assert(isPlace(shown), "query: a trace that is shown already");
      return shown.part;
    });
  }

  wants({ segment, name }: SegmentPart): readonly AheadRange[] {
    const wanted = this.#wanted.get(name ?? "") ?? [];
    return segment.showing(wanted.flatMap(({ shown }) => (isPlace(shown) ? shown.trace : [])));
  }

  use({ segment, name }: SegmentPart): void {
    const wanted = name === undefined ? undefined : this.#wanted.get(name);
    if (wanted === undefined) return;
    const spansets = new Spansets(segment, this.#tools);
    const parts = { ...this.#tools, segment, spansets, name, cards: this.#cards };
    const summaries = new TraceSummaries(this.#plan, parts);
    for (const { shown, ...rank } of wanted) {
      assert(isPlace(shown), "query: a trace that is shown already");
      this.#traces.push({ ...rank, shown: summaries.of(rank, shown, wanted.length) });
    }
  }

  isDone(): boolean {
    return false;
  }

  take(): Gathered {
    return { type: "search", traces: this.#traces };
  }
}
