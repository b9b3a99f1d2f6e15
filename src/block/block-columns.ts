/**
 * The columns of a block in the order of the file: for each what it is in Parquet, how the kernel
 * opens it, and in which blocks it is. FORMAT.md says what they mean.
 */
import {
  COL_ATTRIBUTE_FIRST,
  COL_DROPPED_ATTRIBUTES,
  COL_DROPPED_EVENTS,
  COL_DROPPED_LINKS,
  COL_EVENT_DROPPED,
  COL_EVENT_RESIDUAL,
  COL_LINK_DROPPED,
  COL_LINK_FLAGS,
  COL_LINK_RESIDUAL,
  COL_LINK_TRACE_STATE,
  COL_RAW,
  COL_RESIDUAL,
  COL_STATUS_MESSAGE,
  COL_TRACE_STATE,
  SCOPE_EVENT,
  SCOPE_LINK,
  SCOPE_SPAN,
  TYPE_BOOL,
  TYPE_BOOLS,
  TYPE_DOUBLE,
  TYPE_DOUBLES,
  TYPE_INT,
  TYPE_INTS,
  TYPE_STRING,
  TYPE_STRINGS,
} from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { EncodeExports } from "../kernel/encode-kernel.ts";
import type { GroupField } from "./cut-groups.ts";
import type { HalfColumn } from "./cut-half.ts";
import { type Leaf, listOf, type SchemaNode } from "./parquet-schema.ts";

/** Exports without arguments that open a column. */
type Opener = {
  [Name in keyof EncodeExports]: EncodeExports[Name] extends () => void ? Name : never;
}[keyof EncodeExports] &
  `open${string}`;

export type ColumnSource =
  | { readonly kind: "fixed"; readonly open: Opener }
  /** A sparse column of the half. */
  | { readonly kind: "sparse"; readonly index: number }
  /** Follows from the resource or the scope. */
  | { readonly kind: "group"; readonly field: GroupField; readonly required: boolean }
  /** Numbers of attribute columns, which differ from file to file. */
  | { readonly kind: "order"; readonly open: Opener; readonly scope: number };

export interface BlockColumn {
  readonly source: ColumnSource;
  readonly scope: number;
  /** One of the typed columns of attributes; attribute orders count these. */
  readonly isAttribute: boolean;
  /** The tenant, which only a shared block needs. */
  readonly sharedOnly: boolean;
  /** The leaf, or for list attributes the node around it. */
  readonly node: SchemaNode;
}

const STRING = { type: "BYTE_ARRAY", logical: "STRING" } as const;
const BYTES = { type: "BYTE_ARRAY" } as const;
const UINT = { type: "INT32", logical: "UINT_32" } as const;
const LONG = { type: "INT64" } as const;

const leafTypes: Readonly<Record<number, { suffix: string; leaf: Omit<Leaf, "name"> }>> = {
  [TYPE_STRING]: { suffix: "", leaf: { repetition: "optional", ...STRING } },
  [TYPE_INT]: { suffix: ":int", leaf: { repetition: "optional", type: "INT64" } },
  [TYPE_DOUBLE]: { suffix: ":double", leaf: { repetition: "optional", type: "DOUBLE" } },
  [TYPE_BOOL]: { suffix: ":bool", leaf: { repetition: "optional", type: "BOOLEAN" } },
  [TYPE_STRINGS]: { suffix: ":string[]", leaf: { repetition: "required", ...STRING } },
  [TYPE_INTS]: { suffix: ":int[]", leaf: { repetition: "required", type: "INT64" } },
  [TYPE_DOUBLES]: { suffix: ":double[]", leaf: { repetition: "required", type: "DOUBLE" } },
  [TYPE_BOOLS]: { suffix: ":bool[]", leaf: { repetition: "required", type: "BOOLEAN" } },
};
/** Keys that would read as another column's name are marked as strings themselves. */
const SUFFIXED = /:(string|int|double|bool)(\[\])?$/;
const PREFIXES = ["span.", "event.", "link."];

/** All columns that some block of the cut may have; `sparse` are the half's columns with values. */
export function blockColumns(sparse: readonly HalfColumn[]): BlockColumn[] {
  const attributes = sparse.filter(({ index }) => index >= COL_ATTRIBUTE_FIRST);
  return [
    ...spanColumns(),
    ...attributeColumns(attributes, SCOPE_SPAN),
    ...eventColumns(),
    ...attributeColumns(attributes, SCOPE_EVENT),
    ...linkColumns(),
    ...attributeColumns(attributes, SCOPE_LINK),
  ];
}

function spanColumns(): BlockColumn[] {
  return [
    { ...fixedColumn("openTenant", { name: "tenant", ...STRING }), sharedOnly: true },
    fixedColumn("openTraceId", { name: "trace_id", type: "FIXED", fixedBytes: 16 }),
    fixedColumn("openSpanId", { name: "span_id", type: "FIXED", fixedBytes: 8 }),
    fixedColumn("openParentSpanId", {
      name: "parent_span_id",
      type: "FIXED",
      fixedBytes: 8,
      repetition: "optional",
    }),
    fixedColumn("openName", { name: "name", ...STRING }),
    fixedColumn("openKind", { name: "kind", type: "INT32" }),
    fixedColumn("openStart", { name: "start_unix_nano", ...LONG }),
    fixedColumn("openDuration", { name: "duration_nano", ...LONG }),
    fixedColumn("openStatus", { name: "status_code", type: "INT32" }),
    sparseColumn(COL_STATUS_MESSAGE, { name: "status_message", ...STRING }),
    sparseColumn(COL_TRACE_STATE, { name: "trace_state", ...STRING }),
    fixedColumn("openFlags", { name: "flags", ...UINT }),
    fixedColumn("openNestedLeft", { name: "nested_left", type: "INT32" }),
    fixedColumn("openNestedRight", { name: "nested_right", type: "INT32" }),
    fixedColumn("openNestedParent", { name: "nested_parent", type: "INT32" }),
    fixedColumn("openChildCount", { name: "child_count", type: "INT32" }),
    sparseColumn(COL_DROPPED_ATTRIBUTES, { name: "dropped_attributes_count", ...UINT }),
    sparseColumn(COL_DROPPED_EVENTS, { name: "dropped_events_count", ...UINT }),
    sparseColumn(COL_DROPPED_LINKS, { name: "dropped_links_count", ...UINT }),
    groupColumn("service_name", STRING),
    groupColumn("resource", { type: "BYTE_ARRAY", logical: "JSON", repetition: "required" }),
    groupColumn("resource_schema_url", STRING),
    groupColumn("resource_otlp", BYTES),
    groupColumn("scope_name", STRING),
    groupColumn("scope_version", STRING),
    groupColumn("scope_schema_url", STRING),
    groupColumn("scope_otlp", BYTES),
    orderColumn("openOrder", SCOPE_SPAN),
    sparseColumn(COL_RESIDUAL, { name: "residual", ...BYTES }),
    sparseColumn(COL_RAW, { name: "span_otlp", ...BYTES }),
  ];
}

function eventColumns(): BlockColumn[] {
  const columns = [
    fixedColumn("openEventTime", { name: "time_unix_nano", ...LONG }),
    fixedColumn("openEventName", { name: "name", ...STRING }),
    sparseColumn(COL_EVENT_DROPPED, { name: "dropped_attributes_count", ...UINT }),
    orderColumn("openEventOrder", SCOPE_EVENT),
    sparseColumn(COL_EVENT_RESIDUAL, { name: "residual", ...BYTES }),
  ];
  return columns.map((column) => ({ ...column, scope: SCOPE_EVENT }));
}

function linkColumns(): BlockColumn[] {
  const columns = [
    fixedColumn("openLinkTraceId", { name: "trace_id", type: "FIXED", fixedBytes: 16 }),
    fixedColumn("openLinkSpanId", { name: "span_id", type: "FIXED", fixedBytes: 8 }),
    sparseColumn(COL_LINK_TRACE_STATE, { name: "trace_state", ...STRING }),
    sparseColumn(COL_LINK_FLAGS, { name: "flags", ...UINT }),
    sparseColumn(COL_LINK_DROPPED, { name: "dropped_attributes_count", ...UINT }),
    orderColumn("openLinkOrder", SCOPE_LINK),
    sparseColumn(COL_LINK_RESIDUAL, { name: "residual", ...BYTES }),
  ];
  return columns.map((column) => ({ ...column, scope: SCOPE_LINK }));
}

const COMMON = { scope: SCOPE_SPAN, isAttribute: false, sharedOnly: false } as const;

type Described = Omit<Leaf, "repetition"> & { readonly repetition?: Leaf["repetition"] };

function fixedColumn(open: Opener, leaf: Described): BlockColumn {
  const node = { repetition: "required", ...leaf } as const;
  return { source: { kind: "fixed", open }, ...COMMON, node };
}

function sparseColumn(index: number, leaf: Described): BlockColumn {
  const node = { repetition: "optional", ...leaf } as const;
  return { source: { kind: "sparse", index }, ...COMMON, node };
}

function groupColumn(field: GroupField, leaf: Omit<Described, "name">): BlockColumn {
  const node = { repetition: "optional", ...leaf, name: field } as const;
  const required = node.repetition === "required";
  return { source: { kind: "group", field, required }, ...COMMON, node };
}

function orderColumn(open: Opener, scope: number): BlockColumn {
  const node = { name: "attribute_order", repetition: "optional", ...BYTES } as const;
  return { source: { kind: "order", open, scope }, ...COMMON, scope, node };
}

function attributeColumns(attributes: readonly HalfColumn[], scope: number): BlockColumn[] {
  return attributes
    .filter((column) => column.scope === scope)
    .map((column) => ({
      source: { kind: "sparse", index: column.index } as const,
      ...COMMON,
      scope,
      isAttribute: true,
      node: attributeNode(column),
    }));
}

function attributeNode({ type, scope, key }: HalfColumn): SchemaNode {
  const { suffix, leaf } = leafTypes[type];
  const isPlain = suffix === "" && SUFFIXED.test(key);
  const name = `${PREFIXES[scope]}${key}${isPlain ? ":string" : suffix}`;
  if (leaf.repetition === "optional") return { name, ...leaf };
  assert(scope === SCOPE_SPAN, "block: a list attribute inside a list");
  return listOf(name, "optional", { name: "element", ...leaf });
}

/** The schema of a file that has these columns; its leaves are in their order. */
export function blockSchema(columns: readonly Pick<BlockColumn, "scope" | "node">[]): SchemaNode[] {
  const inScope = (scope: number) =>
    columns.filter((column) => column.scope === scope).map(({ node }) => node);
  const element = (scope: number) =>
    ({ name: "element", repetition: "required", children: inScope(scope) }) as const;
  return [
    ...inScope(SCOPE_SPAN),
    listOf("events", "required", element(SCOPE_EVENT)),
    listOf("links", "required", element(SCOPE_LINK)),
  ];
}
