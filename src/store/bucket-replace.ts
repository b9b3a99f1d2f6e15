/**
 * The commit of compaction in a bucket: the next generation of a window's record, if absent. Of
 * several processes that try at once one is written; the others look anew, and go on only when
 * what they replaced still lives.
 *
 * Inputs live by metas/ or as outputs of the record. Both are looked up right before the write:
 * what another process replaced meanwhile is in the record, for long after its objects went.
 */
import { EngineError } from "../base/error.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import {
  type CompactionName,
  compactionKey,
  compactionsOf,
  metaKey,
  nameOfCompactionKey,
  newestFirst,
} from "./bucket-keys.ts";
import type { NamedRecord } from "./bucket-list.ts";
import {
  type CompactionRecord,
  compactionBytes,
  type LookedBlock,
  readCompactionRecord,
} from "./compaction-record.ts";
import { eachOf } from "./each-of.ts";
import type { ObjectStore } from "./object-store.ts";

/** What changes in a window. */
export interface Replacement {
  readonly window: string;
  readonly inputs: readonly BlockMeta[];
  /** Their objects are in the bucket. */
  readonly outputs: readonly BlockMeta[];
  /** Of outputs, or of blocks that stay as they are. */
  readonly looked: readonly LookedBlock[];
}

export interface ReplaceOptions {
  readonly nowMs: number;
  /** Whether the id of a replaced block may leave the record. */
  readonly mayForget: (id: string, atMs: number) => boolean;
}

/** Some process may know a replaced block so long as one of its own that is yet to be uploaded. */
const FORGET_MS = 24 * 3_600_000;
const GETS_AT_ONCE = 32;
/** Each was won by somebody. */
const ATTEMPTS_MAX = 50;

const EMPTY: CompactionRecord = { version: 1, outputs: [], replaced: [], looked: [] };

/** Whether the id of a block that was replaced then may leave the record, when its meta is gone. */
export function mayForgetSince(atMs: number, at: { nowMs: number; graceMs: number }): boolean {
  return atMs + at.graceMs + FORGET_MS < at.nowMs;
}

/**
 * The record that has the change now; undefined: an input lives no longer, and nothing changed.
 * After an error it may be there or not: again, and it says which.
 */
export async function commitReplacement(
  store: ObjectStore,
  change: Replacement,
  options: ReplaceOptions,
): Promise<NamedRecord | undefined> {
  const { window, inputs } = change;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const newest = await newestRecord(store, window);
    if (isDone(newest.record, change)) return newest;
    if (!(await allLive(store, newest.record, inputs))) return undefined;
    const record = nextRecord(newest.record, change, options);
    const next = { window, generation: newest.generation + 1, record };
    if (await store.putIfAbsent(compactionKey(next), compactionBytes(record))) return next;
  }
  throw new EngineError("store_unavailable", `window ${window}: others are always faster`);
}

/** Generation 0 when there is none. Throws block_corrupt when it is damaged. */
async function newestRecord(store: ObjectStore, window: string): Promise<NamedRecord> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const names: CompactionName[] = [];
    for await (const page of store.list(compactionsOf(window))) {
      for (const { key } of page) {
        const name = nameOfCompactionKey(key);
        if (name !== undefined) names.push(name);
      }
    }
    const [name] = names.filter((one) => one.window === window).toSorted(newestFirst);
    if (name === undefined) return { window, generation: 0, record: EMPTY };
    const bytes = await store.get(compactionKey(name));
    // A newer one follows it, and it went.
    if (bytes !== undefined) return { ...name, record: readCompactionRecord(bytes) };
  }
  throw new EngineError("store_unavailable", `window ${window}: records come and go`);
}

/** An earlier attempt whose answer did not arrive was written after all. */
function isDone({ outputs, replaced }: CompactionRecord, change: Replacement): boolean {
  if (change.outputs.length === 0) return false;
  // Somebody may have merged them already.
  const ids = new Set([...outputs, ...replaced].map(({ id }) => id));
  return change.outputs.every(({ id }) => ids.has(id));
}

async function allLive(
  store: ObjectStore,
  record: CompactionRecord,
  inputs: readonly BlockMeta[],
): Promise<boolean> {
  const replaced = new Set(record.replaced.map(({ id }) => id));
  if (inputs.some(({ id }) => replaced.has(id))) return false;
  const outputs = new Set(record.outputs.map(({ id }) => id));
  let isGone = false;
  const published = inputs.filter(({ id }) => !outputs.has(id));
  await eachOf(published, GETS_AT_ONCE, async (meta) => {
    if ((await store.get(metaKey(meta))) === undefined) isGone = true;
  });
  return !isGone;
}

export function nextRecord(
  before: CompactionRecord,
  { inputs, outputs, looked }: Omit<Replacement, "window">,
  { nowMs, mayForget }: ReplaceOptions,
): CompactionRecord {
  const gone = new Set(inputs.map(({ id }) => id));
  const marked = new Set(looked.map(({ id }) => id));
  return {
    version: 1,
    outputs: [...before.outputs.filter(({ id }) => !gone.has(id)), ...outputs],
    replaced: [
      ...before.replaced.filter(({ id, atMs }) => !mayForget(id, atMs)),
      ...inputs.map(({ id }) => ({ id, atMs: nowMs })),
    ],
    looked: [...before.looked.filter(({ id }) => !gone.has(id) && !marked.has(id)), ...looked],
  };
}

/** Next generations of records that hold nothing but outputs when what may go has gone. */
export function planForget(
  records: readonly NamedRecord[],
  of: Pick<ReplaceOptions, "mayForget"> & { readonly isLive: (id: string) => boolean },
): NamedRecord[] {
  return records.flatMap(({ window, generation, record }) => {
    const looked = record.looked.filter(({ id }) => of.isLive(id));
    const stays = record.replaced.some(({ id, atMs }) => !of.mayForget(id, atMs));
    const isNews = record.replaced.length > 0 || looked.length < record.looked.length;
    if (stays || !isNews) return [];
    return [{ window, generation: generation + 1, record: { ...record, replaced: [], looked } }];
  });
}

/** Whether it says nothing, so that it is as good as none. */
export function isEmptyRecord({ outputs, replaced, looked }: CompactionRecord): boolean {
  return outputs.length + replaced.length + looked.length === 0;
}
