/**
 * Which bytes of a data file hold some rows of some columns: pure, no file is touched.
 *
 * Reading a little more is cheaper than reading twice, so pages with a small gap between them are
 * one read. Many columns are split into batches, so that what is read at once is bounded.
 */
import { KiB, MiB } from "../base/bytes.ts";
import type { DataFile, PageIndex } from "./parquet-footer-read.ts";

/** A page to read. */
export interface PlannedPage {
  /** Place of the column in the file. */
  readonly column: number;
  /** Place among the column's data pages; -1 for its dictionary, -2 for ids that it refers to. */
  readonly page: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Of pages of ids, as PlannedPage has it. */
export const REFERRED = -2;

/** One read, and the pages in it. */
export interface PlannedRead {
  readonly offset: number;
  readonly bytes: number;
  readonly pages: readonly PlannedPage[];
}

/** Columns that are read and decoded together. */
export interface PlannedBatch {
  readonly columns: readonly number[];
  readonly reads: readonly PlannedRead[];
}

export interface PlanRequest {
  readonly columns: readonly number[];
  readonly rowFirst: number;
  /** After the last row. */
  readonly rowEnd: number;
  /** Columns whose dictionary is at hand, or is not wanted. */
  readonly hasDictionary: (column: number) => boolean;
}

/** At 5 GB/s from the page cache this costs as much as another call. */
const GAP_BYTES_MAX = 64 * KiB;
/** Stored bytes of a batch, beyond which the next column begins another one. */
const BATCH_BYTES = 16 * MiB;

export function planReads(file: DataFile, request: PlanRequest): PlannedBatch[] {
  const batches: PlannedBatch[] = [];
  let columns: number[] = [];
  let pages: PlannedPage[] = [];
  let bytes = 0;
  const finish = () => {
    if (columns.length > 0) batches.push({ columns, reads: coalesce(pages) });
    columns = [];
    pages = [];
    bytes = 0;
  };
  for (const column of [...request.columns].sort((a, b) => a - b)) {
    columns.push(column);
    for (const page of columnPages(file, column, request)) {
      pages.push(page);
      bytes += page.bytes;
    }
    if (bytes >= BATCH_BYTES) finish();
  }
  finish();
  return batches;
}

function columnPages(file: DataFile, column: number, request: PlanRequest): PlannedPage[] {
  const { dictionaryAt, dataAt } = file.columns[column];
  const index = file.pageIndex(column);
  const pages: PlannedPage[] = [];
  if (dictionaryAt >= 0 && !request.hasDictionary(column)) {
    pages.push({ column, page: -1, offset: dictionaryAt, bytes: dataAt - dictionaryAt });
  }
  for (const page of pagesOfRows(index, request)) pages.push({ column, ...page });
  if (!request.hasDictionary(column)) pages.push(...referredPages(file, column, request));
  return pages;
}

function* pagesOfRows(
  { offsets, bytes, rows }: PageIndex,
  { rowFirst, rowEnd }: PlanRequest,
): Generator<Omit<PlannedPage, "column">> {
  for (let page = pageOfRow({ rows }, rowFirst); page < offsets.length; page++) {
    if (rows[page] >= rowEnd) break;
    yield { page, offset: offsets[page], bytes: bytes[page] };
  }
}

/** Ids of the rows themselves, for parents are of the same trace, and those that are of none. */
function referredPages(file: DataFile, column: number, request: PlanRequest): PlannedPage[] {
  const { references, dataAt } = file.columns[column];
  if (references === undefined) return [];
  const pages: PlannedPage[] = [];
  for (const page of pagesOfRows(file.pageIndex(references.column), request)) {
    pages.push({ ...page, column, page: REFERRED });
  }
  const { dataEnd } = file.columns[references.column];
  if (dataEnd < dataAt) {
    pages.push({ column, page: REFERRED, offset: dataEnd, bytes: dataAt - dataEnd });
  }
  return pages;
}

/** The page that a row lies in. */
export function pageOfRow({ rows }: Pick<PageIndex, "rows">, row: number): number {
  return lastBelow(rows, rows.length - 1, row);
}

/** The last page that begins at or before an offset. */
export function pageOfOffset({ offsets }: Pick<PageIndex, "offsets">, offset: number): number {
  return lastBelow(offsets, offsets.length, offset);
}

/** Of the first `count`, which ascend: the last one that is at most `value`, or the first. */
function lastBelow(list: ArrayLike<number>, count: number, value: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (list[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

function coalesce(pages: readonly PlannedPage[]): PlannedRead[] {
  const reads: { offset: number; bytes: number; pages: PlannedPage[] }[] = [];
  for (const page of [...pages].sort((a, b) => a.offset - b.offset)) {
    const last = reads.at(-1);
    const end = last === undefined ? -1 : last.offset + last.bytes;
    if (last === undefined || page.offset - end > GAP_BYTES_MAX) {
      reads.push({ offset: page.offset, bytes: page.bytes, pages: [page] });
      continue;
    }
    // Damaged places may overlap.
    last.bytes = Math.max(end, page.offset + page.bytes) - last.offset;
    last.pages.push(page);
  }
  return reads;
}
