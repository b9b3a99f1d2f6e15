/** The whole file: Tempo's top-level blocks, and `vivace` for settings of our own. */
import {
  blockCacheBytesMax,
  filterBytesMax,
  uploadBacklogBytesMax,
  uploadWait,
} from "../bucket-settings.ts";
import { retentionRules } from "../compaction-settings.ts";
import {
  httpApiPrefix,
  inFlightBytesMax,
  ingressThreads,
  memoryBudget,
  multitenancyEnabled,
  shutdownDelay,
  streamOverHttp,
  target,
  walBytesMax,
} from "../settings.ts";
import { decimal, flag, toggle } from "../value/value.ts";
import { backendScheduler, backendWorker, compactor } from "./backend.ts";
import { cache } from "./cache.ts";
import { distributor, ingest } from "./distributor.ts";
import { alias, block, inert, inertBlock, inertKeys, unbuiltKeys } from "./key.ts";
import { blockBuilder, ingester, liveStore } from "./live-store.ts";
import { metricsGenerator } from "./metrics-generator.ts";
import { overrides } from "./overrides.ts";
import { querier, queryFrontend } from "./query.ts";
import { backoff, memberlist, moduleClient } from "./ring.ts";
import { internalServer, server } from "./server.ts";
import { storage } from "./storage.ts";

const NO_GO = "this is no Go program";
const NO_REPORT = "nothing is reported to anyone";

export const root = block({
  target,
  multitenancy_enabled: multitenancyEnabled,
  auth_enabled: alias(multitenancyEnabled),
  http_api_prefix: httpApiPrefix,
  shutdown_delay: shutdownDelay,
  stream_over_http_enabled: streamOverHttp,
  ...inertKeys(NO_GO, {
    enable_go_runtime_metrics: toggle,
    use_otel_tracer: toggle,
    span_profiling: toggle,
  }),
  memory: inertBlock(NO_GO, { automemlimit_enabled: toggle, automemlimit_ratio: decimal }),
  ...inertKeys("search needs no switch", { search_enabled: toggle }),
  ...unbuiltKeys("the metrics-generator is", { metrics_generator_enabled: toggle }),
  server,
  internal_server: internalServer,
  distributor,
  ingest,
  live_store: liveStore,
  ingester,
  block_builder: blockBuilder,
  backend_scheduler: backendScheduler,
  backend_worker: backendWorker,
  compactor,
  querier,
  query_frontend: queryFrontend,
  metrics_generator: metricsGenerator,
  storage,
  cache,
  overrides,
  memberlist,
  partition_ring_live_store: inert(flag, "there is no ring to choose"),
  ingester_client: moduleClient,
  live_store_client: moduleClient,
  metrics_generator_client: moduleClient,
  backend_scheduler_client: moduleClient,
  usage_report: block({
    ...inertKeys(NO_REPORT, { reporting_enabled: toggle }),
    backoff: inertBlock(NO_REPORT, backoff),
  }),
  vivace: block({
    memory_budget_bytes: memoryBudget,
    wal_bytes_max: walBytesMax,
    ingress_threads: ingressThreads,
    in_flight_bytes_max: inFlightBytesMax,
    block_cache_bytes_max: blockCacheBytesMax,
    bloom_filter_bytes_max: filterBytesMax,
    upload_backlog_bytes_max: uploadBacklogBytesMax,
    upload_wait: uploadWait,
    retention_rules: retentionRules,
  }),
});
