/**
 * The traces that something was found in, alone, of segments whose columns are gathered anew for
 * each question: what is shown or counted of them is then gathered of few rows.
 */
import { bitmapBytes } from "../vector/vector.ts";
import type { FilterTools } from "./filter-bits.ts";
import { RowBits } from "./row-bits.ts";
import type { Segment } from "./segment.ts";
import type { Found } from "./spansets.ts";

/** undefined: it costs no less to look at the whole segment. */
export function someTraces(
  segment: Segment,
  found: Found,
  { scratch, kernel }: FilterTools,
): Segment | undefined {
  if (segment.some === undefined) return undefined;
  if (found.kind === "sets") {
    return segment.some([...new Set(found.sets.map(({ trace }) => trace))]);
  }
  const { traces, starts } = segment;
  const list = scratch.within(() => {
    const groups = scratch.take(bitmapBytes(traces));
    kernel.groupsWith(found.bits, starts, traces, groups);
    return new RowBits(scratch, kernel).list(groups, traces).slice();
  });
  return segment.some(list);
}

/** Rows that count in a segment of which all traces do. */
export function undoubledRows(segment: Segment, { scratch, kernel }: FilterTools): number {
  const bits = new RowBits(scratch, kernel);
  const all = bits.all(segment.rows);
  const doubles = segment.doubles();
  return doubles === 0 ? all : bits.without(all, doubles, segment.rows);
}
