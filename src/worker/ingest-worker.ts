/**
 * The ingest thread: rings → log → head. A loop that never leaves its turn: it works while there
 * is work, and sleeps on a word of shared memory.
 *
 * It ends in two ways: told to stop, after the rings are empty; or by an exception, which ends the
 * process (main sees to that), for replay is the recovery.
 */

import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { DISK_FAILED, OK, OVERLOADED } from "../../native/src/layout.ts";
import { systemClock } from "../base/clock.ts";
import { HeapWatch } from "../base/heap-watch.ts";
import { makeLogger } from "../base/log.ts";
import { threadId } from "../base/thread-cpu.ts";
import { instantiate, sharedBuffer } from "../kernel/kernel.ts";
import {
  BLOCKS_FAILING,
  FLUSH_DONE,
  FLUSH_REQUESTED,
  HEAD_FULL,
  INGEST_SEQ,
  INGEST_SLEEPING,
  LOG_AT_BOUND,
  LOG_FAILED,
  LOG_FULL,
  LOG_GOOD,
  LOG_STATE,
  REPLAYED,
  STAT_APPEND_US,
  STAT_DECODE_US,
  STAT_GROUPS,
  STAT_REQUESTS,
  STAT_SPANS,
  STAT_SYNC_US,
  STAT_VALIDATE_US,
  STAT_WAL_BYTES,
  STAT_WAL_FAILURES,
  STAT_WAL_OLDEST,
  STAT_WAL_SEGMENTS,
  STAT_WAL_SYNCS,
  STOP,
  THREAD_IDS,
  THREAD_INGEST,
} from "../ring/control.ts";
import { RING_CONTROL_BYTES, Ring } from "../ring/ring.ts";
import { WalError } from "../wal/wal-error.ts";
import { walFolder } from "../wal/wal-file.ts";
import { RECORD_HEADER_BYTES, recordPosition } from "../wal/wal-format.ts";
import { WalQuarantine } from "../wal/wal-quarantine.ts";
import { WalWriter } from "../wal/wal-writer.ts";
import { probeDisk } from "./disk-probe.ts";
import { IngestGroup } from "./ingest-group.ts";
import { Halves } from "./ingest-halves.ts";
import { replayLog } from "./ingest-replay.ts";
import { RING_BYTES } from "./memory-plan.ts";
import { RequestLimits } from "./request-limits.ts";
import type { IngestMessage, IngestStart } from "./worker-protocol.ts";

/** Requests wait this long for a half, then they are refused: 503 with Retry-After. */
const HALF_WAIT_MS = 1000;
/** How long the loop sleeps at most: the grain of age cuts and of noticing free halves. */
const SLEEP_MS = 250;
const PROBE_EVERY_MS = 1000;

const start = workerData as IngestStart;
const clock = systemClock;
const logger = makeLogger({ ...start.log, component: "ingest" });
const buffer = sharedBuffer(start.memory);
const control = new Int32Array(buffer, 0, 4096);
const stats = new Float64Array(buffer, 0, 1024);
Atomics.store(control, THREAD_IDS + THREAD_INGEST, threadId());
const kernel = instantiate(start.module, start.memory);
kernel.initScratch(start.plan.scratch, start.plan.requestBytesMax);
const seed = crypto.getRandomValues(new Uint32Array(2));
kernel.setSeed(seed[0], seed[1]);

const rings = start.plan.rings.map(
  (base) =>
    new Ring({ buffer, base, capacity: RING_BYTES, recordHeaderBytes: RECORD_HEADER_BYTES }),
);
const halves = new Halves({ kernel, buffer, plan: start.plan, clock });
const limits = new RequestLimits({
  ...{ kernel, buffer, clock },
  idleMs: start.traceIdleMs,
  seed: seed[0],
});
const group = new IngestGroup({ kernel, buffer, rings, limits });
const disk = walFolder(join(start.walPath, "segments"));
const quarantine = new WalQuarantine(walFolder(join(start.walPath, "quarantine")));
const heap = new HeapWatch();

let released = 0;
let blockedSince = 0;
let probedMs = 0;
/** The flush that is under way. */
let flushing = 0;

const tail = replayLog({
  kernel,
  buffer,
  halves,
  disk,
  quarantine,
  window: start.plan.rings[0] + RING_CONTROL_BYTES,
  windowBytes: RING_BYTES,
  covered: start.covered,
  logger,
});
const { walBytesMax: bytesMax, startAtLeast } = start;
const log = new WalWriter({ disk, tail, clock, bytesMax, startAtLeast });
Atomics.store(control, REPLAYED, 1);
post({ type: "replayed" });

for (;;) {
  const seen = Atomics.load(control, INGEST_SEQ);
  const worked = takeGroup();
  keepHouse();
  // A released segment goes in steps of a millisecond: removing it at once would stall the loop.
  if (log.freeSome() || worked) continue;
  if (Atomics.load(control, STOP) === 1 && !rings.some((ring) => ring.pending)) break;
  sleep(seen);
}
log.close();
post({ type: "stopped" });
parentPort?.close();

/** False when there was nothing to do. */
function takeGroup(): boolean {
  if (!rings.some((ring) => ring.pending)) return false;
  if (!halves.ready()) return waitOrRefuse();
  const began = performance.now();
  group.collect(false);
  stats[STAT_VALIDATE_US] += (performance.now() - began) * 1000;
  if (group.length > 0) {
    storeGroup();
    blockedSince = 0;
    return true;
  }
  if (!group.needsHalf) return false;
  halves.seal();
  return halves.ready() || waitOrRefuse();
}

/** Both halves wait for the block thread: patience first, then a clear answer. */
function waitOrRefuse(): boolean {
  if (blockedSince === 0) blockedSince = clock.nowMs();
  if (clock.nowMs() - blockedSince < HALF_WAIT_MS) return false;
  // Those that come meanwhile are refused before they are read; see keepHouse().
  Atomics.store(control, HEAD_FULL, 1);
  group.collect(true);
  group.answer(OVERLOADED);
  return true;
}

function storeGroup(): void {
  stats[STAT_GROUPS] += 1;
  stats[STAT_REQUESTS] += group.length;
  const { records } = group;
  if (records.length === 0) {
    group.answer(OK);
    return;
  }
  const began = performance.now();
  try {
    const range = log.append(records);
    const appended = performance.now();
    log.sync();
    const synced = performance.now();
    setLogState(LOG_GOOD);
    halves.cover(range.from, range.to);
    stats[STAT_SPANS] += group.decode(trapped);
    stats[STAT_APPEND_US] += (appended - began) * 1000;
    stats[STAT_SYNC_US] += (synced - appended) * 1000;
    stats[STAT_DECODE_US] += (performance.now() - synced) * 1000;
    group.answer(OK);
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    const kinds = { bound: LOG_AT_BOUND, full: LOG_FULL, failed: LOG_FAILED } as const;
    if (Atomics.load(control, LOG_STATE) === LOG_GOOD) {
      logger.error("log cannot be written, requests are refused", { error: error.message });
    }
    setLogState(kinds[error.kind]);
    group.answer(error.kind === "bound" ? OVERLOADED : DISK_FAILED);
  }
}

function trapped(member: { record: number; recordBytes: number }, error: unknown): never {
  const record = new Uint8Array(buffer, member.record, member.recordBytes);
  const position = recordPosition(record);
  const traps = quarantine.noteTrap(position, record);
  logger.error("request trapped the kernel, the process ends", { position, traps });
  throw error;
}

function setLogState(state: number): void {
  if (Atomics.exchange(control, LOG_STATE, state) !== state && state === LOG_GOOD) {
    logger.info("log can be written again");
  }
}

function keepHouse(): void {
  const through = halves.settle();
  if (through > released) {
    released = through;
    log.releaseThrough(through);
    heap.look();
  }
  if (halves.ready()) {
    Atomics.store(control, HEAD_FULL, 0);
    Atomics.notify(control, HEAD_FULL);
    if (halves.ageMs > start.maxBlockDurationMs) halves.seal();
  }
  if (Atomics.load(control, LOG_STATE) !== LOG_GOOD) probe();
  if (Atomics.load(control, BLOCKS_FAILING) === 1) log.dropSpares();
  stats[STAT_WAL_BYTES] = log.liveBytes;
  stats[STAT_WAL_SEGMENTS] = log.segments;
  stats[STAT_WAL_OLDEST] = log.oldest;
  stats[STAT_WAL_SYNCS] = log.stats.syncs;
  stats[STAT_WAL_FAILURES] = log.stats.failures;
  flushIfAsked(); // last: who waits for it reads the numbers above
}

/** A flush is done when everything that was in the head when it was asked for is published. */
function flushIfAsked(): void {
  const asked = Atomics.load(control, FLUSH_REQUESTED);
  if (asked === Atomics.load(control, FLUSH_DONE)) return;
  if (flushing !== asked) {
    flushing = asked;
    halves.seal();
  }
  if (halves.publishing) return;
  Atomics.store(control, FLUSH_DONE, asked);
  Atomics.notify(control, FLUSH_DONE);
}

/** Nobody may be sending while `/ready` is 503, so the log finds out by itself that it works. */
function probe(): void {
  if (clock.nowMs() - probedMs < PROBE_EVERY_MS) return;
  probedMs = clock.nowMs();
  const state = Atomics.load(control, LOG_STATE);
  const good = state === LOG_AT_BOUND ? log.liveBytes < start.walBytesMax / 2 : false;
  if (good || (state !== LOG_AT_BOUND && probeDisk(start.walPath))) setLogState(LOG_GOOD);
}

function sleep(seen: number): void {
  Atomics.store(control, INGEST_SLEEPING, 1);
  Atomics.wait(control, INGEST_SEQ, seen, SLEEP_MS);
  Atomics.store(control, INGEST_SLEEPING, 0);
}

function post(message: IngestMessage): void {
  parentPort?.postMessage(message);
}
