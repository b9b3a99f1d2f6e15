/** What an answer says of a trace that was found: its root, time, services, and the spansets. */

import type { SearchParts } from "./best-traces.ts";
import type { SpanSet, TraceSummary } from "./question.ts";
import type { Rank, SearchPlan, TracePlace } from "./search-plan.ts";
import { ShownSpans, shownValue } from "./shown-span.ts";
import { cardApart, cardOf, type TraceCard, type TraceCards } from "./trace-cards.ts";
import { isFew } from "./trace-spans.ts";

/** With more of a segment's traces to show, its columns are read whole, and no card is kept. */
const KEPT_MAX = 64;

export interface SummaryParts extends SearchParts {
  /** Of the segment's rows, where they stay as they are. */
  readonly name: string | undefined;
  readonly cards: TraceCards;
}

export class TraceSummaries {
  readonly #plan: SearchPlan;
  readonly #parts: SummaryParts;
  readonly #shown: ShownSpans;

  constructor(plan: SearchPlan, parts: SummaryParts) {
    const { spansets } = parts;
    this.#plan = plan;
    this.#parts = parts;
    this.#shown = new ShownSpans(spansets.filter, plan.mentions);
  }

  /** `among` so many of the segment's traces that are asked for. */
  of(rank: Rank, { trace, sets }: Pick<TracePlace, "trace" | "sets">, among: number): TraceSummary {
    const { question } = this.#plan;
    const { segment, scratch } = this.#parts;
    const card = this.#card(trace, among);
    const first = scratch.words[segment.starts / 4 + trace];
    const shown = (row: number) => this.#shown.at(row, card.spans[row - first]);
    const spanSets = question.withoutSpanSets
      ? []
      : sets.map(
          ({ matched, rows, attributes }): SpanSet => ({
            matched,
            attributes: attributes.map(({ key, value }) => ({ key, value: shownValue(value) })),
            spans: rows.map(shown),
          }),
        );
    const { rootServiceName, rootTraceName, endNano, services } = card;
    return {
      traceId: rank.traceId,
      rootServiceName,
      rootTraceName,
      startUnixNano: rank.startUnixNano,
      durationNano: BigInt.asIntN(64, endNano - rank.startUnixNano),
      services,
      spanSets,
    };
  }

  #card(trace: number, among: number): TraceCard {
    const { segment, name, cards } = this.#parts;
    const whole = () => {
      return cardOf(segment, trace, { ...this.#parts, spans: segment.spansOf(trace, among) });
    };
    if (name === undefined || among > KEPT_MAX) return whole();
    return cards.get(name, trace, () => {
      const isApart = cards.areApart || (isFew(among) && segment.isFar());
      return isApart ? cardApart(segment, trace, this.#parts) : whole();
    });
  }
}
