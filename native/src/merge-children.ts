/**
 * Events and links of a merge follow their spans: where each of an input lies in the output, and
 * the row of each there. Times of the output, too, which a block's meta tells.
 */
import {
  counterAt,
  cutEvents,
  cutLinks,
  cutRows,
  denseAt,
  eventRowAt,
  inEventPlaceAt,
  inEventsAt,
  inLevelsAt,
  inLinkPlaceAt,
  inLinksAt,
  inPlaceAt,
  inRepeatsAt,
  linkRowAt,
  nestedAt,
  setMergedChildren,
  statAt,
} from "./cut";
import { indexCount, indexRowAt } from "./column-open";
import { NO_ROW, SCOPE_EVENT, SCOPE_SPAN } from "./layout";
import { readLevels, readRepeats, startPage } from "./merge-page";
import { countPresent } from "./page-bits";

let countsAt: u32 = 0;

/** What is counted from here on: events or links. */
export function beginChildren(scope: u32): void {
  countsAt = scope == SCOPE_EVENT ? inEventsAt : inLinksAt;
}

/**
 * From a page of a required column: how many events (links) each row has that begins in it, from
 * this row of all inputs on. False when the rows are not `rows`.
 */
export function countChildren(from: u32, end: u32, entries: u32, rowFirst: u32, rows: u32): bool {
  startPage(from);
  if (!readRepeats(end, entries) || !readLevels(end, entries)) return false;
  let row: u32 = 0;
  let at: u32 = 0;
  for (let i: u32 = 0; i < entries; i++) {
    if (!load<u8>(inRepeatsAt + i)) {
      if (row == rows) return false;
      at = countsAt + (rowFirst + row) * 4;
      store<u32>(at, 0);
      row += 1;
    } else if (i == 0) {
      return false;
    }
    store<u32>(at, load<u32>(at) + u32(load<u8>(inLevelsAt + i) != 0));
  }
  return row == rows;
}

/** Of rows of an input without such a column. */
export function noChildren(rowFirst: u32, rows: u32): void {
  memory.fill(countsAt + rowFirst * 4, 0, rows * 4);
}

export function sumChildren(rowFirst: u32, rows: u32): u32 {
  let sum: u32 = 0;
  for (let row = rowFirst; row < rowFirst + rows; row++) sum += load<u32>(countsAt + row * 4);
  return sum;
}

/** Places all `total` events (links) of the inputs' `rows`, which were counted and fit. */
export function placeMerged(scope: u32, rows: u32, total: u32): void {
  if (total == 0) {
    if (scope == SCOPE_EVENT) setMergedChildren(0, cutLinks);
    else setMergedChildren(cutEvents, 0);
    return;
  }
  const rowsAt = scope == SCOPE_EVENT ? eventRowAt : linkRowAt;
  let place = scope == SCOPE_EVENT ? inEventPlaceAt : inLinkPlaceAt;
  for (let row: u32 = 0; row < rows; row++) {
    const own = load<u32>(inPlaceAt + row * 4);
    if (own != <u32>NO_ROW) store<u32>(counterAt + own * 4, load<u32>(countsAt + row * 4));
  }
  let sum: u32 = 0;
  for (let row: u32 = 0; row < cutRows; row++) {
    const count = load<u32>(counterAt + row * 4);
    store<u32>(counterAt + row * 4, sum);
    for (let i: u32 = 0; i < count; i++) store<u32>(rowsAt + (sum + i) * 4, row);
    sum += count;
  }
  for (let row: u32 = 0; row < rows; row++) {
    const own = load<u32>(inPlaceAt + row * 4);
    const count = load<u32>(countsAt + row * 4);
    const first = own == <u32>NO_ROW ? 0 : load<u32>(counterAt + own * 4);
    for (let i: u32 = 0; i < count; i++, place += 4) {
      store<u32>(place, own == <u32>NO_ROW ? <u32>NO_ROW : first + i);
    }
  }
  if (scope == SCOPE_EVENT) setMergedChildren(sum, cutLinks);
  else setMergedChildren(cutEvents, sum);
}

/** The first event (link) of the open column's scope whose row is at least `row`. */
export function childOfRow(row: u32): u32 {
  let low: u32 = 0;
  let high = indexCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<u32>(indexRowAt + middle * 4) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** While start times are the open column: keeps them until the nested-set numbers are made. */
export function keepStarts(): void {
  memory.copy(nestedAt, denseAt, cutRows * 8);
}

/** While durations are the open column: smallest start and largest end, u64 each, at times(). */
export function mergedTimes(rowFirst: u32, rows: u32): void {
  let least: u64 = u64.MAX_VALUE;
  let most: u64 = 0;
  for (let row = rowFirst; row < rowFirst + rows; row++) {
    const start = load<u64>(nestedAt + row * 8);
    const end = start + load<u64>(denseAt + row * 8);
    if (start < least) least = start;
    // A span that ends before it starts still lies at its start.
    most = max(most, max(start, end));
  }
  store<u64>(statAt, least);
  store<u64>(statAt, most, 8);
}

/** Whether rows [first, end), or events or links of them, have a value in the open column. */
export function hasValue(scope: u32, first: u32, end: u32): bool {
  if (scope == SCOPE_SPAN) return countPresent(first, end) > 0;
  return countPresent(childOfRow(first), childOfRow(end)) > 0;
}

/** Rows [rowFirst, rowFirst + rows) of the open column get this entry. */
export function fillEntry(rowFirst: u32, rows: u32, entry: u32): void {
  for (let row = rowFirst; row < rowFirst + rows; row++) store<u32>(denseAt + row * 4, entry);
}
