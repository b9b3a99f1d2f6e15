/** Values of a column's pages in scratch memory, page by page, as the kernel decodes them. */
import { dirname } from "node:path";
import { BAD, type DecodeExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { ColumnCaches, ColumnSource, RowRange } from "./block-columns-read.ts";
import { blockCorrupt, namingBlock } from "./block-error.ts";
import { columnPages } from "./block-pages.ts";
import { openLevels, type PageLevels } from "./page-levels-read.ts";
import { BOOLEAN, DOUBLE, FIXED, INT32, INT64 } from "./parquet-footer-read.ts";
import { BYTE_STREAM_SPLIT, DELTA_BINARY_PACKED, PLAIN } from "./parquet-page-read.ts";

export interface PageTools {
  readonly caches: ColumnCaches;
  readonly scratch: StepScratch;
  readonly kernel: DecodeExports;
  readonly source: ColumnSource;
  /** Of the file: one tenant's. */
  readonly rows: RowRange;
}

/** What `use` takes of scratch goes with the page. Damage is block_corrupt, with the block. */
export function eachPage(
  { caches, source, rows, scratch, kernel }: PageTools,
  column: number,
  use: (levels: PageLevels) => void,
): void {
  const chunk = source.file.columns[column];
  namingBlock(dirname(source.path), () => {
    for (const page of columnPages(caches, source, { column, rows })) {
      scratch.within(() => use(openLevels(page, chunk, { scratch, kernel })));
    }
  });
}

/** Values of fixed width, 32 bits made 64, without those before the rows. Takes scratch. */
export function plainValues(
  levels: PageLevels,
  width: number,
  { kernel, scratch }: Pick<PageTools, "kernel" | "scratch">,
): { values: number; count: number } {
  const { page, column, body, end, before, present: count } = levels;
  const all = before + count;
  const { type, fixedBytes } = column;
  if (page.encoding === DELTA_BINARY_PACKED && (type === INT64 || type === INT32)) {
    const out = scratch.take(all * 8);
    checkDecoded(kernel.undelta(body, end, all, out));
    return { values: out + before * 8, count };
  }
  if (page.encoding === BYTE_STREAM_SPLIT && (type === INT64 || type === DOUBLE)) {
    if (all * 8 > end - body) throw blockCorrupt("page cut off");
    // Empty entries have no value, so the page says how many there are.
    const values = Math.floor((end - body) / 8);
    const out = scratch.take(values * 8);
    kernel.unsplit(body, values, out);
    return { values: out + before * 8, count };
  }
  if (page.encoding !== PLAIN) throw blockCorrupt("encoding of a page");
  const stored = type === INT32 ? 4 : type === FIXED ? fixedBytes : 8;
  if (all * stored > end - body) throw blockCorrupt("page cut off");
  if (type === INT32) {
    const out = scratch.take(all * 8);
    kernel.widen(body, all, out);
    return { values: out + before * 8, count };
  }
  if (stored !== width) throw blockCorrupt("width of a column");
  return { values: body + before * stored, count };
}

/** Codes of values from 0 on, words, without those before the rows. Takes scratch. */
export function pageCodes(
  levels: PageLevels,
  { kernel, scratch }: Pick<PageTools, "kernel" | "scratch">,
): number {
  const { page, column, body, end, before, present } = levels;
  const codes = scratch.take((before + present) * 4);
  if (page.encoding === PLAIN && column.type === BOOLEAN) {
    checkDecoded(kernel.unpackBools(body, end, before + present, codes));
  } else {
    if (body >= end) throw blockCorrupt("page cut off");
    const bits = scratch.bytes[body];
    checkDecoded(kernel.unpack(body + 1, end, bits, before + present, codes));
  }
  return codes + before * 4;
}

export function checkDecoded(result: number): void {
  if (result >>> 0 === BAD) throw blockCorrupt("values of a page");
}
