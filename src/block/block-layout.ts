/** What the columns of a data file are: FORMAT.md's names, read back from the schema. */
import { blockCorrupt } from "./block-error.ts";
import {
  BOOLEAN,
  BYTE_ARRAY,
  type ColumnChunk,
  type DataFile,
  DOUBLE,
  FIXED,
  INT32,
  INT64,
} from "./parquet-footer-read.ts";

export type ElementType = "string" | "int" | "double" | "bool";

export interface AttributeColumn {
  /** Place in the file. */
  readonly column: number;
  /** UTF-8. */
  readonly key: Uint8Array;
  readonly type: ElementType;
  readonly isArray: boolean;
}

/** One scope's columns: those of known names by name, and attributes in the file's order. */
export interface ScopeLayout<Name extends string> {
  readonly places: ReadonlyMap<Name, number>;
  /** Attribute orders count these, from 1. */
  readonly attributes: readonly AttributeColumn[];
}

const spanTypes = {
  span_id: FIXED,
  parent_span_id: FIXED,
  name: BYTE_ARRAY,
  kind: INT32,
  start_unix_nano: INT64,
  duration_nano: INT64,
  status_code: INT32,
  status_message: BYTE_ARRAY,
  trace_state: BYTE_ARRAY,
  flags: INT32,
  dropped_attributes_count: INT32,
  dropped_events_count: INT32,
  dropped_links_count: INT32,
  resource: BYTE_ARRAY,
  resource_schema_url: BYTE_ARRAY,
  resource_otlp: BYTE_ARRAY,
  scope_name: BYTE_ARRAY,
  scope_version: BYTE_ARRAY,
  scope_schema_url: BYTE_ARRAY,
  scope_otlp: BYTE_ARRAY,
  attribute_order: BYTE_ARRAY,
  residual: BYTE_ARRAY,
  span_otlp: BYTE_ARRAY,
} as const;
const eventTypes = {
  time_unix_nano: INT64,
  name: BYTE_ARRAY,
  dropped_attributes_count: INT32,
  attribute_order: BYTE_ARRAY,
  residual: BYTE_ARRAY,
} as const;
const linkTypes = {
  trace_id: FIXED,
  span_id: FIXED,
  trace_state: BYTE_ARRAY,
  flags: INT32,
  dropped_attributes_count: INT32,
  attribute_order: BYTE_ARRAY,
  residual: BYTE_ARRAY,
} as const;

export type SpanColumn = keyof typeof spanTypes;
export type EventColumn = keyof typeof eventTypes;
export type LinkColumn = keyof typeof linkTypes;

export interface BlockLayout {
  readonly traceId: number;
  readonly span: ScopeLayout<SpanColumn>;
  readonly event: ScopeLayout<EventColumn>;
  readonly link: ScopeLayout<LinkColumn>;
}

const REQUIRED: readonly SpanColumn[] = [
  ...(["span_id", "name", "kind", "start_unix_nano", "duration_nano", "status_code"] as const),
  "resource",
];
const REQUIRED_OF_LINKS: readonly LinkColumn[] = ["trace_id", "span_id"];
const SUFFIX = /:(string|int|double|bool)(\[\])?$/;
const elementTypes = { string: BYTE_ARRAY, int: INT64, double: DOUBLE, bool: BOOLEAN } as const;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const encoder = new TextEncoder();

/** Columns of other names, such as those for search alone, are passed over. */
export function layoutOf({ columns }: DataFile): BlockLayout {
  const traceId = columns.findIndex(({ path }) => path.length === 1 && path[0] === "trace_id");
  if (traceId < 0) throw blockCorrupt("no column trace_id");
  needFixed(columns[traceId], TRACE_ID_BYTES);
  const span = scopeOf(columns, { types: spanTypes, attributes: "span.", group: undefined });
  const event = scopeOf(columns, { types: eventTypes, attributes: "event.", group: "events" });
  const link = scopeOf(columns, { types: linkTypes, attributes: "link.", group: "links" });
  need(span, REQUIRED);
  // A file without events or links may lack their columns.
  if (event.places.size > 0) need(event, ["time_unix_nano", "name"]);
  if (link.places.size > 0) need(link, REQUIRED_OF_LINKS);
  return { traceId, span, event, link };
}

interface ScopeNames<Name extends string> {
  readonly types: Readonly<Record<Name, number>>;
  /** How names of attribute columns begin. */
  readonly attributes: string;
  /** The list around the columns; undefined: none. */
  readonly group: string | undefined;
}

function scopeOf<Name extends string>(
  columns: readonly ColumnChunk[],
  names: ScopeNames<Name>,
): ScopeLayout<Name> {
  const places = new Map<Name, number>();
  const attributes: AttributeColumn[] = [];
  const depth = names.group === undefined ? 1 : 4;
  for (const [column, chunk] of columns.entries()) {
    const { path } = chunk;
    if (names.group !== undefined && path[0] !== names.group) continue;
    if (names.group === undefined && (path[0] === "events" || path[0] === "links")) continue;
    const name = path[depth - 1];
    if (name === undefined) throw blockCorrupt(`schema around ${path.join(".")}`);
    if (name.startsWith(names.attributes)) {
      attributes.push(attributeOf(chunk, column, { name, depth, prefix: names.attributes }));
    } else if (isNameOf(names.types, name)) {
      if (chunk.type !== names.types[name] || path.length !== depth) {
        throw blockCorrupt(`type of column ${name}`);
      }
      if (chunk.type === FIXED) {
        needFixed(chunk, name === "trace_id" ? TRACE_ID_BYTES : SPAN_ID_BYTES);
      }
      needLevels(chunk, depth > 1 ? 1 : 0);
      if (places.has(name)) throw blockCorrupt(`column ${name} twice`);
      places.set(name, column);
    }
  }
  return { places, attributes };
}

function isNameOf<Name extends string>(
  types: Readonly<Record<Name, number>>,
  name: string,
): name is Name {
  return Object.hasOwn(types, name);
}

interface AttributeName {
  readonly name: string;
  readonly depth: number;
  readonly prefix: string;
}

function attributeOf(
  chunk: ColumnChunk,
  column: number,
  { name, depth, prefix }: AttributeName,
): AttributeColumn {
  const suffix = SUFFIX.exec(name);
  const key = encoder.encode(name.slice(prefix.length, suffix?.index));
  const type = (suffix?.[1] ?? "string") as ElementType;
  const isArray = suffix?.[2] !== undefined;
  const isShaped = chunk.path.length === (isArray ? depth + 2 : depth);
  if (chunk.type !== elementTypes[type] || !isShaped || (isArray && depth > 1)) {
    throw blockCorrupt(`type of column ${name}`);
  }
  needLevels(chunk, depth > 1 || isArray ? 1 : 0);
  return { column, key, type, isArray };
}

function needLevels({ path, repetitionMax, definitionMax }: ColumnChunk, repeats: number): void {
  if (repetitionMax !== repeats || definitionMax < repeats || definitionMax > repeats + 1) {
    throw blockCorrupt(`levels of column ${path.join(".")}`);
  }
}

function needFixed({ path, type, fixedBytes }: ColumnChunk, bytes: number): void {
  if (type !== FIXED || fixedBytes !== bytes) throw blockCorrupt(`type of ${path.join(".")}`);
}

function need<Name extends string>(scope: ScopeLayout<Name>, names: readonly Name[]): void {
  for (const name of names) {
    if (!scope.places.has(name)) throw blockCorrupt(`no column ${name}`);
  }
}
