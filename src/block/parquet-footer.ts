/** Page index and footer of a Parquet file. */
import { type Bound, compareValues } from "./parquet-bounds.ts";
import {
  type ColumnShape,
  type Encoding,
  encodings,
  physicalTypes,
  type SchemaNode,
  writeSchema,
} from "./parquet-schema.ts";
import type { ThriftWriter } from "./parquet-thrift.ts";

export type Codec = "UNCOMPRESSED" | "ZSTD";
const codecs = { UNCOMPRESSED: 0, ZSTD: 6 } as const;
const pageTypes = { data: 0, dictionary: 2 } as const;
const FORMAT_VERSION = 2;

/** A page as its header describes it. */
export interface PageHead {
  readonly kind: keyof typeof pageTypes;
  readonly values: number;
  readonly encoding: Encoding;
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** Of the stored bytes; readers that check it notice a damaged page. */
  readonly crc32: number;
}

/** A data page that lies in the file. */
export interface WrittenPage {
  readonly offset: number;
  /** Header included. */
  readonly bytes: number;
  readonly rowFirst: number;
  readonly rows: number;
  readonly values: number;
  readonly nulls: number;
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
}

export interface PageCount {
  readonly kind: keyof typeof pageTypes;
  readonly encoding: Encoding;
  readonly count: number;
}

/** A column chunk that lies in the file. */
export interface WrittenColumn {
  readonly shape: ColumnShape;
  readonly codec: Codec;
  readonly pageCounts: readonly PageCount[];
  readonly pages: readonly WrittenPage[];
  readonly values: number;
  /** Headers included, in both. */
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** Of storedBytes: those of another column that lies in this one's dictionary. */
  readonly sharedBytes: number;
  readonly dictionaryOffset: number | undefined;
}

export interface IndexPlace {
  readonly offset: number;
  readonly bytes: number;
}

export interface ColumnEntry extends WrittenColumn {
  readonly offsetIndex: IndexPlace;
  readonly columnIndex: IndexPlace | undefined;
}

export interface SortingColumn {
  readonly column: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

export interface FileDescription {
  readonly createdBy: string;
  readonly rows: number;
  readonly schema: readonly SchemaNode[];
  readonly sortingColumns: readonly SortingColumn[];
  readonly keyValues?: Readonly<Record<string, string>>;
}

/** crc32 of what lies before the footer and has none of its own. */
export interface IndexChecksums {
  /** Of all of them, as they lie behind each other. */
  readonly columnIndexes: number;
  readonly offsetIndexes: number;
}

export function writeOffsetIndex(out: ThriftWriter, pages: readonly WrittenPage[]): void {
  out.structs(1, pages, (page) => {
    out.i64(1, page.offset);
    out.i32(2, page.bytes);
    out.i64(3, page.rowFirst);
  });
}

/** Whether each page that has values also has both bounds, without which there is no index. */
export function hasColumnIndex(pages: readonly WrittenPage[]): boolean {
  return pages.every((page) => isNullPage(page) || (page.min && page.max));
}

const NO_BYTES = new Uint8Array(0);

export function writeColumnIndex(out: ThriftWriter, column: WrittenColumn): void {
  const { pages, shape } = column;
  out.bools(1, pages.map(isNullPage));
  out.binaries(
    2,
    pages.map((page) => page.min?.bytes ?? NO_BYTES),
  );
  out.binaries(
    3,
    pages.map((page) => page.max?.bytes ?? NO_BYTES),
  );
  out.i32(4, boundaryOrder(pages, shape));
  out.i64s(
    5,
    pages.map((page) => page.nulls),
  );
}

/** 1 when both bounds ascend from page to page, 2 when both descend, 0 else. */
function boundaryOrder(pages: readonly WrittenPage[], shape: ColumnShape): number {
  let ascends = true;
  let descends = true;
  let before: WrittenPage | undefined;
  for (const page of pages) {
    if (isNullPage(page)) continue;
    for (const side of ["min", "max"] as const) {
      const [a, b] = [before?.[side], page[side]];
      if (!a || !b) continue;
      const order = compareValues(a.bytes, b.bytes, shape);
      if (order > 0) ascends = false;
      if (order < 0) descends = false;
    }
    before = page;
  }
  return ascends ? 1 : descends ? 2 : 0;
}

function isNullPage(page: WrittenPage): boolean {
  return page.nulls === page.values;
}

export function writeFooter(
  out: ThriftWriter,
  file: FileDescription,
  {
    columns,
    checksums,
  }: { readonly columns: readonly ColumnEntry[]; readonly checksums: IndexChecksums },
): void {
  out.i32(1, FORMAT_VERSION);
  writeSchema(out, file.schema);
  out.i64(3, file.rows);
  out.structs(4, [columns], (chunks) => writeRowGroup(out, file, chunks));
  const keyValues = Object.entries(file.keyValues ?? {});
  if (keyValues.length > 0) {
    out.structs(5, keyValues, ([key, value]) => {
      out.binary(1, key);
      out.binary(2, value);
    });
  }
  out.binary(6, file.createdBy);
  // Without the declared order of each column, readers may not use the bounds.
  out.structs(7, columns, () => out.struct(1, () => {}));
  out.checksum([checksums.columnIndexes, checksums.offsetIndexes]);
}

function writeRowGroup(
  out: ThriftWriter,
  file: FileDescription,
  columns: readonly ColumnEntry[],
): void {
  out.structs(1, columns, (column) => writeColumn(out, column));
  out.i64(
    2,
    sum(columns, (column) => column.plainBytes - column.sharedBytes),
  );
  out.i64(3, file.rows);
  if (file.sortingColumns.length > 0) {
    out.structs(4, file.sortingColumns, (sorting) => {
      out.i32(1, sorting.column);
      out.bool(2, sorting.descending);
      out.bool(3, sorting.nullsFirst);
    });
  }
  out.i64(5, Math.min(...columns.map(firstOffset)));
  out.i64(
    6,
    sum(columns, (column) => column.storedBytes - column.sharedBytes),
  );
  out.i16(7, 0);
}

function writeColumn(out: ThriftWriter, column: ColumnEntry): void {
  // Deprecated and required: where metadata beside the chunk would lie.
  out.i64(2, 0);
  out.struct(3, () => writeColumnMeta(out, column));
  out.i64(4, column.offsetIndex.offset);
  out.i32(5, column.offsetIndex.bytes);
  if (column.columnIndex === undefined) return;
  out.i64(6, column.columnIndex.offset);
  out.i32(7, column.columnIndex.bytes);
}

function writeColumnMeta(out: ThriftWriter, column: ColumnEntry): void {
  const { shape, pageCounts } = column;
  const used = new Set(pageCounts.map(({ encoding }) => encodings[encoding]));
  if (shape.definitionMax + shape.repetitionMax > 0) used.add(encodings.RLE);
  out.i32(1, physicalTypes[shape.type]);
  out.i32s(2, [...used]);
  out.binaries(3, shape.path);
  out.i32(4, codecs[column.codec]);
  out.i64(5, column.values);
  out.i64(6, column.plainBytes);
  out.i64(7, column.storedBytes);
  out.i64(9, column.pages[0].offset);
  if (column.dictionaryOffset !== undefined) out.i64(11, column.dictionaryOffset);
  out.struct(12, () => writeStatistics(out, column));
  out.structs(13, pageCounts, ({ kind, encoding, count }) => {
    out.i32(1, pageTypes[kind]);
    out.i32(2, encodings[encoding]);
    out.i32(3, count);
  });
}

function writeStatistics(out: ThriftWriter, column: WrittenColumn): void {
  out.i64(
    3,
    sum(column.pages, (page) => page.nulls),
  );
  const min = extreme(column, "min", -1);
  const max = extreme(column, "max", 1);
  if (max) out.binary(5, max.bytes);
  if (min) out.binary(6, min.bytes);
  if (max) out.bool(7, max.exact);
  if (min) out.bool(8, min.exact);
}

/** The outermost bound of all pages; undefined when a page with values has none. */
function extreme(column: WrittenColumn, side: "min" | "max", sign: number): Bound | undefined {
  let found: Bound | undefined;
  for (const page of column.pages) {
    if (isNullPage(page)) continue;
    const bound = page[side];
    if (bound === undefined) return undefined;
    const order = found ? compareValues(bound.bytes, found.bytes, column.shape) * sign : 1;
    // Of two equal ones, the exact one says more.
    if (order > 0 || (order === 0 && bound.exact)) found = bound;
  }
  return found;
}

function firstOffset(column: WrittenColumn): number {
  return column.dictionaryOffset ?? column.pages[0].offset;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
