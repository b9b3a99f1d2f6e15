/**
 * Where the values of a field lie in a segment: layers, of which the first that has a value for a
 * row counts. An entry is a row, an event or a link.
 */
import type { Field, IntrinsicName, KindName, Static, StatusName } from "../traceql/ast.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { CodesVector, Dictionary, Vector } from "../vector/vector.ts";
import type { FieldScope } from "./field-of.ts";
import { codeOf } from "./number-vectors.ts";
import type { Value } from "./question.ts";
import type { NestedName, Segment, Source, Sources } from "./segment.ts";
import { NIL } from "./value-compare.ts";

export interface CodeLayer {
  readonly kind: "codes";
  readonly at: number;
  readonly width: number;
  /** Codes 1 to size; 0 is none. */
  readonly size: number;
  /** Of code index + 1; nil: as if there were none. */
  value(index: number): Value;
  readonly dictionary: Dictionary | undefined;
  /** While it is there, the values are the same, in other questions, too. */
  readonly values?: object | undefined;
}

export type Layer =
  | CodeLayer
  | {
      readonly kind: "longs" | "doubles";
      readonly at: number;
      readonly present: number;
      readonly type: "int" | "duration" | "float";
      /** Of longs: their classes, where they are kept. */
      readonly classes?: () => number | undefined;
      /** Of longs that all rows have: their powers of two, where they are kept. */
      readonly powers?: () => number | undefined;
    }
  /** One value for a range of rows. */
  | {
      readonly kind: "groups";
      readonly starts: number;
      readonly groups: number;
      value(group: number): Value;
    }
  /** Eight bytes an entry. */
  | { readonly kind: "ids"; readonly at: number };

export interface FieldColumns {
  readonly scope: FieldScope;
  readonly layers: readonly Layer[];
  /** Where no layer has a value. */
  readonly missing: Value;
  readonly entries: number;
}

const EMPTY: Static = { type: "string", value: "" };
const STATUSES: readonly StatusName[] = ["unset", "ok", "error"];
const KINDS: readonly KindName[] = [
  ...(["unspecified", "internal", "server", "client", "producer", "consumer"] as const),
];
const SERVICE_NAME = "service.name";

export type FieldTools = StepScratch;

export function fieldColumns(segment: Segment, field: Field, tools: FieldTools): FieldColumns {
  if (field.node === "intrinsic") return intrinsicColumns(segment, field.name, tools);
  const { scope, name } = field;
  if (scope === "event" || scope === "link") {
    const entries = segment.lists(scope)?.entries ?? 0;
    const layers = entries === 0 ? [] : segment.attribute(scope, name).map(layerOf);
    return { scope, layers, missing: NIL, entries };
  }
  const layers: Layer[] = [];
  if (scope === "span" || scope === "none") {
    layers.push(...segment.attribute("span", name).map(layerOf));
  }
  if (scope === "resource" || scope === "none") {
    layers.push(...attributeLayers(segment.resources(), name));
  }
  if (scope === "instrumentation") layers.push(...attributeLayers(segment.scopes(), name));
  const isService = name === SERVICE_NAME && (scope === "resource" || scope === "none");
  return { scope: "row", layers, missing: isService ? EMPTY : NIL, entries: segment.rows };
}

function intrinsicColumns(segment: Segment, name: IntrinsicName, tools: FieldTools): FieldColumns {
  const row = (layers: readonly Layer[], missing: Value = NIL): FieldColumns => {
    return { scope: "row", layers, missing, entries: segment.rows };
  };
  switch (name) {
    case "duration":
      return row([
        {
          ...({ kind: "longs", present: 0, type: "duration" } as const),
          // Where classes or powers say enough, it is not read.
          get at() {
            return segment.duration();
          },
          classes: () => segment.durationClasses(),
          powers: () => segment.durationPowers?.(),
        },
      ]);
    case "name":
      return row([layerOf(segment.name())], EMPTY);
    case "status":
      return row([
        named(segment.status(), (code) => ({ type: "status", value: STATUSES[code] ?? "unset" })),
      ]);
    case "kind":
      return row([
        named(segment.kind(), (code) => ({ type: "kind", value: KINDS[code] ?? "unspecified" })),
      ]);
    case "statusMessage": {
      const messages = segment.statusMessage();
      return row(messages === undefined ? [] : [layerOf(messages)], EMPTY);
    }
    case "span:id":
      return row([{ kind: "ids", at: segment.spanIds() }]);
    case "span:parentID":
      return row([{ kind: "ids", at: segment.parentIds() }]);
    case "span:childCount":
      return row([childCountLayer(segment)]);
    case "nestedSetLeft":
    case "nestedSetRight":
    case "nestedSetParent":
      return row([nestedLayer(segment, name)]);
    case "instrumentation:name":
      return row(
        sourceLayers(segment.scopes(), (source) => ({ type: "string", value: source.name })),
        EMPTY,
      );
    case "instrumentation:version":
      return row(
        sourceLayers(segment.scopes(), (source) => ({ type: "string", value: source.version })),
        EMPTY,
      );
    case "trace:id":
    case "traceDuration":
    case "rootName":
    case "rootServiceName":
      return row([traceLayer(segment, name, tools)]);
    case "event:name":
    case "event:timeSinceStart":
    case "link:traceID":
    case "link:spanID":
      return listColumns(segment, name, tools);
    case "parent":
      return row([]);
  }
}

function listColumns(
  segment: Segment,
  name: "event:name" | "event:timeSinceStart" | "link:traceID" | "link:spanID",
  tools: FieldTools,
): FieldColumns {
  const scope = name.startsWith("event:") ? "event" : "link";
  const lists = segment.lists(scope);
  if (lists === undefined) return { scope, layers: [], missing: NIL, entries: 0 };
  const of = (layer: Layer): FieldColumns => {
    return { scope, layers: [layer], missing: NIL, entries: lists.entries };
  };
  if (name === "event:name") return of(layerOf(segment.eventName()));
  if (name === "link:spanID") return of(layerOf(segment.linkSpanId()));
  if (name === "link:traceID") {
    const vector = segment.linkTraceId();
    return of({ ...named(vector, () => NIL), value: (i) => withoutZeros(vector.dictionary.at(i)) });
  }
  return of(timeSinceStart(segment, lists, tools));
}

function timeSinceStart(
  segment: Segment,
  { starts, entries }: { readonly starts: number; readonly entries: number },
  tools: FieldTools,
): Layer {
  const { longs, words } = tools;
  const times = segment.eventTime();
  const start = segment.start() / 8;
  const at = tools.keep(entries * 8);
  for (let row = 0; row < segment.rows; row++) {
    const end = words[starts / 4 + row + 1];
    for (let entry = words[starts / 4 + row]; entry < end; entry++) {
      longs[at / 8 + entry] = longs[times.at / 8 + entry] - longs[start + row];
    }
  }
  return { kind: "longs", at, present: times.present, type: "duration" };
}

function traceLayer(
  segment: Segment,
  name: "trace:id" | "traceDuration" | "rootName" | "rootServiceName",
  tools: FieldTools,
): Layer {
  const { bytes, ulongs } = tools;
  const { starts, traces: groups } = segment;
  if (name === "trace:id") {
    const ids = segment.traceIds;
    const value = (trace: number) =>
      withoutZeros({ type: "string", value: hexAt(bytes, ids + trace * 16, 16) });
    return { kind: "groups", starts, groups, value };
  }
  if (name === "traceDuration") {
    const times = segment.times();
    const value = (trace: number): Value => {
      const length = ulongs[times.end / 8 + trace] - ulongs[times.start / 8 + trace];
      return { type: "duration", value: BigInt.asIntN(64, length) };
    };
    return { kind: "groups", starts, groups, value };
  }
  const roots = segment.roots() / 4;
  const text = rootText(segment, name, tools);
  const value = (trace: number) => {
    const row = tools.words[roots + trace];
    return text(row === NO_ROW ? undefined : row);
  };
  return { kind: "groups", starts, groups, value };
}

const NO_ROW = 0xffffffff;

/** Of the root span in a row, empty where there is none. */
export function rootText(
  segment: Segment,
  name: "rootName" | "rootServiceName",
  tools: FieldTools,
): (row: number | undefined) => Value {
  const names = segment.name();
  const { codes, list } = segment.resources();
  return (row) => {
    if (row === undefined) return EMPTY;
    if (name === "rootName") {
      const code = codeOf(names, tools, row);
      return code === 0 ? EMPTY : names.dictionary.at(code - 1);
    }
    const source = list[codeOf(codes, tools, row) - 1];
    return { type: "string", value: serviceOf(source) };
  };
}

/** The service's name; empty when there is none, or when it is no text. */
export function serviceOf(source: Source): string {
  const value = source.attributes.get(SERVICE_NAME);
  return value?.type === "string" ? value.value : "";
}

/** Of lists of sources, which are kept as long as their codes: an attribute's values, by name. */
const attributes = new WeakMap<readonly Source[], Map<string, readonly Value[]>>();

/** So many names of a list are known; then it begins anew. */
const ATTRIBUTES_MAX = 16;

function attributeLayers(sources: Sources, name: string): Layer[] {
  const { list } = sources;
  const known = attributes.get(list) ?? new Map<string, readonly Value[]>();
  attributes.set(list, known);
  let values = known.get(name);
  if (values === undefined) {
    values = list.map((source) => source.attributes.get(name) ?? NIL);
    if (known.size === ATTRIBUTES_MAX) known.clear();
    known.set(name, values);
  }
  return valuesLayer(sources, values).map((layer) => ({ ...layer, values }));
}

function sourceLayers(sources: Sources, value: (source: Source) => Value): Layer[] {
  return valuesLayer(sources, sources.list.map(value));
}

function valuesLayer({ codes, list }: Sources, values: readonly Value[]): CodeLayer[] {
  if (values.every(({ type }) => type === "nil")) return [];
  const { at, width } = codes;
  const layer = { at, width, size: list.length, dictionary: undefined };
  return [{ kind: "codes", ...layer, value: (index) => values[index] }];
}

function layerOf(vector: Vector): Layer {
  if (vector.kind !== "codes") {
    const type = vector.kind === "longs" ? "int" : "float";
    return {
      ...{ kind: vector.kind, type },
      get at() {
        return vector.at;
      },
      get present() {
        return vector.present;
      },
    };
  }
  const { dictionary } = vector;
  const value = (index: number) => dictionary.at(index);
  return codesLayer(vector, { value, dictionary, values: dictionary });
}

/** Codes are read when somebody looks at them. */
function codesLayer(
  vector: CodesVector,
  of: Pick<CodeLayer, "value" | "dictionary" | "values">,
): CodeLayer {
  return {
    kind: "codes",
    get at() {
      return vector.at;
    },
    width: vector.width,
    size: vector.dictionary.size,
    ...of,
  };
}

/** Codes of small numbers that have a name. */
function named(vector: CodesVector, name: (code: number) => Static): CodeLayer {
  const { dictionary } = vector;
  const value = (index: number): Value => {
    const code = dictionary.at(index);
    return code.type === "float" || code.type === "int" ? name(Number(code.value)) : NIL;
  };
  return codesLayer(vector, { value, dictionary: undefined });
}

function childCountLayer(segment: Segment): Layer {
  const vector = segment.childCount();
  if (vector.kind !== "codes") return layerOf(vector);
  return named(vector, (count) => ({ type: "int", value: BigInt(count) }));
}

function nestedLayer(segment: Segment, name: NestedName): Layer {
  const { at, present } = segment.nested(name);
  return { kind: "longs", at, present, type: "int" };
}

function withoutZeros(value: Value): Value {
  if (value.type !== "string") return value;
  return { type: "string", value: value.value.replace(/^0+/, "") };
}

export function hexAt(bytes: Uint8Array, at: number, count: number): string {
  let hex = "";
  for (let i = at; i < at + count; i++) hex += HEX[bytes[i]];
  return hex;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
