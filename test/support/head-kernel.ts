/** A kernel with one half of the head, for tests: requests in as the ingest thread does it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  OK,
  RESULT_BAD_SPAN_ID,
  RESULT_BAD_TRACE_ID,
  RESULT_BAD_UTF8,
  RESULT_BYTES,
  RESULT_OVER_LIMIT,
  RESULT_SPANS,
} from "../../native/src/layout.ts";
import { alignUp, MiB } from "../../src/base/bytes.ts";
import { headRows } from "../../src/head/head-read.ts";
import { instantiate, type Kernel, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import type { SpanRow } from "../../src/model/span-row.ts";
import { ROOT } from "./checkout.ts";

const REQUEST_BYTES_MAX = 8 * MiB;
const RESULT_AT = 4096;
const TENANT_AT = 8192;
const READER_AT = 65536;
const REQUEST_AT = MiB;
const SCRATCH_AT = REQUEST_AT + REQUEST_BYTES_MAX + 4096;
const MEMORY_BYTES = 192 * MiB;
const CAPACITIES = [65_536, 65_536, 32_768, 262_144, 48 * MiB] as const;

/** Stands before and behind every request, so that a read past its end finds something. */
const BEHIND = 64;

export interface Verdict {
  readonly code: number;
  readonly spans: number;
  readonly badTraceId: number;
  readonly badSpanId: number;
  readonly badUtf8: number;
  readonly overLimit: number;
}

export class HeadKernel {
  readonly kernel: Kernel;
  readonly buffer: SharedArrayBuffer;
  readonly half: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor() {
    const path = join(ROOT, "native", "build", "kernel.wasm");
    const memory = makeMemory(MEMORY_BYTES);
    this.kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
    this.buffer = sharedBuffer(memory);
    this.#bytes = new Uint8Array(this.buffer);
    this.#view = new DataView(this.buffer);
    this.kernel.initScratch(SCRATCH_AT, REQUEST_BYTES_MAX);
    this.half = alignUp(SCRATCH_AT + this.kernel.scratchBytes(REQUEST_BYTES_MAX), 4096);
    this.kernel.setSeed(1, 2);
    const left = this.kernel.initHalf(this.half, MEMORY_BYTES, ...CAPACITIES);
    if (left === 0) throw new Error("half too small");
  }

  reset(): void {
    this.kernel.resetHalf(this.half);
  }

  /** Validates alone; `behind` lies in memory where the request ends. */
  validate(request: Uint8Array, behind = new Uint8Array(BEHIND)): Verdict {
    this.#bytes.set(request, REQUEST_AT);
    this.#bytes.set(behind, REQUEST_AT + request.length);
    this.#bytes.fill(0xee, RESULT_AT, RESULT_AT + RESULT_BYTES);
    const code = this.kernel.validate(REQUEST_AT, request.length, RESULT_AT);
    const word = (field: number) => this.#view.getUint32(RESULT_AT + field, true);
    return {
      code,
      spans: word(RESULT_SPANS),
      badTraceId: word(RESULT_BAD_TRACE_ID),
      badSpanId: word(RESULT_BAD_SPAN_ID),
      badUtf8: word(RESULT_BAD_UTF8),
      overLimit: word(RESULT_OVER_LIMIT),
    };
  }

  /** Validates, decodes what is good and commits. Throws when there is no room. */
  add(request: Uint8Array, tenant: string): Verdict {
    const verdict = this.append(request, tenant);
    this.kernel.commit();
    return verdict;
  }

  /** The same without commit: nothing may be visible yet. */
  append(request: Uint8Array, tenant: string): Verdict {
    const verdict = this.validate(request);
    if (verdict.code !== OK) return verdict;
    if (this.kernel.room(RESULT_AT, request.length) !== 1) throw new Error("no room in the half");
    const name = new TextEncoder().encode(tenant);
    this.#bytes.set(name, TENANT_AT);
    const rejects = rejectedOf(verdict) > 0 ? 1 : 0;
    this.kernel.decode(REQUEST_AT, request.length, TENANT_AT, name.length, rejects);
    return verdict;
  }

  /** A word of the half's header. */
  header(field: number): number {
    return this.#view.getUint32(this.half + field, true);
  }

  rows(tenant: string, traceId: Uint8Array): Iterable<SpanRow> {
    const { buffer, kernel, half } = this;
    return headRows({ buffer, kernel, half, scratch: READER_AT, tenant, traceId });
  }
}

export function rejectedOf(verdict: Verdict): number {
  return verdict.badTraceId + verdict.badSpanId + verdict.badUtf8 + verdict.overLimit;
}
