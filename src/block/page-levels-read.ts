/**
 * The levels of a page, in scratch memory: which entries the wanted rows have, and which of them
 * have a value. A copy of the page's bytes lies there as well, for the kernel.
 */
import { BAD, type DecodeExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { blockCorrupt } from "./block-error.ts";
import type { ColumnPage } from "./block-pages.ts";
import type { ColumnChunk } from "./parquet-footer-read.ts";
import { widthOf } from "./parquet-hybrid-read.ts";
import type { Page } from "./parquet-page-read.ts";

export interface PageLevels {
  readonly page: Page;
  readonly column: ColumnChunk;
  /** Addresses of the values, of all entries of the page. */
  readonly body: number;
  readonly end: number;
  /** Of the wanted rows, a byte each; 0: the column is required, and all are there. */
  readonly definitions: number;
  /** A byte each: 0 where a row begins. Of lists only, else 0. */
  readonly repetitions: number;
  readonly entries: number;
  /** Values before those of the wanted rows. */
  readonly before: number;
  /** Values of the wanted rows. */
  readonly present: number;
}

export interface LevelTools {
  readonly scratch: StepScratch;
  readonly kernel: DecodeExports;
}

export function openLevels(
  { page, skip, count, rows }: ColumnPage,
  column: ColumnChunk,
  { scratch, kernel }: LevelTools,
): PageLevels {
  const at = scratch.copy(page.bytes);
  const end = at + page.bytes.length;
  let body = at;
  let repetitions = 0;
  let firstEntry = skip;
  let entries = count;
  if (column.repetitionMax > 0) {
    const of = { width: 1, count: page.values };
    const levels = readLevels({ at: body, end }, of, { scratch, kernel });
    body = levels.after;
    const { bytes } = scratch;
    const all = bytes.subarray(levels.at, levels.at + page.values);
    firstEntry = entryOfRow(all, skip);
    const last = entryOfRow(all, skip + count);
    if (skip + count === rows && last !== page.values) throw blockCorrupt("rows of a list");
    entries = last - firstEntry;
    repetitions = levels.at + firstEntry;
  } else if (skip + count > page.values) throw blockCorrupt("rows past their page");
  const { definitionMax } = column;
  if (definitionMax === 0) {
    const shape = { definitions: 0, repetitions, entries, before: firstEntry, present: entries };
    return { page, column, body, end, ...shape };
  }
  const width = widthOf(definitionMax);
  const levels = readLevels({ at: body, end }, { width, count: page.values }, { scratch, kernel });
  const definitions = levels.at + firstEntry;
  const before = kernel.countLevels(levels.at, firstEntry, definitionMax) >>> 0;
  const present = kernel.countLevels(definitions, entries, definitionMax) >>> 0;
  const shape = { definitions, repetitions, entries, before, present };
  return { page, column, body: levels.after, end, ...shape };
}

function readLevels(
  { at, end }: { readonly at: number; readonly end: number },
  { width, count }: { readonly width: number; readonly count: number },
  { scratch, kernel }: LevelTools,
): { at: number; after: number } {
  if (end - at < 4) throw blockCorrupt("levels cut off");
  const { bytes } = scratch;
  const length =
    (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  if (length > end - at - 4) throw blockCorrupt("levels cut off");
  const after = at + 4 + length;
  const out = scratch.take(count + 16);
  if (kernel.unpackLevels(at + 4, after, width, count, out) >>> 0 === BAD) {
    throw blockCorrupt("levels of a page");
  }
  return { at: out, after };
}

/** The first entry of a row of the page; after the last row, the number of entries. */
function entryOfRow(repetitions: Uint8Array, row: number): number {
  let seen = -1;
  for (let entry = 0; entry < repetitions.length; entry++) {
    if (repetitions[entry] === 0 && ++seen === row) return entry;
  }
  if (seen + 1 < row) throw blockCorrupt("rows past their page");
  return repetitions.length;
}
