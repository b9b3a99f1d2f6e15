/** Columns of a data file as a person asks for them; pages are opened for their encodings. */
import { join } from "node:path";
import { DATA_FILE } from "../block/block-read.ts";
import type { FileCache } from "../block/file-cache.ts";
import {
  BOOLEAN,
  BYTE_ARRAY,
  type ColumnChunk,
  chunkPlace,
  type DataFile,
  DOUBLE,
  INT32,
  INT64,
} from "../block/parquet-footer-read.ts";
import {
  BYTE_STREAM_SPLIT,
  DELTA_BINARY_PACKED,
  openPage,
  PLAIN,
  PLAIN_DICTIONARY,
  RLE_DICTIONARY,
} from "../block/parquet-page-read.ts";

export interface ColumnDescription {
  readonly name: string;
  readonly type: string;
  readonly encodings: readonly string[];
  readonly codec: "zstd" | "none";
  readonly pages: number;
  /** Pages and their headers, and the dictionary. */
  readonly bytes: number;
  /** Before compression. */
  readonly plainBytes: number;
  /** -1: the file does not say. */
  readonly nulls: number;
}

const typeNames: Readonly<Record<number, string>> = {
  [BOOLEAN]: "bool",
  [INT32]: "int32",
  [INT64]: "int64",
  [DOUBLE]: "double",
  [BYTE_ARRAY]: "bytes",
};

const encodingNames: Readonly<Record<number, string>> = {
  [PLAIN]: "plain",
  [PLAIN_DICTIONARY]: "dictionary",
  [RLE_DICTIONARY]: "dictionary",
  [DELTA_BINARY_PACKED]: "delta",
  [BYTE_STREAM_SPLIT]: "split",
};

/** Throws EngineError when a page is damaged. */
export function describeColumns(
  files: FileCache,
  folder: string,
  file: DataFile,
): ColumnDescription[] {
  const path = join(folder, DATA_FILE);
  return file.columns.map((column, place) => {
    const index = file.pageIndex(place);
    const encodings = new Set<string>();
    let plainBytes = 0;
    for (const [i, offset] of index.offsets.entries()) {
      const page = openPage(files.read(path, offset, index.bytes[i]), column, false);
      encodings.add(encodingNames[page.encoding] ?? String(page.encoding));
      plainBytes += page.headerBytes + page.bytes.length;
    }
    const { at: from } = chunkPlace(column);
    if (from < column.dataAt) {
      const stored = files.read(path, from, column.dataAt - from);
      const page = openPage(stored, column, true);
      plainBytes += page.headerBytes + page.bytes.length;
    }
    return {
      name: column.path.join("."),
      type: typeOf(column),
      encodings: [...encodings].sort(),
      codec: column.zstd ? "zstd" : "none",
      pages: index.offsets.length,
      bytes: column.dataEnd - from,
      plainBytes,
      nulls: column.nulls,
    };
  });
}

function typeOf({ type, fixedBytes, repetitionMax, definitionMax }: ColumnChunk): string {
  const name = typeNames[type] ?? `${fixedBytes} bytes`;
  if (repetitionMax > 0) return `${name}[]`;
  return definitionMax > 0 ? `${name}?` : name;
}
