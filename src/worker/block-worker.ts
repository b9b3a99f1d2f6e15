/**
 * The block thread: sealed halves into published blocks.
 *
 * A loop that sleeps on its word of shared memory. A disk that refuses does not end it: the half
 * stays SEALED, ingest refuses requests when the other one is full, and the write is tried again.
 */
import { parentPort, workerData } from "node:worker_threads";
import { HALF_WAL_FROM } from "../../native/src/layout.ts";
import { systemClock } from "../base/clock.ts";
import { makeLogger } from "../base/log.ts";
import { threadId } from "../base/thread-cpu.ts";
import { writeCut } from "../block/block-write.ts";
import { instantiate, sharedBuffer } from "../kernel/kernel.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import {
  BLOCK_SEQ,
  BLOCKS_FAILING,
  BLOCKS_VERSION,
  HALF_PUBLISHED,
  HALF_SEALED,
  HALF_STATE,
  STAT_BLOCK_US,
  STAT_FAILED_CUTS,
  STOP,
  THREAD_BLOCKS,
  THREAD_IDS,
  wakeIngest,
} from "../ring/control.ts";
import { DiskStore } from "../store/store-disk.ts";
import type { BlockMessage, BlockStart } from "./worker-protocol.ts";

const RETRY_MS = 1000;
const SLEEP_MS = 1000;

const start = workerData as BlockStart;
const clock = systemClock;
const logger = makeLogger({ ...start.log, component: "blocks" });
const buffer = sharedBuffer(start.memory);
const control = new Int32Array(buffer, 0, 4096);
const stats = new Float64Array(buffer, 0, 1024);
Atomics.store(control, THREAD_IDS + THREAD_BLOCKS, threadId());
const view = new DataView(buffer);
const kernel = instantiate(start.module, start.memory);
const store = new DiskStore(start.localPath);

while (Atomics.load(control, STOP) === 0) {
  const seen = Atomics.load(control, BLOCK_SEQ);
  const half = oldestSealed();
  if (half >= 0) publish(half);
  else Atomics.wait(control, BLOCK_SEQ, seen, SLEEP_MS);
}
parentPort?.close();

/** Halves are published in the order of the log, so that it can be released in that order. */
function oldestSealed(): number {
  const sealed = [0, 1].filter((half) => Atomics.load(control, HALF_STATE + half) === HALF_SEALED);
  const from = (half: number) =>
    view.getFloat64(start.plan.halves[half].base + HALF_WAL_FROM, true);
  return sealed.length === 0 ? -1 : sealed.reduce((a, b) => (from(b) < from(a) ? b : a));
}

function publish(half: number): void {
  const began = performance.now();
  let blocks: readonly BlockMeta[];
  try {
    blocks = writeCut({
      buffer,
      kernel,
      half: start.plan.halves[half].base,
      scratch: start.plan.blockScratch,
      scratchEnd: start.plan.blockScratchEnd,
      store,
      nodeId: start.nodeId,
      clock,
    });
  } catch (error) {
    if (!isDiskError(error)) throw error;
    stats[STAT_FAILED_CUTS] += 1;
    if (Atomics.exchange(control, BLOCKS_FAILING, 1) === 0) {
      logger.error("blocks cannot be written, trying again", { error: error.message });
    }
    Atomics.wait(control, BLOCK_SEQ, Atomics.load(control, BLOCK_SEQ), RETRY_MS);
    return;
  }
  if (Atomics.exchange(control, BLOCKS_FAILING, 0) === 1) logger.info("blocks are written again");
  tell(blocks);
  // What a cut leaves behind lies outside the heap, so the collector would let it gather.
  Bun.gc(true);
  Atomics.store(control, HALF_STATE + half, HALF_PUBLISHED);
  wakeIngest(control);
  const ms = performance.now() - began;
  stats[STAT_BLOCK_US] += ms * 1000;
  const spans = blocks.reduce((sum, meta) => sum + meta.spans, 0);
  logger.info("blocks published", { blocks: blocks.length, spans, ms: Math.round(ms) });
}

/**
 * Readers hear of a change before it can matter: the message is on its way when the version moves,
 * and the half is freed only afterwards.
 */
function tell(added: readonly BlockMeta[]): void {
  const version = Atomics.load(control, BLOCKS_VERSION) + 1;
  const message: BlockMessage = { type: "changed", added, version };
  parentPort?.postMessage(message);
  Atomics.store(control, BLOCKS_VERSION, version);
}

/** What the operating system says, in contrast to bugs. */
function isDiskError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && "syscall" in error;
}
