/**
 * Which traces of a block are past their time, by the rules of retention: each filter is asked of
 * the block's columns as a search asks it.
 *
 * Threads: the one that merges. Its memory serves for this as well, between merges.
 */
import { KiB, MiB } from "../base/bytes.ts";
import { BlockCaches } from "../block/block-read.ts";
import { ValueCache } from "../block/file-cache.ts";
import { MERGE_SCRATCH_AT } from "../compact/merge-blocks.ts";
import { isOver, type Retention, retentionStep, tenantKeepMs } from "../compact/plan-retention.ts";
import { readRetentionFilter } from "../compact/retention-filter.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { BlockMeta, BlockTenant } from "../model/block-meta.ts";
import { BlockSegment } from "../query/block-segment.ts";
import { FilterBits } from "../query/filter-bits.ts";
import type { SegmentTools } from "../query/segment-tools.ts";
import type { FieldExpr } from "../traceql/ast.ts";
import { StepScratch } from "../vector/step-scratch.ts";
import { VectorCache } from "../vector/vector-cache.ts";

const SCRATCH_AT = 64 * KiB;
const SCRATCH_BYTES = 192 * MiB;
const CACHE_BYTES_MAX = 32 * MiB;
const FILES_MAX = 8;

interface Rule {
  readonly expr: FieldExpr;
  readonly keepMs: number;
}

export class ExpiredTraces {
  readonly #kernel: Kernel;
  readonly #buffer: SharedArrayBuffer;
  readonly #retention: Retention;
  readonly #rules: readonly Rule[];

  constructor(kernel: Kernel, buffer: SharedArrayBuffer, retention: Retention) {
    this.#kernel = kernel;
    this.#buffer = buffer;
    this.#retention = retention;
    this.#rules = retention.rules.map((rule) => ({
      expr: readRetentionFilter(rule),
      keepMs: rule.keepMs,
    }));
  }

  /** A byte a trace of the block, in its order: 1, its time is over. undefined: none is. */
  of(meta: BlockMeta, folder: string, nowMs: number): Uint8Array | undefined {
    if (retentionStep(meta, this.#retention, nowMs).type === "keep") return undefined;
    const caches = new BlockCaches({ filesMax: FILES_MAX, bytesMax: CACHE_BYTES_MAX });
    const from = SCRATCH_AT + SCRATCH_BYTES;
    const scratch = new StepScratch(this.#buffer, { base: SCRATCH_AT, bytes: SCRATCH_BYTES });
    // Merges overwrite the memory, so nothing is kept from one block to the next.
    const vectors = new VectorCache(from, this.#buffer.byteLength - from);
    const residuals: SegmentTools["residuals"] = new ValueCache(CACHE_BYTES_MAX);
    const tools = { caches, vectors, scratch, kernel: this.#kernel, residuals };
    try {
      const expired = new Uint8Array(meta.traces);
      let first = 0;
      for (const tenant of meta.tenants) {
        const part = expired.subarray(first, first + tenant.traces);
        this.#mark(part, tools, { meta, folder, tenant, nowMs });
        first += tenant.traces;
      }
      return expired.includes(1) ? expired : undefined;
    } finally {
      this.#kernel.soilScratch(MERGE_SCRATCH_AT);
      caches.close();
    }
  }

  #mark(
    expired: Uint8Array,
    tools: SegmentTools,
    of: { meta: BlockMeta; folder: string; tenant: BlockTenant; nowMs: number },
  ): void {
    const { retainFromMs } = of.meta;
    const keepMs = tenantKeepMs(this.#retention, of.tenant.name);
    const isGone = (ms: number) => isOver(retainFromMs, ms, of.nowMs);
    if (!isGone(keepMs) && !this.#rules.some((rule) => isGone(rule.keepMs))) return;
    tools.vectors.beginStep();
    tools.scratch.reset(Number.POSITIVE_INFINITY);
    const segment = new BlockSegment(tools, of);
    const filter = new FilterBits(segment, tools);
    const { bits } = filter;
    const { rows } = segment;
    const all = bits.all(rows);
    let ruled = bits.none(rows);
    let kept = bits.none(rows);
    for (const rule of this.#rules) {
      const found = filter.rows(rule.expr, all);
      ruled = bits.or(ruled, found, rows);
      if (!isGone(rule.keepMs)) kept = bits.or(kept, found, rows);
    }
    if (!isGone(keepMs)) kept = bits.or(kept, bits.not(ruled, rows), rows);
    const { words } = tools.scratch;
    const starts = segment.starts / 4;
    let row = 0;
    for (let trace = 0; trace < expired.length; trace++) {
      const end = words[starts + trace + 1];
      let isKept = false;
      for (; row < end; row++) isKept ||= bits.has(kept, row);
      expired[trace] = isKept ? 0 : 1;
    }
  }
}
