/**
 * Spans of the few traces that an answer shows. Out of columns that are at hand; of a block in a
 * bucket out of the pages that hold the trace, since ids, parents and durations are half of its
 * bytes, and a search looks at few traces of most blocks.
 */
import { assert } from "../base/assert.ts";
import { readColumns } from "../block/block-columns-read.ts";
import type { BlockCaches, OpenBlock } from "../block/block-read.ts";
import type { ColumnRows, ColumnValue } from "../block/parquet-decode.ts";
import { chunkPlace } from "../block/parquet-footer-read.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { naming } from "./block-naming.ts";
import { hexAt } from "./field-columns.ts";
import { rowOrder } from "./row-order.ts";
import type { LateSpan, Segment, TraceSpans } from "./segment.ts";
import type { ListedBlock } from "./trace-by-id.ts";

const NO_ROW = 0xffffffff;

/** With more of a block's traces to show, its columns are read whole. */
const FEW_TRACES = 4;

export function isFew(among: number): boolean {
  return among <= FEW_TRACES;
}

export function knownSpans(segment: Segment, scratch: StepScratch, trace: number): TraceSpans {
  const root = scratch.words[segment.roots() / 4 + trace];
  return {
    root: root === NO_ROW ? undefined : root,
    end: scratch.ulongs[segment.times().end / 8 + trace],
    id: (row) => hexAt(scratch.bytes, segment.spanIds() + row * 8, 8),
    duration: (row) => scratch.longs[segment.duration() / 8 + row],
  };
}

/** A tenant's rows of a block. */
export interface FarRows {
  readonly caches: BlockCaches;
  readonly block: OpenBlock;
  /** By name. */
  readonly columns: ReadonlyMap<string, number>;
  readonly rowFirst: number;
}

/** Whether somebody must wait when the columns of knownSpans() are read. */
export function isFar({ caches, block: { path, file }, columns }: FarRows): boolean {
  return ["span_id", "parent_span_id", "duration_nano"].some((name) => {
    const column = columns.get(name);
    if (column === undefined) return false;
    const { at, end } = chunkPlace(file.columns[column]);
    return !caches.files.isHere(path, at, end - at);
  });
}

/** Of a segment without doubles. */
export function farSpans(
  segment: Segment,
  scratch: StepScratch,
  far: FarRows & { readonly trace: number },
): TraceSpans {
  const at = segment.starts / 4 + far.trace;
  const [first, rowEnd] = [scratch.words[at], scratch.words[at + 1]];
  const { ids, durations, parents } = readRows(far, first, rowEnd);
  const start = segment.start() / 8;
  const id = (row: number) => bytesOf(ids.values[row - first]).toHex();
  const duration = (row: number) => longOf(durations.values[row - first]);
  const order = rowOrder(segment, scratch, id);
  let root: number | undefined;
  let end = 0n;
  for (let row = first; row < rowEnd; row++) {
    const touches = BigInt.asUintN(64, scratch.ulongs[start + row] + duration(row));
    if (touches > end) end = touches;
    const parent = parents?.values[row - first];
    if (parent !== undefined && bytesOf(parent).some((byte) => byte !== 0)) continue;
    if (root === undefined || order(row, root) < 0) root = row;
  }
  return { root, end, id, duration };
}

/** One row of the block, out of the pages that hold it. */
export function lateSpan(
  of: Pick<ListedBlock, "meta">,
  { caches, block, columns, rowFirst }: FarRows,
  row: number,
): LateSpan {
  const read = (name: string): ColumnValue | undefined => {
    const column = columns.get(name);
    assert(column !== undefined, "block: ids and durations of spans");
    const rows = { first: rowFirst + row, end: rowFirst + row + 1 };
    return readColumns(caches.unnoticed, block, { columns: [column], rows }).get(column)?.values[0];
  };
  return {
    id: () => naming(of, () => bytesOf(read("span_id")).toHex()),
    duration: () => naming(of, () => longOf(read("duration_nano"))),
  };
}

interface SpanRows {
  readonly ids: ColumnRows;
  readonly durations: ColumnRows;
  /** undefined: no span of the block has a parent. */
  readonly parents: ColumnRows | undefined;
}

function readRows({ caches, block, columns, rowFirst }: FarRows, from: number, to: number) {
  const id = columns.get("span_id");
  const duration = columns.get("duration_nano");
  const parent = columns.get("parent_span_id");
  assert(id !== undefined && duration !== undefined, "block: ids and durations of spans");
  // Whoever reads ahead is not to take these for columns that are read whole.
  const read = readColumns(caches.unnoticed, block, {
    columns: [id, duration, ...(parent === undefined ? [] : [parent])],
    rows: { first: rowFirst + from, end: rowFirst + to },
  });
  const of = (column: number): ColumnRows => {
    const rows = read.get(column);
    assert(rows !== undefined, "block: a column was not read");
    return rows;
  };
  const parents = parent === undefined ? undefined : of(parent);
  return { ids: of(id), durations: of(duration), parents } satisfies SpanRows;
}

function bytesOf(value: ColumnValue | undefined): Uint8Array {
  assert(value instanceof Uint8Array, "block: an id of bytes");
  return value;
}

function longOf(value: ColumnValue | undefined): bigint {
  assert(typeof value === "bigint", "block: a duration");
  return value;
}
