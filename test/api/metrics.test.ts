import { describe, expect, test } from "vitest";
import type { EngineSnapshot, TenantCounts } from "../../src/api/engine-snapshot.ts";
import { EngineMetrics, OTHER_TENANTS, TENANT_LABELS_MAX } from "../../src/api/metrics.ts";

const counts = (spansReceived: number): TenantCounts => ({
  spansReceived,
  bytesReceived: 10 * spansReceived,
  spansDiscarded: new Map([["invalid_trace_id", 1]]),
  attributesCut: new Map([["span", 3]]),
  blocks: 2,
});

const snapshot: EngineSnapshot = {
  tenants: new Map([["shop", counts(7)]]),
  receivers: [{ receiver: "otlp", transport: "http", acceptedSpans: 6, refusedSpans: 1 }],
  head: { rows: 100, cutsByReason: new Map([["age", 3]]) },
  differingSpans: 3,
  damagedAnswers: 2,
  wal: { bytes: 4096, tornBytes: 17, damagedBytes: 18, quarantinedRecords: 1 },
  replay: { bytesTotal: 1000, bytesDone: 900, seconds: 1.5 },
  blocks: { rows: 5000, bytes: 150_000, completed: 4, failed: 1 },
  compaction: {
    ...{ failures: 1, inputs: 6, spans: 4000, traces: 300, bytesWritten: 120_000, doubles: 3 },
    ...{ seconds: 1.5, expired: 2, expiredSpans: 4, waiting: 1 },
  },
  store: {
    ...{ pendingBlocks: 5, pendingBytes: 500, cacheBytes: 600, filterBytes: 700, uploads: 8 },
    ...{ uploadErrors: 9, polls: 11, pollErrors: 10, pollSeconds: 0.25, sweptObjects: 12 },
    requests: [
      {
        ...{ operation: "GET", status: "206", seconds: 2.5, count: 6 },
        ...{ bounds: [0.1, 1], buckets: [3, 2, 1] },
      },
    ],
  },
  ringBytes: 333,
  workersRestarted: new Map([["ingress", 1]]),
  threadCpuSeconds: new Map([["ingest", 1.5]]),
  stageSeconds: new Map([["decode", 0.5]]),
  diskFailing: true,
  ready: false,
};

function metricsOf(read: () => EngineSnapshot): EngineMetrics {
  return new EngineMetrics({
    build: { version: "0.1.0", revision: "abc" },
    clock: { nowMs: () => 1_700_000_000_000 },
    snapshot: read,
  });
}

async function linesOf(metrics: EngineMetrics): Promise<string[]> {
  return (await metrics.text()).split("\n").filter((line) => line !== "" && line[0] !== "#");
}

describe("the engine's values", () => {
  test("by name", async () => {
    const metrics = metricsOf(() => snapshot);
    const requests = "tempodb_backend_request_duration_seconds";
    const engine = (await linesOf(metrics)).filter(
      (line) => !/^(process|tempo_(request|build))_/.test(line),
    );
    expect(engine.sort()).toEqual([
      'tempo_discarded_spans_total{reason="invalid_trace_id",tenant="shop"} 1',
      'tempo_distributor_attributes_truncated_total{tenant="shop",scope="span"} 3',
      'tempo_distributor_bytes_received_total{tenant="shop"} 70',
      'tempo_distributor_spans_received_total{tenant="shop"} 7',
      "tempo_live_store_blocks_completed_total 4",
      'tempo_live_store_blocks_cut_total{reason="age"} 3',
      "tempo_live_store_failed_completions_total 1",
      "tempo_live_store_local_blocks_flushed_total 8",
      "tempo_live_store_ready 0",
      'tempo_receiver_accepted_spans{receiver="otlp",transport="http"} 6',
      'tempo_receiver_refused_spans{receiver="otlp",transport="http"} 1',
      `${requests}_bucket{operation="GET",status_code="206",le="+Inf"} 6`,
      `${requests}_bucket{operation="GET",status_code="206",le="0.1"} 3`,
      `${requests}_bucket{operation="GET",status_code="206",le="1"} 5`,
      'tempodb_backend_request_duration_seconds_count{operation="GET",status_code="206"} 6',
      'tempodb_backend_request_duration_seconds_sum{operation="GET",status_code="206"} 2.5',
      'tempodb_blocklist_length{tenant="shop"} 2',
      "tempodb_blocklist_poll_errors_total 10",
      "tempodb_compaction_blocks_total 6",
      "tempodb_compaction_bytes_written_total 120000",
      "tempodb_compaction_errors_total 1",
      "tempodb_compaction_objects_written_total 300",
      "tempodb_retention_deleted_total 2",
      "vivace_block_bytes 150000",
      "vivace_block_rows 5000",
      "vivace_compaction_doubles_total 3",
      "vivace_compaction_seconds_total 1.5",
      "vivace_compaction_spans_written_total 4000",
      "vivace_compaction_waiting_blocks 1",
      "vivace_damaged_answers_total 2",
      "vivace_differing_spans_total 3",
      "vivace_disk_failing 1",
      "vivace_head_rows 100",
      "vivace_replay_bytes 1000",
      "vivace_replay_done_bytes 900",
      "vivace_replay_seconds 1.5",
      "vivace_retention_spans_total 4",
      "vivace_ring_bytes 333",
      'vivace_stage_seconds_total{stage="decode"} 0.5',
      "vivace_store_cache_bytes 600",
      "vivace_store_filter_bytes 700",
      "vivace_store_pending_blocks 5",
      "vivace_store_pending_bytes 500",
      "vivace_store_poll_seconds 0.25",
      "vivace_store_polls_total 11",
      "vivace_store_swept_objects_total 12",
      "vivace_store_upload_errors_total 9",
      'vivace_thread_cpu_seconds_total{thread="ingest"} 1.5',
      "vivace_wal_bytes 4096",
      "vivace_wal_damaged_bytes_total 18",
      "vivace_wal_quarantined_records_total 1",
      "vivace_wal_torn_bytes_total 17",
      'vivace_workers_restarted_total{worker="ingress"} 1',
    ]);
  });

  test("are asked for at each scrape and do not add up", async () => {
    let rows = 1;
    const metrics = metricsOf(() => ({ ...snapshot, head: { ...snapshot.head, rows: rows++ } }));
    for (const scrape of [1, 2, 3]) {
      const lines = await linesOf(metrics);
      expect(lines).toContain(`vivace_head_rows ${scrape}`);
      expect(lines).toContain("tempo_live_store_blocks_completed_total 4");
    }
  });

  test("of tenants past the bound are one series, and a named one stays", async () => {
    const tenants = new Map<string, TenantCounts>([["first", counts(1)]]);
    const metrics = metricsOf(() => ({ ...snapshot, tenants }));
    const received = async () =>
      (await linesOf(metrics)).filter((line) => line.startsWith("tempo_distributor_spans"));
    expect(await received()).toHaveLength(1);
    tenants.delete("first");
    for (let i = 0; i < TENANT_LABELS_MAX + 9; i++) tenants.set(`t${i}`, counts(2));
    tenants.set("first", counts(5));
    const lines = await received();
    expect(lines).toHaveLength(TENANT_LABELS_MAX + 1);
    expect(lines).toContain('tempo_distributor_spans_received_total{tenant="first"} 5');
    expect(lines).toContain(`tempo_distributor_spans_received_total{tenant="${OTHER_TENANTS}"} 20`);
  });
});

test("requests are counted by route in Tempo's buckets", async () => {
  const metrics = metricsOf(() => snapshot);
  const request = { method: "GET", route: "api_traces_traceid", status: 404 };
  metrics.answered({ ...request, seconds: 0.02 });
  metrics.answered({ ...request, seconds: 3 });
  metrics.answered({ ...request, method: "BREW", seconds: 1 });
  const lines = await linesOf(metrics);
  const labels = 'method="GET",route="api_traces_traceid",status_code="404",ws="false"';
  expect(lines).toContain(`tempo_request_duration_seconds_count{${labels}} 2`);
  expect(lines).toContain(`tempo_request_duration_seconds_bucket{le="0.025",${labels}} 1`);
  expect(lines).toContain(`tempo_request_duration_seconds_bucket{le="+Inf",${labels}} 2`);
  expect(lines.filter((line) => line.includes('method="other"'))).not.toEqual([]);
  expect(lines.filter((line) => line.includes("BREW"))).toEqual([]);
});

test("the process", async () => {
  const lines = await linesOf(metricsOf(() => snapshot));
  const value = (name: string) =>
    Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
  expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  expect(value("process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(value("process_start_time_seconds")).toBeLessThanOrEqual(1_700_000_000);
  expect(lines).toContain(
    'tempo_build_info{version="0.1.0",revision="abc",branch="vivace",goversion=""} 1',
  );
});
