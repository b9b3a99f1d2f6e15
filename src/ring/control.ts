/**
 * The control words at the start of the shared memory: how threads tell each other things without
 * messages. One page; every word has one writer unless it says otherwise.
 *
 * Wake-ups: whoever has news for a thread bumps that thread's SEQ word and notifies it; the thread
 * reads SEQ before it looks for work, and sleeps only while SEQ is as it was.
 */
export const CONTROL_BYTES = 65536;

// ---- i32 words (index). Words that different threads write lie on cache lines of their own.
/** Work for ingest: requests, a flush, a stop, a published half. Bumped by everyone. */
export const INGEST_SEQ = 0;
/** 1 while ingest sleeps, so that producers notify only then. */
export const INGEST_SLEEPING = 16;
/** Work for the block thread: a sealed half. Bumped by ingest and main. */
export const BLOCK_SEQ = 32;
/** Bumped by the block thread after blocks were published or removed. */
export const BLOCKS_VERSION = 48;
/** Number of the last flush that was asked for (main) and that was done (ingest). */
export const FLUSH_REQUESTED = 64;
export const FLUSH_DONE = 80;
/** 1: rings will get nothing more; ingest empties them and ends (main). */
export const STOP = 96;
/** LOG_* (ingest). */
export const LOG_STATE = 112;
/** 1 after replay (ingest). */
export const REPLAYED = 113;
/** 1 while there is no half to fill and requests have waited in vain for one (ingest). */
export const HEAD_FULL = 114;
/** 1 while blocks cannot be written (block thread). */
export const BLOCKS_FAILING = 128;
/** HALF_FREE … of half 0; half 1 in the next word (ingest, block thread). */
export const HALF_STATE = 144;
/** How often a half was begun anew, by half (ingest). */
export const HALF_EPOCH = 146;
/** Bumped by the store thread after blocks moved to the bucket, came, or went. */
export const STORE_VERSION = 160;
/** 1 while local blocks that wait for the bucket are at their bound (store thread). */
export const STORE_FULL = 161;
/** Pins: word PINS + reader × 2 + half is 1 while that reader reads that half (reader). */
export const PINS = 256;
export const READERS_MAX = 16;

/** The system's numbers of the threads, for their CPU time: + THREAD_* (each thread its own). */
export const THREAD_IDS = 512;
export const THREAD_INGEST = 0;
export const THREAD_BLOCKS = 1;
/** + reader. */
export const THREAD_QUERY = 2;
/** + ring. */
export const THREAD_INGRESS = 2 + READERS_MAX;
export const THREAD_STORE = 128;

export const HALF_FREE = 0;
export const HALF_FILLING = 1;
export const HALF_SEALED = 2;
/** Its blocks are published; readers that pinned it may still read it. */
export const HALF_PUBLISHED = 3;
/** Being made empty: nobody may pin it. */
export const HALF_RESETTING = 4;

export const LOG_GOOD = 0;
export const LOG_FULL = 1;
export const LOG_FAILED = 2;
export const LOG_AT_BOUND = 3;

// ---- f64 words (index into a Float64Array over the same page)
/** Until when a reader may hold its pins, Unix ms: + reader. */
export const PIN_DEADLINES = 384; // bytes 3072..3199, behind the words of THREAD_IDS
export const STATS = 512; // bytes 4096...
export const STAT_HEAD_ROWS = STATS;
export const STAT_WAL_BYTES = STATS + 1;
export const STAT_WAL_SEGMENTS = STATS + 2;
export const STAT_WAL_SYNCS = STATS + 3;
export const STAT_WAL_FAILURES = STATS + 4;
export const STAT_REPLAY_BYTES = STATS + 5;
export const STAT_REPLAY_BYTES_DONE = STATS + 6;
export const STAT_REPLAYED_RECORDS = STATS + 7;
export const STAT_TORN_BYTES = STATS + 8;
export const STAT_DAMAGED_BYTES = STATS + 9;
export const STAT_QUARANTINED = STATS + 10;
export const STAT_CUTS = STATS + 11;
export const STAT_SPANS = STATS + 12;
export const STAT_REQUESTS = STATS + 13;
/** Microseconds of wall time spent by ingest, by stage: validate, log, sync, decode. */
export const STAT_VALIDATE_US = STATS + 14;
export const STAT_APPEND_US = STATS + 15;
export const STAT_SYNC_US = STATS + 16;
export const STAT_DECODE_US = STATS + 17;
export const STAT_GROUPS = STATS + 18;
export const STAT_BLOCK_US = STATS + 19;
export const STAT_WAL_GAPS = STATS + 20;
export const STAT_REPLAY_SECONDS = STATS + 21;
export const STAT_FAILED_CUTS = STATS + 22;
/** Where in the log the oldest of its files begins. */
export const STAT_WAL_OLDEST = STATS + 23;
export const STATS_END = STATS + 32;

/** Where ingest keeps the kernel's results, bytes. */
export const RESULT_SCRATCH = 16384;

/** Tells ingest that there is work. */
export function wakeIngest(control: Int32Array): void {
  Atomics.add(control, INGEST_SEQ, 1);
  if (Atomics.load(control, INGEST_SLEEPING) === 1) Atomics.notify(control, INGEST_SEQ);
}

/** Tells the block thread that there is work. */
export function wakeBlocks(control: Int32Array): void {
  Atomics.add(control, BLOCK_SEQ, 1);
  Atomics.notify(control, BLOCK_SEQ);
}
