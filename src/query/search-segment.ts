/**
 * A search over one segment: its best traces, newest first or as the query sorts. What is shown of
 * them is read at once, while the segment is at hand.
 */
import type { Pipeline, Sort, Static } from "../traceql/ast.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { hexAt, rootText, serviceOf } from "./field-columns.ts";
import type { FilterTools } from "./filter-bits.ts";
import type { Mention } from "./mentions.ts";
import { codeOf } from "./number-vectors.ts";
import type { SearchQuestion, ServiceCount, SpanSet, TraceSummary, Value } from "./question.ts";
import type { Segment } from "./segment.ts";
import { ShownSpans, shownValue } from "./shown-span.ts";
import { type Found, type RowSet, Spansets } from "./spansets.ts";
import { orderSorted, sortable } from "./value-order.ts";

export interface SearchPlan {
  readonly question: SearchQuestion;
  readonly pipeline: Pipeline;
  readonly mentions: readonly Mention[];
  /** The last stage that sorts, if there is one. */
  readonly sort: Sort | undefined;
  readonly limit: number;
}

/** A trace that was found, and its place among others. */
export interface RankedTrace {
  readonly key: Static | undefined;
  readonly startUnixNano: bigint;
  /** 16 bytes as hex digits. */
  readonly traceId: string;
  readonly summary: TraceSummary;
}

export interface SegmentPart {
  readonly segment: Segment;
  /** Rows that count here: no doubles, no traces that are assembled elsewhere. */
  readonly within: number;
}

type Rank = Omit<RankedTrace, "summary">;

/** Below zero when `a` comes first. */
export function orderRanked(plan: SearchPlan, a: Rank, b: Rank): number {
  if (plan.sort !== undefined) {
    const order = orderSorted(a.key, b.key, plan.sort.descending);
    if (order !== 0) return order;
  }
  if (a.startUnixNano !== b.startUnixNano) return a.startUnixNano > b.startUnixNano ? -1 : 1;
  return a.traceId < b.traceId ? -1 : Number(a.traceId > b.traceId);
}

/** The best traces, `plan.limit` at most; those worse than `worst` may be left out. */
export function searchSegment(
  plan: SearchPlan,
  { segment, within }: SegmentPart,
  tools: FilterTools & { readonly worst: RankedTrace | undefined },
): RankedTrace[] {
  const spansets = new Spansets(segment, tools);
  const overlapping = overlappingRows(plan.question, { segment, within }, { tools, spansets });
  const found = spansets.run(plan.pipeline, overlapping);
  const ranked = new BestTraces(plan, { segment, spansets, tools });
  for (const candidate of ranked.candidates(found)) ranked.offer(candidate, tools.worst);
  return ranked.finish(found);
}

/** Rows of the traces that the question's time and length let pass. */
export function overlappingRows(
  question: Pick<SearchQuestion, "startNano" | "endNano"> &
    Partial<Pick<SearchQuestion, "minDurationNano" | "maxDurationNano">>,
  { segment, within }: SegmentPart,
  { tools, spansets }: { readonly tools: FilterTools; readonly spansets: Spansets },
): number {
  const { startNano, endNano, minDurationNano: min, maxDurationNano: max } = question;
  const isOpen = startNano === undefined && endNano === undefined;
  if (isOpen && min === undefined && max === undefined) return within;
  const { scratch, kernel } = tools;
  const { bits } = spansets.filter;
  const { traces, starts, rows } = segment;
  const times = segment.times();
  const groups = bits.none(traces);
  for (let trace = 0; trace < traces; trace++) {
    const start = scratch.ulongs[times.start / 8 + trace];
    const end = scratch.ulongs[times.end / 8 + trace];
    const latest = end > start ? end : start;
    if (endNano !== undefined && start > endNano) continue;
    if (startNano !== undefined && latest < startNano) continue;
    const duration = BigInt.asIntN(64, end - start);
    if (min !== undefined && duration < min) continue;
    if (max !== undefined && duration > max) continue;
    bits.set(groups, trace);
  }
  const out = scratch.take(bitmapBytes(rows));
  kernel.rowsOfGroups(groups, starts, traces, out);
  return bits.and(out, within, rows);
}

interface Candidate extends Rank {
  readonly trace: number;
  /** Undefined: the rows of the trace in the bitmap. */
  readonly sets: readonly RowSet[] | undefined;
}

interface Parts {
  readonly segment: Segment;
  readonly spansets: Spansets;
  readonly tools: FilterTools;
}

class BestTraces {
  readonly #plan: SearchPlan;
  readonly #parts: Parts;
  #best: Candidate[] = [];

  constructor(plan: SearchPlan, parts: Parts) {
    this.#plan = plan;
    this.#parts = parts;
  }

  *candidates(found: Found): Generator<Candidate> {
    const { segment, spansets, tools } = this.#parts;
    const { bits } = spansets.filter;
    if (found.kind === "bits" && this.#plan.sort === undefined) {
      const { traces, starts } = segment;
      const groups = tools.scratch.take(bitmapBytes(traces));
      tools.kernel.groupsWith(found.bits, starts, traces, groups);
      for (const trace of bits.list(groups, traces)) yield this.#candidate(trace, undefined);
      return;
    }
    const sets = found.kind === "sets" ? found.sets : spansets.setsOf(found.bits);
    for (let first = 0; first < sets.length; ) {
      let end = first + 1;
      while (end < sets.length && sets[end].trace === sets[first].trace) end++;
      yield this.#candidate(sets[first].trace, sets.slice(first, end));
      first = end;
    }
  }

  offer(candidate: Candidate, worst: RankedTrace | undefined): void {
    const plan = this.#plan;
    if (worst !== undefined && orderRanked(plan, candidate, worst) > 0) return;
    this.#best.push(candidate);
    // Sorting now and then costs less than keeping a heap in order.
    if (this.#best.length >= 2 * plan.limit + 64) this.#cut();
  }

  finish(found: Found): RankedTrace[] {
    this.#cut();
    const { spansets, tools } = this.#parts;
    if (this.#best.length === 0) return [];
    const shown = new ShownSpans(spansets.filter, tools.scratch, this.#plan.mentions);
    return this.#best.map((candidate) => {
      const sets = candidate.sets ?? this.#setsOf(candidate.trace, found);
      const summary = this.#summary(candidate, sets, shown);
      const { key, startUnixNano, traceId } = candidate;
      return { key, startUnixNano, traceId, summary };
    });
  }

  #cut(): void {
    this.#best.sort((a, b) => orderRanked(this.#plan, a, b));
    this.#best.length = Math.min(this.#best.length, this.#plan.limit);
  }

  #setsOf(trace: number, found: Found): readonly RowSet[] {
    const { segment, spansets, tools } = this.#parts;
    if (found.kind === "sets") return [];
    const { words } = tools.scratch;
    const [first, end] = [words[segment.starts / 4 + trace], words[segment.starts / 4 + trace + 1]];
    const one = spansets.filter.bits.none(segment.rows);
    for (let row = first; row < end; row++) {
      if (spansets.filter.bits.has(found.bits, row)) spansets.filter.bits.set(one, row);
    }
    return spansets.setsOf(one);
  }

  #candidate(trace: number, sets: readonly RowSet[] | undefined): Candidate {
    const { segment, tools } = this.#parts;
    const { scratch } = tools;
    return {
      trace,
      sets,
      key: this.#key(sets),
      startUnixNano: scratch.ulongs[segment.times().start / 8 + trace],
      traceId: hexAt(scratch.bytes, segment.traceIds + trace * 16, 16),
    };
  }

  #sortValue: ((row: number) => Value) | undefined;

  #key(sets: readonly RowSet[] | undefined): Static | undefined {
    const { sort } = this.#plan;
    const row = sets?.[0]?.rows[0];
    if (sort === undefined || row === undefined) return undefined;
    this.#sortValue ??= this.#parts.spansets.valueReader(sort.by);
    return sortable(this.#sortValue(row));
  }

  #summary(
    { trace, startUnixNano, traceId }: Candidate,
    sets: readonly RowSet[],
    shown: ShownSpans,
  ): TraceSummary {
    const { question } = this.#plan;
    const { segment, tools } = this.#parts;
    const { scratch } = tools;
    const text = (name: "rootName" | "rootServiceName") => {
      const value = rootText(segment, name, scratch)(trace);
      return value.type === "string" ? value.value : "";
    };
    const end = scratch.ulongs[segment.times().end / 8 + trace];
    const spanSets = question.withoutSpanSets
      ? []
      : sets.map(
          ({ rows, attributes }): SpanSet => ({
            matched: rows.length,
            attributes: attributes.map(({ key, value }) => ({ key, value: shownValue(value) })),
            spans: rows.slice(0, question.spansPerSpanSet).map((row) => shown.at(row)),
          }),
        );
    return {
      traceId,
      rootServiceName: text("rootServiceName"),
      rootTraceName: text("rootName"),
      startUnixNano,
      durationNano: BigInt.asIntN(64, end - startUnixNano),
      services: this.#services(trace),
      spanSets,
    };
  }

  /** Of all spans of the trace, each once. */
  #services(trace: number): ServiceCount[] {
    const { segment, spansets, tools } = this.#parts;
    const { scratch } = tools;
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

const STATUS_ERROR = 2;

/** The last of the stages that sorts, and the smallest of all limits. */
export function sortOf({ stages }: Pipeline): Sort | undefined {
  return stages.findLast((stage) => stage.node === "sort");
}

export function limitOf({ stages }: Pipeline, limit: number): number {
  const limits = stages.flatMap((stage) =>
    stage.node === "sort" && stage.limit !== undefined ? [Number(stage.limit)] : [],
  );
  return Math.min(limit, ...limits);
}
