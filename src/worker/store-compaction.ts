/**
 * Compaction of a bucket, and the part of retention that writes blocks anew: brings inputs to this
 * disk, has them merged, uploads what came of it, and commits that by the next generation of the
 * window's record (store/bucket-replace.ts). Whoever is too late with its commit deletes what it
 * uploaded. Objects without a record are swept after the grace time, so they are put again when
 * the commit may come later than that.
 *
 * Threads: the store thread; main does the merges, in a thread of their own.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { InTurn } from "../base/in-turn.ts";
import type { Logger } from "../base/log.ts";
import type { Prng } from "../base/prng.ts";
import { type BucketWork, planBucketWork } from "../compact/plan-bucket.ts";
import { retentionMark, retentionStep } from "../compact/plan-retention.ts";
import { type BlockMeta, blockPath } from "../model/block-meta.ts";
import type { BlockCache } from "../store/block-cache.ts";
import { copyBlockData } from "../store/block-copy.ts";
import { DATA_FILE, SIDECAR_FILE } from "../store/block-draft.ts";
import { objectSlices } from "../store/block-object.ts";
import { blockKey } from "../store/bucket-keys.ts";
import { BucketLeases } from "../store/bucket-leases.ts";
import type { BucketList, NamedRecord } from "../store/bucket-list.ts";
import { commitReplacement, type Replacement } from "../store/bucket-replace.ts";
import { eachOf } from "../store/each-of.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { CompactJob, CompactResult } from "./compact-jobs.ts";
import type { CompactionLimits } from "./compaction-limits.ts";
import type { CompactionTally } from "./compactor-counts.ts";
import { Patience } from "./patience.ts";
import type { PlacedBlocks, StoreBlocks } from "./store-blocks.ts";

export interface StoreCompactionOptions {
  readonly store: ObjectStore;
  readonly list: BucketList;
  readonly blocks: StoreBlocks;
  readonly cache: BlockCache;
  readonly clock: Clock;
  readonly random: Prng;
  readonly logger: Logger;
  readonly tally: CompactionTally;
  /** Of this process, also when it starts again. */
  readonly nodeId: string;
  /** For inputs and outputs; nothing else is there. */
  readonly folder: string;
  readonly cycleMs: number;
  readonly graceMs: number;
  /** Of the inputs of a piece of work. */
  readonly bytesMax: number;
  readonly limits: () => CompactionLimits;
  readonly mayForget: (id: string, atMs: number) => boolean;
  /** Whether there is nothing more urgent. */
  readonly mayBegin: () => boolean;
  readonly merge: (job: CompactJob) => Promise<CompactResult>;
  /** Changes of the list, and telling of them. */
  readonly changes: InTurn;
  readonly tell: (placed: PlacedBlocks, removed: readonly string[]) => void;
}

/** In one cycle: a process that catches up leaves time for others. */
const WORKS_AT_ONCE = 2;
/** For so many a merge waits for others of its window, with which it shares thread and record. */
const WAIT_CYCLES = 20;
const COPIES_AT_ONCE = 4;
/** After a failure the same blocks are tried again so much later. */
const RETRY_MS = 600_000;
const STORE_RETRY_FIRST_MS = 500;
const STORE_RETRY_MS_MAX = 30_000;
/** A turn at a window: longer than most pieces of work. */
const TURN_MS_MIN = 5_000;
const TURN_CYCLES = 4;

export class StoreCompaction {
  readonly #options: StoreCompactionOptions;
  readonly #leases: BucketLeases;
  readonly #patience: Patience;
  /** Attempts of other processes, or of this one before, have other words. */
  readonly #run = crypto.randomUUID();
  #attempts = 0;
  /** By block until when it is left alone. */
  readonly #failed = new Map<string, number>();
  /** Outputs that are not in a record yet. */
  #underWay = new Set<string>();

  constructor(options: StoreCompactionOptions) {
    this.#options = options;
    const { store, nodeId, cycleMs, folder, random } = options;
    const turnMs = Math.max(TURN_MS_MIN, TURN_CYCLES * cycleMs);
    this.#leases = new BucketLeases({ store, holder: nodeId, turnMs });
    const [firstMs, mostMs] = [STORE_RETRY_FIRST_MS, STORE_RETRY_MS_MAX];
    this.#patience = new Patience({ firstMs, mostMs, random });
    // Of a process before this one.
    rmSync(folder, { recursive: true, force: true });
  }

  /** Whether that block is on its way into the bucket. */
  has(id: string): boolean {
    return this.#underWay.has(id);
  }

  /** Once the list is known. Never ends. */
  async run(): Promise<void> {
    const { cycleMs, random, logger } = this.#options;
    for (;;) {
      await Bun.sleep(cycleMs * (0.5 + random.unit()));
      try {
        await this.#cycle();
        this.#patience.succeeded();
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        const problem = error.message;
        if (this.#patience.failures === 0) logger.error("bucket cannot be compacted", { problem });
        await Bun.sleep(this.#patience.failed());
      }
    }
  }

  async #cycle(): Promise<void> {
    const { mayBegin, clock } = this.#options;
    let done = 0;
    for (const work of this.#plan()) {
      if (done === WORKS_AT_ONCE || !mayBegin()) return;
      if (!(await this.#leases.take(work.window, clock.nowMs()))) continue;
      done++;
      await this.#do(work);
    }
  }

  #plan(): BucketWork[] {
    const { list, clock, limits, bytesMax, cycleMs } = this.#options;
    const nowMs = clock.nowMs();
    for (const [id, untilMs] of this.#failed) if (untilMs <= nowMs) this.#failed.delete(id);
    const { merging, retention } = limits();
    const looked = list.records.flatMap(({ record }) => record.looked);
    const marks = new Map(looked.map(({ id, mark }) => [id, mark]));
    return planBucketWork(list.byWindow(), {
      ...{ nowMs, limits: merging, retention, bytesMax },
      mayMerge: ({ id }) => !this.#failed.has(id),
      markOf: (id) => marks.get(id),
      waitMs: WAIT_CYCLES * cycleMs,
    });
  }

  async #do(work: BucketWork): Promise<void> {
    const { clock, logger, limits, nodeId, merge } = this.#options;
    const inputs = [...work.merges.flat(), ...work.looks];
    const folder = join(this.#options.folder, String(++this.#attempts));
    const nowMs = clock.nowMs();
    const { retention } = limits();
    try {
      mkdirSync(folder, { recursive: true });
      await this.#copy(inputs, folder);
      const result = await merge({
        ...{ localPath: folder, merges: work.merges, looks: work.looks, retention },
        idWords: [nodeId, this.#run, String(this.#attempts)],
      });
      for (const error of result.errors) this.#failedTo(inputs, error);
      const change = this.#changeOf(work.window, result, nowMs);
      if (change.inputs.length + change.looked.length === 0) return;
      if (!(await this.#commit(change, folder))) return;
      for (const one of result.merged) this.#tell(work.window, one);
    } catch (error) {
      const isDisk = error instanceof Error && "syscall" in error;
      if (!isDisk && !(error instanceof EngineError)) throw error;
      if (error instanceof EngineError && error.code === "store_unavailable") throw error;
      // Another process was here, as the next poll tells.
      if (error instanceof EngineError && error.code === "not_found") {
        logger.info("blocks went before they were merged", { window: work.window });
        this.#leaveAlone(inputs);
      } else this.#failedTo(inputs, error.message);
    } finally {
      this.#underWay = new Set();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async #copy(inputs: readonly BlockMeta[], folder: string): Promise<void> {
    await eachOf(inputs, COPIES_AT_ONCE, async (meta) => {
      await copyBlockData(this.#options, meta, join(folder, blockPath(meta), DATA_FILE));
    });
  }

  #changeOf(window: string, { merged, looked }: CompactResult, nowMs: number): Replacement {
    const { retention } = this.#options.limits();
    const markOf = (meta: BlockMeta, retainFromMs: number) => {
      const at = { tenants: meta.tenants, retainFromMs };
      if (retentionStep(at, retention, nowMs).type !== "look") return [];
      return [{ id: meta.id, mark: retentionMark(at, retention, nowMs) }];
    };
    const ofOutputs = merged.flatMap(({ inputs, outputs }) => {
      // What was left out follows from the times of the inputs.
      const latestMs = Math.max(...inputs.map(({ retainFromMs }) => retainFromMs));
      return outputs.flatMap((meta) => markOf(meta, latestMs));
    });
    return {
      window,
      inputs: merged.flatMap(({ inputs }) => inputs),
      outputs: merged.flatMap(({ outputs }) => outputs),
      looked: [...ofOutputs, ...looked.flatMap((meta) => markOf(meta, meta.retainFromMs))],
    };
  }

  /** False: another process was faster, and nothing changed. */
  async #commit(change: Replacement, folder: string): Promise<boolean> {
    const { store, list, blocks, graceMs, clock, logger, changes, tell } = this.#options;
    const { window, outputs } = change;
    this.#underWay = new Set(outputs.map(({ id }) => id));
    let putMs = await this.#put(outputs, folder);
    const isLate = () => outputs.length > 0 && clock.nowMs() - putMs > graceMs / 2;
    let named: NamedRecord | undefined;
    for (;;) {
      if (isLate()) putMs = await this.#put(outputs, folder);
      try {
        const { mayForget } = this.#options;
        named = await commitReplacement(store, change, { nowMs: clock.nowMs(), mayForget });
        break;
      } catch (error) {
        // It may be written all the same: whether it is must be known.
        if (!(error instanceof EngineError) || error.code !== "store_unavailable") throw error;
        logger.warn("merge cannot be committed, trying again", { window, problem: error.message });
        await Bun.sleep(this.#patience.failed());
      }
    }
    if (named === undefined) {
      logger.info("merge comes too late", { window, outputs: outputs.length });
      await store.delete(outputs.map(blockKey));
      return false;
    }
    if (isLate()) await this.#put(outputs, folder);
    const record = named;
    await changes.run(async () => {
      const { added, removed } = list.committed(record);
      const ours = new Map(outputs.map((meta) => [meta.id, join(folder, blockPath(meta))]));
      tell(await blocks.place(added, ours), removed);
    });
    return true;
  }

  /** Returns when it began. */
  async #put(outputs: readonly BlockMeta[], folder: string): Promise<number> {
    const { store, clock } = this.#options;
    const beganMs = clock.nowMs();
    for (const meta of outputs) {
      const from = join(folder, blockPath(meta));
      const dataPath = join(from, DATA_FILE);
      const sidecarPath = join(from, SIDECAR_FILE);
      await store.putSlices(blockKey(meta), objectSlices(meta, { dataPath, sidecarPath }));
    }
    return beganMs;
  }

  #tell(window: string, one: CompactResult["merged"][number]): void {
    const { inputs, outputs, doubles, expired, ms } = one;
    this.#options.tally.merged(one);
    const spans = outputs.reduce((sum, meta) => sum + meta.spans, 0);
    const shape = { inputs: inputs.length, outputs: outputs.length, spans, doubles, expired };
    this.#options.logger.info("blocks merged", { window, ...shape, ms: Math.round(ms) });
  }

  #leaveAlone(inputs: readonly BlockMeta[]): void {
    const untilMs = this.#options.clock.nowMs() + RETRY_MS;
    for (const { id } of inputs) this.#failed.set(id, untilMs);
  }

  #failedTo(inputs: readonly BlockMeta[], error: string): void {
    const { tally, logger } = this.#options;
    tally.failures++;
    this.#leaveAlone(inputs);
    const blocks = inputs.map(({ id }) => id).join(" ");
    logger.error("blocks cannot be merged", { blocks, error });
  }
}
