/**
 * A Parquet file of one row group, written column by column from pages that are encoded already.
 *
 *   PAR1 · column chunk · … · ColumnIndex · … · OffsetIndex · … · footer · its length u32le · PAR1
 *   column chunk := dictionary page? · data page · …        page := header · stored bytes
 *
 * Each page's header has a checksum of its stored bytes and one of itself; the footer one of itself
 * and one of each kind of index.
 *
 * All pages of a chunk share one codec. zstd at level 1 makes ids neither smaller nor slower to
 * write than needed, yet costs time at every read, so that a chunk whose pages do not shrink is
 * stored as it is. Pages are held back until that is decided: at the first page that shrinks
 * (ZSTD), at a data page of JUDGED_BYTES that does not, or at the end of the column.
 *
 * Parts of a page that are unlike each other may be compressed apart, a zstd frame each: levels
 * and ids in one frame share one table of code lengths, and it suits neither.
 *
 * Invariants:
 * (1) Bytes given to dictionaryPage() and dataPage() may be views on memory that is written again
 *     after the call: what is held back is copied.
 * (2) Offsets are positions in the sink's file, which holds nothing else.
 * (3) Every leaf has all rows: dataPage() adds them up, endColumn() compares.
 *
 * Threads: one writer. Errors of the sink pass through; the file is unusable then.
 */
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import { freeBytes } from "../base/free-bytes.ts";
import { type Bound, lowerBound, upperBound } from "./parquet-bounds.ts";
import {
  type Codec,
  type ColumnEntry,
  type FileDescription,
  hasColumnIndex,
  type IndexPlace,
  type PageHead,
  type WrittenColumn,
  type WrittenPage,
  writeColumnIndex,
  writeFooter,
  writeOffsetIndex,
} from "./parquet-footer.ts";
import { ID_BYTES, type IdPage, layIdPages } from "./parquet-id-pages.ts";
import { PAGE_HEADER_BYTES_MAX, writePageHeader } from "./parquet-page-header.ts";
import { type ColumnShape, type Encoding, leavesOf } from "./parquet-schema.ts";
import { ThriftWriter } from "./parquet-thrift.ts";

/** Where the file goes. append() copies what it keeps: the bytes change after it returned. */
export interface ByteSink {
  append(bytes: Uint8Array): void;
}

/** A page's header, which the next call overwrites. */
export type WriteHeader = (page: PageHead) => Uint8Array;

export interface DataPage {
  /** Nulls and empty lists included: as many as there are levels. */
  readonly values: number;
  readonly rows: number;
  readonly nulls: number;
  readonly encoding: Encoding;
  /** Lengths of parts that are compressed apart; what is left is the last one. */
  readonly parts?: readonly number[];
  /** Of the first part: its like may come in other columns, and is compressed once. */
  readonly isLevelsFirst?: boolean;
  /** PLAIN, without the length for BYTE_ARRAY; both left out when the page has nulls alone. */
  readonly min?: Uint8Array;
  readonly max?: Uint8Array;
}

interface Page extends PageHead {
  /** Known when it is written. */
  storedBytes: number;
  crc32: number;
  bytes: Uint8Array;
  readonly rows: number;
  readonly nulls: number;
  readonly parts: readonly number[];
  readonly isLevelsFirst: boolean;
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
}

interface HeldPage {
  readonly page: Page;
  /** Missing where it was not tried: the page is too small to tell anything, or not to be so. */
  readonly compressed: Uint8Array | undefined;
}

interface KeptLevels {
  readonly levels: Uint8Array;
  readonly frame: Uint8Array;
}

interface OpenColumn {
  readonly leaf: number;
  readonly shape: ColumnShape;
  codec: Codec | undefined;
  held: HeldPage[];
  dictionaryOffset: number | undefined;
  readonly pages: WrittenPage[];
  readonly counts: { kind: PageHead["kind"]; encoding: Encoding; count: number }[];
  rows: number;
  values: number;
  plainBytes: number;
  storedBytes: number;
  sharedBytes: number;
}

const ZSTD_LEVEL = 1;
const WHOLE: readonly number[] = [];
/** Below this a page is mostly frame, and says nothing about its column. */
const TRIED_BYTES_MIN = 64;
/** A data page of this size that does not shrink stands for all of its column. */
const JUDGED_BYTES = 4096;
/** What compression must save to be worth a reader's time. */
const SAVED_MIN = 0.03;
/** Longest page: above the writer's own limits, below what any reader refuses. */
const PAGE_BYTES_MAX = 64 * MiB;
/** Levels of which the frame is kept: those of a hundred pages and some patterns. */
const LEVELS_KEPT = 512;
const MAGIC = new TextEncoder().encode("PAR1");

export class ParquetFile {
  readonly #sink: ByteSink;
  readonly #file: FileDescription;
  readonly #leaves: readonly ColumnShape[];
  readonly #columns: (WrittenColumn | undefined)[];
  readonly #thrift = new ThriftWriter();
  readonly #header: WriteHeader;
  #offset = 0;
  /** Of the messages since it was 0. */
  #crc32 = 0;
  #open: OpenColumn | undefined;
  /** Columns that have values in the same rows have the same levels. */
  readonly #levels = new Map<number | bigint, KeptLevels>();

  constructor(sink: ByteSink, file: FileDescription, header = headerWriter()) {
    assert(file.rows > 0, "parquet: a file without rows");
    this.#header = header;
    this.#sink = sink;
    this.#file = file;
    this.#leaves = leavesOf(file.schema);
    this.#columns = this.#leaves.map(() => undefined);
    this.#append(MAGIC);
  }

  /** Leaves may be written in any order, each once. */
  beginColumn(leaf: number): void {
    assert(this.#open === undefined, "parquet: the last column was not ended");
    assert(leaf in this.#leaves, "parquet: no such leaf");
    assert(this.#columns[leaf] === undefined, "parquet: the column was written before");
    const shape = this.#leaves[leaf];
    const counters = { rows: 0, values: 0, plainBytes: 0, storedBytes: 0, sharedBytes: 0 };
    const pages = { codec: undefined, held: [], dictionaryOffset: undefined, pages: [] };
    this.#open = { leaf, shape, ...pages, ...counters, counts: [] };
  }

  /**
   * Writes a required column of ids, and begins the one that refers to them: its dictionary are the
   * pages of the ids, and its data pages hold places in it (parquet-id-pages.ts). `others` are ids
   * of no row.
   */
  beginReferences(
    leaf: number,
    to: { readonly leaf: number; readonly ids: Uint8Array; readonly others: Uint8Array },
  ): void {
    const { header, pages, others } = layIdPages(to.ids, to.others);
    const dictionaryOffset = this.#offset;
    this.#append(header);
    this.#writeIds(to.leaf, pages);
    if (others !== undefined) this.#appendIds(others);
    this.beginColumn(leaf);
    const column = this.#column();
    column.codec = "UNCOMPRESSED";
    column.dictionaryOffset = dictionaryOffset;
    column.counts.push({ kind: "dictionary", encoding: "PLAIN", count: 1 });
    column.storedBytes = this.#offset - dictionaryOffset;
    column.plainBytes = column.storedBytes;
    column.sharedBytes = this.#columns[to.leaf]?.storedBytes ?? 0;
  }

  /** `bytes` are the values, PLAIN. Before the first data page. */
  dictionaryPage(bytes: Uint8Array, values: number): void {
    const column = this.#column();
    assert(column.counts.length === 0, "parquet: the dictionary does not come first");
    this.#add(column, {
      ...{ kind: "dictionary", values, encoding: "PLAIN", rows: 0, nulls: 0 },
      ...{ plainBytes: bytes.length, storedBytes: 0, crc32: 0, bytes },
      ...{ parts: WHOLE, isLevelsFirst: false, min: undefined, max: undefined },
    });
  }

  /** `bytes` are a page body of version 1: repetition levels, definition levels, values. */
  dataPage(bytes: Uint8Array, data: DataPage): void {
    const column = this.#column();
    const { values, rows, nulls, encoding, parts = WHOLE, isLevelsFirst = false } = data;
    assert(rows > 0 && rows <= values && nulls <= values, "parquet: counts of a page");
    assert((data.min === undefined) === (data.max === undefined), "parquet: one bound alone");
    const min = data.min && lowerBound(data.min, column.shape);
    const max = data.max && upperBound(data.max, column.shape);
    column.rows += rows;
    column.values += values;
    this.#add(column, {
      kind: "data",
      values,
      rows,
      nulls,
      encoding,
      plainBytes: bytes.length,
      storedBytes: 0,
      crc32: 0,
      bytes,
      parts,
      isLevelsFirst,
      min,
      max,
    });
  }

  endColumn(): void {
    const column = this.#column();
    assert(column.rows === this.#file.rows, "parquet: the column has not all rows");
    if (column.codec === undefined) this.#decide(column, "UNCOMPRESSED");
    assert(column.codec !== undefined, "parquet: no codec");
    const { shape, codec, pages, dictionaryOffset } = column;
    const pageCounts = column.counts;
    const { values, plainBytes, storedBytes, sharedBytes } = column;
    const sizes = { values, plainBytes, storedBytes, sharedBytes };
    this.#columns[column.leaf] = { shape, codec, pages, pageCounts, dictionaryOffset, ...sizes };
    this.#open = undefined;
  }

  /** Writes page index and footer. `footerBytes` is without the length and the magic behind it. */
  finish(): { bytes: number; footerBytes: number } {
    assert(this.#open === undefined, "parquet: the last column was not ended");
    const columns = this.#columns.map((column) => {
      assert(column !== undefined, "parquet: a column is missing");
      return column;
    });
    this.#crc32 = 0;
    const columnIndexes = columns.map((column) =>
      hasColumnIndex(column.pages)
        ? this.#message(() => writeColumnIndex(this.#thrift, column))
        : undefined,
    );
    const ofColumnIndexes = this.#crc32;
    this.#crc32 = 0;
    const entries = columns.map((column, i): ColumnEntry => {
      const offsetIndex = this.#message(() => writeOffsetIndex(this.#thrift, column.pages));
      return { ...column, offsetIndex, columnIndex: columnIndexes[i] };
    });
    const checksums = { columnIndexes: ofColumnIndexes, offsetIndexes: this.#crc32 };
    const described = { columns: entries, checksums };
    const footer = this.#message(() => writeFooter(this.#thrift, this.#file, described));
    const tail = new Uint8Array(4);
    new DataView(tail.buffer).setUint32(0, footer.bytes, true);
    this.#append(tail);
    this.#append(MAGIC);
    return { bytes: this.#offset, footerBytes: footer.bytes };
  }

  #column(): OpenColumn {
    assert(this.#open !== undefined, "parquet: no column was begun");
    return this.#open;
  }

  #writeIds(leaf: number, pages: readonly IdPage[]): void {
    this.beginColumn(leaf);
    const column = this.#column();
    column.codec = "UNCOMPRESSED";
    column.counts.push({ kind: "data", encoding: "PLAIN", count: pages.length });
    for (const page of pages) {
      const rows = page.ids.length / ID_BYTES;
      const bytes = page.header.length + page.ids.length;
      const place = { offset: this.#offset, bytes, rowFirst: column.rows, rows };
      column.pages.push({ ...place, values: rows, nulls: 0, min: undefined, max: undefined });
      this.#appendIds(page);
      column.rows += rows;
      column.values += rows;
      column.storedBytes += bytes;
      column.plainBytes += bytes;
    }
    this.endColumn();
  }

  #appendIds({ header, ids }: IdPage): void {
    this.#append(header);
    this.#append(ids);
  }

  #add(column: OpenColumn, page: Page): void {
    assert(page.bytes.length <= PAGE_BYTES_MAX, "parquet: page too long");
    const { kind, encoding } = page;
    const last = column.counts.at(-1);
    if (last?.kind === kind && last.encoding === encoding) last.count++;
    else column.counts.push({ kind, encoding, count: 1 });
    const { codec } = column;
    const isTried = codec === undefined && page.bytes.length >= TRIED_BYTES_MIN;
    const compressed = isTried || codec === "ZSTD" ? this.#compress(page) : undefined;
    const chosen = codec ?? judge(page, compressed);
    if (chosen === undefined) {
      page.bytes = page.bytes.slice();
      column.held.push({ page, compressed });
      return;
    }
    if (codec === undefined) this.#decide(column, chosen);
    this.#store(column, { page, compressed });
  }

  /** Writes what was held back until the codec was known. */
  #decide(column: OpenColumn, codec: Codec): void {
    column.codec = codec;
    for (const held of column.held) this.#store(column, held);
    column.held = [];
  }

  /** By the column's codec, which is decided. */
  #store(column: OpenColumn, { page, compressed }: HeldPage): void {
    const isZstd = column.codec === "ZSTD";
    this.#write(column, page, isZstd ? (compressed ?? this.#compress(page)) : page.bytes);
    if (compressed !== undefined) freeBytes(compressed);
  }

  #compress(page: Page): Uint8Array {
    if (!page.isLevelsFirst) return compress(page);
    const levels = page.bytes.subarray(0, page.parts[0]);
    const hash = Bun.hash(levels);
    const kept = this.#levels.get(hash);
    if (kept !== undefined && Buffer.compare(kept.levels, levels) === 0) {
      return compress(page, kept.frame);
    }
    const first = frame(levels);
    if (this.#levels.size < LEVELS_KEPT) {
      this.#levels.set(hash, { levels: levels.slice(), frame: first });
    }
    return compress(page, first);
  }

  #write(column: OpenColumn, page: Page, stored: Uint8Array): void {
    const offset = this.#offset;
    page.storedBytes = stored.length;
    page.crc32 = Bun.hash.crc32(stored);
    const header = this.#header(page);
    const headerBytes = header.length;
    this.#append(header);
    this.#append(stored);
    column.plainBytes += headerBytes + page.plainBytes;
    column.storedBytes += headerBytes + stored.length;
    if (page.kind === "dictionary") {
      column.dictionaryOffset = offset;
      return;
    }
    const { values, nulls, min, max } = page;
    const before = column.pages.at(-1);
    const rowFirst = before === undefined ? 0 : before.rowFirst + before.rows;
    const bytes = headerBytes + stored.length;
    column.pages.push({ offset, bytes, rowFirst, rows: page.rows, values, nulls, min, max });
  }

  #message(fields: () => void): IndexPlace {
    const offset = this.#offset;
    const bytes = this.#thrift.message(fields);
    this.#crc32 = Bun.hash.crc32(bytes, this.#crc32);
    this.#append(bytes);
    return { offset, bytes: bytes.length };
  }

  #append(bytes: Uint8Array): void {
    this.#sink.append(bytes);
    this.#offset += bytes.length;
  }
}

function headerWriter(): WriteHeader {
  const room = new Uint8Array(PAGE_HEADER_BYTES_MAX);
  return (page) => room.subarray(0, writePageHeader(page, room));
}

/** What one page says about its chunk; undefined when others must be asked. */
function judge(page: Page, compressed: Uint8Array | undefined): Codec | undefined {
  const bytes = page.bytes.length;
  if (compressed && compressed.length <= bytes * (1 - SAVED_MIN)) return "ZSTD";
  return page.kind === "data" && bytes >= JUDGED_BYTES ? "UNCOMPRESSED" : undefined;
}

/** `first` is the frame of the first part, when it is known; it is left to the caller. */
function compress({ bytes, parts }: Pick<Page, "bytes" | "parts">, first?: Uint8Array): Uint8Array {
  if (parts.length === 0) return frame(bytes);
  const frames: Uint8Array[] = [];
  let at = 0;
  let sum = 0;
  // One more than there are parts: what is left.
  for (let part = 0; part <= parts.length; part++) {
    const end = part < parts.length ? at + parts[part] : bytes.length;
    if (end > at) {
      const one = (at === 0 && first) || frame(bytes.subarray(at, end));
      frames.push(one);
      sum += one.length;
    }
    at = end;
  }
  const all = new Uint8Array(sum);
  let to = 0;
  for (const one of frames) {
    all.set(one, to);
    to += one.length;
    if (one !== first) freeBytes(one);
  }
  return all;
}

function frame(bytes: Uint8Array): Uint8Array {
  return Bun.zstdCompressSync(bytes as Uint8Array<ArrayBuffer>, { level: ZSTD_LEVEL });
}

/** What a page would take, compressed. */
export function compressedBytes(bytes: Uint8Array, parts: readonly number[]): number {
  const compressed = compress({ bytes, parts });
  const { length } = compressed;
  freeBytes(compressed);
  return length;
}
