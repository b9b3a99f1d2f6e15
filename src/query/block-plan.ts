/**
 * A tenant's blocks as questions visit them: what each may share with others, and the time that its
 * spans and those of the traces that are assembled with it lie in. Made anew when a block comes or
 * goes; a question keeps the plan that it began with.
 */

import type { BlockMeta } from "../model/block-meta.ts";
import { BlockShares } from "./block-shares.ts";
import type { TimeSpan } from "./segment-part.ts";
import type { ListedBlock } from "./trace-by-id.ts";
import { TraceMembers } from "./trace-members.ts";

/** A block, and the query thread that reads it and keeps its columns. */
export interface OwnedBlock extends ListedBlock {
  readonly owner: number;
}

export interface PlannedBlock {
  readonly block: OwnedBlock;
  /** Its number in the order of the log. */
  readonly number: number;
  readonly range: TimeSpan;
  /** Blocks that may have parts of traces of which this one is the newest. */
  parts(): readonly OwnedBlock[];
  /** Blocks of which ids must be known before it is visited, and are not. */
  unknown(): readonly OwnedBlock[];
}

export interface BlockPlan {
  /** In the order of the log. */
  readonly all: readonly OwnedBlock[];
  /** The one that ends last first. */
  readonly newestFirst: readonly PlannedBlock[];
  readonly byId: ReadonlyMap<string, PlannedBlock>;
  readonly shares: BlockShares;
}

/** `all` in the order of the log, and what these share. */
export function planBlocks(all: readonly OwnedBlock[], shares: BlockShares): BlockPlan {
  const planned = all.map((block, number): PlannedBlock => {
    const blocksOf = (numbers: readonly number[]) => numbers.map((one) => all[one]);
    const parts = blocksOf(shares.partsOf(number));
    return {
      ...{ block, number, range: rangeOf(block, parts) },
      parts: () => blocksOf(shares.partsOf(number)),
      unknown: () => blocksOf(shares.unknownOf(number)),
    };
  });
  return {
    all,
    newestFirst: planned.toSorted((a, b) => (b.range.to > a.range.to ? 1 : -1)),
    byId: new Map(planned.map((one) => [one.block.meta.id, one])),
    shares,
  };
}

/** Of blocks that share nothing: one, or none. */
export function planAlone(all: readonly OwnedBlock[]): BlockPlan {
  const ids = all.map(({ meta }) => meta.id);
  const slots = all.map((_, slot) => slot);
  return planBlocks(all, new BlockShares({ members: new TraceMembers(), slots, ids }));
}

function rangeOf(block: OwnedBlock, parts: readonly OwnedBlock[]): TimeSpan {
  let { from, to } = timesOf(block.meta);
  for (const { meta } of parts) {
    const other = timesOf(meta);
    if (other.from < from) from = other.from;
    if (other.to > to) to = other.to;
  }
  return { from, to };
}

const times = new WeakMap<BlockMeta, TimeSpan>();

function timesOf(meta: BlockMeta): TimeSpan {
  const known = times.get(meta);
  if (known !== undefined) return known;
  const start = BigInt(meta.startUnixNano);
  const end = BigInt(meta.endUnixNano);
  // A span may end before it starts.
  const found = start < end ? { from: start, to: end } : { from: end, to: start };
  times.set(meta, found);
  return found;
}
