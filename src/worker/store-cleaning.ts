/**
 * What goes from a bucket, now and then: blocks past their retention, and what nobody needs.
 *
 * Threads: the store thread.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { BucketList } from "../store/bucket-list.ts";
import { doRetain, planRetain } from "../store/bucket-retain.ts";
import { doSweep, planSweep, sweptObjects } from "../store/bucket-sweep.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { expired } from "../store/retention.ts";

export interface StoreCleaningOptions {
  readonly store: ObjectStore;
  readonly list: BucketList;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retentionMs: number;
  readonly graceMs: number;
  /** Ids of blocks that are being uploaded. */
  readonly isUnderWay: (id: string) => boolean;
}

export class StoreCleaning {
  readonly #options: StoreCleaningOptions;
  #orphans: ReadonlyMap<string, number> = new Map();
  sweptObjects = 0;

  constructor(options: StoreCleaningOptions) {
    this.#options = options;
  }

  /** Which went tells the next poll. */
  async retain(): Promise<void> {
    const { store, list, clock, logger, retentionMs } = this.#options;
    const nowMs = clock.nowMs();
    const old = expired([...list.live.values()], nowMs, retentionMs);
    if (old.length === 0) return;
    await doRetain(store, planRetain(old, list.records, nowMs));
    logger.info("old blocks let go", { blocks: old.length });
  }

  /** Right after a poll. */
  async sweep(): Promise<void> {
    const { store, list, clock, logger, graceMs, isUnderWay } = this.#options;
    const objects = await sweptObjects(store);
    const plan = planSweep({
      nowMs: clock.nowMs(),
      graceMs,
      objects,
      isKnown: (id) => list.names(id) || isUnderWay(id),
      hasMeta: (id) => list.hasMeta(id),
      records: list.records.map(({ record }) => record),
      orphans: this.#orphans,
    });
    await doSweep(store, plan);
    this.#orphans = plan.orphans;
    const unfinished = await store.sweep(graceMs);
    const count = plan.objects.length + plan.metas.length + unfinished;
    this.sweptObjects += count;
    if (count > 0) logger.info("objects swept", { objects: count });
  }
}
