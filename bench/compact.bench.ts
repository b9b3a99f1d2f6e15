/**
 * Blocks merged two at a time in the thread that the server has for it: CPU per span from input to
 * output, memory, and bytes per span with sidecars, before and after.
 *
 *   bun bench/compact.bench.ts [merges a work, 1 by default] [storage.trace.local.path]
 *
 * Without a folder it makes eight blocks of 250,000 spans. The first work starts the thread and
 * compiles what serves those after it, so it is shown apart too. Inputs are copied, outputs
 * removed.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MiB } from "../src/base/bytes.ts";
import { makeLogger } from "../src/base/log.ts";
import { settleMemory } from "../src/base/runtime-memory.ts";
import { makeMemory } from "../src/kernel/kernel.ts";
import type { BlockMeta } from "../src/model/block-meta.ts";
import { DiskStore } from "../src/store/store-disk.ts";
import { CompactJobs, type CompactResult } from "../src/worker/compact-jobs.ts";
import { planMemory } from "../src/worker/memory-plan.ts";
import { ROOT as CHECKOUT } from "../test/support/checkout.ts";
import { CutKernel } from "../test/support/cut-kernel.ts";
import { hold, median } from "./budget.ts";
import { shopBatches } from "./data/shop-batches.ts";

settleMemory();
const ROOT = mkdtempSync(join(tmpdir(), "vivace-compact-"));
const INPUTS = 2;
const LOOK_MS = 10;
/** In which the thread gives back what it had. */
const REST_MS = 300;

const [mergesAWork, folder] = [Number(process.argv[2] ?? 1), process.argv[3]];
const kernelFile = readFileSync(join(CHECKOUT, "native", "build", "kernel.wasm"));
const module = new WebAssembly.Module(kernelFile);
const store = new DiskStore(ROOT);
if (folder === undefined) makeBlocks();
else cpSync(folder, ROOT, { recursive: true });
const blocks = store.list().toSorted((a, b) => a.wal.from - b.wal.from);

// As the server has them; no page of the memory is touched but the first.
const plan = planMemory({
  ...{ budgetBytes: 512 * MiB, rings: 1, requestBytesMax: 32 * MiB },
  ...{ scratchBytes: MiB, readers: 2 },
});
const log = { level: "warn", format: "logfmt" } as const;
const logger = makeLogger({ ...log, component: "bench" });
const jobs = new CompactJobs({ memory: makeMemory(plan.bytes), module, plan, log }, logger);

Bun.gc(true);
await Bun.sleep(1000);
const heldBefore = process.memoryUsage().rss;
let held = 0;
const look = setInterval(() => {
  held = Math.max(held, process.memoryUsage().rss);
}, LOOK_MS);
const cpuUs: number[] = [];
let [spans, before, after] = [0, 0, 0];
const pairs: BlockMeta[][] = [];
for (let at = 0; at + INPUTS <= blocks.length; at += INPUTS) {
  pairs.push(blocks.slice(at, at + INPUTS));
}
for (let at = 0; at < pairs.length; at += mergesAWork) {
  const merges = pairs.slice(at, at + mergesAWork);
  const cpu = process.cpuUsage();
  const { merged, errors } = await merge(merges);
  await Bun.sleep(REST_MS);
  const { user, system } = process.cpuUsage(cpu);
  if (errors.length > 0) throw new Error(`bench: ${errors.join(", ")}`);
  const count = sum(merges.flat(), (meta) => meta.spans);
  cpuUs.push((user + system) / count);
  spans += count;
  before += sum(merges.flat(), bytesOf);
  after += sum(
    merged.flatMap(({ outputs }) => outputs),
    bytesOf,
  );
}
jobs.end();
clearInterval(look);
rmSync(ROOT, { recursive: true });
console.log(`${spans} spans, ${(before / spans).toFixed(2)} bytes a span before`);
console.log(`by work: ${cpuUs.map((us) => us.toFixed(3)).join(" ")}`);
hold("compact_first_cpu_us", cpuUs[0], "µs a span");
hold("compact_cpu_us", median(cpuUs), "µs a span");
hold("compact_bytes", after / spans, "bytes a span");
hold("compact_ratio", after / before, "of the bytes before");
hold("compact_rss_mb", (held - heldBefore) / MiB, "MiB");

function makeBlocks(): void {
  const cutter = new CutKernel(module);
  for (let seed = 0; seed < 8; seed++) {
    cutter.begin();
    for (const request of shopBatches({ seed, batches: 500, spans: 500 })) {
      cutter.add(request, "single-tenant");
    }
    cutter.cut(store, [seed, seed + 1]);
  }
}

async function merge(merges: readonly (readonly BlockMeta[])[]): Promise<CompactResult> {
  const { promise, resolve } = Promise.withResolvers<CompactResult>();
  const retention = { rules: [], byTenant: new Map(), othersMs: 0 };
  jobs.add({ localPath: ROOT, merges, looks: [], retention, idWords: ["bench"] }, resolve);
  return await promise;
}

function bytesOf({ dataBytes, sidecarBytes }: BlockMeta): number {
  return dataBytes + sidecarBytes;
}

function sum(metas: readonly BlockMeta[], of: (meta: BlockMeta) => number): number {
  return metas.reduce((total, meta) => total + of(meta), 0);
}
