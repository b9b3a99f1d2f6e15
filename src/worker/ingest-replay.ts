/**
 * Fills the head again from the log when the process starts.
 *
 * Record by record through the same validate, room and decode as live requests, cutting halves as
 * they fill, so that a log of any size is replayed within the memory of the head. What published
 * blocks hold is skipped by position and tenant. A record that trapped the kernel twice is left
 * out (it lies in the quarantine folder, named in the log).
 *
 * Threads: ingest, before it takes requests.
 */

import {
  OK,
  RESULT_BAD_SPAN_ID,
  RESULT_BAD_TRACE_ID,
  RESULT_BAD_UTF8,
  RESULT_BYTES,
  RESULT_OVER_LIMIT,
} from "../../native/src/layout.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { WriteExports } from "../kernel/kernel.ts";
import {
  INGEST_SEQ,
  RESULT_SCRATCH,
  STAT_DAMAGED_BYTES,
  STAT_QUARANTINED,
  STAT_REPLAY_BYTES,
  STAT_REPLAY_BYTES_DONE,
  STAT_REPLAY_SECONDS,
  STAT_REPLAYED_RECORDS,
  STAT_TORN_BYTES,
  STAT_WAL_GAPS,
} from "../ring/control.ts";
import type { WalDisk } from "../wal/wal-file.ts";
import type { WalQuarantine } from "../wal/wal-quarantine.ts";
import type { WalRecord } from "../wal/wal-reader.ts";
import { WalReplay, type WalTail } from "../wal/wal-replay.ts";
import type { Halves } from "./ingest-halves.ts";
import type { CoveredRange } from "./worker-protocol.ts";

export interface IngestReplayOptions {
  readonly kernel: WriteExports;
  readonly buffer: SharedArrayBuffer;
  readonly halves: Halves;
  readonly disk: WalDisk;
  readonly quarantine: WalQuarantine;
  /** Address and size of the memory that records are read into: a ring, not yet in use. */
  readonly window: number;
  readonly windowBytes: number;
  readonly covered: readonly CoveredRange[];
  readonly logger: Logger;
}

/** Where the tenant's name is put for the kernel. */
const TENANT = RESULT_SCRATCH + 4 * RESULT_BYTES;
const WAIT_MS = 100;

export function replayLog(options: IngestReplayOptions): WalTail {
  const began = performance.now();
  const { buffer, window, windowBytes, logger } = options;
  const stats = new Float64Array(buffer, 0, 1024);
  const replay = new WalReplay({
    disk: options.disk,
    window: new Uint8Array(buffer, window, windowBytes),
    covered: coverage(options.covered),
    logger,
  });
  stats[STAT_REPLAY_BYTES] = replay.stats.bytes;
  for (let record = replay.next(); record; record = replay.next()) {
    if (options.quarantine.shouldSkip(record.position)) {
      stats[STAT_QUARANTINED] += 1;
      logger.error("record is in quarantine, left out", { position: record.position });
    } else replayRecord(options, record);
    stats[STAT_REPLAYED_RECORDS] += 1;
    stats[STAT_REPLAY_BYTES_DONE] = replay.stats.bytesDone;
    stats[STAT_DAMAGED_BYTES] = replay.stats.damagedBytes;
  }
  const tail = replay.finish();
  stats[STAT_REPLAY_BYTES_DONE] = replay.stats.bytes;
  stats[STAT_TORN_BYTES] = replay.stats.tornBytes;
  stats[STAT_DAMAGED_BYTES] = replay.stats.damagedBytes;
  stats[STAT_WAL_GAPS] = replay.stats.gaps;
  stats[STAT_REPLAY_SECONDS] = (performance.now() - began) / 1000;
  for (const { position, bytes } of replay.damages) {
    logger.error("damage in the log, skipped", { position, bytes });
  }
  const { records, coveredRecords, tornBytes } = replay.stats;
  logger.info("log replayed", { records, coveredRecords, tornBytes });
  return tail;
}

function replayRecord(options: IngestReplayOptions, record: WalRecord): void {
  const { kernel, buffer, halves, window } = options;
  const payload = window + record.payloadOffset;
  const length = record.payload.byteLength;
  new Uint8Array(buffer, TENANT, record.tenant.byteLength).set(record.tenant);
  try {
    const code = kernel.validate(payload, length, RESULT_SCRATCH);
    if (code !== OK) {
      options.logger.error("record of the log is malformed, left out", {
        position: record.position,
      });
      return;
    }
    makeRoom(options, length);
    const before = halves.rows;
    kernel.decode(payload, length, TENANT, record.tenant.byteLength, rejects(buffer));
    kernel.commit();
    if (halves.rows > before) halves.cover(record.position, record.end);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const traps = options.quarantine.noteTrap(record.position, record.record);
    options.logger.error("record of the log trapped the kernel", {
      position: record.position,
      traps,
    });
    throw error;
  }
}

function rejects(buffer: SharedArrayBuffer): number {
  const words = new Uint32Array(buffer, RESULT_SCRATCH, RESULT_BYTES / 4);
  const fields = [RESULT_BAD_TRACE_ID, RESULT_BAD_SPAN_ID, RESULT_BAD_UTF8, RESULT_OVER_LIMIT];
  return fields.some((field) => words[field >>> 2] > 0) ? 1 : 0;
}

function makeRoom(options: IngestReplayOptions, length: number): void {
  const { kernel, halves, buffer } = options;
  const control = new Int32Array(buffer, 0, 4096);
  waitFor(control, () => ready(halves));
  const fit = kernel.room(RESULT_SCRATCH, length);
  if (fit === 1) return;
  if (fit === 2) {
    const text = `a record of the log holds a request of ${length} bytes, too large for the head`;
    throw new EngineError("too_large", `${text}: raise vivace.memory_budget_bytes`);
  }
  halves.seal();
  waitFor(control, () => ready(halves));
}

function ready(halves: Halves): boolean {
  halves.settle();
  return halves.ready();
}

function waitFor(control: Int32Array, done: () => boolean): void {
  for (;;) {
    const seen = Atomics.load(control, INGEST_SEQ);
    if (done()) return;
    Atomics.wait(control, INGEST_SEQ, seen, WAIT_MS);
  }
}

/** Whether a published block holds the record at a position, for its tenant. */
function coverage(ranges: readonly CoveredRange[]) {
  const sorted = ranges
    .map(({ from, to, tenants }) => ({ from, to, tenants: new Set(tenants) }))
    .sort((a, b) => a.from - b.from);
  const reach: number[] = []; // furthest end of the ranges up to an index
  for (const { to } of sorted) reach.push(Math.max(to, reach.at(-1) ?? 0));
  const decoder = new TextDecoder();
  return (position: number, tenant: Uint8Array): boolean => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle].from <= position) low = middle + 1;
      else high = middle;
    }
    if (low === 0 || reach[low - 1] <= position) return false;
    const name = decoder.decode(tenant.slice());
    for (let i = low - 1; i >= 0 && reach[i] > position; i--) {
      if (sorted[i].to > position && sorted[i].tenants.has(name)) return true;
    }
    return false;
  };
}
