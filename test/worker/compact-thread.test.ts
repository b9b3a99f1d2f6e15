/** Works of one merging thread, one after the other: each as in a thread of its own. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { makeLogger } from "../../src/base/log.ts";
import { prng } from "../../src/base/prng.ts";
import { releaseMemory } from "../../src/base/release-memory.ts";
import type { Retention } from "../../src/compact/plan-retention.ts";
import { makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import { type BlockMeta, blockPath } from "../../src/model/block-meta.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { CompactJobs, type CompactResult } from "../../src/worker/compact-jobs.ts";
import { ExpiredTraces } from "../../src/worker/expired-traces.ts";
import { planMemory } from "../../src/worker/memory-plan.ts";
import { MergeKernel } from "../compact/merge-kernel.ts";
import { shopRequest, shopTraces } from "../compact/shop-spans.ts";
import { ROOT } from "../support/checkout.ts";
import { CutKernel } from "../support/cut-kernel.ts";

const root = mkdtempSync(join(tmpdir(), "vivace-compact-thread-"));
const log = { level: "error", format: "logfmt" } as const;
const plan = planMemory({
  ...{ budgetBytes: 512 * MiB, rings: 1, requestBytesMax: 32 * MiB },
  ...{ scratchBytes: MiB, readers: 2 },
});
const wasm = readFileSync(join(ROOT, "native", "build", "kernel.wasm"));
const module = new WebAssembly.Module(wasm);
const memory = makeMemory(plan.bytes);
const jobs = new CompactJobs({ memory, module, plan, log }, makeLogger({ ...log, component: "" }));

afterAll(() => {
  jobs.end();
  rmSync(root, { recursive: true });
});

const NOTHING_ENDS: Retention = { rules: [], byTenant: new Map(), othersMs: 0 };
/** Traces all of whose spans have such a name are over. */
const FEW_STAY: Retention = {
  rules: [{ filter: '{ name =~ "operation-1.*" }', keepMs: 1000 }],
  byTenant: new Map(),
  othersMs: 0,
};

interface Made {
  /** Spans of each block. */
  readonly sizes: readonly number[];
  readonly traces: number;
  /** Of the log, where no other block is of. */
  readonly from: number;
}

/** Blocks of different sizes, so that a merge's tables lie elsewhere than those of the last. */
function makeBlocks(store: DiskStore, made: Made): BlockMeta[] {
  const random = prng(7);
  const cutter = new CutKernel();
  const traces = shopTraces(random, made.traces);
  return made.sizes.flatMap((spans, i) => {
    const place = made.from + i;
    cutter.begin();
    cutter.add(shopRequest(random, traces, spans), "a");
    return cutter.cut(store, [place, place + 1]);
  });
}

async function merge(
  metas: readonly BlockMeta[],
  retention: Retention = NOTHING_ENDS,
): Promise<CompactResult> {
  const { promise, resolve } = Promise.withResolvers<CompactResult>();
  jobs.add({ localPath: root, merges: [metas], looks: [], retention, idWords: [] }, resolve);
  return await promise;
}

/** Numbers of the threads that run code of ours. */
function threads(): string[] {
  const nameOf = (id: string) => readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim();
  return readdirSync("/proc/self/task").filter((id) => nameOf(id) === "Worker");
}

test("three works in one thread make what three kernels make", async () => {
  const store = new DiskStore(root);
  const blocks = makeBlocks(store, { sizes: [300, 200, 40, 500, 90, 10], traces: 40, from: 0 });
  const running: string[][] = [];
  for (let at = 0; at < blocks.length; at += 2) {
    const pair = blocks.slice(at, at + 2);
    const { merged, errors } = await merge(pair);
    running.push(threads());
    expect(errors).toEqual([]);
    const apart = new DiskStore(join(root, `apart-${at}`));
    const inputs = pair.map((meta) => ({ meta, folder: store.folderOf(meta) }));
    const { outputs } = new MergeKernel().merge(apart, inputs);
    expect(merged).toHaveLength(1);
    expect(merged[0].outputs.map(blockPath)).toEqual(outputs.map(blockPath));
    for (const meta of outputs) {
      const [own, other] = [store, apart].map((each) =>
        readFileSync(join(each.folderOf(meta), "data.parquet")),
      );
      expect(own.equals(other)).toBe(true);
    }
  }
  if (process.platform === "linux") expect(running[2]).toEqual(running[0]);
});

test("the first work of a thread is right also when rules were asked in its memory", async () => {
  const store = new DiskStore(root);
  const old = (meta: BlockMeta) => ({ ...meta, retainFromMs: 1_700_000_000_000 });
  const metas = makeBlocks(store, { sizes: [2000, 3000], traces: 2500, from: 100 }).map(old);
  const { merged, errors } = await merge(metas, FEW_STAY);
  expect(errors).toEqual([]);
  const asked = new MergeKernel();
  const rules = new ExpiredTraces(asked.kernel, asked.buffer, FEW_STAY);
  const inputs = metas.map((meta) => {
    const folder = store.folderOf(meta);
    return { meta, folder, expired: rules.of(meta, folder, systemClock.nowMs()) };
  });
  const apart = new DiskStore(join(root, "apart-rules"));
  const { outputs, expired } = new MergeKernel().merge(apart, inputs);
  expect(expired).toBeGreaterThan(0);
  expect(merged[0].outputs.map(blockPath)).toEqual(outputs.map(blockPath));
  for (const meta of outputs) {
    const [own, other] = [store, apart].map((each) =>
      readFileSync(join(each.folderOf(meta), "data.parquet")),
    );
    expect(own.equals(other)).toBe(true);
  }
});

test("memory that was given back is as it was made, and may be used again", () => {
  const buffer = sharedBuffer(makeMemory(4 * MiB));
  const bytes = new Uint8Array(buffer);
  bytes.fill(7);
  if (!releaseMemory(buffer)) {
    expect(process.platform).not.toBe("linux");
    return;
  }
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  bytes[3] = 5;
  expect(bytes[3]).toBe(5);
});
