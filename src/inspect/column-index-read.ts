/** Bounds and nulls of the pages of a column, as its ColumnIndex says them. */
import { blockCorrupt } from "../block/block-error.ts";
import type { FileCache } from "../block/file-cache.ts";
import type { ColumnValue } from "../block/parquet-decode.ts";
import { type ColumnChunk, DOUBLE, INT32, INT64 } from "../block/parquet-footer-read.ts";
import { ThriftReader } from "../block/parquet-thrift-read.ts";

export interface ColumnBounds {
  readonly nulls: number | undefined;
  /** Whether a value lies between the bounds, themselves included. */
  has(value: ColumnValue): boolean;
}

/** One a page; undefined when the column has no ColumnIndex. */
export function readColumnIndex(
  files: FileCache,
  path: string,
  column: ColumnChunk,
): ColumnBounds[] | undefined {
  if (column.columnIndexBytes === 0) return undefined;
  const bytes = files.read(path, column.columnIndexAt, column.columnIndexBytes);
  const reader = new ThriftReader(bytes);
  const least: Uint8Array[] = [];
  const most: Uint8Array[] = [];
  const nulls: number[] = [];
  reader.struct((id) => {
    if (id === 2) reader.list(() => void least.push(reader.binary()));
    else if (id === 3) reader.list(() => void most.push(reader.binary()));
    else if (id === 5) reader.list(() => void nulls.push(reader.integer()));
    else return false;
    return true;
  });
  if (reader.at !== bytes.length || least.length !== most.length) {
    throw blockCorrupt(`column index of ${column.path.join(".")}`);
  }
  return least.map((low, i) => boundsOf(column, { low, high: most[i], nulls: nulls.at(i) }));
}

interface Range {
  readonly low: Uint8Array;
  readonly high: Uint8Array;
  readonly nulls: number | undefined;
}

function boundsOf(column: ColumnChunk, { low, high, nulls }: Range): ColumnBounds {
  const width = column.type === INT64 || column.type === DOUBLE ? 8 : column.type === INT32 ? 4 : 0;
  if (width === 0) {
    return {
      nulls,
      has: (value) =>
        !(value instanceof Uint8Array) ||
        (Buffer.compare(low, value) <= 0 && Buffer.compare(value, high) <= 0),
    };
  }
  // A page of nulls alone has empty ones.
  if (low.length !== width || high.length !== width) return { nulls, has: () => false };
  const [from, to] = [numberOf(column, low), numberOf(column, high)];
  // 32 bits are unsigned in some columns; as such they are in order in all where it matters.
  const isUnsigned = column.type === INT32 && from > to;
  return {
    nulls,
    has: (value) =>
      typeof value !== "number" && typeof value !== "bigint"
        ? true
        : isUnsigned || (from <= value && value <= to),
  };
}

function numberOf({ type }: ColumnChunk, bytes: Uint8Array): number | bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === INT64) return view.getBigInt64(0, true);
  return type === DOUBLE ? view.getFloat64(0, true) : view.getInt32(0, true);
}
