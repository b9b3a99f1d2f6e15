/** Traces of a merge that makes several blocks, parted by their starts: few have the newest. */
import { MergeTooLarge } from "./merge-too-large.ts";

export interface TimeParts {
  /** By trace, from 0; the first is the oldest. */
  readonly part: Uint8Array;
  readonly parts: number;
}

const PARTS_MAX = 255;

/**
 * As few parts as can be of at most `rowsMax` rows, of about the same size. `starts` and `rows` are
 * those of each trace; no trace is torn. Throws MergeTooLarge when a trace has more.
 */
export function partByTime(starts: BigUint64Array, rows: Uint32Array, rowsMax: number): TimeParts {
  const all = rows.reduce((sum, count) => sum + count, 0);
  const order = orderOf(starts);
  for (let parts = Math.max(1, Math.ceil(all / rowsMax)); parts <= PARTS_MAX; parts++) {
    const part = cutOrder(order, rows, { each: all / parts, parts });
    if (largest(part, rows, parts) <= rowsMax) return { part, parts };
    if (rows.some((count) => count > rowsMax)) break;
  }
  throw new MergeTooLarge("a trace has too many spans");
}

/** Indexes by start. */
function orderOf(starts: BigUint64Array): Uint32Array {
  const first = starts.reduce((least, start) => (start < least ? start : least));
  // Doubles sort many times faster; what they cannot tell apart need not be.
  const since = Float64Array.from(starts, (start) => Number(start - first));
  return Uint32Array.from(starts, (_, i) => i).sort((a, b) => since[a] - since[b] || a - b);
}

function cutOrder(
  order: Uint32Array,
  rows: Uint32Array,
  { each, parts }: { readonly each: number; readonly parts: number },
): Uint8Array {
  const part = new Uint8Array(order.length);
  let before = 0;
  for (const trace of order) {
    part[trace] = Math.min(parts - 1, Math.floor(before / each));
    before += rows[trace];
  }
  return part;
}

function largest(part: Uint8Array, rows: Uint32Array, parts: number): number {
  const sums = new Float64Array(parts);
  for (let trace = 0; trace < part.length; trace++) sums[part[trace]] += rows[trace];
  return sums.reduce((most, sum) => Math.max(most, sum), 0);
}
