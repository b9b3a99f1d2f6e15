/**
 * Names and values of the spans for which a filter holds, in traces that overlap the time asked
 * for.
 *
 * Of such a span all events and links count. A name counts whatever its value is. Values are those
 * of the language, of lists their elements; of a name without a scope those of spans and resources,
 * each. Values come by type (booleans, numbers, texts, statuses, kinds), then by value; of numbers
 * that are equal integers come first, then floats, then durations.
 */
import type {
  TagNamesAnswer,
  TagNamesQuestion,
  TagScope,
  TagValuesAnswer,
  TagValuesQuestion,
  Value,
} from "../../src/query/question.ts";
import type { FieldExpr, Static } from "../../src/traceql/ast.ts";
import { type At, type FieldNode, fieldAt, filterKeeps } from "./oracle-field.ts";
import { overlaps } from "./oracle-search.ts";
import type { Attributes, OracleSpan, OracleTrace } from "./oracle-span.ts";
import { keyOf, orderOfAll } from "./oracle-value.ts";

export type OracleTagNamesAnswer = Omit<TagNamesAnswer, "metrics">;
export type OracleTagValuesAnswer = Omit<TagValuesAnswer, "metrics">;

const SCOPES: readonly TagScope[] = ["resource", "span", "event", "link", "instrumentation"];

interface Asked {
  readonly startNano: bigint | undefined;
  readonly endNano: bigint | undefined;
  readonly filter: FieldExpr | undefined;
}

function placesAsked({ filter, ...window }: Asked, traces: readonly OracleTrace[]): At[] {
  return traces
    .filter((trace) => overlaps(trace, window))
    .flatMap((trace) => trace.spans.map((span) => ({ trace, span })))
    .filter((at) => filter === undefined || filterKeeps(filter, at));
}

export function tagNames(
  question: TagNamesQuestion,
  traces: readonly OracleTrace[],
): OracleTagNamesAnswer {
  const places = placesAsked(question, traces);
  const scopes = SCOPES.filter((scope) => question.scope === undefined || question.scope === scope)
    .map((scope) => {
      const keys = places.flatMap(({ span }) =>
        attributesIn(scope, span).flatMap((attributes) => [...attributes.keys()]),
      );
      const names = [...new Set(keys)].sort(byBytes);
      return { scope, names: question.limit === 0 ? names : names.slice(0, question.limit) };
    })
    .filter(({ names }) => names.length > 0);
  return { type: "tagNames", scopes };
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function attributesIn(scope: TagScope, span: OracleSpan): readonly Attributes[] {
  switch (scope) {
    case "resource":
      return [span.resource];
    case "span":
      return [span.attributes];
    case "event":
      return span.events.map(({ attributes }) => attributes);
    case "link":
      return span.links.map(({ attributes }) => attributes);
    case "instrumentation":
      return [span.scope];
  }
}

export function tagValues(
  question: TagValuesQuestion,
  traces: readonly OracleTrace[],
): OracleTagValuesAnswer {
  const unique = new Map<string, Static>();
  for (const at of placesAsked(question, traces)) {
    for (const value of valuesAt(question.field, at)) {
      const elements = value.type === "list" ? value.values : [value];
      for (const element of elements) {
        if (element.type !== "nil") unique.set(keyOf(element), element);
      }
    }
  }
  const values = [...unique.values()].sort(orderOfAll);
  return {
    type: "tagValues",
    values: question.limit === 0 ? values : values.slice(0, question.limit),
  };
}

function valuesAt(field: FieldNode, at: At): Value[] {
  if (field.node === "attribute" && field.scope === "none") {
    return (["span", "resource", "instrumentation"] as const).map((scope) =>
      fieldAt({ ...field, scope }, at),
    );
  }
  const { events, links } = at.span;
  const name = field.node === "attribute" ? field.scope : field.name.split(":")[0];
  if (name === "event") return events.map((event) => fieldAt(field, { ...at, event }));
  if (name === "link") return links.map((link) => fieldAt(field, { ...at, link }));
  return [fieldAt(field, at)];
}
