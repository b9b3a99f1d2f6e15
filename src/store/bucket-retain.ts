/**
 * Retention in a bucket, the first of its two steps: blocks whose time is over live no longer.
 * Their objects are orphans from then on, and swept after the grace time.
 *
 * A block with a meta of its own loses that; an output of compaction leaves its window's record,
 * by a next generation. Several processes may do the same at once: a delete is one whoever does it,
 * and of two next generations one is written.
 */
import type { BlockMeta } from "../model/block-meta.ts";
import { compactionKey, metaKey } from "./bucket-keys.ts";
import type { NamedRecord } from "./bucket-list.ts";
import { type CompactionRecord, compactionBytes } from "./compaction-record.ts";
import type { ObjectStore } from "./object-store.ts";

export interface RetainPlan {
  /** Keys of metas to delete. */
  readonly metas: readonly string[];
  /** Next generations. */
  readonly records: readonly NamedRecord[];
}

/** `expired` are blocks that live. */
export function planRetain(
  expired: readonly BlockMeta[],
  records: readonly NamedRecord[],
  nowMs: number,
): RetainPlan {
  const ids = new Set(expired.map(({ id }) => id));
  const next: NamedRecord[] = [];
  const outputs = new Set<string>();
  for (const named of records) {
    const gone = named.record.outputs.filter(({ id }) => ids.has(id));
    if (gone.length === 0) continue;
    for (const { id } of gone) outputs.add(id);
    const { window, generation } = named;
    next.push({ window, generation: generation + 1, record: without(named.record, gone, nowMs) });
  }
  const metas = expired.filter(({ id }) => !outputs.has(id)).map(metaKey);
  return { metas, records: next };
}

function without(
  record: CompactionRecord,
  gone: readonly BlockMeta[],
  nowMs: number,
): CompactionRecord {
  return {
    ...record,
    outputs: record.outputs.filter((output) => !gone.includes(output)),
    replaced: [...record.replaced, ...gone.map(({ id }) => ({ id, atMs: nowMs }))],
    looked: record.looked.filter(({ id }) => !gone.some((one) => one.id === id)),
  };
}

/** Records that another process was faster with are left to the next time. */
export async function doRetain(store: ObjectStore, { metas, records }: RetainPlan): Promise<void> {
  if (metas.length > 0) await store.delete(metas);
  await putRecords(store, records);
}

/** Next generations, as far as nobody was faster. */
export async function putRecords(store: ObjectStore, records: readonly NamedRecord[]) {
  for (const named of records) {
    await store.putIfAbsent(compactionKey(named), compactionBytes(named.record));
  }
}
