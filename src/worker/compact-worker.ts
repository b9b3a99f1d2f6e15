/**
 * The thread that merges blocks and removes files of those that are over: a list of work, then its
 * memory goes back, and it waits for the next list (compact-thread.ts). Other threads come first:
 * it runs at a lower priority, and waits while requests lie in the rings.
 */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { releaseMemory } from "../base/release-memory.ts";
import { lowerThreadPriority } from "../base/thread-priority.ts";
import { MERGE_MEMORY_BYTES, mergeBlocks } from "../compact/merge-blocks.ts";
import type { MergeInput } from "../compact/merge-options.ts";
import { MergeTooLarge } from "../compact/merge-too-large.ts";
import { retentionStep } from "../compact/plan-retention.ts";
import { instantiate, type Kernel, makeMemory, sharedBuffer } from "../kernel/kernel.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { HALF_SEALED, HALF_STATE, STOP } from "../ring/control.ts";
import { ringUsedBytes } from "../ring/ring.ts";
import { DiskStore } from "../store/store-disk.ts";
import type { CompactMessage, CompactStart } from "./compact-protocol.ts";
import type { ExpiredTraces } from "./expired-traces.ts";
import type { ThreadStart } from "./worker-protocol.ts";

/** Of 19: below all that answers somebody. */
const PRIORITY = 10;
/** Requests that wait in the rings beyond which it waits as well. */
const RING_BYTES_BUSY = 1024 * 1024;
const WAIT_MS = 5;
/** A page at most so much later: a merge must end also under load that never does. */
const WAIT_MS_MAX = 50;

/** Of a block's traces: with fewer that are over it is not worth to be written anew. */
const REWRITE_SHARE = 0.1;

interface MergeMemory {
  readonly kernel: Kernel;
  readonly buffer: SharedArrayBuffer;
}

const start = workerData as ThreadStart;
const shared = sharedBuffer(start.memory);
const control = new Int32Array(shared, 0, 4096);
/** Made for the first merge; between works no page of it is in use. */
let merging: MergeMemory | undefined;

class Stopped extends Error {}
let isStopped = false;

lowerThreadPriority(PRIORITY);

// An error is a bug, and must end the thread: not as a promise that nobody waits for.
parentPort?.on("message", (work: CompactStart) => {
  serve(work).catch((error) => setImmediate(() => fail(error)));
});

async function serve(work: CompactStart): Promise<void> {
  const store = new DiskStore(work.localPath);
  for (const meta of work.remove) remove(store, meta);
  if (work.merges.length + work.looks.length > 0) await mergeAll(work, store);
  const stays = !isStopped && (merging === undefined || releaseMemory(merging.buffer));
  tell({ type: "done", stays });
  if (!stays) parentPort?.close();
}

function fail(error: unknown): never {
  throw error;
}

function mergeMemory(): MergeMemory {
  const memory = makeMemory(MERGE_MEMORY_BYTES);
  const kernel = instantiate(start.module, memory);
  // Else who knows the hash sends texts that all have one.
  const [low, high] = crypto.getRandomValues(new Uint32Array(2));
  kernel.setSeed(low, high);
  return { kernel, buffer: sharedBuffer(memory) };
}

function tell(message: CompactMessage): void {
  parentPort?.postMessage(message);
}

function remove(store: DiskStore, meta: BlockMeta): void {
  try {
    store.remove(meta);
    tell({ type: "removed", id: meta.id });
  } catch (error) {
    tell({ type: "kept", id: meta.id, reason: bad(error) });
  }
}

async function mergeAll(work: CompactStart, store: DiskStore): Promise<void> {
  merging ??= mergeMemory();
  const { kernel, buffer } = merging;
  const nowMs = systemClock.nowMs();
  const all = [...work.merges.flat(), ...work.looks];
  // With what it needs of queries it takes as long to load as all else; mostly nothing is over.
  const isAsked = all.some((meta) => retentionStep(meta, work.retention, nowMs).type !== "keep");
  let rules: ExpiredTraces | undefined;
  if (isAsked) {
    const { ExpiredTraces } = await import("./expired-traces.ts");
    rules = new ExpiredTraces(kernel, buffer, work.retention);
  }
  const inputsOf = (metas: readonly BlockMeta[]): MergeInput[] =>
    metas.map((meta) => {
      const folder = store.folderOf(meta);
      return { meta, folder, expired: rules?.of(meta, folder, nowMs) };
    });
  const merge = (inputs: readonly MergeInput[]) => {
    const began = performance.now();
    const { idWords } = work;
    const options = { kernel, buffer, inputs, store, clock: systemClock, idWords, yieldNow };
    const { outputs, doubles, expired } = mergeBlocks(options);
    const ms = performance.now() - began;
    const metas = inputs.map(({ meta }) => meta);
    tell({ type: "merged", inputs: metas, outputs, doubles, expired, ms });
  };
  for (const metas of work.merges) attempt(metas, () => merge(inputsOf(metas)));
  for (const meta of work.looks) {
    attempt([meta], () => {
      const inputs = inputsOf([meta]);
      const gone = inputs[0].expired?.reduce((sum, one) => sum + one, 0) ?? 0;
      if (gone >= meta.traces * REWRITE_SHARE && gone > 0) merge(inputs);
      else tell({ type: "looked", meta });
    });
  }
}

function attempt(inputs: readonly BlockMeta[], work: () => void): void {
  if (isStopped) return;
  try {
    work();
  } catch (error) {
    if (error instanceof Stopped) isStopped = true;
    else tell({ type: "failed", inputs, reason: bad(error) });
  }
}

/** What the world does wrong, as a sentence; a bug passes through. */
function bad(error: unknown): string {
  const isDisk = error instanceof Error && "code" in error && "syscall" in error;
  if (isDisk || error instanceof EngineError || error instanceof MergeTooLarge) {
    return error.message;
  }
  throw error;
}

function yieldNow(): void {
  for (let waited = 0; waited < WAIT_MS_MAX && isBusy(); waited += WAIT_MS) {
    Atomics.wait(control, STOP, 0, WAIT_MS);
  }
  if (Atomics.load(control, STOP) === 1) throw new Stopped();
}

/** Asked at every page, so it is loops: what takes functions is compiled longer than it runs. */
function isBusy(): boolean {
  for (let half = 0; half < 2; half++) {
    if (Atomics.load(control, HALF_STATE + half) === HALF_SEALED) return true;
  }
  let used = 0;
  for (const base of start.plan.rings) used += ringUsedBytes(shared, base);
  return used > RING_BYTES_BUSY;
}
