/**
 * Which files (row ranges of the sorted cut) a column has values in, and what times they span:
 * what TypeScript must know before the first page of a file is written.
 */
import {
  cutHalf,
  cutRows,
  eventPlaceAt,
  eventRowAt,
  fileEndAt,
  fileFlagAt,
  fileOfRowAt,
  linkPlaceAt,
  linkRowAt,
  rowOrderAt,
  rowPlaceAt,
  statAt,
} from "./cut";
import {
  CHUNK_HEADER_BYTES,
  CHUNK_VALUES,
  COLUMN_BYTES,
  COLUMN_COUNT,
  COLUMN_FIRST,
  COLUMN_SCOPE,
  HALF_COLUMN,
  HALF_DURATION,
  HALF_START,
  SCOPE_EVENT,
  SCOPE_SPAN,
} from "./layout";

/** Takes the files' ends (sorted rows, ascending) from fileEnds(). */
export function setFiles(count: u32): void {
  let row: u32 = 0;
  for (let file: u32 = 0; file < count; file++) {
    const end = load<u32>(fileEndAt + file * 4);
    if (end > row) memory.fill(fileOfRowAt + row, <u8>file, end - row);
    row = end;
  }
}

/** Sets a byte at fileFlags() for every file in which the column has a value. */
export function markFiles(index: u32): void {
  memory.fill(fileFlagAt, 0, 256);
  const column = load<u32>(cutHalf, HALF_COLUMN) + index * COLUMN_BYTES;
  const scope = load<u32>(column, COLUMN_SCOPE);
  let left = load<u32>(column, COLUMN_COUNT);
  let chunk = load<u32>(column, COLUMN_FIRST);
  while (left) {
    const count = min(left, <u32>CHUNK_VALUES);
    for (let i: u32 = 0; i < count; i++) {
      const own = load<u32>(chunk + CHUNK_HEADER_BYTES + i * 4);
      store<u8>(fileFlagAt + <u32>load<u8>(fileOfRowAt + sortedRow(scope, own)), 1);
    }
    left -= count;
    chunk = load<u32>(chunk);
  }
}

// @ts-ignore: decorator
@inline
function sortedRow(scope: u32, own: u32): u32 {
  if (scope == SCOPE_SPAN) return load<u32>(rowPlaceAt + own * 4);
  if (scope == SCOPE_EVENT) return load<u32>(eventRowAt + load<u32>(eventPlaceAt + own * 4) * 4);
  return load<u32>(linkRowAt + load<u32>(linkPlaceAt + own * 4) * 4);
}

/** The smallest start and the largest end of these sorted rows, u64 each, at times(). */
export function findTimes(rowFirst: u32, rows: u32): void {
  const starts = load<u32>(cutHalf, HALF_START);
  const durations = load<u32>(cutHalf, HALF_DURATION);
  let least: u64 = u64.MAX_VALUE;
  let most: u64 = 0;
  for (let place = rowFirst; place < rowFirst + rows; place++) {
    // Of all rows any order will do, and theirs in memory is the fastest.
    const row = rows == cutRows ? place : load<u32>(rowOrderAt + place * 4);
    const start = load<u64>(starts + row * 8);
    const end = start + load<u64>(durations + row * 8);
    if (start < least) least = start;
    // A span that ends before it starts still lies at its start.
    most = max(most, max(start, end));
  }
  store<u64>(statAt, least);
  store<u64>(statAt, most, 8);
}
