/**
 * Pages of the inputs, one after the other, in the kernel's memory. At no time is there more of a
 * block than a page and a dictionary.
 */
import { MiB } from "../base/bytes.ts";
import { blockCorrupt } from "../block/block-error.ts";
import { FileCache } from "../block/file-cache.ts";
import { type ColumnChunk, type DataFile, readDataFile } from "../block/parquet-footer-read.ts";
import { closePage, openPage } from "../block/parquet-page-read.ts";
import type { BlockMeta } from "../model/block-meta.ts";

const PAGE_BYTES_MAX = 64 * MiB;
/** Of the kernel's mappedTable(). */
const MAPPED_BYTES = 2 * MiB;

export interface InputFile {
  readonly path: string;
  readonly meta: BlockMeta;
  readonly file: DataFile;
  /** Rows of the inputs before it. */
  readonly rowBase: number;
}

/** A page that lies in the kernel's memory. */
export interface InputPage {
  readonly at: number;
  readonly end: number;
  /** Parquet's number. */
  readonly encoding: number;
  /** Level entries, or values of a dictionary. */
  readonly values: number;
  /** Rows of the input; of a dictionary none. */
  readonly rowFirst: number;
  readonly rows: number;
}

export class InputPages {
  readonly files = new FileCache(512);
  readonly #memory: Uint8Array;
  readonly #at: number;
  #scratch = new Uint8Array(0);

  /** `at` is the kernel's inPage(). */
  constructor(memory: Uint8Array, at: number) {
    this.#memory = memory;
    this.#at = at;
  }

  open(path: string, meta: BlockMeta, rowBase: number): InputFile {
    const file = readDataFile(this.files, path);
    if (file.rows !== meta.spans) throw blockCorrupt(`${path}: not the rows of its meta`);
    return { path, meta, file, rowBase };
  }

  /** undefined: the column has none. */
  dictionary(input: InputFile, column: number, at = this.#at): InputPage | undefined {
    const chunk = input.file.columns[column];
    const from = chunk.references?.dictionaryAt ?? chunk.dictionaryAt;
    if (from < 0) return undefined;
    const stored = this.#read(input, from, chunk.dataAt - from);
    return this.#put(stored, { chunk, isDictionary: true, rowFirst: 0, rows: 0 }, at);
  }

  /** Data pages in order; what one holds is valid until the next. `skip` passes one over. */
  *pages(
    input: InputFile,
    column: number,
    skip: (rowFirst: number, rows: number) => boolean = () => false,
  ): Generator<InputPage> {
    const chunk = input.file.columns[column];
    const index = input.file.pageIndex(column);
    for (const [place, offset] of index.offsets.entries()) {
      const rowFirst = index.rows[place];
      const rows = index.rows[place + 1] - rowFirst;
      if (skip(rowFirst, rows)) continue;
      const stored = this.#read(input, offset, index.bytes[place]);
      yield this.#put(stored, { chunk, isDictionary: false, rowFirst, rows });
    }
  }

  close(): void {
    this.files.forget("");
  }

  #read({ path }: InputFile, offset: number, bytes: number): Uint8Array {
    if (this.#scratch.length < bytes) this.#scratch = new Uint8Array(bytes * 2);
    const stored = this.#scratch.subarray(0, bytes);
    this.files.readInto(path, offset, stored);
    return stored;
  }

  #put(
    stored: Uint8Array,
    of: { chunk: ColumnChunk; isDictionary: boolean; rowFirst: number; rows: number },
    at = this.#at,
  ): InputPage {
    const page = openPage(stored, of.chunk, of.isDictionary);
    const { bytes, encoding, values } = page;
    const room = at === this.#at ? PAGE_BYTES_MAX : MAPPED_BYTES;
    if (bytes.length > room) throw blockCorrupt("page longer than any that is written");
    this.#memory.set(bytes, at);
    const place = { at, end: at + bytes.length };
    closePage(page, stored);
    return { ...place, encoding, values, rowFirst: of.rowFirst, rows: of.rows };
  }
}
