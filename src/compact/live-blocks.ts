/**
 * Which of the blocks that are there count, when merges may have been cut off anywhere. Pure; what
 * is there is what a store lists.
 *
 * A merge writes its outputs, each naming the inputs and all outputs, and then the inputs go, one
 * after the other. So:
 * - A merged block counts when all blocks of its merge are there. When one is missing while an
 *   input is there, the merge was cut off: its blocks are orphans, the inputs go on. When no input
 *   is there, the merge was done long ago, and what is missing went since then.
 * - What a block that counts replaces does not count, for as long as its files lie there.
 *
 * Whoever removes or merges a merged block must have removed all that it replaces before: else
 * those would come to life again. `hasLeft()` tells.
 */
import type { BlockMeta } from "../model/block-meta.ts";

export interface LiveBlocks {
  readonly live: readonly BlockMeta[];
  /** Spans of these are in live blocks. */
  readonly replaced: readonly BlockMeta[];
  /** Of merges that were cut off: spans of these are in their inputs. */
  readonly orphans: readonly BlockMeta[];
}

export function liveBlocks(present: readonly BlockMeta[]): LiveBlocks {
  const ids = new Set(present.map(({ id }) => id));
  const isOrphan = ({ merged }: BlockMeta) =>
    merged !== undefined &&
    !merged.siblings.every((id) => ids.has(id)) &&
    merged.replaces.some((id) => ids.has(id));
  const orphans = new Set(present.filter(isOrphan));
  const replacedIds = new Set(
    present.flatMap((meta) => (orphans.has(meta) ? [] : (meta.merged?.replaces ?? []))),
  );
  const rest = present.filter((meta) => !orphans.has(meta));
  return {
    live: rest.filter(({ id }) => !replacedIds.has(id)),
    replaced: rest.filter(({ id }) => replacedIds.has(id)),
    orphans: [...orphans],
  };
}

/** Whether files of what the block replaces are still there. */
export function hasLeft({ merged }: BlockMeta, presentIds: ReadonlySet<string>): boolean {
  return merged?.replaces.some((id) => presentIds.has(id)) ?? false;
}
