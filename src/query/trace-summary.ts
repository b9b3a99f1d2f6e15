/** What an answer says of a trace that was found: its root, time, services, and the spansets. */

import type { BestTrace, SearchParts } from "./best-traces.ts";
import { rootText, serviceOf } from "./field-columns.ts";
import { codeOf } from "./number-vectors.ts";
import type { ServiceCount, SpanSet, TraceSummary } from "./question.ts";
import type { SearchPlan } from "./search-plan.ts";
import { ShownSpans, shownValue } from "./shown-span.ts";

const STATUS_ERROR = 2;

export class TraceSummaries {
  readonly #plan: SearchPlan;
  readonly #parts: SearchParts;
  readonly #shown: ShownSpans;
  readonly #rootName: (row: number | undefined) => string;
  readonly #rootServiceName: (row: number | undefined) => string;

  constructor(plan: SearchPlan, parts: SearchParts) {
    const { segment, spansets, scratch } = parts;
    this.#plan = plan;
    this.#parts = parts;
    this.#shown = new ShownSpans(spansets.filter, scratch, plan.mentions);
    const text = (name: "rootName" | "rootServiceName") => {
      const read = rootText(segment, name, scratch);
      return (row: number | undefined) => {
        const value = read(row);
        return value.type === "string" ? value.value : "";
      };
    };
    this.#rootName = text("rootName");
    this.#rootServiceName = text("rootServiceName");
  }

  /** `among` so many of the segment's traces that are asked for. */
  of({ trace, sets, rank }: BestTrace, among: number): TraceSummary {
    const { question } = this.#plan;
    const spans = this.#parts.segment.spansOf(trace, among);
    const spanSets = question.withoutSpanSets
      ? []
      : sets.map(
          ({ rows, attributes }): SpanSet => ({
            matched: rows.length,
            attributes: attributes.map(({ key, value }) => ({ key, value: shownValue(value) })),
            spans: rows.slice(0, question.spansPerSpanSet).map((row) => this.#shown.at(row, spans)),
          }),
        );
    return {
      traceId: rank.traceId,
      rootServiceName: this.#rootServiceName(spans.root),
      rootTraceName: this.#rootName(spans.root),
      startUnixNano: rank.startUnixNano,
      durationNano: BigInt.asIntN(64, spans.end - rank.startUnixNano),
      services: this.#services(trace),
      spanSets,
    };
  }

  /** Of all spans of the trace, each once. */
  #services(trace: number): ServiceCount[] {
    const { segment, spansets, scratch } = this.#parts;
    const doubles = segment.doubles();
    const { codes, list } = segment.resources();
    const status = segment.status();
    const counts = new Map<string, { spans: number; errors: number }>();
    const end = scratch.words[segment.starts / 4 + trace + 1];
    for (let row = scratch.words[segment.starts / 4 + trace]; row < end; row++) {
      if (doubles !== 0 && spansets.filter.bits.has(doubles, row)) continue;
      const service = serviceOf(list[codeOf(codes, scratch, row) - 1]);
      const count = counts.get(service) ?? { spans: 0, errors: 0 };
      counts.set(service, count);
      count.spans++;
      const code = status.dictionary.at(codeOf(status, scratch, row) - 1);
      if (code.type === "float" && code.value === STATUS_ERROR) count.errors++;
    }
    return Array.from(counts, ([service, count]) => ({ service, ...count }));
  }
}
