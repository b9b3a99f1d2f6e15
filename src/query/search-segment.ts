/**
 * A search over one segment: its best traces, newest first or as the query sorts. What is shown of
 * those of a block is read when it turns out that they are among the best of all (show-traces.ts),
 * of others at once, while the segment is at hand.
 */
import type { Field } from "../traceql/ast.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { newestTraces, type SearchParts, sortedTraces } from "./best-traces.ts";
import type { FilterTools } from "./filter-bits.ts";
import { NewestRows } from "./newest-rows.ts";
import type { SearchQuestion } from "./question.ts";
import { RowBits } from "./row-bits.ts";
import type { Rank, RankedTrace, SearchPlan, ShownSet } from "./search-plan.ts";
import type { Segment } from "./segment.ts";
import type { SegmentPart, TimeSpan } from "./segment-part.ts";
import { someTraces, undoubledRows } from "./some-traces.ts";
import { type RowSet, Spansets } from "./spansets.ts";
import type { TraceCards } from "./trace-cards.ts";
import { TraceSummaries } from "./trace-summary.ts";

/** So many of the newest traces are asked at first; more where more are wanted. */
const FEW_TRACES = 64;
/** Where no others can be in the answer, one of so many costs less than a look at all. */
const FEW_SHARE = 8;

/** Each of them costs a request for its pages. */
const FEW_ALONE = 12;

/** What asking the few newest brought so far. */
export interface Probes {
  traces: number;
  found: number;
}

type SearchTools = FilterTools & {
  readonly worst: Rank | undefined;
  readonly cards: TraceCards;
};

/**
 * The best traces, `plan.limit` at most; those worse than `worst` may be left out. `probes` is of
 * the question, and kept from segment to segment.
 */
export function searchSegment(
  plan: SearchPlan,
  part: SegmentPart,
  tools: SearchTools & { readonly probes: Probes },
): RankedTrace[] {
  const { segment } = part;
  const alone = plan.sort === undefined ? fewOfFar(plan, part, tools) : undefined;
  if (alone !== undefined) return searchTraces(plan, part, { ...tools, traces: alone });
  const spansets = new Spansets(segment, tools);
  // Where traces are known already that few can be better than, times say more than values.
  const isBounded = plan.sort === undefined && tools.worst !== undefined;
  if (!isBounded && spansets.isNone(plan.pipeline)) return [];
  const order = plan.sort === undefined ? segment.newestFirst() : undefined;
  if (order === undefined) return searchAll(plan, part, { ...tools, spansets });
  const since = tools.worst?.startUnixNano ?? 0n;
  const newest = new NewestRows(plan, part, { ...tools, order, since });
  if (newest.count === 0) return [];
  const share = isBounded ? segment.traces / FEW_SHARE : 0;
  const few = Math.max(FEW_TRACES, 2 * plan.limit, share);
  if (isBounded && newest.count > few && spansets.isNone(plan.pipeline)) return [];
  const { probes } = tools;
  if (newest.count > few && !isLikely(probes, few, plan.limit)) {
    return searchAll(plan, part, { ...tools, spansets });
  }
  const found = searchRows(plan, part, { ...tools, within: newest.rows(few), spansets });
  probes.traces += Math.min(few, newest.count);
  probes.found += found.length;
  // Whatever is left starts before all of these.
  if (newest.count <= few || found.length >= plan.limit) return found;
  return searchAll(plan, part, { ...tools, spansets });
}

/**
 * Of a segment whose columns lie in a bucket the traces that may be better than the worst that is
 * wanted; undefined where they are not few.
 */
function fewOfFar(
  plan: SearchPlan,
  part: SegmentPart,
  { worst, scratch, kernel }: SearchTools,
): number[] | undefined {
  const { segment } = part;
  if (worst === undefined || !segment.isFar()) return undefined;
  const latest = segment.latestStarts();
  const newest = scratch.within(() => {
    const out = scratch.take(16);
    kernel.timeBounds(latest, latest, segment.traces, out);
    return scratch.ulongs[out / 8 + 1];
  });
  const few: number[] = [];
  if (newest < worst.startUnixNano) return few;
  for (let trace = 0; trace < segment.traces; trace++) {
    if (scratch.ulongs[latest / 8 + trace] < worst.startUnixNano) continue;
    if (part.isExcluded(trace)) continue;
    if (few.length === FEW_ALONE) return undefined;
    few.push(trace);
  }
  // Who is among the best tells later what is shown.
  if (few.length > 0 && part.name !== undefined && segment.isHere(fieldsOf(plan))) return undefined;
  return few;
}

/** One after the other, out of the pages that hold them. */
function searchTraces(
  plan: SearchPlan,
  { segment, range }: SegmentPart,
  tools: SearchTools & { readonly traces: readonly number[] },
): RankedTrace[] {
  const fields = fieldsOf(plan);
  return tools.traces.flatMap((trace) => {
    const alone = segment.cutOut(trace, fields);
    const within = undoubledRows(alone, tools);
    const part = { segment: alone, within, range, isExcluded: () => false };
    return searchAll(plan, part, { ...tools, spansets: new Spansets(alone, tools) });
  });
}

/** Where matches are rare, it costs less to ask all at once. */
function isLikely({ traces, found }: Probes, few: number, limit: number): boolean {
  return traces === 0 || (found / traces) * few >= limit / 2;
}

function searchAll(
  plan: SearchPlan,
  part: SegmentPart,
  tools: SearchTools & Pick<SearchParts, "spansets">,
): RankedTrace[] {
  const within = overlappingRows(plan.question, part, tools);
  return searchRows(plan, part, { ...tools, within });
}

function searchRows(
  plan: SearchPlan,
  { segment, name, block }: SegmentPart,
  of: SearchTools & Pick<SearchParts, "spansets"> & { readonly within: number },
): RankedTrace[] {
  const { within, spansets, scratch, kernel, worst, cards } = of;
  const found = spansets.run(plan.pipeline, within);
  const parts = { segment, spansets, scratch, kernel };
  const tools = { worst, cards, scratch, kernel };
  const some = someTraces(segment, found, tools);
  if (some !== undefined) return searchSome(plan, some, tools);
  const best =
    plan.sort === undefined
      ? newestTraces(plan, found, { ...parts, worst })
      : sortedTraces(plan, found, parts);
  if (best.length === 0) return [];
  const shown = segment.some?.(best.map(({ trace }) => trace));
  if (shown !== undefined) return searchSome(plan, shown, tools);
  if (name !== undefined && block !== undefined) {
    return best.map(({ trace, sets, rank }): RankedTrace => {
      return { ...rank, shown: { block, part: name, trace, sets: shownSets(plan, sets) } };
    });
  }
  if (segment.isFar()) segment.bring(best.length, fieldsOf(plan));
  const summaries = new TraceSummaries(plan, { ...parts, name, cards });
  return best.map(({ trace, sets, rank }): RankedTrace => {
    const place = { trace, sets: shownSets(plan, sets) };
    return { ...rank, shown: summaries.of(rank, place, best.length) };
  });
}

function shownSets({ question }: SearchPlan, sets: readonly RowSet[]): ShownSet[] {
  const most = question.withoutSpanSets ? 0 : question.spansPerSpanSet;
  return sets.map(({ rows, attributes }) => ({
    ...{ matched: rows.length, rows: rows.slice(0, most), attributes },
  }));
}

/** What was found in a segment, of the traces that it was found in alone. */
function searchSome(plan: SearchPlan, some: Segment, tools: SearchTools): RankedTrace[] {
  const within = undoubledRows(some, tools);
  const part = { segment: some, within, isExcluded: () => false };
  return searchRows(plan, part, { ...tools, within, spansets: new Spansets(some, tools) });
}

const ULONG_MAX = 2n ** 64n - 1n;
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** Rows of the traces that the question's time and length let pass. */
export function overlappingRows(
  question: Pick<SearchQuestion, "startNano" | "endNano"> &
    Partial<Pick<SearchQuestion, "minDurationNano" | "maxDurationNano">>,
  { segment, within, range }: SegmentPart,
  { scratch, kernel }: FilterTools,
): number {
  const { startNano: from, endNano: to, minDurationNano: min, maxDurationNano: max } = question;
  const isOpen = from === undefined && to === undefined;
  if (isOpen && min === undefined && max === undefined) return within;
  if (min === undefined && max === undefined && isInside(range, { from, to })) return within;
  const bits = new RowBits(scratch, kernel);
  const { traces, starts, rows } = segment;
  const { start, end, first, last } = segment.times();
  const isWhole = (from ?? 0n) <= first && last <= (to ?? last);
  if (isWhole && min === undefined && max === undefined) return within;
  const groups = scratch.take(bitmapBytes(traces));
  const time = [BigInt.asUintN(64, from ?? 0n), BigInt.asUintN(64, to ?? ULONG_MAX)] as const;
  const length = [min ?? LONG_MIN, max ?? LONG_MAX] as const;
  kernel.tracesInTime(start, end, segment.lastStarts(), traces, ...time, ...length, groups);
  if (bits.count(groups, traces) === traces) return within;
  const out = scratch.take(bitmapBytes(rows));
  kernel.rowsOfGroups(groups, starts, traces, out);
  return bits.and(out, within, rows);
}

function isInside(
  range: TimeSpan | undefined,
  { from = 0n, to = ULONG_MAX }: { from: bigint | undefined; to: bigint | undefined },
): boolean {
  return range !== undefined && from <= range.from && range.to <= to;
}

function fieldsOf({ mentions }: SearchPlan): Field[] {
  return mentions.map(({ field }) => field);
}
