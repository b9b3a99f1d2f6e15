/**
 * Blocks merged two at a time: CPU per span from input to output, memory, and bytes per span with
 * sidecars, before and after.
 *
 *   bun bench/compact.bench.ts [folder with the blocks of one tenant]
 *
 * Without a folder it makes eight blocks of 250,000 spans. The outputs lie in a folder of their
 * own in the system's temporary one, and are removed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MiB } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { MERGE_MEMORY_BYTES, mergeBlocks } from "../src/compact/merge-blocks.ts";
import type { MergeInput } from "../src/compact/merge-options.ts";
import { instantiate, makeMemory, sharedBuffer } from "../src/kernel/kernel.ts";
import { readBlockMeta } from "../src/model/block-meta.ts";
import { DiskStore } from "../src/store/store-disk.ts";
import { CutKernel } from "../test/support/cut-kernel.ts";
import { hold, median } from "./budget.ts";
import { shopBatches } from "./data/shop-batches.ts";

const ROOT = mkdtempSync(join(tmpdir(), "vivace-compact-"));
const AT_ONCE = 2;
const PAGES_A_LOOK = 50;

function makeBlocks(): MergeInput[] {
  const cutter = new CutKernel();
  const store = new DiskStore(join(ROOT, "inputs"));
  return Array.from({ length: 8 }, (_, seed) => {
    cutter.begin();
    for (const request of shopBatches({ seed, batches: 500, spans: 500 })) {
      cutter.add(request, "single-tenant");
    }
    const [meta] = cutter.cut(store, [seed, seed + 1]);
    return { meta, folder: store.folderOf(meta) };
  });
}

function readBlocks(folder: string): MergeInput[] {
  return readdirSync(folder)
    .map((id) => join(folder, id))
    .map((block) => ({
      folder: block,
      meta: readBlockMeta(readFileSync(join(block, "meta.json"))),
    }))
    .sort((a, b) => a.meta.wal.from - b.meta.wal.from);
}

const inputs = process.argv[2] === undefined ? makeBlocks() : readBlocks(process.argv[2]);
Bun.gc(true);
const heldBefore = process.memoryUsage().rss;
const memory = makeMemory(MERGE_MEMORY_BYTES);
const path = join(import.meta.dirname, "..", "native", "build", "kernel.wasm");
const kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
const store = new DiskStore(join(ROOT, "outputs"));
const cpuUs: number[] = [];
let spans = 0;
let before = 0;
let after = 0;
let held = 0;
let pages = 0;
for (let first = 0; first + AT_ONCE <= inputs.length; first += AT_ONCE) {
  const some = inputs.slice(first, first + AT_ONCE);
  const cpu = process.cpuUsage();
  const { outputs } = mergeBlocks({
    ...{ kernel, buffer: sharedBuffer(memory), inputs: some, store, clock: systemClock },
    idWords: ["bench"],
    // Looking costs as much as a page.
    yieldNow: () => {
      if (++pages % PAGES_A_LOOK === 0) held = Math.max(held, process.memoryUsage().rss);
    },
  });
  const { user, system } = process.cpuUsage(cpu);
  const count = some.reduce((sum, { meta }) => sum + meta.spans, 0);
  const bytes = (metas: readonly MergeInput["meta"][]) =>
    metas.reduce((sum, { dataBytes, sidecarBytes }) => sum + dataBytes + sidecarBytes, 0);
  cpuUs.push((user + system) / count);
  spans += count;
  before += bytes(some.map(({ meta }) => meta));
  after += bytes(outputs);
}
rmSync(ROOT, { recursive: true });
console.log(`${spans} spans, ${(before / spans).toFixed(2)} bytes a span before`);
console.log(cpuUs.map((us) => us.toFixed(3)).join(" "));
hold("compact_cpu_us", median(cpuUs), "µs a span");
hold("compact_bytes", after / spans, "bytes a span");
hold("compact_ratio", after / before, "of the bytes before");
// What the making of inputs left behind is no part of it.
const base = process.argv[2] === undefined ? heldBefore : 0;
hold("compact_rss_mb", (held - base) / MiB, "MiB");
