/**
 * What many tenants cost: the same 10,000 spans a second, in requests of 50, from one tenant and
 * from a thousand in turn, until all lies in blocks.
 *
 *   bun bench/tenants.ts [seconds]
 *
 * Prints CPU per span of both and their ratio, which is to stay under two.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hold } from "./budget.ts";
import { shopBatches } from "./data/shop-batches.ts";

const seconds = Number(process.argv[2] ?? 30);
const TENANTS = 1000;
const SPANS = 50;
const REQUESTS_A_TICK = 10;
const TICK_MS = (1000 * REQUESTS_A_TICK * SPANS) / 10_000;
const API = "http://127.0.0.1:13200";
const OTLP = "http://127.0.0.1:14318/v1/traces";
const root = join(import.meta.dirname, "..");
const bodies = shopBatches({ seed: 7, batches: 200, spans: SPANS });

const one = await cpuOf(1);
const many = await cpuOf(TENANTS);
console.log(`one tenant ${one.toFixed(2)} µs/span, ${TENANTS} tenants ${many.toFixed(2)} µs/span`);
hold("tenants_ratio", many / one, "times");

/** CPU of the server per span, µs, from the first request until all is in blocks. */
async function cpuOf(tenants: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "vivace-bench-"));
  const file = join(folder, "vivace.yaml");
  writeFileSync(
    file,
    `server: { http_listen_port: 13200, grpc_listen_port: 0, log_level: warn }
multitenancy_enabled: true
distributor: { receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:14318" } } } } }
storage: { trace: { wal: { path: ${folder}/wal }, local: { path: ${folder}/blocks } } }
`,
  );
  const args = [join(root, "src/main.ts"), `-config.file=${file}`];
  const server = spawn(process.execPath, args, { stdio: "inherit" });
  try {
    while (!(await fetch(`${API}/ready`).catch(() => undefined))?.ok) await Bun.sleep(50);
    const before = await cpuSeconds();
    await load(tenants);
    await fetch(`${API}/flush`, { method: "POST" });
    return (((await cpuSeconds()) - before) * 1e6) / (await metric("vivace_block_rows"));
  } finally {
    server.kill("SIGTERM");
    await new Promise((resolve) => server.once("exit", resolve));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function load(tenants: number): Promise<void> {
  const began = performance.now();
  const ticks = (seconds * 1000) / TICK_MS;
  let sent = 0;
  for (let tick = 0; tick < ticks; tick++) {
    await Promise.all(Array.from({ length: REQUESTS_A_TICK }, () => send(sent++, tenants)));
    await Bun.sleep(Math.max(0, began + (tick + 1) * TICK_MS - performance.now()));
  }
}

async function send(number: number, tenants: number): Promise<void> {
  const headers = {
    "content-type": "application/x-protobuf",
    "x-scope-orgid": `tenant-${number % tenants}`,
  };
  const body = new Uint8Array(bodies[number % bodies.length]);
  const response = await fetch(OTLP, { method: "POST", headers, body });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`status ${response.status}`);
}

function cpuSeconds(): Promise<number> {
  return metric("process_cpu_seconds_total");
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${API}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}
