/**
 * `overrides`: limits, in Tempo 3's shape (scoped, below `defaults`) and in that of 2.x (flat).
 * Those that are not enforced yet stop the start when they are set; a zero that means "no limit"
 * does not. The rates have no such zero: at rate 0 everything is refused, as in Tempo.
 */
import {
  attributeBytes,
  attributeKeys,
  globalLiveTraces,
  ingestionBurst,
  ingestionRate,
  liveTraces,
  tenantCompactionDisabled,
  tenantCompactionWindow,
  tenantFile,
  tenantFilePeriod,
  tenantRetention,
  traceBytes,
} from "../limit-settings.ts";
import { tagValuesBytesMax } from "../query-settings.ts";
import {
  byteSize,
  count,
  decimal,
  duration,
  durationOrOff,
  flag,
  itemList,
  longDuration,
  offWhen,
  text,
  textList,
  textMap,
  toggle,
} from "../value/value.ts";
import {
  alias,
  block,
  inertBlock,
  inertKeys,
  type Key,
  unbuiltKeys,
  type Values,
  type ValueTree,
} from "./key.ts";
import { processorTrees } from "./metrics-generator.ts";
import { backendTrees } from "./storage.ts";

const noLimit = offWhen(count, 0);
const noSize = offWhen(byteSize, 0);
const noPeriod = offWhen(longDuration, 0);

const GENERATOR_OFF = "no metrics are generated, as no processor is named";
const COLUMNS = "every attribute has a column of its own";
const NO_SHARDS = "there is one process, over which no tenant is spread";

const ingestion: Record<string, Key> = {
  ...inertKeys("there is one process, whose rate is the same locally and globally", {
    rate_strategy: offWhen(text, "local"),
  }),
  ...inertKeys(NO_SHARDS, { tenant_shard_size: offWhen(count, 0) }),
  ...unbuiltKeys("artificial delay is", { artificial_delay: durationOrOff }),
  // Refusals always say when to try again; what is missing is the switch that turns this off.
  ...unbuiltKeys("refusals without a time to retry are", {
    retry_info_enabled: offWhen(flag, true),
  }),
};

const read: Record<string, Key> = {
  max_bytes_per_tag_values_query: tagValuesBytesMax,
  ...unbuiltKeys("limits on tag queries are", {
    max_blocks_per_tag_values_query: noLimit,
    max_condition_groups_per_tag_query: noLimit,
  }),
  ...unbuiltKeys("limits of a tenant on the time range of queries are", {
    max_search_duration: noPeriod,
    max_metrics_duration: noPeriod,
  }),
  ...unbuiltKeys("query hints are", { unsafe_query_hints: toggle }),
  ...unbuiltKeys("padding of trace ids in search answers is", { left_pad_trace_ids: toggle }),
  ...inertKeys("a query fetches what it needs, by its own plan", {
    metrics_spanonly_fetch: toggle,
    engine_bytes_tracking: toggle,
  }),
  ...unbuiltKeys("pruning of spans is", {
    span_pruning_enabled: toggle,
    span_pruning_awareness: toggle,
  }),
};

const generatorValues: Values = {
  ring_size: offWhen(count, 0),
  max_active_series: noLimit,
  max_active_entities: noLimit,
  collection_interval: durationOrOff,
  disable_collection: toggle,
  generate_native_histograms: text,
  native_histogram_bucket_factor: decimal,
  native_histogram_max_bucket_number: count,
  native_histogram_min_reset_duration: duration,
  trace_id_label_name: text,
  remote_write_headers: textMap,
  ingestion_time_range_slack: durationOrOff,
  max_cardinality_per_label: noLimit,
  span_name_sanitization: text,
};

const generator = block({
  ...unbuiltKeys("metrics-generator processors are", { processors: textList }),
  ...inertKeys(GENERATOR_OFF, generatorValues),
  forwarder: inertBlock(GENERATOR_OFF, { queue_size: count, workers: count }),
  processor: block({
    ...inertBlock(GENERATOR_OFF, processorTrees).keys,
    local_blocks: inertBlock("TraceQL metrics need no blocks of their own", {
      max_live_traces: count,
      max_block_duration: duration,
      max_block_bytes: byteSize,
      flush_check_period: duration,
      trace_idle_period: duration,
      complete_block_timeout: duration,
      concurrent_blocks: count,
      filter_server_spans: flag,
    }),
  }),
});

const defaults = block({
  ingestion: block({
    rate_limit_bytes: ingestionRate,
    burst_size_bytes: ingestionBurst,
    max_attribute_bytes: attributeBytes,
    max_attribute_keys: attributeKeys,
    max_traces_per_user: liveTraces,
    max_global_traces_per_user: globalLiveTraces,
    ...ingestion,
  }),
  read: block(read),
  compaction: block({
    block_retention: tenantRetention,
    compaction_window: tenantCompactionWindow,
    compaction_disabled: tenantCompactionDisabled,
  }),
  metrics_generator: generator,
  ...unbuiltKeys("forwarders are", { forwarders: textList }),
  global: block({ max_bytes_per_trace: traceBytes }),
  storage: block(inertKeys(COLUMNS, { parquet_dedicated_columns: itemList })),
  cost_attribution: block(
    unbuiltKeys("cost attribution is", { max_cardinality: noLimit, dimensions: textMap }),
  ),
});

/** The same limits as 2.x named them, directly below `overrides`. */
const legacy: Record<string, Key> = {
  ...prefixed("ingestion_", ingestion),
  ingestion_rate_limit_bytes: alias(ingestionRate),
  ingestion_burst_size_bytes: alias(ingestionBurst),
  ingestion_max_attribute_bytes: alias(attributeBytes),
  ingestion_max_attribute_keys: alias(attributeKeys),
  max_traces_per_user: alias(liveTraces),
  max_global_traces_per_user: alias(globalLiveTraces),
  max_bytes_per_trace: alias(traceBytes),
  ...inertKeys("there is no search data beside the columns", {
    max_search_bytes_per_trace: noSize,
  }),
  ...read,
  max_bytes_per_tag_values_query: alias(tagValuesBytesMax),
  block_retention: alias(tenantRetention),
  compaction_window: alias(tenantCompactionWindow),
  compaction_disabled: alias(tenantCompactionDisabled),
  ...unbuiltKeys("forwarders are", { forwarders: textList }),
  ...inertKeys(COLUMNS, { parquet_dedicated_columns: itemList }),
  ...unbuiltKeys("cost attribution is", { cost_attribution: textMap }),
  ...unbuiltKeys("metrics-generator processors are", { metrics_generator_processors: textList }),
  ...prefixed("metrics_generator_", inertKeys(GENERATOR_OFF, generatorValues)),
  ...prefixed(
    "metrics_generator_",
    inertKeys(GENERATOR_OFF, { forwarder_queue_size: count, forwarder_workers: count }),
  ),
  ...prefixed("metrics_generator_processor_", legacyProcessors()),
};

/** What stands below a tenant's name in the file of single tenants, in either shape. */
export const tenantLimits = block({ ...defaults.keys, ...legacy });

const NO_API = "user-configurable overrides are not enabled";

export const overrides = block({
  defaults,
  ...legacy,
  ...inertKeys("both shapes of the overrides are always read", {
    enable_legacy_overrides: toggle,
  }),
  per_tenant_override_config: tenantFile,
  per_tenant_override_period: tenantFilePeriod,
  user_configurable_overrides: block({
    ...unbuiltKeys("user-configurable overrides are", { enabled: toggle }),
    ...inertKeys(NO_API, { poll_interval: duration }),
    client: inertBlock(NO_API, {
      backend: text,
      confirm_versioning: flag,
      local: { path: text },
      ...backendTrees,
    }),
    api: inertBlock(NO_API, { check_for_conflicting_runtime_overrides: toggle }),
  }),
});

function prefixed(prefix: string, keys: Readonly<Record<string, Key>>): Record<string, Key> {
  return Object.fromEntries(Object.entries(keys).map(([name, key]) => [prefix + name, key]));
}

/** Flat names glue the processor's name before the key: `…_service_graphs_dimensions`. */
function legacyProcessors(): Record<string, Key> {
  const trees: Readonly<Record<string, ValueTree>> = processorTrees;
  return Object.assign(
    {},
    ...Object.entries(trees).map(([name, tree]) =>
      prefixed(`${name}_`, inertBlock(GENERATOR_OFF, tree).keys),
    ),
  );
}
