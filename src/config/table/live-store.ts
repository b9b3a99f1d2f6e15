/**
 * `live_store` with its 2.x name `ingester`, and `block_builder`: from the newest spans to blocks.
 * Here the head does all three, bounded by the memory budget.
 */
import { traceIdle } from "../limit-settings.ts";
import { maxBlockDuration, walPath } from "../settings.ts";
import {
  byteSize,
  count,
  decimal,
  duration,
  durationOrOff,
  flag,
  text,
  textList,
  textMap,
  toggle,
} from "../value/value.ts";
import { alias, block, inertBlock, inertKeys, unbuiltKeys } from "./key.ts";
import { lifecycler, partitionRing, ring } from "./ring.ts";
import { blockFormat, blockTree } from "./storage.ts";

const AT_ONCE = "spans are visible at once; a trace is live until it is idle";
const BY_BUDGET = "the head is cut by vivace.memory_budget_bytes and live_store.max_block_duration";
const NO_FLUSH = "blocks go to their place as soon as they are cut, with nothing to complete";
const NO_LAG = "there is no log to lag behind; /ready waits for the replay";
const NO_BUILDER = "there is no separate block builder";

const shared = {
  max_block_duration: maxBlockDuration,
  ...inertKeys(BY_BUDGET, { max_block_bytes: byteSize }),
  ...inertKeys(NO_FLUSH, {
    complete_block_timeout: duration,
    complete_block_concurrency: count,
    concurrent_flushes: count,
    flush_check_period: duration,
    flush_op_timeout: duration,
    flush_object_storage: flag,
  }),
} as const;

const walKeys = {
  path: alias(walPath),
  ...inertKeys("the write-ahead log has one format and keeps the times of spans as sent", {
    ingestion_time_range_slack: duration,
    version: text,
    v2_encoding: text,
    search_encoding: text,
  }),
} as const;

export const liveStore = block({
  ...shared,
  max_trace_idle: traceIdle,
  ...inertKeys(AT_ONCE, { max_trace_live: duration }),
  ...inertKeys(BY_BUDGET, { max_live_traces_bytes: byteSize }),
  ...inertKeys("queries share a fixed set of threads", { query_block_concurrency: count }),
  ...inertKeys("there is no consumer offset to commit", { commit_interval: duration }),
  ...inertKeys(NO_LAG, {
    readiness_target_lag: durationOrOff,
    readiness_max_wait: duration,
    fail_on_high_lag: toggle,
  }),
  ...inertKeys("a single process is not scaled down by markers", {
    shutdown_marker_dir: text,
    remove_owner_on_shutdown: flag,
  }),
  ...inertKeys("a block goes once no query holds it", { block_reclaim_grace: duration }),
  wal: block(walKeys),
  ring,
  partition_ring: partitionRing,
  metrics: inertBlock("metrics queries see head and blocks alike", {
    time_overlap_cutoff: decimal,
  }),
  block_config: blockFormat,
});

export const ingester = block({
  ...shared,
  max_block_duration: alias(maxBlockDuration),
  trace_idle_period: alias(traceIdle),
  ...inertKeys(AT_ONCE, { trace_live_period: duration }),
  ...inertKeys("there is one process, which finds itself", { override_ring_key: text }),
  ...unbuiltKeys("a flush of everything at shutdown is", { flush_all_on_shutdown: toggle }),
  ...inertKeys("there is one way to search, by columns", { use_flatbuffer_search: toggle }),
  lifecycler,
  partition_ring: partitionRing,
});

export const blockBuilder = inertBlock(NO_BUILDER, {
  instance_id: text,
  assigned_partitions: textMap,
  partitions_per_instance: count,
  consume_cycle_duration: duration,
  max_consuming_bytes: byteSize,
  global_ingestion_slack: duration,
  block: { max_block_bytes: byteSize, ...blockTree },
  wal: {
    path: text,
    ingestion_time_range_slack: duration,
    version: text,
    v2_encoding: text,
    search_encoding: text,
  },
  metrics: { time_overlap_cutoff: decimal },
  topics: textList,
});
