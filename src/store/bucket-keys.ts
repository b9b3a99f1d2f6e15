/**
 * What lies in a bucket, and under which keys; they are relative to the place that is ours.
 *
 *   blocks/<id>/block.parquet              see block-object.ts
 *   blocks/<id>/data.parquet, blocks/<id>/sidecar.bin   the same as it once was
 *   metas/<id>.json                        written last, if absent: publishes the block
 *   compactions/<window>/<generation>.json the newest of a window says what replaces what
 *   leases/<window>/<until>                whose turn it is to compact; nothing hangs on it
 *   index/<number>-<hash>                  metas and filters of many blocks, for fast starts
 */
import { createHash } from "node:crypto";
import type { BlockMeta } from "../model/block-meta.ts";
import { DATA_FILE, SIDECAR_FILE } from "./block-draft.ts";

export const BLOCKS_PREFIX = "blocks/";
export const METAS_PREFIX = "metas/";
export const COMPACTIONS_PREFIX = "compactions/";
export const LEASES_PREFIX = "leases/";
export const INDEX_PREFIX = "index/";

/**
 * Of the windows in which a bucket is compacted. It is no setting: processes that have other
 * settings, or had, agree all the same on which record tells of a block.
 */
export const BUCKET_WINDOW_MS = 86_400_000;

const META_KEY = /^metas\/([0-9a-f]{32})\.json$/;
const BLOCK_KEY = /^blocks\/([0-9a-f]{32})\/./;
const COMPACTION_KEY = /^compactions\/(.+)\/(\d{8})\.json$/;
const LEASE_KEY = /^leases\/.+\/(\d{14})$/;

type Named = Pick<BlockMeta, "id">;

export function metaKey({ id }: Named): string {
  return `${METAS_PREFIX}${id}.json`;
}

export function blockKey({ id }: Named): string {
  return `${BLOCKS_PREFIX}${id}/block.parquet`;
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

/** All generations of a window's record. */
export function compactionsOf(window: string): string {
  return `${COMPACTIONS_PREFIX}${window}/`;
}

/**
 * The window of a block with a meta of its own: its tenant, or that it is shared, and its day. A
 * block that compaction made stays in the window of those that it replaced.
 */
export function windowOfBlock(
  meta: Pick<BlockMeta, "shared" | "tenants" | "retainFromMs">,
): string {
  const { shared, tenants, retainFromMs } = meta;
  // Names may have any characters, and any length.
  const hash = () => createHash("sha256").update(tenants[0].name).digest("hex").slice(0, 32);
  return `${shared ? "shared" : hash()}/${Math.floor(retainFromMs / BUCKET_WINDOW_MS)}`;
}

export function leaseKey(window: string, untilMs: number): string {
  return `${LEASES_PREFIX}${window}/${String(untilMs).padStart(14, "0")}`;
}

/** Until when a lease holds; undefined: no key of one. */
export function endOfLease(key: string): number | undefined {
  const found = LEASE_KEY.exec(key);
  return found === null ? undefined : Number(found[1]);
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
