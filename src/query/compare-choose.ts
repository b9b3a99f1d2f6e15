/** Between the two visits of compare(): which of many values are counted by slot. */
import type { Compare } from "../traceql/ast.ts";
import { addValueCounts, freeCounts, frequentHashes } from "./compare-counts.ts";
import type { ChosenValues } from "./metrics-compare.ts";
import type { ComparedKey, MetricsPartial } from "./metrics-partial.ts";
import type { MetricsPlan } from "./metrics-plan.ts";
import { sumSlots } from "./slot-counts.ts";
import { valueHash } from "./value-hash.ts";

export const TOP_N = 10n;

/** Values that occur equally often, of which some have to be chosen: looked at are so many. */
const TIES_MAX = 1024;

/** By fragment; undefined: there is nothing left to count. */
export function chooseCompared(
  { fragments }: MetricsPlan,
  partial: MetricsPartial,
): readonly ChosenValues[] | undefined {
  const chosen = fragments.map(({ fn }, place): ChosenValues => {
    const of = partial.fragments[place];
    if (fn.node !== "compare" || of.kind !== "compare") return new Map();
    return chosenIn(fn, of.keys, partial);
  });
  return chosen.every(({ size }) => size === 0) ? undefined : chosen;
}

function chosenIn(
  { topN }: Compare,
  keys: ReadonlyMap<string, ComparedKey>,
  partial: MetricsPartial,
): ChosenValues {
  const chosen = new Map<string, Uint32Array>();
  for (const [name, key] of keys) {
    if (key.many === undefined) continue;
    partial.cells -= addFew(key);
    const options = { top: Number(topN ?? TOP_N), tiesMax: TIES_MAX };
    chosen.set(name, frequentHashes(key.many, options));
    if (key.many.isCut) partial.isCut = true;
    freeCounts(key.many);
    key.many = undefined;
  }
  return chosen;
}

/** Values that were few in some segments: all are counted anew. Returns the cells that they had. */
function addFew({ selection, baseline, many }: ComparedKey): number {
  if (many === undefined) return 0;
  for (const { value, counts } of selection.values.values()) {
    addValueCounts(many, valueHash(value), { selection: sumSlots(counts), baseline: 0 });
  }
  for (const { value, counts } of baseline.values.values()) {
    addValueCounts(many, valueHash(value), { selection: 0, baseline: sumSlots(counts) });
  }
  const freed = (selection.values.size + baseline.values.size) * selection.totals.length;
  selection.values.clear();
  baseline.values.clear();
  return freed;
}
