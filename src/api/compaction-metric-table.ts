/** Metrics of merges and retention, on the local disk or in a bucket. */
import type { EngineMetric } from "./engine-metric-table.ts";
import type { CompactionCounts } from "./engine-snapshot.ts";
import { type MetricRow, metricRows } from "./metric-rows.ts";

const counters: readonly MetricRow<CompactionCounts>[] = [
  ["tempodb_compaction_blocks_total", "Blocks merged into others.", ({ inputs }) => inputs],
  [
    "tempodb_compaction_bytes_written_total",
    "Bytes of merged blocks.",
    ({ bytesWritten }) => bytesWritten,
  ],
  ["tempodb_compaction_objects_written_total", "Traces in merged blocks.", ({ traces }) => traces],
  ["vivace_compaction_spans_written_total", "Spans in merged blocks.", ({ spans }) => spans],
  [
    "vivace_compaction_doubles_total",
    "Spans left out of merged blocks because they had been sent before.",
    ({ doubles }) => doubles,
  ],
  ["tempodb_compaction_errors_total", "Merges that failed.", ({ failures }) => failures],
  ["vivace_compaction_seconds_total", "Time spent merging.", ({ seconds }) => seconds],
  [
    "tempodb_retention_deleted_total",
    "Blocks removed because their time to live is over.",
    ({ expired }) => expired,
  ],
  [
    "vivace_retention_spans_total",
    "Spans removed from blocks that go on because their time is over.",
    ({ expiredSpans }) => expiredSpans,
  ],
];

const gauges: readonly MetricRow<CompactionCounts>[] = [
  [
    "vivace_compaction_waiting_blocks",
    "Blocks that nobody looks at any more and whose files are still there.",
    ({ waiting }) => waiting,
  ],
];

export const compactionMetrics: readonly EngineMetric[] = [
  ...metricRows("counter", ({ compaction }) => compaction, counters),
  ...metricRows("gauge", ({ compaction }) => compaction, gauges),
];
