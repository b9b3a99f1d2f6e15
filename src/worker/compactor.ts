/**
 * When blocks on the local disk are merged, and when their files go. A cycle plans, and gives the
 * work to a thread of its own.
 *
 * Readers hear of a merge in one change: the outputs come as the inputs go. The files of the inputs
 * stay for as long as a question that began before may take. A block whose inputs' files are still
 * there is not merged or removed itself (see live-blocks.ts).
 *
 * Threads: main.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { hasLeft, liveBlocks } from "../compact/live-blocks.ts";
import { dueMerges, planMerges } from "../compact/plan-merges.ts";
import { retentionStep } from "../compact/plan-retention.ts";
import type { Config } from "../config/config.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { DiskStore } from "../store/store-disk.ts";
import type { CompactMessage } from "./compact-protocol.ts";
import { CompactThread } from "./compact-thread.ts";
import { type CompactionLimits, compactionLimits } from "./compaction-limits.ts";
import { CompactionTally, type CompactorCounts } from "./compactor-counts.ts";
import type { TenantLimits } from "./tenant-limits.ts";
import type { ThreadStart } from "./worker-protocol.ts";

export interface CompactorOptions {
  readonly thread: ThreadStart;
  readonly config: Config;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** All blocks that questions see. */
  readonly blocks: () => readonly BlockMeta[];
  readonly limits: TenantLimits;
  /** Where the log begins. */
  readonly walOldest: () => number;
  /** Questions see the change when it returned. */
  readonly onChange: (added: readonly BlockMeta[], removed: readonly string[]) => void;
}

/** Merges of one work: it ends often enough for its memory to go back. */
const MERGES_AT_ONCE = 4;
/** For so many cycles a merge waits for others, with which it shares what comes once a work. */
const WAIT_CYCLES = 20;
/** Blocks that are looked at in one thread for traces that are over. */
const LOOKS_AT_ONCE = 16;
/** After a failure the same blocks are tried again so much later. */
const RETRY_MS = 600_000;

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #thread: CompactThread;
  /** Nobody looks at these; their files go when it is time. */
  readonly #over = new Map<string, { readonly meta: BlockMeta; readonly goneMs: number }>();
  /** By block until when it is left alone. */
  readonly #failed = new Map<string, number>();
  /** By block, how many of the times that count for it were over when it was looked at. */
  readonly #looked = new Map<string, number>();
  #limits: CompactionLimits;
  #isStopping = false;
  readonly #tally = new CompactionTally();

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#limits = compactionLimits(options.config, options.limits);
    this.#thread = new CompactThread(options.thread, options.logger);
    this.#timer = setInterval(() => this.#cycle(), options.config.compaction.cycleMs);
  }

  get counts(): CompactorCounts {
    return { ...this.#tally.counts, waiting: this.#over.size };
  }

  setLimits(limits: TenantLimits): void {
    this.#limits = compactionLimits(this.#options.config, limits);
    this.#looked.clear();
  }

  /** The thread sees the control word STOP by itself. */
  stop(): void {
    this.#isStopping = true;
    this.#thread.stop();
    clearInterval(this.#timer);
  }

  end(): void {
    this.#thread.end();
  }

  #cycle(): void {
    if (this.#thread.isBusy || this.#isStopping) return;
    this.#retain();
    const remove = this.#due();
    const mayMerge = this.#eligible();
    const merges = this.#plan(mayMerge);
    const merging = new Set(merges.flat());
    const looks = this.#toLookAt((meta) => mayMerge(meta) && !merging.has(meta));
    if (remove.length + merges.length + looks.length === 0) return;
    const { localPath } = this.#options.config;
    const { retention } = this.#limits;
    this.#thread.run({
      work: { localPath, remove, merges, looks, retention, idWords: [] },
      onMessage: (message) => this.#hear(message),
      onEnd: () => {
        this.#tally.failures++;
        // Whichever it was: none is tried again before long.
        for (const meta of [...merges.flat(), ...looks]) this.#leaveAlone(meta);
        this.#recover();
      },
    });
  }

  /** What may be merged, or written anew. */
  #eligible(): (meta: BlockMeta) => boolean {
    const { nodeId, walOldest, clock } = this.#options;
    const nowMs = clock.nowMs();
    const oldest = walOldest();
    const there = new Set(this.#over.keys());
    // A merge that was cut off would seem to be whole when an input of it went.
    const over = [...this.#over.values()];
    const cutOff = new Set(over.flatMap(({ meta }) => meta.merged?.replaces ?? []));
    return (meta) =>
      (meta.wal.node !== nodeId || meta.wal.to <= oldest) &&
      !hasLeft(meta, there) &&
      !cutOff.has(meta.id) &&
      (this.#failed.get(meta.id) ?? 0) <= nowMs;
  }

  #plan(mayMerge: (meta: BlockMeta) => boolean): readonly (readonly BlockMeta[])[] {
    const { blocks, clock, config } = this.#options;
    const nowMs = clock.nowMs();
    const waitMs = WAIT_CYCLES * config.compaction.cycleMs;
    const merges = planMerges(blocks(), this.#limits.merging, { nowMs, mayMerge });
    return dueMerges(merges, { nowMs, most: MERGES_AT_ONCE, waitMs });
  }

  /** Blocks of which a part may be over, that have not been looked at since. */
  #toLookAt(mayMerge: (meta: BlockMeta) => boolean): readonly BlockMeta[] {
    const nowMs = this.#options.clock.nowMs();
    const isNews = (meta: BlockMeta) => {
      const step = retentionStep(meta, this.#limits.retention, nowMs);
      return step.type === "look" && step.over > (this.#looked.get(meta.id) ?? 0);
    };
    const found = this.#options.blocks().filter((meta) => isNews(meta) && mayMerge(meta));
    return found.slice(0, LOOKS_AT_ONCE);
  }

  /** Whole blocks whose time is over; one whose inputs are still there follows later. */
  #retain(): void {
    const { blocks, clock, logger } = this.#options;
    const there = new Set(this.#over.keys());
    const nowMs = clock.nowMs();
    const isOver = (meta: BlockMeta) =>
      retentionStep(meta, this.#limits.retention, nowMs).type === "remove" && !hasLeft(meta, there);
    const old = blocks().filter(isOver);
    if (old.length === 0) return;
    this.#replace([], old);
    this.#tally.expired += old.length;
    logger.info("old blocks removed", { blocks: old.length });
  }

  /** What a thread that ended had done without telling. */
  #recover(): void {
    const { config, blocks } = this.#options;
    const known = new Set(blocks().map(({ id }) => id));
    const merged = new DiskStore(config.localPath)
      .list()
      .filter((meta) => known.has(meta.id) || (meta.merged && !this.#over.has(meta.id)));
    const { live, replaced, orphans } = liveBlocks(merged);
    const added = live.filter(({ id }) => !known.has(id));
    this.#replace(
      added,
      replaced.filter(({ id }) => known.has(id)),
    );
    for (const meta of orphans) this.#over.set(meta.id, { meta, goneMs: 0 });
  }

  #replace(outputs: readonly BlockMeta[], inputs: readonly BlockMeta[]): void {
    const { config, clock, onChange } = this.#options;
    onChange(
      outputs,
      inputs.map(({ id }) => id),
    );
    // Questions that began before go on with what they began with.
    const goneMs = clock.nowMs() + Math.max(config.bucket.graceMs, config.query.timeoutMs);
    for (const meta of inputs) {
      this.#over.set(meta.id, { meta, goneMs });
      this.#looked.delete(meta.id);
    }
  }

  #due(): BlockMeta[] {
    const nowMs = this.#options.clock.nowMs();
    return [...this.#over.values()].filter(({ goneMs }) => goneMs <= nowMs).map(({ meta }) => meta);
  }

  #hear(message: CompactMessage): void {
    const { logger } = this.#options;
    if (message.type === "removed") this.#over.delete(message.id);
    else if (message.type === "looked")
      this.#looked.set(message.meta.id, this.#timesOver(message.meta));
    else if (message.type === "kept") {
      const { id: block, reason } = message;
      logger.error("block cannot be removed", { block, error: reason });
    } else if (message.type === "failed") {
      this.#tally.failures++;
      for (const meta of message.inputs) this.#leaveAlone(meta);
      const blocks = message.inputs.map(({ id }) => id).join(" ");
      logger.error("blocks cannot be merged", { blocks, error: message.reason });
      this.#recover();
    } else if (message.type === "merged") {
      const { inputs, outputs, doubles, expired, ms } = message;
      this.#replace(outputs, inputs);
      // What was over in the inputs is not there any more.
      for (const meta of outputs) this.#looked.set(meta.id, this.#timesOver(meta));
      this.#tally.merged(message);
      const spans = outputs.reduce((sum, meta) => sum + meta.spans, 0);
      const shape = { inputs: inputs.length, outputs: outputs.length, spans, doubles, expired };
      logger.info("blocks merged", { ...shape, ms: Math.round(ms) });
    }
  }

  #timesOver(meta: BlockMeta): number {
    const step = retentionStep(meta, this.#limits.retention, this.#options.clock.nowMs());
    return step.type === "look" ? step.over : 0;
  }

  #leaveAlone(meta: BlockMeta): void {
    this.#failed.set(meta.id, this.#options.clock.nowMs() + RETRY_MS);
  }
}
