/**
 * A tenant's blocks as questions visit them: what each shares with others, and the time that its
 * spans and those of the traces that are assembled with it lie in. Made anew when a block comes or
 * goes; a question keeps the plan that it began with.
 */

import type { TimeSpan } from "./segment-part.ts";
import type { BlockSplits, SplitPart } from "./split-traces.ts";
import type { ListedBlock } from "./trace-by-id.ts";

/** A block, and the query thread that reads it and keeps its columns. */
export interface OwnedBlock extends ListedBlock {
  readonly owner: number;
}

export interface PlannedBlock {
  readonly block: OwnedBlock;
  readonly split: BlockSplits;
  /** Of the split's parts in their order. */
  readonly parts: readonly PlannedPart[];
  readonly range: TimeSpan;
}

interface PlannedPart extends Pick<SplitPart, "traces"> {
  readonly block: OwnedBlock;
}

export interface BlockPlan {
  /** In the order of the log. */
  readonly all: readonly OwnedBlock[];
  /** The one that ends last first. */
  readonly newestFirst: readonly PlannedBlock[];
}

const NO_SPLIT: BlockSplits = { excluded: new Uint32Array(0), parts: [], traces: 0, version: "" };

export function planBlocks(
  all: readonly OwnedBlock[],
  splits: ReadonlyMap<string, BlockSplits>,
): BlockPlan {
  const byId = new Map(all.map((block) => [block.meta.id, block]));
  const planned = all.map((block): PlannedBlock => {
    const split = splits.get(block.meta.id) ?? NO_SPLIT;
    const parts = split.parts.flatMap(({ block: id, traces }) => {
      const of = byId.get(id);
      return of === undefined ? [] : [{ block: of, traces }];
    });
    return { block, split, parts, range: rangeOf([block, ...parts.map((part) => part.block)]) };
  });
  return { all, newestFirst: planned.toSorted((a, b) => (b.range.to > a.range.to ? 1 : -1)) };
}

function rangeOf(blocks: readonly ListedBlock[]): TimeSpan {
  const starts = blocks.map(({ meta }) => BigInt(meta.startUnixNano));
  // A span may end before it starts.
  const ends = [...starts, ...blocks.map(({ meta }) => BigInt(meta.endUnixNano))];
  return {
    from: starts.reduce((a, b) => (b < a ? b : a)),
    to: ends.reduce((a, b) => (b > a ? b : a)),
  };
}
