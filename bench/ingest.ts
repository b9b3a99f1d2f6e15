/**
 * End to end: the real server under load over loopback, and its CPU per span by thread and stage,
 * until all that was sent lies in published blocks.
 *
 *   bun bench/ingest.ts [seconds] [clients] [format]     those of data/shop-formats.ts; over UDP
 *                                                        thousands of packets a second, not clients
 *
 * The load is our own seeded requests with fresh ids, sent by a second process so that its cost
 * does not count. Figures are CPU time; the machine may be shared.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hold } from "./budget.ts";
import { loadFormats } from "./data/shop-formats.ts";

const seconds = Number(process.argv[2] ?? 10);
const clients = Number(process.argv[3] ?? 16);
const format = process.argv[4] ?? "identity";
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "vivace-bench-"));
const API = "http://127.0.0.1:13200";
const RECEIVERS = {
  otlp: "127.0.0.1:14318",
  otlp_grpc: "127.0.0.1:14317",
  zipkin: "127.0.0.1:19411",
  jaeger_http: "127.0.0.1:15268",
  jaeger_grpc: "127.0.0.1:15250",
  jaeger_udp: "127.0.0.1:16831",
};
writeFileSync(
  join(folder, "vivace.yaml"),
  `server: { http_listen_port: 13200, grpc_listen_port: 0, log_level: warn }
distributor:
  receivers:
    otlp:
      protocols:
        grpc: { endpoint: "${RECEIVERS.otlp_grpc}" }
        http: { endpoint: "${RECEIVERS.otlp}" }
    zipkin: { endpoint: "${RECEIVERS.zipkin}" }
    jaeger:
      protocols:
        thrift_http: { endpoint: "${RECEIVERS.jaeger_http}" }
        grpc: { endpoint: "${RECEIVERS.jaeger_grpc}" }
        thrift_compact: { endpoint: "${RECEIVERS.jaeger_udp}" }
compactor: { compaction: { compaction_cycle: 1h } } # its spans are old, and would go
storage: { trace: { wal: { path: ${folder}/wal }, local: { path: ${folder}/blocks } } }
`,
);
const server = spawn(
  process.execPath,
  [join(root, "src/main.ts"), `-config.file=${folder}/vivace.yaml`],
  { stdio: "inherit" },
);
try {
  await ready();
  const before = await metrics();
  const origin = `http://${RECEIVERS[loadFormats[format].receiver]}`;
  const load = spawn(
    process.execPath,
    [join(import.meta.dirname, "load.ts"), origin, `${seconds}`, `${clients}`, format],
    { stdio: "inherit" },
  );
  const peak = await peakUntil(load);
  await fetch(`${API}/flush`, { method: "POST" });
  report(before, await metrics(), peak);
} finally {
  server.kill("SIGTERM");
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}

async function ready(): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    const response = await fetch(`${API}/ready`).catch(() => undefined);
    if (response?.ok) return;
    await Bun.sleep(50);
  }
  throw new Error("the server did not become ready");
}

type Metrics = ReadonlyMap<string, number>;

async function metrics(): Promise<Metrics> {
  const text = await (await fetch(`${API}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

/** The largest resident size seen while the load runs, bytes. */
async function peakUntil(load: ReturnType<typeof spawn>): Promise<number> {
  let peak = 0;
  let running = true;
  load.once("exit", () => {
    running = false;
  });
  while (running) {
    peak = Math.max(peak, (await metrics()).get("process_resident_memory_bytes") ?? 0);
    await Bun.sleep(500);
  }
  return peak;
}

function report(before: Metrics, after: Metrics, peak: number): void {
  const grown = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  const spans = grown("vivace_block_rows");
  const perSpan = (name: string) => (grown(name) * 1e6) / spans;
  console.log(`${spans} spans in blocks`);
  for (const name of after.keys()) {
    if (!/^vivace_(thread_cpu|stage)_seconds_total/.test(name)) continue;
    console.log(`  ${name.slice(7)}: ${perSpan(name).toFixed(3)} µs/span`);
  }
  for (const name of after.keys()) {
    if (name.startsWith("tempo_discarded_spans_total")) console.log(`  ${name}: ${grown(name)}`);
  }
  hold(`ingest_${format}_cpu_us`, perSpan("process_cpu_seconds_total"), "µs/span");
  hold("ingest_bytes", grown("vivace_block_bytes") / spans, "bytes/span");
  hold("ingest_rss_mb", peak / 1e6, "MB");
}
