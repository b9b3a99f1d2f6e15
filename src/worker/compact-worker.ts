/**
 * The thread that merges blocks and removes files of those that are over: one list of work, then
 * it ends, and its memory with it. Other threads come first: it runs at a lower priority, and waits
 * while requests lie in the rings.
 */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { lowerThreadPriority } from "../base/thread-priority.ts";
import { MERGE_MEMORY_BYTES, mergeBlocks } from "../compact/merge-blocks.ts";
import { MergeTooLarge } from "../compact/merge-column.ts";
import { instantiate, makeMemory, sharedBuffer } from "../kernel/kernel.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { HALF_SEALED, HALF_STATE, STOP } from "../ring/control.ts";
import { ringUsedBytes } from "../ring/ring.ts";
import { DiskStore } from "../store/store-disk.ts";
import type { CompactMessage, CompactStart } from "./compact-protocol.ts";

/** Of 19: below all that answers somebody. */
const PRIORITY = 10;
/** Requests that wait in the rings beyond which it waits as well. */
const RING_BYTES_BUSY = 1024 * 1024;
const WAIT_MS = 5;
/** A page at most so much later: a merge must end also under load that never does. */
const WAIT_MS_MAX = 50;

const start = workerData as CompactStart;
const control = new Int32Array(sharedBuffer(start.memory), 0, 4096);
const store = new DiskStore(start.localPath);

class Stopped extends Error {}

lowerThreadPriority(PRIORITY);

for (const meta of start.remove) remove(meta);
if (start.merges.length > 0) mergeAll();
tell({ type: "done" });
parentPort?.close();

function tell(message: CompactMessage): void {
  parentPort?.postMessage(message);
}

function remove(meta: BlockMeta): void {
  try {
    store.remove(meta);
    tell({ type: "removed", id: meta.id });
  } catch (error) {
    tell({ type: "kept", id: meta.id, reason: bad(error) });
  }
}

function mergeAll(): void {
  const memory = makeMemory(MERGE_MEMORY_BYTES);
  const kernel = instantiate(start.module, memory);
  for (const inputs of start.merges) {
    const began = performance.now();
    try {
      const { outputs, doubles } = mergeBlocks({
        kernel,
        buffer: sharedBuffer(memory),
        inputs: inputs.map((meta) => ({ meta, folder: store.folderOf(meta) })),
        store,
        clock: systemClock,
        idWords: [],
        yieldNow,
      });
      tell({ type: "merged", inputs, outputs, doubles, ms: performance.now() - began });
    } catch (error) {
      if (error instanceof Stopped) return;
      tell({ type: "failed", inputs, reason: bad(error) });
    }
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

function isBusy(): boolean {
  if ([0, 1].some((half) => Atomics.load(control, HALF_STATE + half) === HALF_SEALED)) return true;
  const used = start.plan.rings.reduce(
    (sum, base) => sum + ringUsedBytes(control.buffer as SharedArrayBuffer, base),
    0,
  );
  return used > RING_BYTES_BUSY;
}
