/**
 * Every metric that comes from the engine's snapshot. Where Tempo measures the same thing the name
 * and labels are Tempo's, so that its dashboards and alerts work; the rest is `vivace_`.
 */
import { compactionMetrics } from "./compaction-metric-table.ts";
import type { EngineSnapshot, TenantCounts } from "./engine-snapshot.ts";
import { type MetricRow, metricRows } from "./metric-rows.ts";
import { storeMetrics } from "./store-metric-table.ts";

export interface EngineMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels: readonly string[];
  read(snapshot: EngineSnapshot): Iterable<Sample>;
}

/** Label values in the order of the metric's labels. */
export type Sample = readonly [labels: readonly string[], value: number];

const counters: readonly MetricRow<EngineSnapshot>[] = [
  [
    "tempo_live_store_blocks_completed_total",
    "Blocks written and published.",
    ({ blocks }) => blocks.completed,
  ],
  [
    "tempo_live_store_failed_completions_total",
    "Blocks that could not be written or published; they are tried again.",
    ({ blocks }) => blocks.failed,
  ],
  [
    "vivace_wal_torn_bytes_total",
    "Bytes cut off the end of the log at start, behind its last whole record.",
    ({ wal }) => wal.tornBytes,
  ],
  [
    "vivace_wal_damaged_bytes_total",
    "Bytes skipped in the middle of the log because they do not check.",
    ({ wal }) => wal.damagedBytes,
  ],
  [
    "vivace_wal_quarantined_records_total",
    "Records set aside because they ended the process twice.",
    ({ wal }) => wal.quarantinedRecords,
  ],
  [
    "vivace_differing_spans_total",
    "Spans left out of answers: another of the same id, with other content, came before.",
    ({ differingSpans }) => differingSpans,
  ],
  [
    "vivace_damaged_answers_total",
    "Answers that lack a block, or failed, because it is damaged; the log names it.",
    ({ damagedAnswers }) => damagedAnswers,
  ],
];

const gauges: readonly MetricRow<EngineSnapshot>[] = [
  ["tempo_live_store_ready", "1 when requests are served.", ({ ready }) => Number(ready)],
  ["vivace_head_rows", "Spans in memory.", ({ head }) => head.rows],
  [
    "vivace_wal_bytes",
    "Bytes of the log that published blocks do not cover.",
    ({ wal }) => wal.bytes,
  ],
  [
    "vivace_disk_failing",
    "1 while requests are refused because the disk takes no writes.",
    ({ diskFailing }) => Number(diskFailing),
  ],
  ["vivace_replay_bytes", "Bytes of the log found at start.", ({ replay }) => replay.bytesTotal],
  [
    "vivace_replay_done_bytes",
    "Bytes of the log replayed since start.",
    ({ replay }) => replay.bytesDone,
  ],
  ["vivace_replay_seconds", "Time the replay has taken.", ({ replay }) => replay.seconds],
  ["vivace_block_rows", "Spans in published blocks.", ({ blocks }) => blocks.rows],
  ["vivace_block_bytes", "Bytes of published blocks.", ({ blocks }) => blocks.bytes],
  [
    "vivace_ring_bytes",
    "Request bytes taken and not yet acknowledged.",
    ({ ringBytes }) => ringBytes,
  ],
];

export const engineMetrics: readonly EngineMetric[] = [
  ...metricRows("counter", (snapshot) => snapshot, counters),
  ...metricRows("gauge", (snapshot) => snapshot, gauges),
  ...compactionMetrics,
  ...storeMetrics,
  {
    name: "tempo_receiver_accepted_spans",
    help: "Spans taken by a receiver.",
    type: "counter",
    labels: ["receiver", "transport"],
    read: ({ receivers }) =>
      receivers.map((it) => [[it.receiver, it.transport], it.acceptedSpans] as const),
  },
  {
    name: "tempo_receiver_refused_spans",
    help: "Spans refused by a receiver.",
    type: "counter",
    labels: ["receiver", "transport"],
    read: ({ receivers }) =>
      receivers.map((it) => [[it.receiver, it.transport], it.refusedSpans] as const),
  },
  byTenant("counter", "tempo_distributor_spans_received_total", {
    help: "Spans received.",
    read: (counts) => counts.spansReceived,
  }),
  byTenant("counter", "tempo_distributor_bytes_received_total", {
    help: "Bytes of spans received, decompressed.",
    read: (counts) => counts.bytesReceived,
  }),
  byTenant("gauge", "tempodb_blocklist_length", {
    help: "Published blocks.",
    read: (counts) => counts.blocks,
  }),
  {
    name: "tempo_discarded_spans_total",
    help:
      "Spans that were refused in the answer to the client; with the reason request_…, requests " +
      "that were refused before anyone knew how many spans they had.",
    type: "counter",
    labels: ["reason", "tenant"],
    *read({ tenants }) {
      for (const [tenant, { spansDiscarded }] of tenants) {
        for (const [reason, spans] of spansDiscarded) yield [[reason, tenant], spans];
      }
    },
  },
  {
    name: "tempo_distributor_attributes_truncated_total",
    help: "Keys and values of attributes that were cut, by what has the attribute.",
    type: "counter",
    labels: ["tenant", "scope"],
    *read({ tenants }) {
      for (const [tenant, { attributesCut }] of tenants) {
        for (const [scope, texts] of attributesCut) yield [[tenant, scope], texts];
      }
    },
  },
  {
    name: "tempo_live_store_blocks_cut_total",
    help: "Times the head was cut, by reason.",
    type: "counter",
    labels: ["reason"],
    read: ({ head }) => counted(head.cutsByReason),
  },
  {
    name: "vivace_workers_restarted_total",
    help: "Threads that ended and were started again.",
    type: "counter",
    labels: ["worker"],
    read: ({ workersRestarted }) => counted(workersRestarted),
  },
  {
    name: "vivace_thread_cpu_seconds_total",
    help: "CPU time by thread.",
    type: "counter",
    labels: ["thread"],
    read: ({ threadCpuSeconds }) => counted(threadCpuSeconds),
  },
  {
    name: "vivace_stage_seconds_total",
    help: "Wall time of the write path by stage: what ingest and the block thread were busy with.",
    type: "counter",
    labels: ["stage"],
    read: ({ stageSeconds }) => counted(stageSeconds),
  },
];

function byTenant(
  type: EngineMetric["type"],
  name: string,
  { help, read }: { help: string; read: (counts: TenantCounts) => number },
): EngineMetric {
  return {
    name,
    help,
    type,
    labels: ["tenant"],
    *read({ tenants }) {
      for (const [tenant, counts] of tenants) yield [[tenant], read(counts)];
    },
  };
}

function* counted(counts: ReadonlyMap<string, number>): Generator<Sample> {
  for (const [label, count] of counts) yield [[label], count];
}
