/** What compare() looks at in a segment: attributes of spans, resources and scopes, intrinsics. */
import type { Field, IntrinsicName } from "../traceql/ast.ts";
import type { Value } from "./question.ts";
import type { Segment, Source, Sources } from "./segment.ts";
import { NIL } from "./value-compare.ts";

/** No ids, and nothing that is a length of time. */
const COMPARED: readonly IntrinsicName[] = [
  ...(["name", "status", "statusMessage", "kind", "span:childCount", "rootName"] as const),
  ...(["rootServiceName", "instrumentation:name", "instrumentation:version"] as const),
];

const SERVICE_NAME = "service.name";

type AttributeField = Extract<Field, { node: "attribute" }>;

/** Attributes that all rows of one source share. */
export interface ComparedSource {
  readonly sources: Sources;
  readonly fields: readonly AttributeField[];
  value(field: AttributeField, source: Source): Value;
}

export function comparedFields(segment: Segment): Field[] {
  return [
    ...attributes("span", segment.keys("span")),
    ...COMPARED.map((name): Field => ({ node: "intrinsic", name })),
  ];
}

export function comparedSources(segment: Segment): ComparedSource[] {
  const resources = segment.resources();
  const scopes = segment.scopes();
  return [
    {
      sources: resources,
      fields: attributes("resource", [SERVICE_NAME, ...namesOf(resources.list)]),
      value: ({ name }, source) =>
        source.attributes.get(name) ??
        (name === SERVICE_NAME ? { type: "string", value: "" } : NIL),
    },
    {
      sources: scopes,
      fields: attributes("instrumentation", namesOf(scopes.list)),
      value: ({ name }, source) => source.attributes.get(name) ?? NIL,
    },
  ];
}

function attributes(
  scope: "span" | "resource" | "instrumentation",
  names: Iterable<string>,
): AttributeField[] {
  const all = new Set(names);
  return Array.from(all, (name) => ({ node: "attribute", scope, parent: false, name }));
}

function namesOf(sources: readonly Source[]): string[] {
  return sources.flatMap(({ attributes }) => [...attributes.keys()]);
}
