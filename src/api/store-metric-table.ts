/** Metrics of the bucket that blocks are kept in; 0 where there is none. */
import type { EngineMetric, Sample } from "./engine-metric-table.ts";
import type { StoreCounts, StoreRequestCounts } from "./engine-snapshot.ts";
import { type MetricRow, metricRows } from "./metric-rows.ts";

const counters: readonly MetricRow<StoreCounts>[] = [
  [
    "tempo_live_store_local_blocks_flushed_total",
    "Blocks brought into the bucket.",
    ({ uploads }) => uploads,
  ],
  [
    "vivace_store_upload_errors_total",
    "Uploads of blocks that failed; they are tried again.",
    ({ uploadErrors }) => uploadErrors,
  ],
  ["vivace_store_polls_total", "Polls of the list of blocks.", ({ polls }) => polls],
  [
    "tempodb_blocklist_poll_errors_total",
    "Polls of the list of blocks that failed.",
    ({ pollErrors }) => pollErrors,
  ],
  [
    "vivace_store_swept_objects_total",
    "Objects removed that nobody needed any more.",
    ({ sweptObjects }) => sweptObjects,
  ],
];

const gauges: readonly MetricRow<StoreCounts>[] = [
  ["vivace_store_pending_blocks", "Blocks that wait for the bucket.", (of) => of.pendingBlocks],
  ["vivace_store_pending_bytes", "Their bytes on the disk.", (of) => of.pendingBytes],
  ["vivace_store_cache_bytes", "Files of the bucket's blocks on this disk.", (of) => of.cacheBytes],
  ["vivace_store_filter_bytes", "Bloom filters of its blocks in memory.", (of) => of.filterBytes],
  ["vivace_store_poll_seconds", "Time that the last poll took.", (of) => of.pollSeconds],
];

const REQUESTS = "tempodb_backend_request_duration_seconds";

/** One histogram, as Tempo's dashboards ask for it; it is counted in another thread. */
const requests: readonly EngineMetric[] = [
  ofRequests("bucket", ["operation", "status_code", "le"], (labels, { buckets, bounds }) => {
    let count = 0;
    return buckets.map((more, i): Sample => {
      count += more;
      return [[...labels, i < bounds.length ? String(bounds[i]) : "+Inf"], count];
    });
  }),
  ofRequests("sum", ["operation", "status_code"], (labels, { seconds }) => [[labels, seconds]]),
  ofRequests("count", ["operation", "status_code"], (labels, { count }) => [[labels, count]]),
];

export const storeMetrics: readonly EngineMetric[] = [
  ...metricRows("counter", ({ store }) => store, counters),
  ...metricRows("gauge", ({ store }) => store, gauges),
  ...requests,
];

function ofRequests(
  suffix: string,
  labels: readonly string[],
  read: (labels: readonly string[], request: StoreRequestCounts) => readonly Sample[],
): EngineMetric {
  return {
    name: `${REQUESTS}_${suffix}`,
    help: "Requests to the store of blocks, by operation and status.",
    type: "counter",
    labels,
    read: ({ store }) =>
      (store?.requests ?? []).flatMap((one) => read([one.operation, one.status], one)),
  };
}
