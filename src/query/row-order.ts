/**
 * The order of a trace's spans: by start, then id, then kind. What they hold decides, not where.
 */
import type { StepScratch } from "../vector/step-scratch.ts";
import { hexAt } from "./field-columns.ts";
import { codeOf } from "./number-vectors.ts";
import type { Segment } from "./segment.ts";

/** `idOf`: hex digits of a row's id. Few spans of a trace start together, so it is seldom asked. */
export function rowOrder(
  segment: Segment,
  scratch: StepScratch,
  idOf: (row: number) => string = (row) => hexAt(scratch.bytes, segment.spanIds() + row * 8, 8),
): (a: number, b: number) => number {
  let start: number | undefined;
  return (a, b) => {
    start ??= segment.start() / 8;
    const { ulongs } = scratch;
    const [x, y] = [ulongs[start + a], ulongs[start + b]];
    if (x !== y) return x < y ? -1 : 1;
    const [idA, idB] = [idOf(a), idOf(b)];
    if (idA !== idB) return idA < idB ? -1 : 1;
    return kindOf(segment, scratch, a) - kindOf(segment, scratch, b);
  };
}

function kindOf(segment: Segment, scratch: StepScratch, row: number): number {
  const kinds = segment.kind();
  const value = kinds.dictionary.at(codeOf(kinds, scratch, row) - 1);
  return value.type === "float" || value.type === "int" ? Number(value.value) : 0;
}
