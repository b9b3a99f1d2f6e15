/** What a file's statistics say of a column, without a look at its pages. */
import type { DataFile } from "../block/parquet-footer-read.ts";

/** Whether it has no value at all; undefined: the file has no such column. */
export function isEmptyColumn({ columns }: DataFile, column: number | undefined): boolean {
  if (column === undefined) return true;
  const { entries, nulls } = columns[column];
  return entries >= 0 && nulls === entries;
}

/** Whether every entry has a value. */
export function isFullColumn({ columns }: DataFile, column: number | undefined): boolean {
  return column !== undefined && columns[column].nulls === 0;
}

/** Whether some entry has a value for sure. */
export function hasValues({ columns }: DataFile, column: number): boolean {
  const { entries, nulls } = columns[column];
  return nulls >= 0 && nulls < entries;
}

/** How many of as many entries have a value at least, in columns of which none has another's. */
export function valuesIn(
  { columns }: DataFile,
  of: readonly { readonly column: number; readonly isArray: boolean }[],
  entries: number,
): number {
  let values = 0;
  for (const { column, isArray } of of) {
    const { nulls } = columns[column];
    if (!isArray && nulls >= 0 && nulls <= entries) values += entries - nulls;
  }
  return values;
}
