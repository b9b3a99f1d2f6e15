/**
 * What goes from a bucket, now and then: blocks past their retention, and what nobody needs.
 *
 * Threads: the store thread.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { type Retention, retentionStep } from "../compact/plan-retention.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { BucketList } from "../store/bucket-list.ts";
import { planForget } from "../store/bucket-replace.ts";
import { doRetain, planRetain, putRecords } from "../store/bucket-retain.ts";
import { doSweep, planSweep, sweptObjects } from "../store/bucket-sweep.ts";
import type { ObjectStore } from "../store/object-store.ts";

export interface StoreCleaningOptions {
  readonly store: ObjectStore;
  readonly list: BucketList;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retention: () => Retention;
  readonly graceMs: number;
  /** Of a replaced block, see bucket-replace.ts. */
  readonly mayForget: (id: string, atMs: number) => boolean;
  /** Ids of blocks that are being uploaded, or merged. */
  readonly isUnderWay: (id: string) => boolean;
}

export class StoreCleaning {
  readonly #options: StoreCleaningOptions;
  #orphans: ReadonlyMap<string, number> = new Map();
  sweptObjects = 0;
  expiredBlocks = 0;

  constructor(options: StoreCleaningOptions) {
    this.#options = options;
  }

  /** Which went tells the next poll. */
  async retain(): Promise<void> {
    const { store, list, clock, logger, retention, mayForget } = this.#options;
    const nowMs = clock.nowMs();
    const isOver = (meta: BlockMeta) => retentionStep(meta, retention(), nowMs).type === "remove";
    const old = [...list.live.values()].filter(isOver);
    const isLive = (id: string) => list.live.has(id);
    await putRecords(store, planForget(list.records, { mayForget, isLive }));
    if (old.length === 0) return;
    await doRetain(store, planRetain(old, list.records, nowMs));
    this.expiredBlocks += old.length;
    logger.info("old blocks let go", { blocks: old.length });
  }

  /** Right after a poll that began then. */
  async sweep(polledMs: number): Promise<void> {
    const { store, list, clock, logger, graceMs, isUnderWay } = this.#options;
    const objects = await sweptObjects(store);
    const plan = planSweep({
      nowMs: clock.nowMs(),
      graceMs,
      objects,
      isKnown: (id) => list.names(id) || isUnderWay(id),
      hasMeta: (id) => list.hasMeta(id),
      records: list.records,
      isWhole: list.isWhole,
      orphans: this.#orphans,
    });
    // What was seen may be another thing by now: somebody may have published what was none.
    if (clock.nowMs() - polledMs > graceMs / 2) return;
    await doSweep(store, plan);
    this.#orphans = plan.orphans;
    const unfinished = await store.sweep(graceMs);
    const count = plan.objects.length + plan.metas.length + unfinished;
    this.sweptObjects += count;
    if (count > 0) logger.info("objects swept", { objects: count });
  }
}
