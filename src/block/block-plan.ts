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
  /** Place among the column's data pages; -1 for its dictionary. */
  readonly page: number;
  readonly offset: number;
  readonly bytes: number;
}

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
  /** Columns whose dictionary is at hand. */
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
  const index = file.pages[column];
  const pages: PlannedPage[] = [];
  if (dictionaryAt >= 0 && !request.hasDictionary(column)) {
    pages.push({ column, page: -1, offset: dictionaryAt, bytes: dataAt - dictionaryAt });
  }
  for (let page = pageOfRow(index, request.rowFirst); page < index.offsets.length; page++) {
    if (index.rows[page] >= request.rowEnd) break;
    pages.push({ column, page, offset: index.offsets[page], bytes: index.bytes[page] });
  }
  return pages;
}

/** The page that a row lies in. */
export function pageOfRow(index: PageIndex, row: number): number {
  let low = 0;
  let high = index.offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (index.rows[middle] <= row) low = middle;
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
