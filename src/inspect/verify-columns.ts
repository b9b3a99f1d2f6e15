/**
 * All pages of all columns of a data file, decoded, and what the columns say together.
 */
import { blockCorrupt } from "../block/block-error.ts";
import type { FileCache } from "../block/file-cache.ts";
import {
  type CodedValues,
  ColumnDecoder,
  type ColumnRows,
  Dictionary,
} from "../block/parquet-decode.ts";
import type { ColumnChunk } from "../block/parquet-footer-read.ts";
import { type OpenedPage, openPage } from "../block/parquet-page-read.ts";
import { SharedIds } from "../block/shared-ids.ts";
import { type ColumnBounds, readColumnIndex } from "./column-index-read.ts";
import type { BlockFile } from "./data-file-gaps.ts";
import { type Findings, finding } from "./finding.ts";
import { ListShapes, RowOrder, RowTimes } from "./row-checks.ts";

/** Undefined: not all of it could be read. */
export interface BlockColumns {
  /** Of the traces in the order of rows: hash and first row. */
  readonly traces: readonly FirstRow[] | undefined;
}

export interface FirstRow {
  readonly high: number;
  readonly low: number;
  readonly row: number;
}

interface Surroundings {
  readonly findings: Findings;
  /** Of the data file. */
  readonly object: string;
  readonly onBytes: (bytes: number) => void;
}

/** What wants to see all rows of a column. `first` is the row of the file. */
export interface RowCheck {
  readonly wants: (column: ColumnChunk) => boolean;
  /** Throws block_corrupt. */
  add(column: ColumnChunk, first: number, rows: ColumnRows): void;
}

export function verifyColumns(
  files: FileCache,
  block: BlockFile,
  { findings, object, onBytes }: Surroundings,
): BlockColumns {
  const order = new RowOrder(block.meta);
  const times = new RowTimes(block.meta);
  const shapes = new ListShapes(block.meta.spans);
  const checks: readonly RowCheck[] = [order, times, shapes];
  let isWhole = true;
  for (const [place, column] of block.file.columns.entries()) {
    const read = finding(findings, object, () => {
      verifyColumn({ files, block, place, checks: checks.filter((one) => one.wants(column)) });
      return true;
    });
    isWhole &&= read === true;
    onBytes(column.dataEnd - (column.dictionaryAt < 0 ? column.dataAt : column.dictionaryAt));
  }
  if (!isWhole) return { traces: undefined };
  const fits = finding(findings, object, () => {
    order.finish();
    times.finish();
    return true;
  });
  return { traces: fits === true ? order.traces : undefined };
}

interface ColumnWork {
  readonly files: FileCache;
  readonly block: BlockFile;
  readonly place: number;
  readonly checks: readonly RowCheck[];
}

function verifyColumn({ files, block, place, checks }: ColumnWork): void {
  const { path, file, meta } = block;
  const column = file.columns[place];
  const index = file.pageIndex(place);
  const isSealed = meta.crc32 !== undefined;
  const dictionary = openDictionary(files, block, place);
  const bounds = readColumnIndex(files, path, column);
  if (bounds !== undefined && bounds.length !== index.offsets.length) {
    throw corrupt(column, "column index has not its pages");
  }
  let at = column.dataAt;
  let nulls = 0;
  for (const [i, offset] of index.offsets.entries()) {
    if (offset !== at) throw corrupt(column, "pages do not follow each other");
    const stored = files.read(path, offset, index.bytes[i]);
    const page = openPage(stored, column, false);
    checkPage(page, stored, { column, isSealed });
    const first = index.rows[i];
    const rows = index.rows[i + 1] - first;
    const decoder = new ColumnDecoder(column, dictionary);
    decoder.add(page, { skip: 0, count: rows });
    const decoded = decoder.finish();
    const entries = decoded.values.length;
    if (entries !== page.values) throw corrupt(column, "page has not the values of its header");
    const nullsHere = checkValues(decoded, column, bounds?.[i]);
    nulls += nullsHere;
    for (const check of checks) check.add(column, first, decoded);
    at = offset + index.bytes[i];
  }
  if (at !== column.dataEnd) throw corrupt(column, "bytes behind its last page");
  if (column.nulls >= 0 && nulls !== column.nulls) throw corrupt(column, "nulls of its statistics");
}

function openDictionary(
  files: FileCache,
  { path, file, meta }: BlockFile,
  place: number,
): CodedValues | undefined {
  const column = file.columns[place];
  const { references, dictionaryAt, dataAt } = column;
  const from = references?.dictionaryAt ?? dictionaryAt;
  if (from < 0) return undefined;
  const stored = files.read(path, from, dataAt - from);
  const page = openPage(stored, column, true);
  checkPage(page, stored, { column, isSealed: meta.crc32 !== undefined });
  if (references === undefined) return new Dictionary(page, column);
  if (file.columns[references.column].dataAt !== from + page.headerBytes) {
    throw corrupt(column, "ids that it refers to are not where it looks for them");
  }
  return new SharedIds(files, { source: { path, file }, column: place });
}

/** The stored bytes hold the page and nothing else. */
function checkPage(
  { headerBytes, storedBytes, isChecked }: OpenedPage,
  stored: Uint8Array,
  { column, isSealed }: { readonly column: ColumnChunk; readonly isSealed: boolean },
): void {
  if (headerBytes + storedBytes !== stored.length) throw corrupt(column, "bytes behind a page");
  if (isSealed && !isChecked) throw corrupt(column, "page without a checksum");
}

/** Returns the number of nulls. */
function checkValues(
  { values }: ColumnRows,
  column: ColumnChunk,
  bounds: ColumnBounds | undefined,
): number {
  let nulls = 0;
  let before: unknown;
  for (const value of values) {
    if (value === undefined) nulls++;
    // Values of one code are one object.
    else if (value !== before) {
      if (bounds !== undefined && !bounds.has(value))
        throw corrupt(column, "value out of its bounds");
      before = value;
    }
  }
  if (bounds?.nulls !== undefined && bounds.nulls !== nulls) {
    throw corrupt(column, "nulls of its column index");
  }
  return nulls;
}

function corrupt(column: ColumnChunk, what: string) {
  return blockCorrupt(`column ${column.path.join(".")}: ${what}`);
}
