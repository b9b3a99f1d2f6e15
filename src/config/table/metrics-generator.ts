/**
 * `metrics_generator`: not built yet, and off in Tempo until processors or a remote write are
 * named. Only these two stop the start; what would tune a generator that is off is said once.
 */
import {
  byteSize,
  count,
  decimal,
  duration,
  flag,
  itemList,
  text,
  textList,
  textMap,
  toggle,
} from "../value/value.ts";
import { block, inertBlock, inertKeys, unbuiltKeys, type ValueTree } from "./key.ts";
import { ring } from "./ring.ts";
import { blockTree } from "./storage.ts";

const OFF = "no metrics are generated, as no processor and no remote write is named";
const REMOVED = "TraceQL metrics need no blocks of their own";

const serviceGraphs = {
  wait: duration,
  max_items: count,
  workers: count,
  histogram_buckets: itemList,
  dimensions: textList,
  enable_client_server_prefix: toggle,
  enable_messaging_system_latency_histogram: toggle,
  enable_virtual_node_label: toggle,
  enable_virtual_node_edges: toggle,
  peer_attributes: textList,
  database_name_attributes: textList,
  span_multiplier_key: text,
  enable_tracestate_span_multiplier: toggle,
  filter_policies: itemList,
  subprocessors: textMap,
} as const satisfies ValueTree;

const spanMetrics = {
  histogram_buckets: itemList,
  intrinsic_dimensions: {
    service: flag,
    span_name: flag,
    span_kind: flag,
    status_code: flag,
    status_message: flag,
  },
  dimensions: textList,
  dimension_mappings: itemList,
  enable_target_info: toggle,
  span_multiplier_key: text,
  enable_tracestate_span_multiplier: toggle,
  subprocessors: textMap,
  filter_policies: itemList,
  target_info_excluded_dimensions: textList,
  enable_instance_label: flag,
} as const satisfies ValueTree;

const localBlocks = {
  block: blockTree,
  search: textMap,
  flush_check_period: duration,
  trace_idle_period: duration,
  trace_live_period: duration,
  max_block_duration: duration,
  max_block_bytes: byteSize,
  concurrency: count,
  complete_block_timeout: duration,
  max_live_traces: count,
  max_live_traces_bytes: byteSize,
  filter_server_spans: flag,
  flush_to_storage: toggle,
  concurrent_blocks: count,
  time_overlap_cutoff: decimal,
  adjust_time_range_for_slack: flag,
} as const satisfies ValueTree;

const hostInfo = { host_identifiers: textList, metric_name: text } as const satisfies ValueTree;

const blocksFolder = {
  path: text,
  ingestion_time_range_slack: duration,
  version: text,
  v2_encoding: text,
  search_encoding: text,
} as const satisfies ValueTree;

export const processorTrees = {
  service_graphs: serviceGraphs,
  span_metrics: spanMetrics,
  host_info: hostInfo,
} as const satisfies ValueTree;

export const metricsGenerator = block({
  ring,
  processor: block({
    ...inertBlock(OFF, processorTrees).keys,
    local_blocks: inertBlock(REMOVED, localBlocks),
  }),
  registry: inertBlock(OFF, {
    collection_interval: duration,
    stale_duration: duration,
    external_labels: textMap,
    inject_tenant_id_as: text,
    max_label_name_length: count,
    max_label_value_length: count,
    disable_collection: toggle,
  }),
  storage: block({
    ...unbuiltKeys("remote write of generated metrics is", { remote_write: itemList }),
    ...inertKeys(OFF, {
      path: text,
      remote_write_flush_deadline: duration,
      remote_write_add_org_id_header: flag,
      remote_write_remove_org_id_header: flag,
    }),
    wal: inertBlock(OFF, {
      wal_segment_size: byteSize,
      wal_compression: text,
      stripe_size: count,
      truncate_frequency: duration,
      min_wal_time: count,
      max_wal_time: count,
      no_lockfile: toggle,
    }),
  }),
  traces_storage: inertBlock(REMOVED, blocksFolder),
  traces_query_storage: inertBlock(REMOVED, blocksFolder),
  ...inertKeys(OFF, {
    metrics_ingestion_time_range_slack: duration,
    query_timeout: duration,
    override_ring_key: text,
    codec: text,
    disable_local_blocks: flag,
    disable_grpc: flag,
    limiter_type: text,
    ingest_concurrency: count,
    instance_id: text,
    consume_from_kafka: toggle,
    ring_mode: text,
    leave_consumer_group_on_shutdown: toggle,
    skip_stale_backlog_on_startup: toggle,
  }),
});
