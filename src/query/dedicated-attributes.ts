/**
 * Attributes that Tempo's blocks have columns of their own for, when nothing else is configured
 * (`defaultDedicatedColumns` in its tempodb/backend/block_meta.go). Where a question selects one,
 * or groups by it, Tempo reads "nil" from a span that lacks it, as a text: the span shows it, and a
 * series has it as a label, which is left out for other attributes. Panels and links made with
 * Tempo go by these labels, so ours are the same.
 */
import type { Field } from "../traceql/ast.ts";
import type { Value } from "./question.ts";

const OF_SPANS: readonly string[] = [
  ...["http.request.method", "http.response.status_code", "http.route", "url.path", "url.route"],
  ...["http.method", "http.status_code", "http.url", "server.address", "server.port"],
];
const OF_RESOURCES: readonly string[] = [
  ...["k8s.cluster.name", "k8s.namespace.name", "k8s.pod.name", "k8s.container.name"],
];
const BY_SCOPE: Readonly<Record<string, ReadonlySet<string>>> = {
  span: new Set(OF_SPANS),
  resource: new Set(OF_RESOURCES),
  none: new Set([...OF_SPANS, ...OF_RESOURCES]),
};

/** What a span shows that lacks it. */
export const NIL_TEXT: Value = { type: "string", value: "nil" };

export function isDedicated(field: Field): boolean {
  if (field.node === "intrinsic" || field.parent) return false;
  return BY_SCOPE[field.scope]?.has(field.name) === true;
}
