/**
 * A search over one segment: its best traces, newest first or as the query sorts. What is shown of
 * them is read at once, while the segment is at hand.
 */
import { bitmapBytes } from "../vector/vector.ts";
import { newestTraces, type SearchParts, sortedTraces } from "./best-traces.ts";
import type { FilterTools } from "./filter-bits.ts";
import { NewestRows } from "./newest-rows.ts";
import type { SearchQuestion } from "./question.ts";
import { RowBits } from "./row-bits.ts";
import type { Rank, RankedTrace, SearchPlan } from "./search-plan.ts";
import type { Segment } from "./segment.ts";
import type { SegmentPart, TimeSpan } from "./segment-part.ts";
import { Spansets } from "./spansets.ts";
import { TraceSummaries } from "./trace-summary.ts";

/** So many of the newest traces are asked at first; more where more are wanted. */
const FEW_TRACES = 64;

/** What asking the few newest brought so far. */
export interface Probes {
  traces: number;
  found: number;
}

type SearchTools = FilterTools & { readonly worst: Rank | undefined };

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
  if (plan.sort === undefined && isBehind(segment, tools)) return [];
  const order = plan.sort === undefined ? segment.newestFirst() : undefined;
  if (order === undefined) {
    return searchAll(plan, part, { ...tools, spansets: new Spansets(segment, tools) });
  }
  const since = tools.worst?.startUnixNano ?? 0n;
  const newest = new NewestRows(plan, part, { ...tools, order, since });
  if (newest.count === 0) return [];
  const few = Math.max(FEW_TRACES, 2 * plan.limit);
  const spansets = new Spansets(segment, tools);
  const { probes } = tools;
  if (newest.count > few && !isLikely(probes, few, plan.limit)) {
    return searchAll(plan, part, { ...tools, spansets });
  }
  const found = searchRows(plan, newest.rows(few), { ...tools, segment, spansets });
  probes.traces += Math.min(few, newest.count);
  probes.found += found.length;
  // Whatever is left starts before all of these.
  if (newest.count <= few || found.length >= plan.limit) return found;
  return searchAll(plan, part, { ...tools, spansets });
}

/**
 * Whether all of its traces are older than the worst that is wanted. A trace with doubles may start
 * later than the first of its rows does, but not later than the last.
 */
function isBehind(segment: Segment, { worst, scratch, kernel }: SearchTools): boolean {
  if (worst === undefined) return false;
  const { first, last } = segment.traceStarts();
  return scratch.within(() => {
    const out = scratch.take(16);
    kernel.timeBounds(first, last, segment.traces, out);
    return scratch.ulongs[out / 8 + 1] < worst.startUnixNano;
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
  return searchRows(plan, within, { ...tools, segment: part.segment });
}

function searchRows(
  plan: SearchPlan,
  within: number,
  { segment, spansets, scratch, kernel, worst }: SearchTools & SearchParts,
): RankedTrace[] {
  const found = spansets.run(plan.pipeline, within);
  const parts = { segment, spansets, scratch, kernel };
  const best =
    plan.sort === undefined
      ? newestTraces(plan, found, { ...parts, worst })
      : sortedTraces(plan, found, parts);
  if (best.length === 0) return [];
  const summaries = new TraceSummaries(plan, parts);
  return best.map((trace) => ({ ...trace.rank, summary: summaries.of(trace, best.length) }));
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
