/** Settings of blocks that are kept in a bucket, whichever kind it is. */
import type { BucketConfig, Config } from "./config.ts";
import {
  BLOCK_CACHE_BYTES_DEFAULT,
  BLOCK_CACHE_BYTES_MIN,
  BLOCK_LIST_POLL_MS_DEFAULT,
  BLOCK_LIST_POLL_MS_MIN,
  COMPACTED_RETENTION_MS_DEFAULT,
  FILTER_BYTES_DEFAULT,
  MEMORY_BUDGET_BYTES_MAX,
  UPLOAD_BACKLOG_BYTES_DEFAULT,
  UPLOAD_WAIT_MS_DEFAULT,
} from "./limits.ts";
import type { Setting } from "./table/key.ts";
import { bytesBetween, wholeMs } from "./value/bounded.ts";

function setting<T>(one: Omit<Setting<T>, "kind">): Setting<T> {
  return { kind: "setting", ...one };
}

export const blockListPoll = setting<number>({
  path: "storage.trace.blocklist_poll",
  value: wholeMs({ min: BLOCK_LIST_POLL_MS_MIN }),
  fallback: BLOCK_LIST_POLL_MS_DEFAULT,
  about: "How often a bucket is asked for blocks that other processes brought or removed.",
  read: (config: Config) => config.bucket.pollMs,
});

export const compactedRetention = setting<number>({
  path: "backend_scheduler.provider.compaction.compaction.compacted_block_retention",
  value: wholeMs({ min: 1 }),
  fallback: COMPACTED_RETENTION_MS_DEFAULT,
  about: "Blocks that were merged into others, and objects of a bucket, go this long afterwards.",
  read: (config: Config) => config.bucket.graceMs,
});

export const blockCacheBytesMax = setting<number>({
  path: "vivace.block_cache_bytes_max",
  value: bytesBetween(BLOCK_CACHE_BYTES_MIN, Number.MAX_SAFE_INTEGER),
  fallback: BLOCK_CACHE_BYTES_DEFAULT,
  about: "Files of a bucket's blocks on the local disk, below storage.trace.local.path.",
  read: (config: Config) => config.bucket.cacheBytesMax,
});

export const filterBytesMax = setting<number>({
  path: "vivace.bloom_filter_bytes_max",
  value: bytesBetween(0, MEMORY_BUDGET_BYTES_MAX),
  fallback: FILTER_BYTES_DEFAULT,
  about: "Bloom filters of a bucket's blocks in memory; beyond it filters are read from disk.",
  read: (config: Config) => config.bucket.filterBytesMax,
});

export const uploadBacklogBytesMax = setting<number>({
  path: "vivace.upload_backlog_bytes_max",
  value: bytesBetween(0, Number.MAX_SAFE_INTEGER),
  fallback: UPLOAD_BACKLOG_BYTES_DEFAULT,
  about: "Blocks that wait on the local disk for the bucket; above it requests are answered 503.",
  read: (config: Config) => config.bucket.backlogBytesMax,
});

export const uploadWait = setting<number>({
  path: "vivace.upload_wait",
  value: wholeMs(),
  fallback: UPLOAD_WAIT_MS_DEFAULT,
  about: "Small blocks wait so long at most to be joined before they go into a bucket.",
  read: (config: Config) => config.bucket.joinWaitMs,
});

export const bucketSettings = [
  ...[blockListPoll, compactedRetention],
  ...[blockCacheBytesMax, filterBytesMax, uploadBacklogBytesMax, uploadWait],
] as const;

/** What the configuration says of them. */
export function readBucket(at: <T>(setting: Setting<T>) => T): BucketConfig {
  return {
    pollMs: at(blockListPoll),
    graceMs: at(compactedRetention),
    cacheBytesMax: at(blockCacheBytesMax),
    filterBytesMax: at(filterBytesMax),
    backlogBytesMax: at(uploadBacklogBytesMax),
    joinWaitMs: at(uploadWait),
  };
}
