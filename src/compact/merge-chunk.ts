/**
 * The chunk of the kernel's open column for one file, as small as it gets: of two ways to write the
 * values the one that makes the first page smaller. A higher level of zstd would save another
 * hundredth and cost a quarter of the time.
 */
import { assert } from "../base/assert.ts";
import { compressedBytes, type ParquetFile } from "../block/parquet-file.ts";
import type { Encoding } from "../block/parquet-schema.ts";
import type { EncodeExports } from "../kernel/encode-kernel.ts";

const encodingOf: Readonly<Record<number, Encoding>> = {
  0: "PLAIN",
  5: "DELTA_BINARY_PACKED",
  8: "RLE_DICTIONARY",
  9: "BYTE_STREAM_SPLIT",
};
const SPLIT: Encoding = "BYTE_STREAM_SPLIT";
/** Of a value that is split. */
const SPLIT_BYTES = 8;
const WHOLE: readonly number[] = [];
/** What the other way must save to be worth a reader's time. */
const SAVED_MIN = 0.01;
/** Levels below it are not worth a frame of their own. */
const LEVELS_APART_MIN = 256;

/** Of the chunk that was begun: whether its other way is the better one. */
export function isOtherBetter(kernel: EncodeExports, memory: Uint8Array): boolean {
  if (kernel.hasOther() === 0) return false;
  const sizeOf = (other: boolean): number => {
    kernel.setOther(other ? 1 : 0);
    kernel.beginPages();
    const bytes = kernel.nextPage();
    const page = view(memory, kernel.pageBytesAt(), bytes);
    return Math.min(bytes, compressedBytes(page, partsOf(kernel, bytes)));
  };
  return sizeOf(true) < sizeOf(false) * (1 - SAVED_MIN);
}

/** All pages of the chunk that was begun. */
export function writePages(
  kernel: EncodeExports,
  memory: Uint8Array,
  to: { readonly parquet: ParquetFile; readonly other: boolean },
): void {
  const { parquet } = to;
  if (encodingOf[kernel.chunkEncoding()] === "RLE_DICTIONARY") {
    const bytes = kernel.dictionaryPageBytes();
    const dictionary = view(memory, kernel.dictionaryPageAt(), bytes);
    parquet.dictionaryPage(dictionary, kernel.dictionaryPageValues());
  }
  writeDataPages(kernel, memory, to);
}

/** The same behind a dictionary. */
export function writeDataPages(
  kernel: EncodeExports,
  memory: Uint8Array,
  { parquet, other }: { readonly parquet: ParquetFile; readonly other: boolean },
): void {
  kernel.setOther(other ? 1 : 0);
  kernel.beginPages();
  for (let bytes = kernel.nextPage(); bytes !== 0; bytes = kernel.nextPage()) {
    const encoding = encodingOf[kernel.pageEncoding()];
    assert(encoding !== undefined, "merge: unknown encoding");
    const bounds =
      kernel.hasBounds() === 0
        ? {}
        : {
            min: view(memory, kernel.minimumAt(), kernel.minimumBytes()),
            max: view(memory, kernel.maximumAt(), kernel.maximumBytes()),
          };
    parquet.dataPage(view(memory, kernel.pageBytesAt(), bytes), {
      values: kernel.pageEntries(),
      rows: kernel.pageRows(),
      nulls: kernel.pageNulls(),
      encoding,
      parts: partsOf(kernel, bytes),
      isLevelsFirst: kernel.pageLevelBytes() >= LEVELS_APART_MIN,
      ...bounds,
    });
  }
  kernel.setOther(0);
}

/** Levels, and each byte of split values, are unlike what comes behind them. */
function partsOf(kernel: EncodeExports, bytes: number): readonly number[] {
  const levels = kernel.pageLevelBytes();
  const isApart = levels >= LEVELS_APART_MIN;
  const plane = encodingOf[kernel.pageEncoding()] === SPLIT ? (bytes - levels) / SPLIT_BYTES : 0;
  if (plane < LEVELS_APART_MIN) return isApart ? [levels] : WHOLE;
  // Without a frame of their own, levels go with the first plane. What is left is the last one.
  const parts = isApart ? [levels, plane] : [levels + plane];
  for (let next = 2; next < SPLIT_BYTES; next++) parts.push(plane);
  return parts;
}

function view(memory: Uint8Array, at: number, bytes: number): Uint8Array {
  return memory.subarray(at >>> 0, (at >>> 0) + bytes);
}
