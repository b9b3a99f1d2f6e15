/**
 * Candidates of a search in a segment by when their traces start, the newest first. The few newest
 * are asked at first: where matches are many, they are the answer, and where a better answer is
 * known already, there are often none to ask.
 */

import type { FilterTools } from "./filter-bits.ts";
import { RowBits } from "./row-bits.ts";
import type { SearchPlan } from "./search-plan.ts";
import type { SegmentPart } from "./segment-part.ts";

export class NewestRows {
  /** Candidates that there are. */
  readonly count: number;
  readonly #first: number;
  readonly #order: number;
  readonly #plan: SearchPlan;
  readonly #part: SegmentPart;
  readonly #tools: FilterTools;

  /** `order` is segment.newestFirst(); traces that start before `since` are none. */
  constructor(
    plan: SearchPlan,
    part: SegmentPart,
    of: FilterTools & { readonly order: number; readonly since: bigint },
  ) {
    this.#plan = plan;
    this.#part = part;
    this.#tools = of;
    this.#order = of.order;
    const { endNano } = plan.question;
    this.#first = endNano === undefined ? 0 : this.#startedSince(endNano, false);
    this.count = Math.max(0, this.#startedSince(of.since, true) - this.#first);
  }

  /** A bitmap of the rows that count, of the first `most` candidates. */
  rows(most: number): number {
    const { segment, within } = this.#part;
    const { scratch, kernel } = this.#tools;
    const { rows, starts } = segment;
    const bits = new RowBits(scratch, kernel);
    const out = bits.none(rows);
    const end = this.#first + Math.min(most, this.count);
    const sure = Math.max(this.#first, Math.min(end, this.#sureEnd()));
    kernel.rowsOfTraces(this.#order + this.#first * 4, sure - this.#first, starts, out);
    scratch.within(() => {
      const { words } = scratch;
      const list = scratch.take((end - sure) * 4);
      let passing = 0;
      for (let place = sure; place < end; place++) {
        const trace = words[this.#order / 4 + place];
        if (this.#passes(trace)) words[list / 4 + passing++] = trace;
      }
      kernel.rowsOfTraces(list, passing, starts, out);
    });
    return bits.and(out, within, rows);
  }

  /** Traces that start later, or at that time if it is inclusive. */
  #startedSince(boundNano: bigint, isInclusive: boolean): number {
    const { segment } = this.#part;
    const bound = BigInt.asUintN(64, boundNano);
    const starts = segment.firstStarts();
    const inclusive = isInclusive ? 1 : 0;
    return this.#tools.kernel.startedSince(
      ...[this.#order, starts, segment.traces, bound, inclusive],
    );
  }

  /** Up to there all pass. */
  #sureEnd(): number {
    const { startNano, minDurationNano: min, maxDurationNano: max } = this.#plan.question;
    if (min !== undefined || max !== undefined) return 0;
    const { segment, range } = this.#part;
    // What the block says of its times needs no durations.
    if (startNano === undefined || (range !== undefined && startNano <= range.from)) {
      return segment.traces;
    }
    return this.#startedSince(startNano, true);
  }

  #passes(trace: number): boolean {
    const { startNano, minDurationNano: min, maxDurationNano: max } = this.#plan.question;
    const isOpen = min === undefined && max === undefined;
    const { ulongs } = this.#tools.scratch;
    const times = this.#part.segment.times();
    const isAfter = startNano === undefined || startNano <= times.first;
    if (isAfter && isOpen) return true;
    const start = ulongs[times.start / 8 + trace];
    const end = ulongs[times.end / 8 + trace];
    if (startNano !== undefined && end < startNano) {
      // A span may end before it starts.
      if (ulongs[this.#part.segment.lastStarts() / 8 + trace] < startNano) return false;
    }
    const length = BigInt.asIntN(64, end - start);
    return (min === undefined || length >= min) && (max === undefined || length <= max);
  }
}
