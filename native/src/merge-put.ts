/** Values of a page of a merge to where their rows lie in the output: dense values, presence. */
import { markPresent, markRun, required } from "./column-open";
import { denseAt, inLevelsAt, inPlaceAt, inTracePlaceAt, inTraceRowAt } from "./cut";
import { NO_ROW } from "./layout";
import { traceOfInput } from "./merge-order";
import { pieceCount, pieceFirst, valueAt, valueWidth } from "./merge-page";

// @ts-ignore: decorator
@inline
export function put(place: u32, value: u32): void {
  if (!required) markPresent(place);
  if (valueWidth == 4) store<u32>(denseAt + place * 4, load<u32>(value));
  else if (valueWidth == 8) store<u64>(denseAt + place * 8, load<u64>(value));
  else v128.store(denseAt + place * 16, v128.load(value));
}

/**
 * A value of each of these rows of all inputs. Those of a trace lie behind each other in the output
 * as well, but for spans that are left out, or lie outside of the piece.
 */
export function putAll(rowFirst: u32, rows: u32): void {
  const rowEnd = rowFirst + rows;
  let trace = traceOfInput(rowFirst);
  let value = valueAt;
  for (let row = rowFirst; row < rowEnd; trace++) {
    const end = load<u32>(inTraceRowAt + trace * 4, 4);
    const count = min(end, rowEnd) - row;
    const own = load<u32>(inTracePlaceAt + trace * 4);
    const first = own + row - load<u32>(inTraceRowAt + trace * 4);
    const isInside = first - pieceFirst < pieceCount && first + count - 1 - pieceFirst < pieceCount;
    if (own != <u32>NO_ROW && isInside) putRun(first, first + count, value);
    else putSome(row, row + count, value);
    value += count * valueWidth;
    row += count;
  }
}

/** Places [first, end) of the output; values of 4 or 8 bytes, as all are that rows have. */
// @ts-ignore: decorator
@inline
function putRun(first: u32, end: u32, value: u32): void {
  if (!required) markRun(first, end);
  const shift: u32 = valueWidth == 4 ? 2 : 3;
  const stop = denseAt + (end << shift);
  let to = denseAt + (first << shift);
  let from = value;
  for (; to + 16 <= stop; to += 16, from += 16) v128.store(to, v128.load(from));
  if (to + 8 <= stop) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
  }
  if (to < stop) store<u32>(to, load<u32>(from));
}

/** Rows [row, end) of all inputs, each for itself. */
function putSome(row: u32, end: u32, value: u32): void {
  let at = value;
  for (let own = row; own < end; own++, at += valueWidth) {
    const place = load<u32>(inPlaceAt + own * 4);
    if (place - pieceFirst < pieceCount) put(place, at);
  }
}

/** By the bits at inLevelsAt. */
export function putPresent(places: u32, rows: u32): void {
  const width = valueWidth;
  let value = valueAt;
  for (let first: u32 = 0; first < rows; first += 64) {
    let bits = load<u64>(inLevelsAt + (first >> 3));
    while (bits) {
      const place = load<u32>(places + (first + <u32>ctz<u64>(bits)) * 4);
      bits &= bits - 1;
      if (place - pieceFirst < pieceCount) {
        markPresent(place);
        if (width == 4) store<u32>(denseAt + place * 4, load<u32>(value));
        else store<u64>(denseAt + place * 8, load<u64>(value));
      }
      value += width;
    }
  }
}
