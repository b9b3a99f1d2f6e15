/**
 * The order of a trace's spans: by start, then id, then kind. What they hold decides, not where.
 */
import type { StepScratch } from "../vector/step-scratch.ts";
import { codeOf } from "./number-vectors.ts";
import type { Segment } from "./segment.ts";

export function rowOrder(segment: Segment, scratch: StepScratch): (a: number, b: number) => number {
  let columns: { start: number; ids: number } | undefined;
  return (a, b) => {
    columns ??= { start: segment.start(), ids: segment.spanIds() };
    const { ulongs, bytes } = scratch;
    const [x, y] = [ulongs[columns.start / 8 + a], ulongs[columns.start / 8 + b]];
    if (x !== y) return x < y ? -1 : 1;
    for (let i = 0; i < 8; i++) {
      const difference = bytes[columns.ids + a * 8 + i] - bytes[columns.ids + b * 8 + i];
      if (difference !== 0) return difference;
    }
    return kindOf(segment, scratch, a) - kindOf(segment, scratch, b);
  };
}

function kindOf(segment: Segment, scratch: StepScratch, row: number): number {
  const kinds = segment.kind();
  const value = kinds.dictionary.at(codeOf(kinds, scratch, row) - 1);
  return value.type === "float" || value.type === "int" ? Number(value.value) : 0;
}
