/**
 * Which blocks of a bucket live: pure.
 *
 * Live is what has a meta of its own or is an output of its window's newest compaction, and is not
 * replaced by one.
 */
import type { BlockMeta } from "../model/block-meta.ts";
import type { CompactionName } from "./bucket-keys.ts";
import type { CompactionRecord } from "./compaction-record.ts";

export interface BlockChange {
  readonly added: readonly BlockMeta[];
  /** Ids. */
  readonly removed: readonly string[];
}

/** The one record of each window that counts. */
export function newestGenerations(names: Iterable<CompactionName>): CompactionName[] {
  const newest = new Map<string, CompactionName>();
  for (const name of names) {
    const known = newest.get(name.window);
    if (known === undefined || known.generation < name.generation) newest.set(name.window, name);
  }
  return [...newest.values()];
}

export function liveBlocks(
  metas: Iterable<BlockMeta>,
  records: readonly CompactionRecord[],
): Map<string, BlockMeta> {
  const replaced = new Set(records.flatMap((record) => record.replaced.map(({ id }) => id)));
  const live = new Map<string, BlockMeta>();
  for (const meta of metas) if (!replaced.has(meta.id)) live.set(meta.id, meta);
  for (const { outputs } of records) {
    for (const meta of outputs) if (!replaced.has(meta.id)) live.set(meta.id, meta);
  }
  return live;
}

/** What makes `after` of `before`. */
export function changeOf(
  before: ReadonlyMap<string, BlockMeta>,
  after: ReadonlyMap<string, BlockMeta>,
): BlockChange {
  return {
    added: [...after.values()].filter(({ id }) => !before.has(id)),
    removed: [...before.keys()].filter((id) => !after.has(id)),
  };
}
