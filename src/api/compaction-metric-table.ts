/** Metrics of merges; with a bucket there are none of these series. */
import type { EngineMetric } from "./engine-metric-table.ts";
import type { CompactionCounts } from "./engine-snapshot.ts";

type Row = readonly [name: string, help: string, read: (of: CompactionCounts) => number];

const counters: readonly Row[] = [
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

const gauges: readonly Row[] = [
  [
    "vivace_compaction_waiting_blocks",
    "Blocks that nobody looks at any more and whose files are still there.",
    ({ waiting }) => waiting,
  ],
];

const plain =
  (type: EngineMetric["type"]) =>
  ([name, help, read]: Row): EngineMetric => ({
    name,
    help,
    type,
    labels: [],
    read: ({ compaction }) => (compaction === undefined ? [] : [[[], read(compaction)]]),
  });

export const compactionMetrics: readonly EngineMetric[] = [
  ...counters.map(plain("counter")),
  ...gauges.map(plain("gauge")),
];
