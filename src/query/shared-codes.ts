/** Codes of a field as they are where the block alone says otherwise of some rows or traces. */
import type { Field } from "../traceql/ast.ts";
import type { CodeTools, FieldCodes } from "./field-codes.ts";
import type { Segment } from "./segment.ts";
import type { SharedFacts, ValuesAt } from "./shared-facts.ts";

/** Takes scratch. */
export function sharedCodes(
  codes: FieldCodes,
  { field, segment, facts }: { field: Field; segment: Segment; facts: SharedFacts | undefined },
  tools: CodeTools,
): FieldCodes {
  if (facts === undefined || field.node !== "intrinsic") return codes;
  switch (field.name) {
    case "span:childCount":
      return withValues(codes, { of: facts.children, segment, ofTraces: false }, tools);
    case "rootName":
      return withValues(codes, { of: facts.rootNames, segment, ofTraces: true }, tools);
    case "rootServiceName":
      return withValues(codes, { of: facts.rootServices, segment, ofTraces: true }, tools);
    default:
      return codes;
  }
}

interface Said {
  readonly of: ValuesAt;
  readonly segment: Segment;
  readonly ofTraces: boolean;
}

/** Their values have codes behind those that there are. */
function withValues(
  codes: FieldCodes,
  { of: { places, which, values }, segment, ofTraces }: Said,
  { scratch, kernel }: CodeTools,
): FieldCodes {
  if (places.length === 0) return codes;
  const { at, width, size: first, value } = codes;
  const { rows, starts } = segment;
  const { words } = scratch;
  const out = scratch.take(rows * 4);
  scratch.within(() => {
    const same = scratch.take(first * 4);
    for (let code = 0; code < first; code++) words[same / 4 + code] = code;
    kernel.mapCodes(at, width, rows, same, out);
  });
  for (const [i, place] of places.entries()) {
    const begin = ofTraces ? words[starts / 4 + place] : place;
    const end = ofTraces ? words[starts / 4 + place + 1] : place + 1;
    words.fill(first + which[i], out / 4 + begin, out / 4 + end);
  }
  return {
    ...{ at: out, width: 4, size: first + values.length, dictionary: undefined },
    value: (code) => (code < first ? value(code) : values[code - first]),
  };
}
