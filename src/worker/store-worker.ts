/**
 * The store thread: between this disk and the bucket.
 *
 *   local blocks ─▶ uploads ─▶ bucket ─▶ list, polled ─▶ readers
 *                                └────▶ ranges that readers miss ─▶ sparse files of the cache
 *
 * It is there only when blocks are kept in a bucket. A store that is away ends nothing: blocks wait
 * on this disk, and readers have what is in the cache.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { watchHeap } from "../base/heap-watch.ts";
import { InTurn } from "../base/in-turn.ts";
import { makeLogger } from "../base/log.ts";
import { prng } from "../base/prng.ts";
import { threadId } from "../base/thread-cpu.ts";
import { DATA_FILE, SIDECAR_FILE } from "../block/block-read.ts";
import { sharedBuffer } from "../kernel/kernel.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import {
  STAT_WAL_OLDEST,
  STORE_FULL,
  STORE_VERSION,
  THREAD_IDS,
  THREAD_STORE,
} from "../ring/control.ts";
import { BlockCache } from "../store/block-cache.ts";
import { BucketList } from "../store/bucket-list.ts";
import { mayForgetSince } from "../store/bucket-replace.ts";
import { nameOfStore, openStore } from "../store/open-store.ts";
import { RangeFetch } from "../store/range-fetch.ts";
import { DiskStore } from "../store/store-disk.ts";
import { probeStore } from "../store/store-probe.ts";
import { blockCachePath, mergePath } from "./block-cache-path.ts";
import { BlockFilters } from "./block-filters.ts";
import type { CompactJob, CompactResult } from "./compact-jobs.ts";
import { CompactionTally } from "./compactor-counts.ts";
import { StoreIndex } from "./index-segments.ts";
import { Patience } from "./patience.ts";
import { type PlacedBlocks, StoreBlocks } from "./store-blocks.ts";
import { StoreCleaning } from "./store-cleaning.ts";
import { StoreCompaction } from "./store-compaction.ts";
import { StoreJoins } from "./store-joins.ts";
import {
  type FetchAnswer,
  type FetchRequest,
  fillSlot,
  type StoreMessage,
  type StoreRequest,
  type StoreStart,
  type StoreState,
} from "./store-protocol.ts";
import { Uploads } from "./store-uploads.ts";
import { isInBucket, UploadedBlocks } from "./uploaded-blocks.ts";

/** So long a start waits for a store that is away. */
const START_WAIT_MS = 20_000;
const RETRY_FIRST_MS = 500;
const RETRY_MS_MAX = 15_000;
const STATE_EVERY_MS = 1000;
const SWEEP_EVERY_MS_MAX = 10 * 60_000;
/** Of the bound, until which what waits must shrink before requests are taken again. */
const PENDING_LOW = 0.9;
/** Blocks that wait for their upload come first when they are more. */
const PENDING_BLOCKS_MANY = 8;

const start = workerData as StoreStart;
const clock = systemClock;
const logger = makeLogger({ ...start.log, component: "store" });
const buffer = sharedBuffer(start.memory);
const control = new Int32Array(buffer, 0, 4096);
const stats = new Float64Array(buffer, 0, 1024);
Atomics.store(control, THREAD_IDS + THREAD_STORE, threadId());
const random = prng(crypto.getRandomValues(new Int32Array(1))[0]);

const store = await openStore(start.place, { clock, random });
const where = nameOfStore(start.place);
const local = new DiskStore(start.localPath);
mkdirSync(start.localPath, { recursive: true });
const cache = new BlockCache(blockCachePath(start.localPath), start.cacheBytesMax, clock);
const filters = new BlockFilters(start.filterBytesMax);
const list = new BucketList(store, logger);
const index = new StoreIndex({ store, filters, logger, clock });
const fetch = new RangeFetch(store, cache);
const blocks = new StoreBlocks({ list, cache, filters, index, fetch, logger });
const uploaded = new UploadedBlocks({
  localPath: start.localPath,
  nodeId: start.nodeId,
  keepMs: 2 * start.queryTimeoutMs,
  walOldest: () => stats[STAT_WAL_OLDEST],
  remove: (meta) => local.remove(meta),
});
const uploads = new Uploads({
  store,
  clock,
  random,
  logger,
  objectsMsMax: start.graceMs / 2,
  localOf: (meta) => {
    const folder = local.folderOf(meta);
    return { meta, dataPath: join(folder, DATA_FILE), sidecarPath: join(folder, SIDECAR_FILE) };
  },
  onPublished,
  onPending: () => pendingChanged(),
});
/** Polls and commits change the list, and what is told must follow the same order. */
const changes = new InTurn();
const tally = new CompactionTally();
let limits = start.compaction;
const mayForget = (id: string, atMs: number) =>
  mayForgetSince(atMs, { nowMs: clock.nowMs(), graceMs: start.graceMs }) && !list.hasMeta(id);
const compaction = new StoreCompaction({
  ...{ store, list, blocks, cache, clock, random, logger, tally, mayForget, changes, tell },
  ...{ nodeId: start.nodeId, cycleMs: start.cycleMs, graceMs: start.graceMs },
  folder: mergePath(start.localPath),
  bytesMax: start.cacheBytesMax,
  limits: () => limits,
  mayBegin: () =>
    Atomics.load(control, STORE_FULL) === 0 && uploads.pendingBlocks <= PENDING_BLOCKS_MANY,
  merge: askForMerge,
});
const merges = new Map<number, (result: CompactResult) => void>();
let lastMerge = 0;
const cleaning = new StoreCleaning({
  ...{ store, list, clock, logger, mayForget, graceMs: start.graceMs },
  retention: () => limits.retention,
  isUnderWay: (id) => uploads.has(id) || compaction.has(id),
});
const joins = new StoreJoins({
  state: () => ({
    nowMs: clock.nowMs(),
    windows: limits.merging,
    waitMs: start.joinWaitMs,
    mayMerge: ({ wal }) => wal.node !== start.nodeId || wal.to <= stats[STAT_WAL_OLDEST],
  }),
  join: (inputs) => post({ type: "join", inputs }),
  upload: (metas) => uploads.add(metas),
});
watchHeap();
let toldState: StoreState | undefined;
const state = { polls: 0, pollErrors: 0, pollSeconds: 0 };

uploaded.begin(start.blocks, clock.nowMs());
parentPort?.on("message", (message: StoreRequest) => {
  if (message.type === "cut") joins.add(message.added);
  else if (message.type === "joined") joined(message.inputs, message.outputs);
  else if (message.type === "limits") limits = message.compaction;
  else if (message.type === "merged") {
    merges.get(message.ticket)?.(message.result);
    merges.delete(message.ticket);
  } else addReader(message.port, message.slots);
});
setInterval(() => {
  cleanLocal();
  joins.tick();
  pendingChanged();
  tellState();
}, STATE_EVERY_MS);
await run();

async function run(): Promise<void> {
  const patience = new Patience({ firstMs: RETRY_FIRST_MS, mostMs: RETRY_MS_MAX, random });
  const untilMs = clock.nowMs() + START_WAIT_MS;
  let told = false;
  for (;;) {
    try {
      await probeStore(store, { where, logger });
      const placed = await blocks.open();
      begin(placed, told);
      break;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.code === "store_refused" && !told) {
        post({ type: "refused", reason: error.message });
        return;
      }
      const problem = error.message;
      if (patience.failures === 0) logger.error("store cannot be read, trying again", { problem });
      const waitMs = patience.failed();
      if (!told && clock.nowMs() + waitMs > untilMs) {
        told = true;
        const none = { blocks: [], remotes: [], hidden: [] };
        post({ type: "listed", ...none, problem });
        joins.add(start.blocks.filter(({ id }) => !uploaded.has(id)));
      }
      await Bun.sleep(waitMs);
    }
  }
  await Promise.all([keepUp(), compaction.run()]);
}

async function askForMerge(job: CompactJob): Promise<CompactResult> {
  const { promise, resolve } = Promise.withResolvers<CompactResult>();
  const ticket = ++lastMerge;
  merges.set(ticket, resolve);
  post({ type: "merge", ticket, job });
  return await promise;
}

/** The list is known. `told`: that it is not known was said before. */
function begin(placed: PlacedBlocks, told: boolean): void {
  const nowMs = clock.nowMs();
  for (const meta of start.blocks) {
    const isThere = isInBucket(meta, (id) => list.names(id));
    if (isThere && !uploaded.has(meta.id)) uploaded.add(meta, nowMs);
  }
  const hidden = uploaded.ids().filter((id) => !list.live.has(id));
  if (told) tell(placed, hidden);
  else {
    post({ type: "listed", ...placed, hidden, problem: undefined });
    joins.add(start.blocks.filter(({ id }) => !uploaded.has(id)));
  }
  logger.info("store is read", { store: where, blocks: placed.blocks.length });
}

/** Polls, and now and then cleans up; one after the other. */
async function keepUp(): Promise<void> {
  const patience = new Patience({ firstMs: RETRY_FIRST_MS, mostMs: start.pollEveryMs, random });
  const sweepEveryMs = Math.min(SWEEP_EVERY_MS_MAX, start.graceMs / 2);
  const tickMs = Math.min(sweepEveryMs, start.pollEveryMs);
  let sweptMs = clock.nowMs();
  let waitMs = tickMs * random.unit();
  for (;;) {
    await Bun.sleep(waitMs);
    try {
      const isSweep = clock.nowMs() - sweptMs >= sweepEveryMs;
      if (isSweep) await cleaning.retain();
      const polledMs = clock.nowMs();
      await changes.run(poll);
      if (isSweep) await cleaning.sweep(polledMs);
      await index.update(list.live);
      if (isSweep) sweptMs = clock.nowMs();
      if (patience.failures > 0) logger.info("store is read again");
      patience.succeeded();
      waitMs = tickMs * (0.9 + 0.2 * random.unit());
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      state.pollErrors++;
      if (patience.failures === 0) {
        logger.error("store cannot be read, trying again", { problem: error.message });
      }
      waitMs = patience.failed();
    }
  }
}

async function poll(): Promise<void> {
  const began = performance.now();
  const change = await blocks.poll();
  state.polls++;
  state.pollSeconds = (performance.now() - began) / 1000;
  if (change.blocks.length > 0 || change.removed.length > 0) tell(change, change.removed);
}

function onPublished(meta: BlockMeta, there: BlockMeta): void {
  uploaded.add(meta, clock.nowMs());
  // An upload whose answer did not arrive; others have merged it since.
  if (list.isReplaced(meta.id)) {
    tell({ blocks: [], remotes: [] }, [meta.id]);
    return;
  }
  tell(blocks.adopt(there, { folder: local.folderOf(meta), local: meta }), []);
}

/** Readers go over from the parts to the whole in one change. */
function joined(inputs: readonly BlockMeta[], outputs: readonly BlockMeta[]): void {
  if (outputs.length === 0) {
    joins.failed();
    return;
  }
  for (const meta of inputs) uploaded.add(meta, clock.nowMs());
  const ids = inputs.map(({ id }) => id);
  tell({ blocks: outputs, remotes: outputs.map(() => undefined) }, ids);
  logger.info("blocks joined", { inputs: inputs.length, outputs: outputs.length });
  joins.joined(outputs);
}

function pendingChanged(): void {
  const bytes = uploads.pendingBytes + joins.bytes;
  const isFull = Atomics.load(control, STORE_FULL) === 1;
  if (!isFull && bytes > start.pendingBytesMax) {
    Atomics.store(control, STORE_FULL, 1);
    logger.error("too much waits for the store, requests are refused", { bytes });
  } else if (isFull && bytes < start.pendingBytesMax * PENDING_LOW) {
    Atomics.store(control, STORE_FULL, 0);
    logger.info("requests are taken again");
  }
}

/** Readers hear of a change before the version moves. */
function tell(placed: PlacedBlocks, removed: readonly string[]): void {
  const version = Atomics.load(control, STORE_VERSION) + 1;
  post({ type: "moved", added: placed.blocks, remotes: placed.remotes, removed, version });
  Atomics.store(control, STORE_VERSION, version);
  for (const id of removed) setTimeout(() => blocks.forget(id), 2 * start.queryTimeoutMs);
}

function cleanLocal(): void {
  try {
    uploaded.clean(clock.nowMs());
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    logger.error("local block cannot be removed", { error: error.message });
  }
}

function addReader(port: MessagePort, slots: SharedArrayBuffer): void {
  port.on("message", (request: FetchRequest) => {
    void answer(request).then((message) => {
      fillSlot(slots, message);
      port.postMessage(message);
    });
  });
}

async function answer({ ticket, ranges }: FetchRequest): Promise<FetchAnswer> {
  try {
    await fetch.fetch(ranges);
    return { ticket, code: undefined };
  } catch (error) {
    if (error instanceof EngineError) return { ticket, code: error.code, message: error.message };
    if (!(error instanceof Error && "syscall" in error)) throw error;
    return { ticket, code: "disk_failed", message: `cache: ${error.message}` };
  }
}

/** What is new of it: nobody is woken for less. */
function tellState(): void {
  const now: StoreState = {
    ...state,
    blocks: list.live.size,
    pendingBlocks: uploads.pendingBlocks + joins.blocks,
    pendingBytes: uploads.pendingBytes + joins.bytes,
    cacheBytes: cache.bytes,
    filterBytes: filters.bytes,
    uploads: uploads.published,
    uploadErrors: uploads.errors,
    sweptObjects: cleaning.sweptObjects,
    compaction: {
      ...{ ...tally.counts, expired: cleaning.expiredBlocks },
      waiting: waitingBlocks(),
    },
    requests: store.requests(),
  };
  if (Bun.deepEquals(now, toldState)) return;
  toldState = now;
  post({ type: "state", state: now });
}

/** Replaced, and their objects are there. */
function waitingBlocks(): number {
  const sinceMs = clock.nowMs() - start.graceMs;
  const isThere = ({ atMs }: { readonly atMs: number }) => atMs > sinceMs;
  return list.records.reduce((sum, { record }) => sum + record.replaced.filter(isThere).length, 0);
}

function post(message: StoreMessage): void {
  parentPort?.postMessage(message);
}
