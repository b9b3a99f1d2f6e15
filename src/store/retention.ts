/** Which blocks are past their time. */
import type { BlockMeta } from "../model/block-meta.ts";

/**
 * Whole blocks whose spans are all older than `retentionMs`; 0 keeps everything. A block counts
 * from its latest end, or from when it was cut if that was earlier: a span of the year 2100 does
 * not keep its block for ever.
 */
export function expired<Meta extends Pick<BlockMeta, "retainFromMs">>(
  metas: readonly Meta[],
  nowMs: number,
  retentionMs: number,
): Meta[] {
  if (retentionMs === 0) return [];
  return metas.filter((meta) => meta.retainFromMs + retentionMs < nowMs);
}
