/**
 * Footer and page index of a data file, as reading needs them: leaf columns with their levels, and
 * where each column's pages lie. Of the statistics the nulls are read, the rest is passed over.
 *
 * Written out by hand and not with hyparquet: its footers are some ten times as large in memory
 * (they stay in the cache), and damaged ones can keep it busy for minutes.
 *
 * Nothing here is trusted: what parseFooter() and parsePageIndex() return is consistent with
 * itself and with the size of the file.
 */
import { KiB, MiB } from "../base/bytes.ts";
import { blockCorrupt } from "./block-error.ts";
import type { FileCache } from "./file-cache.ts";
import type { IndexChecksums } from "./parquet-footer.ts";
import { CHECKSUM_FIELD } from "./parquet-thrift.ts";
import { ThriftReader } from "./parquet-thrift-read.ts";

/** Format numbers of the physical types that a block has. */
export const BOOLEAN = 0;
export const INT32 = 1;
export const INT64 = 2;
export const DOUBLE = 5;
export const BYTE_ARRAY = 6;
export const FIXED = 7;

/** The dictionary of a column whose values are the pages of another: see parquet-id-pages.ts. */
export interface References {
  /** Where it begins. It ends at `dataAt`. */
  readonly dictionaryAt: number;
  /** The column that lies in it. */
  readonly column: number;
}

/** A leaf, and where its chunk lies. */
export interface ColumnChunk {
  readonly path: readonly string[];
  readonly type: number;
  /** Of FIXED; else 0. */
  readonly fixedBytes: number;
  readonly definitionMax: number;
  readonly repetitionMax: number;
  readonly zstd: boolean;
  /** -1: no dictionary. */
  readonly dictionaryAt: number;
  /** Instead of a dictionary of its own. */
  readonly references: References | undefined;
  readonly dataAt: number;
  readonly dataEnd: number;
  readonly indexAt: number;
  readonly indexBytes: number;
  /** 0 bytes: none. */
  readonly columnIndexAt: number;
  readonly columnIndexBytes: number;
  /** Entries, those without a value and empty lists included; -1: the file does not say. */
  readonly entries: number;
  /** Entries without a value, empty lists included; -1: the file does not say. */
  readonly nulls: number;
}

/** All that is to be read of a column, one after the other in the file. */
export function chunkPlace({ references, dictionaryAt, dataAt, dataEnd }: ColumnChunk) {
  const from = references?.dictionaryAt ?? dictionaryAt;
  return { at: from < 0 ? dataAt : from, end: dataEnd };
}

/** Data pages of a chunk, in order. */
export interface PageIndex {
  readonly offsets: Float64Array;
  /** Header included. */
  readonly bytes: Uint32Array;
  /** First row of each page, and after the last one the number of all rows. */
  readonly rows: Uint32Array;
}

export interface DataFile {
  readonly rows: number;
  readonly columns: readonly ColumnChunk[];
  /** Of a column's data pages; most questions ask for few columns. Throws EngineError. */
  pageIndex(column: number): PageIndex;
  /** What is held for it. */
  readonly indexBytes: number;
  /** undefined: a file of before there were any. */
  readonly checksums: IndexChecksums | undefined;
}

const MAGIC = 0x31524150; // "PAR1"
/** Of footer and length and magic; 1,000 attribute columns take 300 KiB. */
const FOOTER_BYTES_MAX = 16 * MiB;
const PAGE_INDEX_BYTES_MAX = 64 * MiB;
/** 1,000 attribute columns and the fixed ones, with room for later versions. */
const COLUMNS_MAX = 4096;
const ROWS_MAX = 2 ** 31 - 1;
const SCHEMA_DEPTH_MAX = 16;
/** Objects, names and page index of one column, roughly. */
const COLUMN_HELD_BYTES = 512;
/** What is read at first when the size of the footer is not known. */
const TAIL_BYTES = 64 * KiB;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** What a DataFile takes in memory, roughly. */
export function dataFileBytes(file: DataFile): number {
  // Read, a page takes some twice the bytes that it has in the file.
  return file.columns.length * COLUMN_HELD_BYTES + file.indexBytes * 3;
}

/** Reads footer and page index: one read, or three when they are long. */
export function readDataFile(files: FileCache, path: string): DataFile {
  const size = files.size(path);
  if (size < 12) throw blockCorrupt("data file too short");
  let tail = files.read(path, Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  if (view.getUint32(tail.length - 4, true) !== MAGIC) throw blockCorrupt("data file has no end");
  const footerBytes = view.getUint32(tail.length - 8, true);
  if (footerBytes > Math.min(FOOTER_BYTES_MAX, size - 12)) throw blockCorrupt("footer too long");
  if (footerBytes + 8 > tail.length) {
    tail = files.read(path, size - footerBytes - 8, footerBytes + 8);
  }
  const bodyEnd = size - footerBytes - 8;
  const footer = tail.subarray(tail.length - 8 - footerBytes, tail.length - 8);
  const { rows, columns, checksums } = parseFooter(footer, bodyEnd);
  const from = columns.reduce((least, { indexAt }) => Math.min(least, indexAt), bodyEnd);
  const end = columns.reduce((most, { indexAt, indexBytes: n }) => Math.max(most, indexAt + n), 0);
  if (end - from > PAGE_INDEX_BYTES_MAX) throw blockCorrupt("page index too long");
  const held = size - tail.length <= from ? tail : files.read(path, from, end - from);
  const heldAt = held === tail ? size - tail.length : from;
  if (checksums !== undefined) {
    const checked = held.subarray(from - heldAt, bodyEnd - heldAt);
    const fits = Bun.hash.crc32(checked) === checksums.offsetIndexes;
    if (!fits || checked.length !== bodyEnd - from) throw blockCorrupt("page index crc");
  }
  // Alone, for it stays.
  const indexes = held.slice(from - heldAt, end - heldAt);
  const known: PageIndex[] = [];
  const pageIndex = (column: number): PageIndex => {
    const chunk = columns[column];
    const at = chunk.indexAt - from;
    const bytes = indexes.subarray(at, at + chunk.indexBytes);
    known[column] ??= parsePageIndex(bytes, chunk, rows);
    return known[column];
  };
  return { rows, columns, pageIndex, indexBytes: indexes.length, checksums };
}

interface Leaf {
  readonly path: readonly string[];
  readonly type: number;
  readonly fixedBytes: number;
  readonly definitionMax: number;
  readonly repetitionMax: number;
}

/** `bodyEnd` is where in the file the footer begins; all chunks lie before it. */
export function parseFooter(
  bytes: Uint8Array,
  bodyEnd: number,
): Pick<DataFile, "rows" | "checksums"> & { columns: ColumnChunk[] } {
  const reader = new ThriftReader(bytes);
  let leaves: Leaf[] = [];
  let rows = -1;
  const chunks: ChunkFields[] = [];
  let groups = 0;
  let checksums: IndexChecksums | undefined;
  reader.struct((id) => {
    if (id === 2) leaves = readSchema(reader);
    else if (id === 3) rows = reader.integer();
    else if (id === 4) groups = reader.list(() => readRowGroup(reader, chunks));
    else if (id === CHECKSUM_FIELD) checksums = readChecksums(reader);
    else return false;
    return true;
  });
  if (groups !== 1) throw blockCorrupt("data file has not one row group");
  if (!(rows > 0 && rows <= ROWS_MAX)) throw blockCorrupt("rows of the data file");
  if (chunks.length !== leaves.length) throw blockCorrupt("columns do not match the schema");
  const columns = leaves.map((leaf, i) => columnOf(leaf, chunks[i], bodyEnd));
  return { rows, columns: columns.map((column) => withReferences(column, columns)), checksums };
}

function withReferences(column: ColumnChunk, all: readonly ColumnChunk[]): ColumnChunk {
  const { dictionaryAt, dataAt } = column;
  if (dictionaryAt < 0 || !isPlainIds(column)) return column;
  const found = all.findIndex(
    (ids) => isPlainIds(ids) && ids.dataAt > dictionaryAt && ids.dataEnd <= dataAt,
  );
  if (found < 0) return column;
  if (all[found].definitionMax > 0 || all[found].dictionaryAt >= 0) {
    throw blockCorrupt(`dictionary of column ${column.path.join(".")}`);
  }
  return { ...column, dictionaryAt: -1, references: { dictionaryAt, column: found } };
}

function isPlainIds({ type, fixedBytes, zstd }: ColumnChunk): boolean {
  return type === FIXED && fixedBytes === 8 && !zstd;
}

function readChecksums(reader: ThriftReader): IndexChecksums {
  const { fits, also } = reader.checksum();
  if (!fits || also.length !== 2) throw blockCorrupt("footer crc");
  const [columnIndexes, offsetIndexes] = also;
  return { columnIndexes, offsetIndexes };
}

interface SchemaFields {
  type: number;
  fixedBytes: number;
  repetition: number;
  name: string;
  children: number;
}

function readSchema(reader: ThriftReader): Leaf[] {
  const elements: SchemaFields[] = [];
  reader.list(() => {
    const element = { type: -1, fixedBytes: 0, repetition: 0, name: "", children: 0 };
    reader.struct((id) => {
      if (id === 1) element.type = reader.integer();
      else if (id === 2) element.fixedBytes = reader.integer();
      else if (id === 3) element.repetition = reader.integer();
      else if (id === 4) element.name = utf8.decode(reader.binary());
      else if (id === 5) element.children = reader.integer();
      else return false;
      return true;
    });
    elements.push(element);
    if (elements.length > COLUMNS_MAX * 4) throw blockCorrupt("schema too long");
  });
  return leavesOf(elements);
}

function leavesOf(elements: readonly SchemaFields[]): Leaf[] {
  const leaves: Leaf[] = [];
  let next = 0;
  const visit = (above: Omit<Leaf, "type" | "fixedBytes">) => {
    const element = elements[next++];
    if (element === undefined) throw blockCorrupt("schema cut off");
    const { type, fixedBytes, repetition, name, children } = element;
    const isRoot = next === 1;
    const path = isRoot ? [] : [...above.path, name];
    if (path.length > SCHEMA_DEPTH_MAX) throw blockCorrupt("schema too deep");
    const definitionMax = above.definitionMax + (isRoot || repetition === 0 ? 0 : 1);
    const repetitionMax = above.repetitionMax + (!isRoot && repetition === 2 ? 1 : 0);
    if (children === 0 && !isRoot) {
      leaves.push({ path, type, fixedBytes, definitionMax, repetitionMax });
    } else if (children > elements.length) throw blockCorrupt("schema cut off");
    for (let i = 0; i < children; i++) visit({ path, definitionMax, repetitionMax });
  };
  visit({ path: [], definitionMax: 0, repetitionMax: 0 });
  if (next !== elements.length || leaves.length > COLUMNS_MAX) throw blockCorrupt("schema");
  return leaves;
}

interface ChunkFields {
  type: number;
  codec: number;
  dataAt: number;
  dictionaryAt: number;
  storedBytes: number;
  indexAt: number;
  indexBytes: number;
  columnIndexAt: number;
  columnIndexBytes: number;
  entries: number;
  nulls: number;
}

function readRowGroup(reader: ThriftReader, chunks: ChunkFields[]): void {
  reader.struct((id) => {
    if (id !== 1) return false;
    reader.list(() => {
      const chunk = { type: -1, codec: -1, dataAt: -1, dictionaryAt: -1 };
      const index = { indexAt: -1, indexBytes: -1, columnIndexAt: 0, columnIndexBytes: 0 };
      const places = { storedBytes: -1, ...index, entries: -1, nulls: -1 };
      chunks.push(readChunk(reader, { ...chunk, ...places }));
      if (chunks.length > COLUMNS_MAX) throw blockCorrupt("too many columns");
    });
    return true;
  });
}

function readChunk(reader: ThriftReader, chunk: ChunkFields): ChunkFields {
  reader.struct((id) => {
    if (id === 3) readChunkMeta(reader, chunk);
    else if (id === 4) chunk.indexAt = reader.integer();
    else if (id === 5) chunk.indexBytes = reader.integer();
    else if (id === 6) chunk.columnIndexAt = reader.integer();
    else if (id === 7) chunk.columnIndexBytes = reader.integer();
    else return false;
    return true;
  });
  return chunk;
}

function readChunkMeta(reader: ThriftReader, chunk: ChunkFields): void {
  reader.struct((id) => {
    if (id === 1) chunk.type = reader.integer();
    else if (id === 4) chunk.codec = reader.integer();
    else if (id === 5) chunk.entries = reader.integer();
    else if (id === 7) chunk.storedBytes = reader.integer();
    else if (id === 9) chunk.dataAt = reader.integer();
    else if (id === 11) chunk.dictionaryAt = reader.integer();
    else if (id === 12) readStatistics(reader, chunk);
    else return false;
    return true;
  });
}

function readStatistics(reader: ThriftReader, chunk: ChunkFields): void {
  reader.struct((id) => {
    if (id !== 3) return false;
    chunk.nulls = reader.integer();
    return true;
  });
}

const CODEC_PLAIN = 0;
const CODEC_ZSTD = 6;
const TYPES = [BOOLEAN, INT32, INT64, DOUBLE, BYTE_ARRAY, FIXED];
const FIXED_BYTES_MAX = 1024;

function columnOf(leaf: Leaf, chunk: ChunkFields, bodyEnd: number): ColumnChunk {
  const name = leaf.path.join(".");
  const { type, codec, dataAt, dictionaryAt, storedBytes, indexAt, indexBytes } = chunk;
  const fixedFits =
    leaf.type === FIXED ? leaf.fixedBytes > 0 && leaf.fixedBytes <= FIXED_BYTES_MAX : true;
  if (type !== leaf.type || !TYPES.includes(type) || !fixedFits) {
    throw blockCorrupt(`type of column ${name}`);
  }
  // Lists in lists, or groups that may miss around them, are in no block.
  if (leaf.repetitionMax > 1 || leaf.definitionMax > 3) throw blockCorrupt(`levels of ${name}`);
  if (codec !== CODEC_PLAIN && codec !== CODEC_ZSTD) throw blockCorrupt(`codec of ${name}`);
  const first = dictionaryAt > 0 ? dictionaryAt : dataAt;
  const dataEnd = first + storedBytes;
  const indexEnd = indexAt + indexBytes;
  if (!(first >= 4 && first <= dataAt && dataAt < dataEnd && dataEnd <= bodyEnd)) {
    throw blockCorrupt(`place of column ${name}`);
  }
  if (!(indexAt >= 4 && indexBytes > 0 && indexEnd <= bodyEnd)) {
    throw blockCorrupt(`page index of column ${name}`);
  }
  const { columnIndexAt, columnIndexBytes } = chunk;
  if (columnIndexAt < 0 || columnIndexBytes < 0 || columnIndexAt + columnIndexBytes > bodyEnd) {
    throw blockCorrupt(`column index of column ${name}`);
  }
  return {
    path: leaf.path,
    type,
    fixedBytes: leaf.type === FIXED ? leaf.fixedBytes : 0,
    definitionMax: leaf.definitionMax,
    repetitionMax: leaf.repetitionMax,
    zstd: codec === CODEC_ZSTD,
    ...{ dictionaryAt: first === dataAt ? -1 : first, references: undefined },
    ...{ dataAt, dataEnd, indexAt, indexBytes, columnIndexAt, columnIndexBytes },
    ...{ entries: chunk.entries, nulls: chunk.nulls },
  };
}

/** The pages of one column: in order, apart, inside its chunk, from row 0 on. */
export function parsePageIndex(bytes: Uint8Array, column: ColumnChunk, rows: number): PageIndex {
  const reader = new ThriftReader(bytes);
  const name = column.path.join(".");
  const triples: number[] = [];
  reader.struct((id) => {
    if (id !== 1) return false;
    reader.list(() => {
      const at = triples.push(-1, -1, -1) - 3;
      reader.struct((field) => {
        if (field < 1 || field > 3) return false;
        triples[at + field - 1] = reader.integer();
        return true;
      });
    });
    return true;
  });
  const count = triples.length / 3;
  if (count === 0) throw blockCorrupt(`no pages of column ${name}`);
  const index = {
    offsets: new Float64Array(count),
    bytes: new Uint32Array(count),
    rows: new Uint32Array(count + 1),
  };
  let end = column.dataAt;
  let row = -1;
  for (let i = 0; i < count; i++) {
    const [offset, size, first] = triples.slice(i * 3, i * 3 + 3);
    const follows = offset >= end && size > 0 && offset + size <= column.dataEnd;
    if (!follows || !(first > row && first < rows)) throw blockCorrupt(`pages of column ${name}`);
    if (i === 0 && (first !== 0 || offset !== column.dataAt)) {
      throw blockCorrupt(`first page of column ${name}`);
    }
    index.offsets[i] = offset;
    index.bytes[i] = size;
    index.rows[i] = first;
    end = offset + size;
    row = first;
  }
  index.rows[count] = rows;
  return index;
}
