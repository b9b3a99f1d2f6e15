/**
 * `backend_scheduler`, `backend_worker` and their 2.x name `compactor`: what becomes of old blocks.
 */
import { compactedRetention } from "../bucket-settings.ts";
import {
  compactionBytesMax,
  compactionCycle,
  compactionDisabled,
  compactionTracesMax,
  compactionWindow,
} from "../compaction-settings.ts";
import { blockRetention } from "../settings.ts";
import { byteSize, count, duration, flag, offWhen, text } from "../value/value.ts";
import {
  type AnySetting,
  alias,
  block,
  inertBlock,
  inertKeys,
  type Key,
  unbuiltKeys,
} from "./key.ts";
import { backoff, ring } from "./ring.ts";

const ONE_PROCESS = "the process works through its own blocks, without a scheduler between";

const settings = {
  block_retention: blockRetention,
  compacted_block_retention: compactedRetention,
  compaction_window: compactionWindow,
  max_compaction_objects: compactionTracesMax,
  max_block_bytes: compactionBytesMax,
  compaction_cycle: compactionCycle,
} as const;

function compaction(keyOf: (setting: AnySetting) => Key) {
  const own = Object.entries(settings).map(([name, setting]) => [name, keyOf(setting)] as const);
  return block({
    ...Object.fromEntries(own),
    ...inertKeys("merges of all tenants are planned together", { max_time_per_tenant: duration }),
    ...inertKeys("one thread removes old blocks", { retention_concurrency: count }),
    ...inertKeys("the v2 block format is Tempo's own past", {
      v2_in_buffer_bytes: byteSize,
      v2_out_buffer_bytes: byteSize,
      v2_prefetch_traces_count: count,
      iterator_buffer_size: count,
      chunk_size_bytes: byteSize,
      flush_size_bytes: byteSize,
    }),
  });
}

const work = {
  prune_age: duration,
  dead_job_timeout: duration,
  shards: count,
} as const;

export const backendScheduler = block({
  provider: block({
    retention: block(
      unbuiltKeys("an interval of one's own for retention is", {
        interval: duration,
      }),
    ),
    compaction: block({
      compaction: compaction((setting) => setting),
      ...inertKeys("which blocks are merged follows from their spans", {
        measure_interval: duration,
        max_jobs_per_tenant: count,
        min_input_blocks: count,
        max_input_blocks: count,
        max_compaction_level: offWhen(count, 0),
        min_cycle_interval: duration,
        backoff: offWhen(text),
      }),
    }),
    redaction: block(
      unbuiltKeys("redaction is", {
        interval: duration,
        poll_interval: duration,
        max_jobs_per_tenant: count,
        enabled: offWhen(flag, false),
        rescan_delay: duration,
        max_rescan_generations: count,
      }),
    ),
  }),
  work: inertBlock(ONE_PROCESS, work),
  ...inertKeys(ONE_PROCESS, {
    maintenance_interval: duration,
    backend_flush_interval: duration,
    tenant_measurement_interval: duration,
    job_timeout: duration,
    local_work_path: text,
  }),
});

export const backendWorker = block({
  compaction: compaction(alias),
  backoff: inertBlock(ONE_PROCESS, backoff),
  ring,
  ...inertKeys(ONE_PROCESS, {
    backend_scheduler_addr: text,
    override_ring_key: text,
    finish_on_shutdown_timeout: duration,
  }),
});

export const compactor = block({
  compaction: compaction(alias),
  ring,
  ...inertKeys(ONE_PROCESS, { override_ring_key: text }),
  disabled: compactionDisabled,
});
