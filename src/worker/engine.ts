/**
 * All threads of the engine, started, watched and stopped in order. What main.ts holds.
 *
 *   start: block thread · ingest (replays the log) · query threads · ingress threads
 *   stop:  ingress drains · ingest empties its rings and closes the log · the rest is ended
 *
 * A thread of ingest or blocks that ends on its own ends the process: replay is the recovery.
 * Ingress and query threads are started again.
 *
 * Threads: main.
 */

import { HALF_ROWS } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import { GiB, MiB } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { REQUEST_BYTES_MAX } from "../config/limits.ts";
import { instantiate, makeMemory, sharedBuffer } from "../kernel/kernel.ts";
import { type BlockMeta, logEnds } from "../model/block-meta.ts";
import type { AnswerTo, AskOptions, Question } from "../query/question.ts";
import { RATE_TABLE_BYTES } from "../receive/rate-limit.ts";
import {
  BLOCKS_FAILING,
  CONTROL_BYTES,
  FLUSH_DONE,
  FLUSH_REQUESTED,
  HALF_FILLING,
  HALF_SEALED,
  HALF_STATE,
  LOG_AT_BOUND,
  LOG_FULL,
  LOG_GOOD,
  LOG_STATE,
  REPLAYED,
  STAT_FAILED_CUTS,
  STAT_REPLAY_BYTES,
  STAT_REPLAY_BYTES_DONE,
  STAT_WAL_OLDEST,
  STOP,
  STORE_FULL,
  STORE_VERSION,
  wakeBlocks,
  wakeIngest,
} from "../ring/control.ts";
import { ringUsedBytes } from "../ring/ring.ts";
import type { StoreOptions } from "../store/open-store.ts";
import { blockCachePath } from "./block-cache-path.ts";
import type { BlockVersions } from "./block-list.ts";
import { type BusySeconds, busySeconds } from "./busy-seconds.ts";
import { Compactor } from "./compactor.ts";
import type { CompactorCounts } from "./compactor-counts.ts";
import { type MemoryPlan, planMemory } from "./memory-plan.ts";
import { type PoolChange, QueryPool } from "./query-pool.ts";
import { ReceiverStats } from "./receiver-stats.ts";
import type { RemoteBlock, StoreMoved, StoreState } from "./store-protocol.ts";
import { StoreSide, storeSettings } from "./store-side.ts";
import type { TenantLimits } from "./tenant-limits.ts";
import { startThread, type Thread } from "./thread.ts";
import type {
  BlockMessage,
  BlockStart,
  IngestMessage,
  IngestStart,
  IngressMessage,
  IngressRequest,
  IngressStart,
  ListeningReceiver,
  QueryAnswer,
  ReceiverSnapshot,
  ThreadStart,
  TraceRequest,
} from "./worker-protocol.ts";

const QUERY_THREADS = 2;
const WATCH_EVERY_MS = 1000;
/** A thread that cannot live must not take the processor with it. */
const RESTART_AFTER_MS = 500;

export interface EngineOptions {
  readonly config: Config;
  readonly kernel: Uint8Array<ArrayBuffer>;
  readonly nodeId: string;
  readonly blocks: readonly BlockMeta[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the process: a thread without which nothing works is gone. */
  readonly onFatal: (thread: string) => void;
  readonly onListening: (receivers: readonly ListeningReceiver[]) => void;
  readonly limits: TenantLimits;
  /** Where blocks are kept; undefined: on this disk. */
  readonly place: StoreOptions | undefined;
}

interface PlacedBlock {
  readonly meta: BlockMeta;
  /** undefined: a folder of this disk. */
  readonly remote: RemoteBlock | undefined;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #buffer: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #plan: MemoryPlan;
  readonly #thread: ThreadStart;
  readonly #blocks = new Map<string, PlacedBlock>();
  readonly #store: StoreSide | undefined;
  /** Of blocks on this disk. */
  #compactor: Compactor | undefined;
  readonly #ingress: Thread<IngressRequest>[] = [];
  #pool: QueryPool | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  readonly restarts = new Map<string, number>();
  /** Ingress threads whose ports are open. */
  readonly #listening = new Set<number>();
  readonly #rateTable = new SharedArrayBuffer(RATE_TABLE_BYTES);
  #limits: TenantLimits;
  #versions: BlockVersions = { blocks: 0, store: 0 };
  #stopping = false;
  #onDrained: () => void = () => {};
  #onStopped: () => void = () => {};
  readonly #receiverStats = new ReceiverStats();
  publishedBlocks = 0;

  /** Throws EngineError when the store of blocks refuses. */
  static async create(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options, await WebAssembly.compile(options.kernel));
    await engine.#listStore();
    engine.#start();
    return engine;
  }

  private constructor(options: EngineOptions, module: WebAssembly.Module) {
    const { config } = options;
    this.#options = options;
    this.#limits = options.limits;
    this.#plan = planMemory({
      budgetBytes: config.memoryBudgetBytes,
      rings: config.ingressThreads,
      requestBytesMax: REQUEST_BYTES_MAX,
      scratchBytes: instantiate(module, makeMemory(MiB)).scratchBytes(REQUEST_BYTES_MAX),
      readers: QUERY_THREADS,
    });
    if (this.#plan.bytes > 4 * GiB) {
      throw new EngineError("malformed", "memory budget and ingress threads take over 4 GiB");
    }
    const memory = makeMemory(this.#plan.bytes);
    this.#buffer = sharedBuffer(memory);
    this.#control = new Int32Array(this.#buffer, 0, CONTROL_BYTES / 4);
    const { logLevel: level, logFormat: format } = config.server;
    this.#thread = { memory, module, plan: this.#plan, log: { level, format } };
    for (const meta of options.blocks) this.#blocks.set(meta.id, { meta, remote: undefined });
    const { place } = options;
    if (place === undefined) return;
    this.#store = new StoreSide({
      start: {
        ...{ ...this.#thread, ...storeSettings(config, options.limits), place },
        ...{ nodeId: options.nodeId, blocks: options.blocks },
      },
      logger: options.logger,
      onMoved: (change) => this.#moved(change),
      onEnd: () => options.onFatal("store"),
    });
  }

  /** Blocks of the bucket are known before anything is replayed or asked. */
  async #listStore(): Promise<void> {
    const listed = await this.#store?.listed();
    if (listed === undefined) return;
    for (const id of listed.hidden) this.#blocks.delete(id);
    for (const [i, meta] of listed.blocks.entries()) {
      this.#blocks.set(meta.id, { meta, remote: listed.remotes[i] });
    }
  }

  #start(): void {
    const { config, logger, nodeId, clock } = this.#options;
    const store = this.#store;
    this.#startBlocks();
    this.#startIngest();
    this.#pool = new QueryPool({
      buffer: this.#buffer,
      start: {
        ...{ ...this.#thread, localPath: config.localPath, nodeId },
        queryTimeoutMs: config.query.timeoutMs,
        cachePath: store && blockCachePath(config.localPath),
      },
      threads: QUERY_THREADS,
      logger,
      blocks: () => ({
        metas: this.blocks,
        remotes: [...this.#blocks.values()].map(({ remote }) => remote),
        versions: this.#versions,
      }),
      onReader: store && ((port, slots) => store.addReader(port, slots)),
      onRestart: () => this.#count("query"),
    });
    for (let ring = 0; ring < config.ingressThreads; ring++) this.#startIngress(ring);
    if (store === undefined) {
      this.#compactor = new Compactor({
        ...{ thread: this.#thread, config, nodeId, clock, logger },
        limits: this.#limits,
        blocks: () => this.blocks,
        walOldest: () => this.stats[STAT_WAL_OLDEST],
        onChange: (added, removed) => this.#merged(added, removed),
      });
    }
    this.#watch = setInterval(() => this.#queries.endOverdue(clock.nowMs()), WATCH_EVERY_MS);
  }

  get #queries(): QueryPool {
    assert(this.#pool !== undefined, "engine: not started");
    return this.#pool;
  }

  get blocks(): readonly BlockMeta[] {
    return [...this.#blocks.values()].map(({ meta }) => meta);
  }

  /** The counters of all threads: f64 words by the names of control.ts. */
  get stats(): Float64Array {
    return new Float64Array(this.#buffer, 0, CONTROL_BYTES / 8);
  }

  /** Rows in the head, not yet in blocks. */
  get headRows(): number {
    const view = new DataView(this.#buffer);
    let rows = 0;
    for (let half = 0; half < 2; half++) {
      const state = Atomics.load(this.#control, HALF_STATE + half);
      if (state !== HALF_FILLING && state !== HALF_SEALED) continue;
      rows += view.getUint32(this.#plan.halves[half].base + HALF_ROWS, true);
    }
    return rows;
  }

  /** Request bytes that were taken and not yet answered. */
  get ringBytes(): number {
    return this.#plan.rings.reduce((sum, base) => sum + ringUsedBytes(this.#buffer, base), 0);
  }

  get diskFailing(): boolean {
    return (
      Atomics.load(this.#control, LOG_STATE) !== LOG_GOOD ||
      Atomics.load(this.#control, BLOCKS_FAILING) === 1
    );
  }

  /** undefined: the store thread has not told yet. */
  get compaction(): CompactorCounts | undefined {
    return this.#compactor?.counts ?? this.#store?.state?.compaction;
  }

  /** What is told of the store; undefined: blocks are on this disk. */
  get storeState(): StoreState | undefined {
    return this.#store?.state;
  }

  /** Questions that failed because a block is damaged. */
  get damagedAnswers(): number {
    return this.#queries.damagedAnswers;
  }

  /** Spans that answers left out because one of the same id but another content came before. */
  get differingSpans(): number {
    return this.#queries.differingSpans;
  }

  /** Cuts that could not be written at the first try. */
  get failedCuts(): number {
    return this.stats[STAT_FAILED_CUTS];
  }

  /** CPU seconds by thread, and wall seconds by what ingest and the block thread were busy with. */
  busySeconds(): BusySeconds {
    const counts = { queries: QUERY_THREADS, ingress: this.#ingress.length };
    return busySeconds(this.#control, this.stats, counts);
  }

  /** Why requests are not served, a sentence each; empty when they are. */
  reasons(): readonly string[] {
    const reasons: string[] = [];
    const { stats } = this;
    if (this.#stopping) reasons.push("the server is stopping");
    if (Atomics.load(this.#control, REPLAYED) === 0) {
      const done = Math.floor(stats[STAT_REPLAY_BYTES_DONE] / MiB);
      const all = Math.ceil(stats[STAT_REPLAY_BYTES] / MiB);
      reasons.push(`the log is being replayed: ${done} of ${all} MiB`);
    }
    if (this.#listening.size < this.#ingress.length) reasons.push("receivers are not open");
    const log = Atomics.load(this.#control, LOG_STATE);
    if (log === LOG_FULL) reasons.push("the disk of the log is full");
    else if (log === LOG_AT_BOUND) reasons.push("the log is at its bound: blocks are not written");
    else if (log !== LOG_GOOD) reasons.push("the log cannot be written");
    if (Atomics.load(this.#control, BLOCKS_FAILING) === 1) reasons.push("blocks cannot be written");
    if (Atomics.load(this.#control, STORE_FULL) === 1) {
      reasons.push("blocks that wait for their store are at their bound");
    }
    const problem = this.#store?.problem;
    if (problem !== undefined) reasons.push(`the store of blocks is not read yet: ${problem}`);
    return reasons;
  }

  /** Resolves when what is in the head now is published. */
  async flush(): Promise<void> {
    const asked = Atomics.add(this.#control, FLUSH_REQUESTED, 1) + 1;
    wakeIngest(this.#control);
    for (;;) {
      const done = Atomics.load(this.#control, FLUSH_DONE);
      if (done >= asked) return;
      await Atomics.waitAsync(this.#control, FLUSH_DONE, done).value;
    }
  }

  trace(request: TraceRequest): Promise<QueryAnswer> {
    return this.#queries.trace(request);
  }

  /** Rejects with an EngineError, or with the signal's reason when it aborts. */
  ask<Q extends Question>(question: Q, options: AskOptions): Promise<AnswerTo<Q>> {
    return this.#queries.ask(question, options);
  }

  /** What receivers counted, by thread and receiver. */
  receiverStats(): Promise<readonly ReceiverSnapshot[]> {
    return this.#receiverStats.ask(this.#ingress);
  }

  /** Stops in order. Resolves when every answer is out and the log is closed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#compactor?.stop();
    const drained = new Promise<void>((resolve) => {
      let left = this.#ingress.length;
      this.#onDrained = () => {
        left -= 1;
        if (left === 0) resolve();
      };
    });
    for (const thread of this.#ingress) thread.post({ type: "drain" });
    await drained;
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    Atomics.store(this.#control, STOP, 1);
    wakeIngest(this.#control);
    wakeBlocks(this.#control);
    await stopped;
  }

  /** After stop(), when nobody waits for an answer any more. */
  end(): void {
    clearInterval(this.#watch);
    this.#queries.stop();
    this.#store?.end();
    this.#compactor?.end();
  }

  /** From here on /ready is 503, while requests are still served. */
  announceStop(): void {
    this.#stopping = true;
  }

  #startBlocks(): void {
    const { config, nodeId, logger, onFatal } = this.#options;
    startThread<BlockStart, never, BlockMessage>({
      name: "blocks",
      url: new URL("./block-worker.ts", import.meta.url),
      data: {
        ...this.#thread,
        localPath: config.localPath,
        nodeId,
      },
      logger,
      onMessage: (message) => this.#changed(message),
      mayEnd: () => this.#stopping,
      onEnd: () => onFatal("blocks"),
    });
  }

  #startIngest(): void {
    const { config, logger, onFatal, nodeId } = this.#options;
    const blocks = [...this.blocks, ...this.#options.blocks];
    const ends = blocks.flatMap(logEnds).filter((end) => end.node === nodeId);
    const covered = blocks
      .filter(({ wal }) => wal.node === nodeId)
      .map(({ wal, tenants }) => ({
        from: wal.from,
        to: wal.to,
        tenants: tenants.map(({ name }) => name),
      }));
    startThread<IngestStart, never, IngestMessage>({
      name: "ingest",
      url: new URL("./ingest-worker.ts", import.meta.url),
      data: {
        ...this.#thread,
        walPath: config.walPath,
        walBytesMax: config.walBytesMax,
        maxBlockDurationMs: config.maxBlockDurationMs,
        traceIdleMs: config.limits.traceIdleMs,
        covered,
        startAtLeast: ends.reduce((most, { to }) => Math.max(most, to), 0),
      },
      logger,
      onMessage: (message) => {
        if (message.type === "stopped") this.#onStopped();
        else logger.info("ready");
      },
      mayEnd: () => this.#stopping,
      onEnd: () => onFatal("ingest"),
    });
  }

  /** From here on; also of threads that start later. */
  setLimits(limits: TenantLimits): void {
    this.#limits = limits;
    this.#compactor?.setLimits(limits);
    this.#store?.setLimits(limits, this.#options.config);
    for (const thread of this.#ingress) thread.post({ type: "limits", limits });
  }

  #startIngress(ring: number): void {
    const { config, logger } = this.#options;
    this.#ingress[ring] = startThread<IngressStart, IngressRequest, IngressMessage>({
      name: "ingress",
      url: new URL("./ingress-worker.ts", import.meta.url),
      data: {
        ...this.#thread,
        ring,
        receivers: config.receivers,
        multitenancyEnabled: config.multitenancyEnabled,
        limits: this.#limits,
        logReceivedSpans: config.logReceivedSpans,
        logDiscardedSpans: config.logDiscardedSpans,
        rateTable: this.#rateTable,
        inFlightBytesMax: Math.floor(config.inFlightBytesMax / config.ingressThreads),
        bodyTimeoutMs: config.server.httpReadTimeoutMs,
        idleTimeoutSeconds: Math.ceil(config.server.httpIdleTimeoutMs / 1000),
      },
      logger,
      onMessage: (message) => {
        if (message.type === "listening") {
          this.#listening.add(ring);
          this.#options.onListening(message.receivers);
        } else if (message.type === "stats") this.#receiverStats.answered(message.receivers);
        else this.#onDrained();
      },
      mayEnd: () => this.#stopping,
      onEnd: () => {
        this.#listening.delete(ring);
        this.#count("ingress");
        setTimeout(() => this.#startIngress(ring), RESTART_AFTER_MS);
      },
    });
  }

  #changed({ added, version }: BlockMessage): void {
    this.publishedBlocks += added.length;
    this.#versions = { ...this.#versions, blocks: version };
    this.#tell({ added, removed: [], remotes: added.map(() => undefined) });
    this.#store?.cut(added);
  }

  /** There is no store thread, whose word this is. */
  #merged(added: readonly BlockMeta[], removed: readonly string[]): void {
    const version = Atomics.load(this.#control, STORE_VERSION) + 1;
    this.#versions = { ...this.#versions, store: version };
    this.#tell({ added, removed, remotes: added.map(() => undefined) });
    Atomics.store(this.#control, STORE_VERSION, version);
  }

  #moved({ added, remotes, removed, version }: StoreMoved): void {
    this.#versions = { ...this.#versions, store: version };
    this.#tell({ added, removed, remotes });
  }

  #tell(change: Omit<PoolChange, "versions">): void {
    for (const [i, meta] of change.added.entries()) {
      this.#blocks.set(meta.id, { meta, remote: change.remotes[i] });
    }
    for (const id of change.removed) this.#blocks.delete(id);
    this.#pool?.blocks({ ...change, versions: this.#versions });
  }

  #count(thread: string): void {
    this.restarts.set(thread, (this.restarts.get(thread) ?? 0) + 1);
  }
}
