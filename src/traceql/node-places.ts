/**
 * Where the nodes of a tree stand in the text that they were read from. Beside the tree, because a
 * tree is plain data, and equal when it says the same.
 */
import { type Place, placeOf } from "./traceql-error.ts";

const places = new WeakMap<object, { readonly source: string; readonly from: number }>();

/** Notes the place of a node that has none so far. */
export function notePlace(node: object, source: string, from: number): void {
  if (!places.has(node)) places.set(node, { source, from });
}

/** Undefined for nodes that were not read. */
export function placeOfNode(node: object): Place | undefined {
  const noted = places.get(node);
  return noted && placeOf(noted.source, noted.from);
}
