/** What every span has without an attribute: names as written, as printed, and types. */
import type { IntrinsicName, Static } from "./ast.ts";

export type FieldType = Static["type"] | "any";

interface IntrinsicKind {
  readonly type: FieldType;
  /** Other spellings; the key is what is printed. */
  readonly also: readonly string[];
}

const KINDS: Readonly<Record<IntrinsicName, IntrinsicKind>> = {
  duration: { type: "duration", also: ["span:duration"] },
  name: { type: "string", also: ["span:name"] },
  status: { type: "status", also: ["span:status"] },
  statusMessage: { type: "string", also: ["span:statusMessage"] },
  kind: { type: "kind", also: ["span:kind"] },
  "span:id": { type: "string", also: [] },
  "span:parentID": { type: "string", also: [] },
  "span:childCount": { type: "int", also: [] },
  "trace:id": { type: "string", also: [] },
  traceDuration: { type: "duration", also: ["trace:duration"] },
  rootName: { type: "string", also: ["trace:rootName"] },
  rootServiceName: { type: "string", also: ["trace:rootService"] },
  "event:name": { type: "string", also: [] },
  "event:timeSinceStart": { type: "duration", also: [] },
  "link:traceID": { type: "string", also: [] },
  "link:spanID": { type: "string", also: [] },
  "instrumentation:name": { type: "any", also: [] },
  "instrumentation:version": { type: "any", also: [] },
  nestedSetLeft: { type: "int", also: [] },
  nestedSetRight: { type: "int", also: [] },
  nestedSetParent: { type: "int", also: [] },
  parent: { type: "any", also: [] },
};

const byName = new Map(
  Object.entries(KINDS).flatMap(([name, { also }]) =>
    // Entries of a record by IntrinsicName.
    [name, ...also].map((spelling): [string, IntrinsicName] => [spelling, name as IntrinsicName]),
  ),
);

/** The intrinsic of this spelling. */
export function intrinsicNamed(spelling: string): IntrinsicName | undefined {
  return byName.get(spelling);
}

export function intrinsicType(name: IntrinsicName): FieldType {
  return KINDS[name].type;
}
