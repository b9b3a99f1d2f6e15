/** Where the traces of a block begin, and their ids. */
import { assert } from "../base/assert.ts";
import { columnDictionary } from "../block/block-pages.ts";
import type { BlockCaches, OpenBlock } from "../block/block-read.ts";
import type { BlockVectors } from "../block/block-vectors.ts";
import type { BlockTenant } from "../model/block-meta.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { SegmentTools } from "./segment-tools.ts";

const TRACE_ID_BYTES = 16;

export interface TraceRows {
  /** u32: where the rows of each trace begin; traces + 1 of them. */
  readonly starts: number;
  /** 16 bytes a trace. */
  readonly ids: number;
  readonly traces: number;
}

type TraceRowTools = Omit<SegmentTools, "vectors"> & { readonly keeper: Keeper };

/**
 * Ids of all traces of a tenant that has a file alone, 16 bytes each, where its dictionary is the
 * list of them: without a look at rows. undefined: they are not known so.
 */
export function listedIds(
  caches: BlockCaches,
  block: OpenBlock,
  { rows, traces }: Pick<BlockTenant, "rows" | "traces">,
): Uint8Array | undefined {
  if (rows !== block.file.rows) return undefined;
  const values = columnDictionary(caches, block, block.layout.traceId);
  return values?.values === traces ? values.fixed : undefined;
}

/** Kept under the name. */
export function findTraceRows(
  { caches, kernel, scratch, keeper }: TraceRowTools,
  of: { readonly vectors: BlockVectors; readonly block: OpenBlock; readonly name: string },
): TraceRows {
  const key = `${of.name}traces`;
  const known = keeper.find<TraceRows>(key);
  if (known !== undefined) return known;
  const { vectors: columns, block } = of;
  const { rows } = columns;
  const column = block.layout.traceId;
  const values = columnDictionary(caches, block, column);
  return scratch.within(() => {
    const found = scratch.take((rows + 1) * 4);
    let traces = 0;
    let ids = 0;
    const bytes = () => {
      if (values === undefined) {
        ids = columns.ids16(column);
        traces = kernel.runStarts16(ids, rows, found) >>> 0;
      } else {
        ids = scratch.take(rows * 4);
        columns.codeWords(column, ids);
        traces = kernel.runStarts(ids, rows, found) >>> 0;
      }
      return traces * 20 + 64;
    };
    return keeper.get<TraceRows>(key, bytes, (at) => {
      const starts = at + traces * TRACE_ID_BYTES;
      const { words } = scratch;
      words.copyWithin(starts / 4, found / 4, found / 4 + traces + 1);
      if (values === undefined) kernel.gather16(ids, starts, traces, at);
      else {
        const codes = scratch.take(traces * 4);
        for (let trace = 0; trace < traces; trace++) {
          const code = words[ids / 4 + words[starts / 4 + trace]];
          assert(code > 0 && code <= values.values, "block: every row has a trace id");
          words[codes / 4 + trace] = code - 1;
        }
        kernel.gather16(scratch.copy(values.fixed), codes, traces, at);
      }
      return { starts, ids: at, traces };
    });
  });
}
