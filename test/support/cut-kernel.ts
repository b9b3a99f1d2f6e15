/** A kernel with one half and the scratch to encode it, for tests: OTLP requests in, blocks out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HALF_WAL_FROM, HALF_WAL_TO, OK, RESULT_BYTES } from "../../native/src/layout.ts";
import { MiB } from "../../src/base/bytes.ts";
import { type BlockStore, type CutOptions, writeCut } from "../../src/block/block-write.ts";
import { instantiate, type Kernel, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { ROOT } from "./checkout.ts";

const REQUEST_BYTES_MAX = 24 * MiB;
const REQUEST_AT = MiB;
const SCRATCH_AT = REQUEST_AT + REQUEST_BYTES_MAX + 4096;
const HALF_BYTES = 192 * MiB;
const CUT_SCRATCH_BYTES = 128 * MiB;
const TENANT_AT = 8192;
const RESULT_AT = 4096;

export class CutKernel {
  readonly kernel: Kernel;
  readonly buffer: SharedArrayBuffer;
  readonly half: number;
  readonly scratch: number;
  readonly #bytes: Uint8Array;

  /** `module`: compiled already, for threads that share it. */
  constructor(module?: WebAssembly.Module) {
    const path = join(ROOT, "native", "build", "kernel.wasm");
    const memory = makeMemory(512 * MiB);
    this.kernel = instantiate(module ?? new WebAssembly.Module(readFileSync(path)), memory);
    this.buffer = sharedBuffer(memory);
    this.#bytes = new Uint8Array(this.buffer);
    this.kernel.initScratch(SCRATCH_AT, REQUEST_BYTES_MAX);
    this.half = SCRATCH_AT + alignUp(this.kernel.scratchBytes(REQUEST_BYTES_MAX));
    this.scratch = this.half + HALF_BYTES;
    this.kernel.setSeed(1, 2);
    const sizes = [262_144, 262_144, 131_072, 1_048_576, 62 * MiB] as const;
    this.kernel.initHalf(this.half, this.scratch, ...sizes);
  }

  begin(): void {
    this.kernel.resetHalf(this.half);
  }

  /** Appends a request as the ingest thread would. */
  add(request: Uint8Array, tenant: string): void {
    const name = new TextEncoder().encode(tenant);
    this.#bytes.set(request, REQUEST_AT);
    this.#bytes.fill(0, RESULT_AT, RESULT_AT + RESULT_BYTES);
    this.#bytes.set(name, TENANT_AT);
    const code = this.kernel.validate(REQUEST_AT, request.length, RESULT_AT);
    if (code !== OK) throw new Error(`request refused: ${code}`);
    if (this.kernel.room(RESULT_AT, request.length) !== 1) throw new Error("no room in the half");
    this.kernel.decode(REQUEST_AT, request.length, TENANT_AT, name.length, 0);
    this.kernel.commit();
  }

  cut(store: BlockStore, range: readonly [number, number] = [0, 1]): BlockMeta[] {
    return writeCut(this.cutOptions(store, range));
  }

  cutOptions(store: BlockStore, range: readonly [number, number] = [0, 1]): CutOptions {
    const view = new DataView(this.buffer);
    view.setFloat64(this.half + HALF_WAL_FROM, range[0], true);
    view.setFloat64(this.half + HALF_WAL_TO, range[1], true);
    const { buffer, kernel, half, scratch } = this;
    const scratchEnd = scratch + CUT_SCRATCH_BYTES;
    const clock = { nowMs: () => 2_000_000_000_000 };
    return { buffer, kernel, half, scratch, scratchEnd, store, nodeId: "node", clock };
  }
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / 4096) * 4096;
}
