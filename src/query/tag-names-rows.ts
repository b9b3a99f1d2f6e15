/** Names of attributes that some rows have, scope by scope. */
import type { TagScope } from "./question.ts";
import type { Sources } from "./segment.ts";
import type { TagRows, TagTools } from "./tag-rows.ts";
import { usedCodes } from "./used-codes.ts";
import { orderTexts } from "./value-order.ts";

export const TAG_SCOPES: readonly TagScope[] = [
  ...(["resource", "span", "event", "link", "instrumentation"] as const),
];

/** Ascending, each once. Those of `known` may be left out: the caller has them. */
export function namesInRows(
  scope: TagScope,
  { rows, known }: { readonly rows: TagRows; readonly known: ReadonlySet<string> },
  tools: TagTools,
): readonly string[] {
  const { segment } = rows;
  const names = new Set<string>();
  if (scope === "resource" || scope === "instrumentation") {
    const sources = scope === "resource" ? segment.resources() : segment.scopes();
    for (const name of namesOfSources(sources, rows, tools)) names.add(name);
  } else {
    if (scope !== "span" && segment.lists(scope) === undefined) return [];
    const among = rows.entries(scope === "span" ? "row" : scope);
    for (const key of segment.keys(scope)) {
      if (known.has(key) || names.has(key)) continue;
      if (tools.scratch.within(() => segment.hasKey(scope, key, among))) names.add(key);
    }
  }
  return [...names].sort(orderTexts);
}

function* namesOfSources({ codes, list }: Sources, rows: TagRows, tools: TagTools) {
  const layer = { ...codes, size: list.length };
  for (const index of usedCodes(layer, rows.entries("row"), tools)) {
    yield* list[index].attributes.keys();
  }
}
