/**
 * A half into a block: CPU per span by stage, bytes per span by column.
 *
 *   bun bench/encode.bench.ts [folder of OTLP requests, one a file]
 *
 * Without a folder the requests are made from the seed. Stages are kernel calls (by name), zstd,
 * and all the rest of TypeScript; the block goes to memory, so that no disk is measured.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parquetMetadata } from "hyparquet";
import { type BlockStore, writeCut } from "../src/block/block-write.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import { CutKernel } from "../test/support/cut-kernel.ts";
import { hold, median } from "./budget.ts";
import { shopBatches } from "./data/shop-batches.ts";

const ROUNDS = 15;
const folder = process.argv[2];
const requests =
  folder === undefined
    ? shopBatches({ seed: 1, batches: 400, spans: 500 })
    : readdirSync(folder).map((name) => new Uint8Array(readFileSync(join(folder, name))));

const head = new CutKernel();
head.begin();
for (const request of requests) head.add(request, "single-tenant");

const stages = new Map<string, number>();
function timed(kernel: Kernel): Kernel {
  const entries = Object.entries(kernel).map(([name, call]: [string, unknown]) => {
    if (typeof call !== "function") return [name, call];
    const measured = (...args: unknown[]): unknown => {
      const began = performance.now();
      const result: unknown = Reflect.apply(call, undefined, args);
      stages.set(name, (stages.get(name) ?? 0) + performance.now() - began);
      return result;
    };
    return [name, measured];
  });
  return Object.fromEntries(entries) as Kernel;
}

let parts: Uint8Array[] = [];
const nothing = { append: () => {} };
const data = { append: (bytes: Uint8Array) => void parts.push(new Uint8Array(bytes)) };
const store: BlockStore = {
  find: () => undefined,
  begin: () => ({ data, sidecar: nothing, publish: () => {}, abandon: () => {} }),
};

function round(kernel: Kernel): { cpuNs: number; bytes: number; spans: number } {
  parts = [];
  const began = process.cpuUsage();
  const [meta] = writeCut({ ...head.cutOptions(store), kernel });
  const { user, system } = process.cpuUsage(began);
  const bytes = meta.dataBytes + meta.sidecarBytes;
  return { cpuNs: ((user + system) * 1000) / meta.spans, bytes, spans: meta.spans };
}

const rounds = Array.from({ length: ROUNDS }, () => round(head.kernel));
const { spans, bytes } = rounds[0];
const cpu = median(rounds.map(({ cpuNs }) => cpuNs));
console.log(`${spans} spans`);
hold("encode_ns", cpu, "ns/span");
hold("encode_bytes", bytes / spans, "bytes/span");

const kernel = timed(head.kernel);
for (let i = 0; i < ROUNDS; i++) round(kernel);
const byCost = [...stages].sort(([, a], [, b]) => b - a).slice(0, 15);
for (const [name, ms] of byCost) {
  console.log(`  ${name}: ${((ms * 1e6) / spans / ROUNDS).toFixed(1)} ns`);
}
const file = new Uint8Array(Buffer.concat(parts));
const columns = parquetMetadata(file.buffer).row_groups[0].columns.map(({ meta_data }) => ({
  path: meta_data?.path_in_schema.join(".") ?? "",
  bytes: Number(meta_data?.total_compressed_size ?? 0) / spans,
}));
for (const column of columns.sort((a, b) => b.bytes - a.bytes).slice(0, 40)) {
  console.log(`  ${column.path}: ${column.bytes.toFixed(2)} B`);
}
