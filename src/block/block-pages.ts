/** The pages of one column that hold some rows, and its dictionary: read and opened in order. */
import { dirname } from "node:path";
import { assert } from "../base/assert.ts";
import {
  type ColumnCaches,
  type ColumnSource,
  columnName,
  openDictionary,
  type RowRange,
} from "./block-columns-read.ts";
import { namingBlock } from "./block-error.ts";
import { planReads } from "./block-plan.ts";
import type { Dictionary } from "./parquet-decode.ts";
import { closePage, openPage, type Page } from "./parquet-page-read.ts";

export interface ColumnPage {
  readonly page: Page;
  /** Rows of the page to pass over, and to take after them. */
  readonly skip: number;
  readonly count: number;
  /** All rows of the page. */
  readonly rows: number;
}

/** undefined: the column has none. Read, or at hand. */
export function columnDictionary(
  caches: ColumnCaches,
  source: ColumnSource,
  column: number,
): Dictionary | undefined {
  caches.touched?.add(columnName(source.file.columns[column]));
  const held = caches.dictionaries.get(source.path, String(column));
  if (held !== undefined) return held;
  const { dictionaryAt, dataAt } = source.file.columns[column];
  if (dictionaryAt < 0) return undefined;
  return namingBlock(dirname(source.path), () => {
    const bytes = caches.files.read(source.path, dictionaryAt, dataAt - dictionaryAt);
    return openDictionary(caches, source, { column, bytes });
  });
}

/** Pages in order; what one holds is valid until the next is asked for. */
export function* columnPages(
  caches: ColumnCaches,
  source: ColumnSource,
  request: { readonly column: number; readonly rows: RowRange },
): Generator<ColumnPage> {
  const { column, rows } = request;
  const { file, path } = source;
  assert(rows.first < rows.end && rows.end <= file.rows, "block: rows outside the file");
  caches.touched?.add(columnName(file.columns[column]));
  const index = file.pageIndex(column);
  const batches = planReads(file, {
    columns: [column],
    rowFirst: rows.first,
    rowEnd: rows.end,
    hasDictionary: () => true,
  });
  for (const { reads } of batches) {
    for (const read of reads) {
      const bytes = caches.scratch.take(read.bytes);
      caches.files.readInto(path, read.offset, bytes);
      for (const { page: place, offset, bytes: length } of read.pages) {
        const from = offset - read.offset;
        const first = Math.max(rows.first, index.rows[place]);
        const end = Math.min(rows.end, index.rows[place + 1]);
        const page = openPage(bytes.subarray(from, from + length), file.columns[column], false);
        yield {
          page,
          skip: first - index.rows[place],
          count: end - first,
          rows: index.rows[place + 1] - index.rows[place],
        };
        // Left to the collector, pages pile up faster than it looks.
        closePage(page, bytes);
      }
    }
  }
}
