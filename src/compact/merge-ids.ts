/**
 * Ids of spans, and of their parents. A parent is mostly a span of the same trace: then it is
 * written as the place of that span's id, where eight bytes that nothing compresses would be.
 */
import { assert } from "../base/assert.ts";
import { ID_BYTES, ID_HEAD_WORDS, ID_PAGE_ROWS } from "../block/parquet-id-pages.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { writeDataPages } from "./merge-chunk.ts";
import { type MergeFile, type MergeParts, openColumn, writeColumn } from "./merge-column.ts";
import type { MergeColumn } from "./merge-columns.ts";

/** Those that writeIds() writes. */
export const ID_COLUMNS: readonly string[] = ["span_id", "parent_span_id"];
/** In one call; see numberMerged(). */
const NUMBERED_TRACES = 1024;
/** Values of one dictionary, as a merge of the file reads them. */
const WORDS_MAX = 2 ** 20;
/** Of the parents that are found, one other at the most: it costs its id and its place. */
const FOUND_PER_OTHER = 2;

/** Writes both into all files, and numbers the traces: the columns that say so come next. */
export function writeIds(parts: MergeParts, files: readonly MergeFile[]): void {
  const { kernel, rows } = parts;
  const [ids, parents] = [named(parts, "span_id"), named(parts, "parent_span_id")];
  openColumn(parts, parents, { rowFirst: 0, rows });
  const traces = kernel.mergedTraces();
  for (let first = 0; first < traces; first += NUMBERED_TRACES) {
    kernel.numberMerged(first, Math.min(first + NUMBERED_TRACES, traces));
  }
  const plain = files.filter((file) => !writeReferences(parts, file, { ids, parents }));
  if (plain.length === 0) return;
  writeColumn(parts, ids, plain);
  writeColumn(parts, parents, plain);
}

/** Writes nothing, and returns false, when the parents are better plain. */
function writeReferences(
  { kernel, memory }: MergeParts,
  { plan, parquet, columns }: MergeFile,
  of: { readonly ids: MergeColumn; readonly parents: MergeColumn },
): boolean {
  const traceFirst = plan.tenants[0].traceFirst;
  const others = kernel.codeParents(traceFirst, plan.traces, ID_PAGE_ROWS, ID_HEAD_WORDS);
  const values = kernel.chunkValues();
  const words = kernel.dictionaryPageValues();
  if (values === 0 || others * (FOUND_PER_OTHER + 1) > values || words > WORDS_MAX) return false;
  parquet.beginReferences(columns.indexOf(of.parents), {
    leaf: columns.indexOf(of.ids),
    ids: idsAt(memory, spanIdsAt(kernel) + plan.rowFirst * ID_BYTES, plan.rows),
    others: idsAt(memory, kernel.otherParents(), others),
  });
  writeDataPages(kernel, memory, { parquet, other: false });
  parquet.endColumn();
  return true;
}

function spanIdsAt(kernel: Kernel): number {
  return kernel.mergedSpanIds() >>> 0;
}

function idsAt(memory: Uint8Array, at: number, count: number): Uint8Array {
  return memory.subarray(at >>> 0, (at >>> 0) + count * ID_BYTES);
}

function named({ columns }: MergeParts, name: string): MergeColumn {
  const column = columns.columns.find(({ path }) => path === name);
  assert(column !== undefined, "merge: a column that all blocks have");
  return column;
}
