/**
 * What lies in a bucket, and under which keys; they are relative to the place that is ours.
 *
 *   blocks/<id>/data.parquet, blocks/<id>/sidecar.bin
 *   metas/<id>.json                        written last, if absent: publishes the block
 *   compactions/<window>/<generation>.json the newest one of a window says what replaces what
 *   index/<number>-<hash>                  metas and filters of many blocks, for fast starts
 */
import type { BlockMeta } from "../model/block-meta.ts";
import { DATA_FILE, SIDECAR_FILE } from "./block-draft.ts";

export const BLOCKS_PREFIX = "blocks/";
export const METAS_PREFIX = "metas/";
export const COMPACTIONS_PREFIX = "compactions/";
export const INDEX_PREFIX = "index/";

const META_KEY = /^metas\/([0-9a-f]{32})\.json$/;
const BLOCK_KEY = /^blocks\/([0-9a-f]{32})\/./;
const COMPACTION_KEY = /^compactions\/(.+)\/(\d{8})\.json$/;

type Named = Pick<BlockMeta, "id">;

export function metaKey({ id }: Named): string {
  return `${METAS_PREFIX}${id}.json`;
}

export function dataKey({ id }: Named): string {
  return `${BLOCKS_PREFIX}${id}/${DATA_FILE}`;
}

export function sidecarKey({ id }: Named): string {
  return `${BLOCKS_PREFIX}${id}/${SIDECAR_FILE}`;
}

export function compactionKey({ window, generation }: CompactionName): string {
  return `${COMPACTIONS_PREFIX}${window}/${String(generation).padStart(8, "0")}.json`;
}

export interface CompactionName {
  /** One key element or several: a window in time of a tenant, or of shared blocks. */
  readonly window: string;
  /** From 1. */
  readonly generation: number;
}

/** undefined: no key of a meta. */
export function idOfMetaKey(key: string): string | undefined {
  return META_KEY.exec(key)?.[1];
}

export function idOfBlockKey(key: string): string | undefined {
  return BLOCK_KEY.exec(key)?.[1];
}

export function nameOfCompactionKey(key: string): CompactionName | undefined {
  const found = COMPACTION_KEY.exec(key);
  return found === null ? undefined : { window: found[1], generation: Number(found[2]) };
}

/** For sorting. */
export function newestFirst(a: CompactionName, b: CompactionName): number {
  return b.generation - a.generation;
}
