/**
 * What a merge takes and gives: `mergeBlocks(options: MergeOptions): MergeResult` of
 * merge-blocks.ts, for whoever has local folders of blocks and a place for local blocks.
 *
 * It is synchronous and takes seconds: call it in a thread of its own (worker/compact-worker.ts),
 * with a kernel that has a memory of MERGE_MEMORY_BYTES for itself.
 */
import type { Clock } from "../base/clock.ts";
import type { BlockStore } from "../block/block-write.ts";
import type { BlockMeta } from "../model/block-meta.ts";

/** Most rows of a merged block: one row group, whose columns the query threads can still hold. */
export const MERGED_ROWS_MAX = 524_288;
/** Most rows of one merge, which then makes several blocks, parted by time. */
export const PARTED_ROWS_MAX = 3 * MERGED_ROWS_MAX;

export interface MergeInput {
  /** Holds data.parquet. */
  readonly folder: string;
  readonly meta: BlockMeta;
  /**
   * A byte a trace of the block, in its order: 1, its time is over. It is left out, unless another
   * input has a part of it that is not.
   */
  readonly expired?: Uint8Array | undefined;
}

export interface MergeOptions<Kernel> {
  /** An instance on `buffer`, which is used from its beginning to its end. */
  readonly kernel: Kernel;
  readonly buffer: SharedArrayBuffer;
  /**
   * In order of arrival: rows of one trace keep it, and of a span that came twice the first stays.
   * Together at most MERGED_ROWS_MAX spans, or PARTED_ROWS_MAX of one tenant alone; one block by
   * itself may have more.
   */
  readonly inputs: readonly MergeInput[];
  /** Where outputs go; each is whole and durable when its publish() returned. */
  readonly store: BlockStore;
  readonly clock: Clock;
  /**
   * Makes ids of outputs: the same words and inputs give the same ids, and then outputs that are
   * there already are not written again. Where two processes may merge the same blocks at once,
   * words of each attempt's own keep their files apart.
   */
  readonly idWords: readonly string[];
  /** Called between columns; may sleep, and may throw to give up: nothing is published then. */
  readonly yieldNow?: () => void;
}

export interface MergeResult {
  /**
   * One block a tenant that has OWN_BLOCK_ROWS and more, and one that the others share; several,
   * parted by the starts of traces, of a tenant that has more than MERGED_ROWS_MAX; none when no
   * span is left. Their metas name the inputs in `replaces`.
   */
  readonly outputs: readonly BlockMeta[];
  /** Spans left out because an earlier one has tenant, trace id, span id and kind. */
  readonly doubles: number;
  /** Spans left out because their time is over. */
  readonly expired: number;
}
