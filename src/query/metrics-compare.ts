/**
 * compare(): for every attribute and intrinsic of the counted spans, how often each value occurs in
 * the selection and among the others. Lists count as a whole.
 */
import { assert } from "../base/assert.ts";
import type { Compare, Field, IntrinsicName } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { type CodeTools, type FieldCodes, fieldCodes } from "./field-codes.ts";
import type { FilterBits } from "./filter-bits.ts";
import {
  type ComparedKey,
  type ComparePartial,
  comparedKey,
  comparedValue,
  type MetricsPartial,
} from "./metrics-partial.ts";
import type { MetricsPlan } from "./metrics-plan.ts";
import type { Found } from "./metrics-segment.ts";
import { type CountedRows, RowGroups } from "./row-groups.ts";
import type { Segment, Source } from "./segment.ts";

/** Intrinsics that are compared: no ids, and nothing that is a length of time. */
const COMPARED: readonly IntrinsicName[] = [
  ...(["name", "status", "statusMessage", "kind", "span:childCount", "rootName"] as const),
  ...(["rootServiceName", "instrumentation:name", "instrumentation:version"] as const),
];

const COUNT_BYTES = 4;

export interface ComparedRows {
  readonly plan: MetricsPlan;
  readonly fn: Compare;
  readonly found: Found;
  readonly filter: FilterBits;
}

interface CompareInto {
  readonly partial: MetricsPartial;
  readonly keys: ComparePartial["keys"];
}

export function tallyCompare(of: ComparedRows, into: CompareInto, tools: CodeTools): void {
  const { scratch } = tools;
  const { filter, plan } = of;
  const counted = sidedRows(of, tools);
  for (const field of comparedFields(filter.segment)) {
    const key = comparedKey(plan, { into: into.partial, keys: into.keys }, printField(field));
    if (key === undefined) return;
    scratch.within(() => {
      const codes = fieldCodes(filter, { field, slotOf: counted.slotOf }, tools);
      tallyField(codes, { counted, key, partial: into.partial }, tools);
    });
  }
}

/** Slots of the selection lie behind those of the others. */
function sidedRows({ fn, found, filter }: ComparedRows, tools: CodeTools): CountedRows {
  const { scratch, kernel } = tools;
  const { rows, slotOf, slots } = found.counted;
  const sided = scratch.take(rows * 2);
  scratch.bytes.copyWithin(sided, slotOf, slotOf + rows * 2);
  scratch.within(() => {
    kernel.shiftSlots(sided, selectedBits({ fn, found, filter }, tools), rows, slots);
  });
  return { rows, slotOf: sided, slots: slots * 2 };
}

function selectedBits(
  { fn, found, filter }: Omit<ComparedRows, "plan">,
  { scratch, kernel }: CodeTools,
): number {
  const { selection, start, end } = fn;
  const { bits, counted } = found;
  const { rows } = counted;
  assert(selection.node === "filter", "query: a selection that is no filter");
  const selected = filter.rows(selection.expr, bits);
  if (start === undefined || end === undefined) return selected;
  const timely = scratch.take(bitmapBytes(rows));
  kernel.rangeLongs(filter.segment.start(), rows, start + 1n, end, timely);
  return filter.bits.and(selected, timely, rows);
}

interface FieldInto {
  readonly counted: CountedRows;
  readonly key: ComparedKey;
  readonly partial: MetricsPartial;
}

function tallyField(
  codes: FieldCodes,
  { counted, key, partial }: FieldInto,
  tools: CodeTools,
): void {
  const { scratch } = tools;
  const groups = new RowGroups([codes], { counted, cellBytes: COUNT_BYTES }, tools);
  if (groups.isCut) partial.isCut = true;
  const slots = counted.slots / 2;
  const table = groups.tally();
  for (let group = 0; group < groups.size; group++) {
    const {
      values: [value],
      key: name,
    } = groups.at(group);
    if (value.type === "nil") continue;
    const at = table / 4 + group * counted.slots;
    const sides = { baseline: at, selection: at + slots };
    for (const side of ["baseline", "selection"] as const) {
      const counts = scratch.words.subarray(sides[side], sides[side] + slots);
      if (counts.every((count) => count === 0)) continue;
      const { totals } = key[side];
      const own = comparedValue(partial, key[side], { name, value });
      for (let slot = 0; slot < slots; slot++) {
        totals[slot] += counts[slot];
        if (own !== undefined) own[slot] += counts[slot];
      }
    }
  }
}

function comparedFields(segment: Segment): Field[] {
  const attributes = (scope: "span" | "resource" | "instrumentation", names: Iterable<string>) =>
    Array.from(
      new Set(names),
      (name): Field => ({ node: "attribute", scope, parent: false, name }),
    );
  return [
    ...attributes("span", segment.keys("span")),
    ...attributes("resource", ["service.name", ...namesOf(segment.resources().list)]),
    ...attributes("instrumentation", namesOf(segment.scopes().list)),
    ...COMPARED.map((name): Field => ({ node: "intrinsic", name })),
  ];
}

function namesOf(sources: readonly Source[]): string[] {
  return sources.flatMap(({ attributes }) => [...attributes.keys()]);
}
