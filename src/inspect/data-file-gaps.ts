/**
 * That a data file holds nothing but what its footer and page index name, so that each byte is
 * under a checksum or known: magic, pages behind each other, column indexes, offset indexes,
 * footer, magic.
 */
import { blockCorrupt } from "../block/block-error.ts";
import type { FileCache } from "../block/file-cache.ts";
import { type ColumnChunk, chunkPlace, type DataFile } from "../block/parquet-footer-read.ts";
import type { BlockMeta } from "../model/block-meta.ts";

export interface BlockFile {
  readonly path: string;
  readonly file: DataFile;
  readonly meta: BlockMeta;
}

const MAGIC = "PAR1";
/** Length of the footer and the magic. */
const TAIL_BYTES = 8;

/** Throws block_corrupt. Pages themselves are looked at elsewhere. */
export function dataFileGaps(files: FileCache, { path, file, meta }: BlockFile): void {
  const head = files.read(path, 0, MAGIC.length);
  if (Buffer.from(head).toString("latin1") !== MAGIC) throw blockCorrupt("data file has no start");
  const tail = files.read(path, meta.dataBytes - TAIL_BYTES, 4);
  const footerBytes = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  if (footerBytes !== meta.footerBytes) throw blockCorrupt("footer has not the bytes of the meta");
  if (meta.crc32 !== undefined && file.checksums === undefined) {
    throw blockCorrupt("footer has no checksum");
  }
  const inOthers = new Set(file.columns.map(({ references }) => references?.column));
  const chunks = file.columns.filter((_, place) => !inOthers.has(place));
  const chunksEnd = follow(MAGIC.length, chunks.map(chunkPlace), "columns");
  const columnIndexes = file.columns.filter((column) => column.columnIndexBytes > 0);
  const indexesEnd = follow(chunksEnd, columnIndexes.map(columnIndexPlace), "column indexes");
  if (file.checksums !== undefined) {
    const bytes = files.read(path, chunksEnd, indexesEnd - chunksEnd);
    if (Bun.hash.crc32(bytes) !== file.checksums.columnIndexes)
      throw blockCorrupt("column index crc");
  }
  const offsetsEnd = follow(indexesEnd, file.columns.map(indexPlace), "offset indexes");
  if (offsetsEnd !== meta.dataBytes - TAIL_BYTES - footerBytes) {
    throw blockCorrupt("bytes before the footer are of nothing");
  }
}

interface Place {
  readonly at: number;
  readonly end: number;
}

function columnIndexPlace({ columnIndexAt: at, columnIndexBytes }: ColumnChunk): Place {
  return { at, end: at + columnIndexBytes };
}

function indexPlace({ indexAt: at, indexBytes }: ColumnChunk): Place {
  return { at, end: at + indexBytes };
}

/** Where the last one ends. */
function follow(from: number, places: readonly Place[], what: string): number {
  let next = from;
  for (const { at, end } of places.toSorted((a, b) => a.at - b.at)) {
    if (at !== next) throw blockCorrupt(`${what} do not follow each other`);
    next = end;
  }
  return next;
}
