/** `querier` and `query_frontend`. */
import {
  exemplarsMax,
  metricsRangeMax,
  metricsStepsMax,
  queryBytesMax,
  queryEndCutoff,
  queryTimeout,
  searchRangeMax,
  searchSpansDefault,
  searchSpansMax,
  searchTracesDefault,
  searchTracesMax,
  seriesMax,
  streamPacketBytesMax,
} from "../query-settings.ts";
import {
  byteSize,
  count,
  decimal,
  duration,
  durationOrOff,
  flag,
  offWhen,
  text,
  textList,
  toggle,
} from "../value/value.ts";
import { block, inertBlock, inertKeys, type Key, unbuiltBlock, unbuiltKeys } from "./key.ts";
import { grpcClient } from "./ring.ts";

const SAME_PROCESS = "queries run in the process that takes them, without a queue between";
const PLANNED = "a query is split by its own plan, into as many parts as there are threads";
const WHOLE = "head and blocks are always asked together, so that nothing lies between them";
const RING = "there is one store of recent spans and no ring to choose from";

const SLO = "service levels of queries are";

const slo = { duration_slo: durationOrOff, throughput_bytes_slo: offWhen(decimal, 0) } as const;

export const querier = block({
  search: block({
    query_timeout: queryTimeout,
    ...inertKeys("serverless search left Tempo, too", {
      prefer_self: count,
      external_endpoints: textList,
      external_backend: text,
      external_hedge_requests_at: durationOrOff,
      external_hedge_requests_up_to: count,
    }),
  }),
  trace_by_id: block({
    ...unbuiltKeys("a time limit for trace by id is", { query_timeout: duration }),
    external: block(
      unbuiltKeys("an external source of traces is", {
        endpoint: text,
        timeout: durationOrOff,
      }),
    ),
  }),
  metrics: block({
    ...inertKeys(PLANNED, { concurrent_blocks: count, time_overlap_cutoff: decimal }),
  }),
  partition_ring: inertBlock(RING, {
    minimize_requests: flag,
    hedging_delay: duration,
    preferred_zone: text,
  }),
  ...inertKeys("queries run in a fixed set of threads", { max_concurrent_queries: count }),
  frontend_worker: inertBlock(SAME_PROCESS, {
    frontend_address: text,
    dns_lookup_duration: duration,
    parallelism: count,
    match_max_concurrent: flag,
    id: text,
    grpc_client_config: grpcClient,
  }),
  ...inertKeys(RING, {
    shuffle_sharding_ingesters_enabled: toggle,
    shuffle_sharding_ingesters_lookback_period: duration,
    query_relevant_ingesters: toggle,
    query_live_store: flag,
    partition_ring_live_store: flag,
    extra_query_delay: durationOrOff,
    secondary_ingester_ring: text,
  }),
});

const search: Record<string, Key> = {
  ...inertKeys(PLANNED, {
    concurrent_jobs: count,
    target_bytes_per_job: byteSize,
    most_recent_shards: count,
    ingester_shards: count,
  }),
  ...inertKeys(WHOLE, { query_backend_after: duration, query_ingesters_until: duration }),
  default_result_limit: searchTracesDefault,
  max_result_limit: searchTracesMax,
  max_duration: searchRangeMax,
  default_spans_per_span_set: searchSpansDefault,
  max_spans_per_span_set: searchSpansMax,
  ...unbuiltKeys("a time limit for searches alone is", { timeout: durationOrOff }),
  ...unbuiltKeys(SLO, slo),
  metadata_slo: unbuiltBlock(SLO, slo),
};

const metrics: Record<string, Key> = {
  ...inertKeys(PLANNED, {
    concurrent_jobs: count,
    target_bytes_per_job: byteSize,
    interval: duration,
    streaming_shards: count,
  }),
  ...inertKeys(WHOLE, { query_backend_after: duration }),
  max_duration: metricsRangeMax,
  max_exemplars: exemplarsMax,
  max_response_series: seriesMax,
  max_intervals: metricsStepsMax,
  ...inertKeys("exemplars are given unless max_exemplars is 0", { exemplars: offWhen(flag, true) }),
  ...unbuiltKeys(SLO, slo),
};

export const queryFrontend = block({
  search: block(search),
  trace_by_id: block({
    ...inertKeys(PLANNED, {
      query_shards: count,
      blocks_per_shard: count,
      concurrent_shards: count,
      concurrent_jobs: count,
    }),
    ...unbuiltKeys(SLO, slo),
    ...unbuiltKeys("an external source of traces is", { external_enabled: toggle }),
    ...unbuiltKeys("pruning of spans is", {
      span_pruning_enabled: toggle,
      span_pruning_enabled_by_default: toggle,
    }),
  }),
  metrics: block(metrics),
  ...inertKeys(SAME_PROCESS, {
    max_outstanding_per_tenant: count,
    max_batch_size: count,
    max_retries: count,
    response_consumers: count,
    tolerate_failed_blocks: count,
    querier_forget_delay: durationOrOff,
    allowed_headers: textList,
    log_query_request_headers: text,
  }),
  weights: inertBlock(SAME_PROCESS, {
    request_with_weights: flag,
    retry_with_weights: flag,
    max_traceql_conditions: count,
    max_regex_conditions: count,
  }),
  ...unbuiltKeys("a time limit for queries is", { api_timeout: durationOrOff }),
  ...unbuiltKeys("a refusal of queries over several tenants is", {
    multi_tenant_queries_enabled: offWhen(flag, true),
  }),
  max_query_expression_size_bytes: queryBytesMax,
  query_end_cutoff: queryEndCutoff,
  ...unbuiltKeys("a list of denied URLs is", { url_deny_list: textList }),
  max_grpc_streaming_packet_size: streamPacketBytesMax,
  mcp_server: block(unbuiltKeys("the MCP server is", { enabled: toggle })),
  ...inertKeys("the language has one plan for each query, not Tempo's rewrites", {
    skip_ast_transformations: textList,
  }),
  ...inertKeys("every block here is complete: spans are written once", { rf1_after: text }),
});
