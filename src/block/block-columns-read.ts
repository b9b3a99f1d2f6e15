/** Some rows of some columns of a data file: planned, read, decoded. */
import { dirname } from "node:path";
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import { namingBlock } from "./block-error.ts";
import { planReads, REFERRED } from "./block-plan.ts";
import type { FileCache, ValueCache } from "./file-cache.ts";
import { type CodedValues, ColumnDecoder, type ColumnRows, Dictionary } from "./parquet-decode.ts";
import type { DataFile } from "./parquet-footer-read.ts";
import { openPage } from "./parquet-page-read.ts";
import { SharedIds } from "./shared-ids.ts";

export interface ColumnCaches {
  readonly files: FileCache;
  readonly dictionaries: ValueCache<Dictionary>;
  readonly scratch: Scratch;
  /** Where it is wanted: names of the columns that were read. */
  readonly touched: Set<string> | undefined;
}

/** As in the schema, with all that is around it. */
export function columnName({ path }: DataFile["columns"][number]): string {
  return path.join(".");
}

/** Bytes of a batch are used up before the next one: one buffer serves all, and stays warm. */
export class Scratch {
  #bytes = new Uint8Array(0);

  /** Overwrites what the last call gave. */
  take(length: number): Uint8Array {
    if (length > SCRATCH_HELD_BYTES) return new Uint8Array(length);
    if (length > this.#bytes.length) this.#bytes = new Uint8Array(length * 2);
    return this.#bytes.subarray(0, length);
  }
}

const SCRATCH_HELD_BYTES = 4 * MiB;

export interface ColumnSource {
  readonly path: string;
  readonly file: DataFile;
}

export interface RowRange {
  readonly first: number;
  /** After the last. */
  readonly end: number;
}

interface ColumnRequest {
  readonly columns: readonly number[];
  readonly rows: RowRange;
}

/** By the column's place in the file. `rows` must be some, and inside the file. */
export function readColumns(
  caches: ColumnCaches,
  source: ColumnSource,
  request: ColumnRequest,
): Map<number, ColumnRows> {
  return namingBlock(dirname(source.path), () => readWanted(caches, source, request));
}

function readWanted(
  caches: ColumnCaches,
  source: ColumnSource,
  request: ColumnRequest,
): Map<number, ColumnRows> {
  const { columns, rows } = request;
  const { file, path } = source;
  assert(rows.first < rows.end && rows.end <= file.rows, "block: rows outside the file");
  const dictionaries = new Map<number, Dictionary>();
  for (const column of columns) {
    caches.touched?.add(columnName(file.columns[column]));
    const held = caches.dictionaries.get(path, String(column));
    if (held !== undefined) dictionaries.set(column, held);
  }
  const found = new Map<number, ColumnRows>();
  const batches = planReads(file, {
    columns,
    rowFirst: rows.first,
    rowEnd: rows.end,
    hasDictionary: (column) => dictionaries.has(column),
  });
  const reads = batches.flatMap((batch) => batch.reads);
  caches.files.bring(
    path,
    reads.map(({ offset, bytes }) => ({ offset, length: bytes })),
  );
  for (const batch of batches) {
    const pages = new Map<number, Map<number, Uint8Array>>(
      batch.columns.map((c) => [c, new Map()]),
    );
    const referred = new Map<number, Uint8Array>();
    const scratch = caches.scratch.take(batch.reads.reduce((sum, read) => sum + read.bytes, 0));
    let used = 0;
    for (const read of batch.reads) {
      const bytes = scratch.subarray(used, used + read.bytes);
      used += read.bytes;
      caches.files.readInto(path, read.offset, bytes);
      for (const page of read.pages) {
        const at = page.offset - read.offset;
        const stored = bytes.subarray(at, at + page.bytes);
        if (page.page === REFERRED) referred.set(page.offset, stored);
        else pages.get(page.column)?.set(page.page, stored);
      }
    }
    for (const [column, stored] of pages) {
      const dictionaryPage = stored.get(-1);
      if (dictionaryPage !== undefined) {
        const dictionary = openDictionary(caches, source, { column, bytes: dictionaryPage });
        dictionaries.set(column, dictionary);
        stored.delete(-1);
      }
      const ids = () => new SharedIds(caches.files, { source, column }, referred);
      const dictionary =
        file.columns[column].references === undefined ? dictionaries.get(column) : ids();
      found.set(column, decode(file, { column, stored, rows, dictionary }));
    }
  }
  return found;
}

/** `bytes` is the dictionary page as stored. */
export function openDictionary(
  caches: ColumnCaches,
  { file, path }: ColumnSource,
  { column, bytes }: { readonly column: number; readonly bytes: Uint8Array },
): Dictionary {
  const chunk = file.columns[column];
  const page = openPage(bytes, chunk, true);
  // The read's bytes are overwritten by the next one.
  const own = page.bytes.buffer === bytes.buffer ? page.bytes.slice() : page.bytes;
  const dictionary = new Dictionary({ ...page, bytes: own }, chunk);
  const name = { file: path, part: String(column) };
  return caches.dictionaries.put(name, dictionary, dictionary.heldBytes);
}

interface StoredColumn {
  readonly column: number;
  /** Data pages by their place. */
  readonly stored: ReadonlyMap<number, Uint8Array>;
  readonly rows: RowRange;
  readonly dictionary: CodedValues | undefined;
}

function decode(file: DataFile, { column, stored, rows, dictionary }: StoredColumn): ColumnRows {
  const chunk = file.columns[column];
  const index = file.pageIndex(column);
  const decoder = new ColumnDecoder(chunk, dictionary);
  for (const place of [...stored.keys()].sort((a, b) => a - b)) {
    const bytes = stored.get(place);
    assert(bytes !== undefined, "block: a page was not read");
    const first = Math.max(rows.first, index.rows[place]);
    const end = Math.min(rows.end, index.rows[place + 1]);
    const skip = first - index.rows[place];
    decoder.add(openPage(bytes, chunk, false), { skip, count: end - first });
  }
  return decoder.finish();
}
