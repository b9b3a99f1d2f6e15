/**
 * The typed face of the kernel, and how a thread gets its instance of it.
 *
 * One compiled module and one shared memory are handed to every Worker; the instance's globals
 * are private to the thread. Addresses and lengths are unsigned 32-bit numbers; results must pass
 * through `>>> 0`. What each function expects stands where it is written, in native/src.
 */
import { assert } from "../base/assert.ts";
import type { EncodeExports } from "./encode-kernel.ts";
import type { FindExports } from "./find-kernel.ts";
import type { MergeExports } from "./merge-kernel.ts";
import type { ReadExports } from "./scan-kernel.ts";

/** What the writer of the head calls. */
export interface WriteExports {
  initScratch(base: number, requestBytesMax: number): void;
  scratchBytes(requestBytesMax: number): number;
  setSeed(low: number, high: number): void;
  initHalf(
    base: number,
    end: number,
    rowCap: number,
    eventCap: number,
    linkCap: number,
    stringCap: number,
    arenaBytes: number,
  ): number;
  openHalf(base: number): void;
  resetHalf(base: number): void;
  /** At a cut: notes the densest attribute columns of the half that is written to. */
  rankColumns(): void;
  /** Right after resetHalf(): the half begins with the columns noted last. */
  carryColumns(): void;
  /** Returns the result code; fills RESULT_BYTES at `result`. */
  validate(payload: number, length: number, result: number): number;
  /** 1: fits as it is; 0: fits into an empty half; 2: fits into none. */
  room(result: number, length: number): number;
  /** Appends a validated request that has room. `rejects` 1: validated last, with bad spans. */
  decode(
    payload: number,
    length: number,
    tenant: number,
    tenantBytes: number,
    rejects: number,
  ): void;
  commit(): void;
}

/** What the limits of a tenant need, between validate() and decode() of one request. */
export interface LimitExports {
  /** Lists the spans that are not rejected, after rejecting those with over `max` attributes. */
  listSpans(payload: number, length: number, max: number): number;
  /** Of 24 bytes each: trace id, ordinal u32, bytes u32. */
  spanListAt(): number;
  overAttributes(): number;
  rejectSpan(ordinal: number): void;
  isRejected(ordinal: number): number;
  /** In place; returns the new length. Adds to five counters at `cut`, by scope. */
  rewrite(payload: number, length: number, max: number, drops: number, cut: number): number;
}

export type Kernel = WriteExports &
  LimitExports &
  EncodeExports &
  FindExports &
  ReadExports &
  MergeExports;

/** Memory is made once with its final size: views on it stay valid for ever. */
export function makeMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / 65536);
  assert(pages <= 65536, "kernel: memory over 4 GiB");
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernel {
  const instance = new WebAssembly.Instance(module, {
    env: {
      memory,
      abort: () => {
        throw new Error("kernel aborted");
      },
    },
  });
  // The exports are what native/src/kernel.ts lists; a test compares the names.
  return instance.exports as unknown as Kernel;
}

export function sharedBuffer(memory: WebAssembly.Memory): SharedArrayBuffer {
  const buffer: ArrayBufferLike = memory.buffer;
  assert(buffer instanceof SharedArrayBuffer, "kernel: memory is not shared");
  return buffer;
}
