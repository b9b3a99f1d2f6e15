/**
 * What compaction does next in a bucket: pure. Each piece of work lies in one window of the bucket
 * (see store/bucket-keys.ts), whose record is then written once.
 */
import type { BlockMeta } from "../model/block-meta.ts";
import { type MergeLimits, type MergeState, planMerges } from "./plan-merges.ts";
import { type Retention, retentionMark, retentionStep } from "./plan-retention.ts";

export interface BucketWork {
  readonly window: string;
  /** At most one. */
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
}

/** Looks cost a download each, so they share a record. */
const LOOKS_AT_ONCE = 8;

/** Merges first, the most useful of them at the front. */
export function planBucketWork(
  windows: ReadonlyMap<string, readonly BlockMeta[]>,
  state: BucketWorkState,
): BucketWork[] {
  const limits = { ...state.limits, bytesMax: Math.min(state.limits.bytesMax, state.bytesMax) };
  const merges: BucketWork[] = [];
  const looks: BucketWork[] = [];
  for (const [window, metas] of windows) {
    const runs = planMerges(metas, limits, state);
    for (const run of runs) merges.push({ window, merges: [run], looks: [] });
    const merging = new Set(runs.flat());
    const rest = metas.filter((meta) => !merging.has(meta) && isToLookAt(meta, state));
    const some = within(rest.slice(0, LOOKS_AT_ONCE), state.bytesMax);
    if (some.length > 0) looks.push({ window, merges: [], looks: some });
  }
  const spansEach = ({ merges: [run] }: BucketWork) =>
    run.reduce((sum, { spans }) => sum + spans, 0) / run.length;
  return [...merges.toSorted((a, b) => spansEach(a) - spansEach(b)), ...looks];
}

function isToLookAt(meta: BlockMeta, state: BucketWorkState): boolean {
  const { retention, nowMs, mayMerge, markOf } = state;
  if (!mayMerge(meta) || retentionStep(meta, retention, nowMs).type !== "look") return false;
  return markOf(meta.id) !== retentionMark(meta, retention, nowMs);
}

function within(metas: readonly BlockMeta[], bytesMax: number): BlockMeta[] {
  let bytes = 0;
  return metas.filter(({ dataBytes }) => {
    bytes += dataBytes;
    return bytes <= bytesMax;
  });
}
