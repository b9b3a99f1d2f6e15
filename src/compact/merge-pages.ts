/**
 * Pages of the inputs, one after the other, in the kernel's memory. At no time is there more of a
 * block than a page and a dictionary, or as many small ones as are read at once.
 *
 * A thread that merges opens a thousand pages and ends: what is done for each is here in one
 * function, and the rest in the kernel, for each function more is one more to compile.
 */
import { MiB } from "../base/bytes.ts";
import { freeBytes } from "../base/free-bytes.ts";
import { GarbageCount } from "../base/garbage.ts";
import { blockCorrupt } from "../block/block-error.ts";
import { FileCache } from "../block/file-cache.ts";
import {
  type ColumnChunk,
  chunkPlace,
  type DataFile,
  type PageIndex,
  readDataFile,
} from "../block/parquet-footer-read.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { STORED_BYTES_MAX, STORED_FIELDS, STORED_WRONGS } from "../kernel/merge-kernel.ts";
import type { BlockMeta } from "../model/block-meta.ts";

/** Of the kernel's mappedTable(). */
const MAPPED_BYTES = 2 * MiB;
/** Pages of one column that are read at once. */
const READ_BYTES = MiB;
const GARBAGE_BYTES_MAX = 16 * MiB;

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

/**
 * The page at hand, and what leads to the next one:
 *
 *   begin(input, column) · dictionary(), where there is one · while (next()) open()
 */
export class InputPages implements InputPage {
  readonly files = new FileCache(512);
  at = 0;
  end = 0;
  encoding = 0;
  values = 0;
  rowFirst = 0;
  rows = 0;
  readonly #kernel: Kernel;
  readonly #memory: Uint8Array;
  readonly #fields: Uint32Array;
  readonly #pageAt: number;
  readonly #storedAt: number;
  readonly #garbage = new GarbageCount(GARBAGE_BYTES_MAX);
  #path = "";
  #chunk: ColumnChunk | undefined;
  #index: PageIndex | undefined;
  #place = -1;
  /** What of the file lies at storedAt. */
  #readFrom = 0;
  #readEnd = 0;

  /** After openMerge() of the kernel. */
  constructor(kernel: Kernel, memory: Uint8Array) {
    this.#kernel = kernel;
    this.#memory = memory;
    this.#fields = new Uint32Array(memory.buffer, kernel.storedFields() >>> 0, STORED_FIELDS);
    this.#pageAt = kernel.inPage() >>> 0;
    this.#storedAt = kernel.storedPages() >>> 0;
  }

  openFile(path: string, meta: BlockMeta, rowBase: number): InputFile {
    const file = readDataFile(this.files, path);
    if (file.rows !== meta.spans) throw blockCorrupt(`${path}: not the rows of its meta`);
    return { path, meta, file, rowBase };
  }

  /** The column whose pages come next. */
  begin({ path, file }: InputFile, column: number): void {
    this.#path = path;
    this.#chunk = file.columns[column];
    this.#index = file.pageIndex(column);
    this.#place = -1;
    this.#readEnd = 0;
    this.rowFirst = 0;
    this.rows = 0;
  }

  /**
   * Opens the column's dictionary; false: it has none. It is valid until the next page, or, with
   * `to`, as long as nobody writes there: the kernel's mappedTable().
   */
  dictionary(to?: number): boolean {
    const chunk = this.#chunk;
    if (chunk === undefined) return false;
    const from = chunk.references?.dictionaryAt ?? chunk.dictionaryAt;
    if (from < 0) return false;
    this.#open(from, chunk.dataAt - from, true);
    if (to === undefined) return true;
    if (this.end - this.at > MAPPED_BYTES) throw tooLong();
    this.#memory.copyWithin(to, this.at, this.end);
    this.end += to - this.at;
    this.at = to;
    return true;
  }

  /** Moves to the next data page; false after the last. Only its rows are known. */
  next(): boolean {
    const index = this.#index;
    const place = ++this.#place;
    if (index === undefined || place >= index.offsets.length) return false;
    this.rowFirst = index.rows[place];
    this.rows = index.rows[place + 1] - this.rowFirst;
    return true;
  }

  /** Opens the page; what it holds is valid until the next one. */
  open(): void {
    const index = this.#index;
    if (index === undefined) return;
    this.#open(index.offsets[this.#place], index.bytes[this.#place], false);
  }

  close(): void {
    this.files.forget("");
  }

  #open(offset: number, bytes: number, isDictionary: boolean): void {
    const chunk = this.#chunk;
    const memory = this.#memory;
    const fields = this.#fields;
    if (chunk === undefined) return;
    if (offset < this.#readFrom || offset + bytes > this.#readEnd) this.#read(offset, bytes);
    const from = this.#storedAt + offset - this.#readFrom;
    const { zstd } = chunk;
    const isZstd = zstd ? 1 : 0;
    const wrong = this.#kernel.openStored(from, from + bytes, isDictionary ? 1 : 0, isZstd);
    if (wrong !== 0) throw corrupt(chunk, STORED_WRONGS[wrong]);
    const at = fields[0];
    const plainBytes = fields[2];
    const body = memory.subarray(at, at + fields[1]);
    if (fields[6] === 1 && Bun.hash.crc32(body) !== fields[5]) throw corrupt(chunk, "crc");
    this.values = fields[3];
    this.encoding = fields[4];
    this.at = zstd ? this.#pageAt : at;
    this.end = this.at + plainBytes;
    if (!zstd || plainBytes === 0) return;
    let plain: Uint8Array;
    try {
      // The claim of the frames was held against the page's own, which has a limit.
      plain = Bun.zstdDecompressSync(body as Uint8Array<ArrayBuffer>);
    } catch {
      throw corrupt(chunk, "frame");
    }
    if (plain.length !== plainBytes) throw corrupt(chunk, "size of its frame");
    memory.set(plain, this.at);
    this.#garbage.note(plainBytes - freeBytes(plain));
  }

  /** The column from `offset` on, `bytes` of it at least. */
  #read(offset: number, bytes: number): void {
    if (bytes > STORED_BYTES_MAX) throw tooLong();
    const end = this.#chunk === undefined ? 0 : chunkPlace(this.#chunk).end;
    const length = Math.max(bytes, Math.min(READ_BYTES, end - offset));
    const target = this.#memory.subarray(this.#storedAt, this.#storedAt + length);
    this.#readEnd = 0;
    this.files.readInto(this.#path, offset, target);
    this.#readFrom = offset;
    this.#readEnd = offset + length;
  }
}

function tooLong() {
  return blockCorrupt("page longer than any that is written");
}

function corrupt(column: ColumnChunk, what: string) {
  return blockCorrupt(`page of column ${column.path.join(".")}: ${what}`);
}
