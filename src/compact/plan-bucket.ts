/**
 * What compaction does next in a bucket: pure. Each piece of work lies in one window of the bucket
 * (see store/bucket-keys.ts), whose record is then written once.
 */
import type { BlockMeta } from "../model/block-meta.ts";
import { dueMerges, type MergeLimits, type MergeState, planMerges } from "./plan-merges.ts";
import { type Retention, retentionMark, retentionStep } from "./plan-retention.ts";

export interface BucketWork {
  readonly window: string;
  /** Together not over `bytesMax`. */
  readonly merges: readonly (readonly BlockMeta[])[];
  /** Blocks of which some traces may be over; each is written anew when it pays. */
  readonly looks: readonly BlockMeta[];
}

export interface BucketWorkState extends MergeState {
  readonly limits: MergeLimits;
  readonly retention: Retention;
  /** Bytes of a piece of work, which comes to the local disk. */
  readonly bytesMax: number;
  /** What held when a block was last looked at: retentionMark(). */
  readonly markOf: (id: string) => string | undefined;
  /** From when it could be done a merge waits at most so long for others of its window. */
  readonly waitMs: number;
}

/**
 * Merges that share a record. At 10,000 spans a second a window has so many in seven minutes, and
 * they take a fifth of the objects that each by itself would besides its output.
 */
const MERGES_AT_ONCE = 8;

/** Looks cost a download each, so they share a record. */
const LOOKS_AT_ONCE = 8;

/** Merges first, the most useful of them at the front. */
export function planBucketWork(
  windows: ReadonlyMap<string, readonly BlockMeta[]>,
  state: BucketWorkState,
): BucketWork[] {
  const { bytesMax } = state;
  const limits = { ...state.limits, bytesMax: Math.min(state.limits.bytesMax, bytesMax) };
  const merges: BucketWork[] = [];
  const looks: BucketWork[] = [];
  for (const [window, metas] of windows) {
    const runs = planMerges(metas, limits, state);
    const due = dueMerges(runs, { ...state, most: MERGES_AT_ONCE });
    const some = within(due, (run) => sum(run, bytesOf), bytesMax);
    if (some.length > 0) merges.push({ window, merges: some, looks: [] });
    const merging = new Set(runs.flat());
    const rest = metas.filter((meta) => !merging.has(meta) && isToLookAt(meta, state));
    const toLookAt = within(rest.slice(0, LOOKS_AT_ONCE), ({ dataBytes }) => dataBytes, bytesMax);
    if (toLookAt.length > 0) looks.push({ window, merges: [], looks: toLookAt });
  }
  const spansEach = ({ merges: [run] }: BucketWork) => sum(run, ({ spans }) => spans) / run.length;
  return [...merges.toSorted((a, b) => spansEach(a) - spansEach(b)), ...looks];
}

function isToLookAt(meta: BlockMeta, state: BucketWorkState): boolean {
  const { retention, nowMs, mayMerge, markOf } = state;
  if (!mayMerge(meta) || retentionStep(meta, retention, nowMs).type !== "look") return false;
  return markOf(meta.id) !== retentionMark(meta, retention, nowMs);
}

function within<T>(items: readonly T[], bytesOf: (item: T) => number, bytesMax: number): T[] {
  let bytes = 0;
  return items.filter((item) => {
    bytes += bytesOf(item);
    return bytes <= bytesMax;
  });
}

function bytesOf({ dataBytes, sidecarBytes }: BlockMeta): number {
  return dataBytes + sidecarBytes;
}

function sum(metas: readonly BlockMeta[], of: (meta: BlockMeta) => number): number {
  return metas.reduce((total, meta) => total + of(meta), 0);
}
