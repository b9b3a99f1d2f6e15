/** Names of attributes that some rows have, scope by scope. */
import type { TagScope } from "./question.ts";
import type { ListScope, Source } from "./segment.ts";
import type { TagRows, TagTools } from "./tag-rows.ts";
import { usedCodes } from "./used-codes.ts";
import { orderTexts } from "./value-order.ts";

export const TAG_SCOPES: readonly TagScope[] = [
  ...(["resource", "span", "event", "link", "instrumentation"] as const),
];

/** Ascending, each once. Those of `known` may be left out: the caller has them. */
export function namesInRows(
  scope: TagScope,
  { rows, known }: Asked,
  tools: TagTools,
): readonly string[] {
  const names =
    scope === "resource" || scope === "instrumentation"
      ? namesOfSources(scope, { rows, known }, tools)
      : namesOfKeys(scope, { rows, known }, tools);
  return [...names].sort(orderTexts);
}

interface Asked {
  readonly rows: TagRows;
  readonly known: ReadonlySet<string>;
}

function namesOfKeys(
  scope: "span" | ListScope,
  { rows, known }: Asked,
  { scratch }: TagTools,
): ReadonlySet<string> {
  const names = new Set<string>();
  const { segment } = rows;
  const isKnown = (key: string) => known.has(key) || names.has(key);
  const keys = segment.keys(scope).filter((key) => !known.has(key));
  if (keys.length > 0 && rows.isAll) {
    for (const key of keys) if (segment.hasSome?.(scope, key) === true) names.add(key);
  }
  if (keys.every(isKnown)) return names;
  if (scope !== "span" && segment.lists(scope) === undefined) return names;
  for (const key of keys) {
    if (isKnown(key)) continue;
    const among = rows.entries(scope === "span" ? "row" : scope);
    if (scratch.within(() => segment.hasKey(scope, key, among))) names.add(key);
  }
  return names;
}

/** Of lists of sources, which are kept as long as their codes. */
const keys = new WeakMap<readonly Source[], readonly string[]>();

function keysOf(list: readonly Source[]): readonly string[] {
  const found = keys.get(list) ?? [
    ...new Set(list.flatMap(({ attributes }) => [...attributes.keys()])),
  ];
  keys.set(list, found);
  return found;
}

function namesOfSources(
  scope: "resource" | "instrumentation",
  { rows, known }: Asked,
  tools: TagTools,
): ReadonlySet<string> {
  const names = new Set<string>();
  const { segment } = rows;
  if (scope === "instrumentation" && segment.hasScopeAttributes?.() === false) return names;
  const { codes, list, isUsed } = scope === "resource" ? segment.resources() : segment.scopes();
  const all = keysOf(list);
  if (all.every((key) => known.has(key))) return names;
  if (isUsed === true && rows.isAll) return new Set(all);
  const isNew = list.map(({ attributes }) => [...attributes.keys()].some((key) => !known.has(key)));
  for (const index of usedCodes({ ...codes, size: list.length }, rows.entries("row"), tools)) {
    if (isNew[index]) for (const key of list[index].attributes.keys()) names.add(key);
  }
  return names;
}
