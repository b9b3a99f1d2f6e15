/**
 * Of the traces that a search found in a segment those that come first: the newest, by the kernel
 * over a bitmap of traces, or the first by the query's own order, which needs the values.
 */
import type { Static } from "../traceql/ast.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { hexAt } from "./field-columns.ts";
import type { FilterTools } from "./filter-bits.ts";
import { orderRanked, type Rank, type SearchPlan } from "./search-plan.ts";
import type { Segment } from "./segment.ts";
import type { Found, RowSet, Spansets } from "./spansets.ts";
import { sortable } from "./value-order.ts";

export interface SearchParts extends FilterTools {
  readonly segment: Segment;
  readonly spansets: Spansets;
}

/** A trace of the segment that may be in the answer. */
export interface BestTrace {
  readonly trace: number;
  readonly sets: readonly RowSet[];
  readonly rank: Rank;
}

/** In order. Those that start before `worst` are left out. */
export function newestTraces(
  plan: SearchPlan,
  found: Found,
  parts: SearchParts & { readonly worst: Rank | undefined },
): BestTrace[] {
  const { segment, spansets, scratch, kernel, worst } = parts;
  const { bits } = spansets.filter;
  const { traces, starts } = segment;
  const groups = scratch.zeros(bitmapBytes(traces));
  if (found.kind === "bits") kernel.groupsWith(found.bits, starts, traces, groups);
  else for (const { trace } of found.sets) bits.set(groups, trace);
  const most = Math.min(plan.limit, bits.count(groups, traces));
  if (most === 0) return [];
  const out = scratch.take(most * 4);
  const start = segment.firstStarts();
  const since = worst?.startUnixNano ?? 0n;
  const count = kernel.newestTraces(groups, traces, start, segment.traceIds, since, most, out);
  const chosen = [...scratch.words.subarray(out / 4, out / 4 + (count >>> 0))];
  const setsOf = found.kind === "bits" ? setsOfRows(found.bits, parts) : setsByTrace(found.sets);
  return chosen
    .map((trace) => ({ trace, sets: setsOf(trace), rank: rankOf(parts, trace, undefined) }))
    .sort((a, b) => orderRanked(plan, a.rank, b.rank));
}

export function sortedTraces(plan: SearchPlan, found: Found, parts: SearchParts): BestTrace[] {
  const { spansets } = parts;
  const { sort } = plan;
  const all = setsByTrace(found.kind === "sets" ? found.sets : spansets.setsOf(found.bits));
  const value = sort && spansets.valueReader(sort.by);
  let best: BestTrace[] = [];
  const cut = () => {
    best.sort((a, b) => orderRanked(plan, a.rank, b.rank));
    best = best.slice(0, plan.limit);
  };
  for (const trace of all.traces) {
    const sets = all(trace);
    const row = sets[0].rows[0];
    best.push({ trace, sets, rank: rankOf(parts, trace, value && sortable(value(row))) });
    // Sorting now and then costs less than keeping a heap in order.
    if (best.length >= 2 * plan.limit + 64) cut();
  }
  cut();
  return best;
}

function rankOf({ segment, scratch }: SearchParts, trace: number, key: Static | undefined): Rank {
  return {
    key,
    startUnixNano: scratch.ulongs[segment.firstStarts() / 8 + trace],
    traceId: hexAt(scratch.bytes, segment.traceIds + trace * 16, 16),
  };
}

type SetsOf = (trace: number) => readonly RowSet[];

/** Sets of a trace follow each other. */
function setsByTrace(sets: readonly RowSet[]): SetsOf & { readonly traces: Iterable<number> } {
  const byTrace = new Map<number, RowSet[]>();
  for (const set of sets) {
    const known = byTrace.get(set.trace);
    if (known === undefined) byTrace.set(set.trace, [set]);
    else known.push(set);
  }
  return Object.assign((trace: number) => byTrace.get(trace) ?? [], { traces: byTrace.keys() });
}

function setsOfRows(found: number, { segment, spansets, scratch }: SearchParts): SetsOf {
  const { bits } = spansets.filter;
  return (trace) => {
    const at = segment.starts / 4 + trace;
    const rows: number[] = [];
    for (let row = scratch.words[at]; row < scratch.words[at + 1]; row++) {
      if (bits.has(found, row)) rows.push(row);
    }
    return [spansets.setOf(trace, rows)];
  };
}
