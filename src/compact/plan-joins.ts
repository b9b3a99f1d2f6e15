/**
 * Which blocks that were just cut are joined before they are brought into a bucket, so that it gets
 * few and large ones. Pure.
 *
 * A block as large as a full half of the head makes it goes as it is: to join it would encode every
 * span a second time, which costs more than all that was done for it before, and saves one object
 * of two; merging in the bucket does it later, out of the way. Smaller ones, neighbours in the
 * order of arrival, of one tenant (or shared) and one window of time, wait for each other until
 * together they make a full block, or the oldest of them is old enough.
 *
 * Two objects a block, and one of each two that are merged later: at 10,000 spans a second blocks
 * of 250,000 spans make 360 objects an hour and some 20 for records and leases. Halves that are
 * full with fewer, for their spans are large, would make more than 400, so these are joined.
 */
import type { BlockMeta } from "../model/block-meta.ts";
import { MERGED_ROWS_MAX } from "./merge-options.ts";
import { type MergeLimits, mergeGroup } from "./plan-merges.ts";

export interface JoinState {
  readonly nowMs: number;
  /** Windows of compaction: no block lies in two. */
  readonly windows: Pick<MergeLimits, "windowMs" | "byTenant">;
  /** From its cut on a block waits at most so long. */
  readonly waitMs: number;
  /** Whether it may be merged at all: its part of the log is gone. */
  readonly mayMerge: (meta: BlockMeta) => boolean;
}

export interface JoinPlan {
  /** To be joined now, each list with itself; the first is the oldest. */
  readonly joins: readonly (readonly BlockMeta[])[];
  /** To be uploaded as they are. */
  readonly ready: readonly BlockMeta[];
}

/** More is as good as full. */
const FULL_ROWS = MERGED_ROWS_MAX * 0.75;
/** Nearly the 262,144 rows of a half. */
const LARGE_ROWS = MERGED_ROWS_MAX * 0.475;

export function planJoins(young: readonly BlockMeta[], state: JoinState): JoinPlan {
  const joins: BlockMeta[][] = [];
  const ready: BlockMeta[] = [];
  const groups = Map.groupBy(young, (meta) => mergeGroup(meta, state.windows));
  for (const group of groups.values()) {
    const runs = runsOf(group.toSorted(inOrderOfArrival));
    for (const [i, run] of runs.entries()) {
      const isLarge = run[0].spans >= LARGE_ROWS;
      const isFull = isLarge || spansOf(run) >= FULL_ROWS || i + 1 < runs.length;
      const isOld = run.some(({ createdMs }) => createdMs + state.waitMs <= state.nowMs);
      const mayJoin = run.length > 1 && run.every(state.mayMerge);
      if ((isFull || isOld) && mayJoin) joins.push(run);
      // Full, and the log holds it still: until it is old there is time.
      else if (isOld || (isFull && run.length === 1)) ready.push(...run);
    }
  }
  return { joins: joins.toSorted(([a], [b]) => inOrderOfArrival(a, b)), ready };
}

/** Neighbours that fit into one block; what was merged already, or is large, stays alone. */
function runsOf(metas: readonly BlockMeta[]): BlockMeta[][] {
  const runs: BlockMeta[][] = [];
  for (const meta of metas) {
    const last = runs.at(-1);
    const fits =
      last !== undefined &&
      ![last[0], meta].some(({ merged, spans }) => merged !== undefined || spans >= LARGE_ROWS) &&
      spansOf(last) + meta.spans <= MERGED_ROWS_MAX;
    if (fits) last.push(meta);
    else runs.push([meta]);
  }
  return runs;
}

function spansOf(metas: readonly BlockMeta[]): number {
  return metas.reduce((sum, { spans }) => sum + spans, 0);
}

function inOrderOfArrival(a: BlockMeta, b: BlockMeta): number {
  return a.wal.from - b.wal.from || (a.id < b.id ? -1 : 1);
}
