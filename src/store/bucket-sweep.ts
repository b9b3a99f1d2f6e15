/**
 * What of a bucket can go: a pure plan, and the deletes.
 *
 *   replaced blocks   a grace time after a record first named them: their meta, then their objects
 *   orphans           objects of no block, when they are older than the grace time and were seen to
 *                     be none for as long: uploads that were cut off, blocks past their retention
 *   old generations   records that a newer one has followed for the grace time, and those that say
 *                     nothing any more
 *   leases            a grace time after they ended
 *
 * The grace time is longer than a poll and the longest question together, so that nobody reads
 * what goes; and longer than an upload may take until its meta follows.
 *
 * Threads: one.
 */
import {
  BLOCKS_PREFIX,
  COMPACTIONS_PREFIX,
  endOfLease,
  idOfBlockKey,
  LEASES_PREFIX,
  metaKey,
  nameOfCompactionKey,
  newestFirst,
} from "./bucket-keys.ts";
import type { NamedRecord } from "./bucket-list.ts";
import { isEmptyRecord } from "./bucket-replace.ts";
import type { ObjectInfo, ObjectStore } from "./object-store.ts";

export interface SweepInput {
  readonly nowMs: number;
  readonly graceMs: number;
  /** All below blocks/, compactions/ and leases/. */
  readonly objects: readonly ObjectInfo[];
  /** Whether the id is that of a block, living or replaced, or on its way to become one. */
  readonly isKnown: (id: string) => boolean;
  /** Whether it has a meta of its own. */
  readonly hasMeta: (id: string) => boolean;
  /** The newest of each window. */
  readonly records: readonly NamedRecord[];
  /** Whether these are all: else an object of no block may be one of a record that is damaged. */
  readonly isWhole: boolean;
  /** When an id was first seen to be that of no block: what the last plan returned. */
  readonly orphans: ReadonlyMap<string, number>;
}

export interface SweepPlan {
  /** Deleted first: from then on nobody finds the block by its meta. */
  readonly metas: readonly string[];
  readonly objects: readonly string[];
  readonly orphans: ReadonlyMap<string, number>;
}

export function planSweep(input: SweepInput): SweepPlan {
  const { nowMs, graceMs } = input;
  const isOld = (sinceMs: number) => sinceMs + graceMs < nowMs;
  const replaced = new Set(
    input.records.flatMap(({ record }) =>
      record.replaced.filter(({ atMs }) => isOld(atMs)).map(({ id }) => id),
    ),
  );
  const byId = Map.groupBy(input.objects, ({ key }) => idOfBlockKey(key));
  const orphans = new Map<string, number>();
  const objects: string[] = [];
  for (const [id, infos] of byId) {
    if (id === undefined) continue;
    const keys = infos.map(({ key }) => key);
    if (replaced.has(id)) objects.push(...keys);
    if (replaced.has(id) || input.isKnown(id) || !input.isWhole) continue;
    const sinceMs = input.orphans.get(id) ?? nowMs;
    if (isOld(sinceMs) && infos.every(({ modifiedMs }) => isOld(modifiedMs))) objects.push(...keys);
    else orphans.set(id, sinceMs);
  }
  const metas = [...replaced].filter(input.hasMeta).map((id) => metaKey({ id }));
  const leases = input.objects.flatMap(({ key }) => (isOld(endOfLease(key) ?? nowMs) ? [key] : []));
  return { metas, objects: [...objects, ...oldGenerations(input, isOld), ...leases], orphans };
}

function oldGenerations(
  input: Pick<SweepInput, "objects" | "records" | "isWhole">,
  isOld: (sinceMs: number) => boolean,
): string[] {
  if (!input.isWhole) return [];
  const empty = new Map(
    input.records.flatMap(({ window, generation, record }) =>
      isEmptyRecord(record) ? [[window, generation]] : [],
    ),
  );
  const named = input.objects.flatMap((object) => {
    const name = nameOfCompactionKey(object.key);
    return name === undefined ? [] : [{ ...name, object }];
  });
  return [...Map.groupBy(named, ({ window }) => window).values()].flatMap((window) => {
    const [newest, ...others] = window.toSorted(newestFirst);
    // Whoever polls may just be reading the one before.
    if (!isOld(newest.object.modifiedMs)) return [];
    // The last one goes alone: without it one before would count again.
    if (others.length === 0 && empty.get(newest.window) === newest.generation) {
      return [newest.object.key];
    }
    return others.map(({ object }) => object.key);
  });
}

/** All that a sweep looks at. */
export async function sweptObjects(store: ObjectStore): Promise<ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  for (const prefix of [BLOCKS_PREFIX, COMPACTIONS_PREFIX, LEASES_PREFIX]) {
    for await (const page of store.list(prefix)) objects.push(...page);
  }
  return objects;
}

export async function doSweep(store: ObjectStore, { metas, objects }: SweepPlan): Promise<void> {
  if (metas.length > 0) await store.delete(metas);
  if (objects.length > 0) await store.delete(objects);
}
