/**
 * The columns of a merge: those that every block has, and the attributes of all inputs, of which
 * the densest have a column in the output and the others go to the residual.
 */
import {
  KIND_BOOL,
  KIND_BYTES,
  KIND_DOUBLE,
  KIND_FIXED8,
  KIND_FIXED16,
  KIND_INT,
  KIND_LIST,
  KIND_ORDER,
  KIND_STRING,
  KIND_TIME,
  KIND_U32,
  SCOPE_EVENT,
  SCOPE_LINK,
  SCOPE_SPAN,
  TYPE_BOOLS,
  TYPE_DOUBLES,
  TYPE_INTS,
  TYPE_STRINGS,
} from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import { EngineError } from "../base/error.ts";
import { blockColumns } from "../block/block-columns.ts";
import type { DataFile } from "../block/parquet-footer-read.ts";
import { type Leaf, listOf, type SchemaNode } from "../block/parquet-schema.ts";

/** Attribute columns of an output, of all scopes together: what a footer bears. */
export const ATTRIBUTE_COLUMNS_MAX = 1000;

export interface MergeColumn {
  /** Path of the leaf with points between; of attributes just to be shown. */
  readonly path: string;
  /** The leaf, or for list attributes the node around it. */
  readonly node: SchemaNode;
  /** SCOPE_* and KIND_* of native/src/layout.ts. */
  readonly scope: number;
  readonly kind: number;
  /** TYPE_* of list attributes; else 0. */
  readonly lists: number;
  readonly required: boolean;
  readonly isAttribute: boolean;
  readonly sharedOnly: boolean;
  /** Its place in each input; -1: that one has it not. */
  readonly places: readonly number[];
}

export interface MergeColumns {
  /** In the order of the output's leaves; attributes of each scope behind its other columns. */
  readonly columns: readonly MergeColumn[];
  /** Attributes that have no column in the output. */
  readonly demoted: readonly MergeColumn[];
}

const PREFIXES = ["span.", "event.", "link."];
const LISTS = [[], ["events", "list", "element"], ["links", "list", "element"]];
const SUFFIX = /:(string|int|double|bool)(\[\])?$/;
const TIMES = ["start_unix_nano", "duration_nano", "time_unix_nano"];
const elements = {
  string: { kind: KIND_STRING, lists: TYPE_STRINGS, type: "BYTE_ARRAY" },
  int: { kind: KIND_INT, lists: TYPE_INTS, type: "INT64" },
  double: { kind: KIND_DOUBLE, lists: TYPE_DOUBLES, type: "DOUBLE" },
  bool: { kind: KIND_BOOL, lists: TYPE_BOOLS, type: "BOOLEAN" },
} as const;

/** Throws `block_corrupt` for an input with a column that no version of the format has. */
export function mergeColumns(
  files: readonly DataFile[],
  most = ATTRIBUTE_COLUMNS_MAX,
): MergeColumns {
  // Keys may hold any character, so a path is compared as JSON.
  const places = files.map(
    ({ columns }) => new Map(columns.map(({ path }, i) => [JSON.stringify(path), i])),
  );
  const of = (key: string) => places.map((keys) => keys.get(key) ?? -1);
  const known = new Set<string>();
  const fixed = blockColumns([]).map((column): MergeColumn => {
    const { node, scope, sharedOnly } = column;
    assert(!("children" in node), "merge: a fixed column that is a group");
    const path = [...LISTS[scope], node.name];
    const key = JSON.stringify(path);
    known.add(key);
    const shape = { kind: kindOf(node), lists: 0, required: node.repetition === "required" };
    const common = { node, scope, ...shape, isAttribute: false, sharedOnly };
    return { path: path.join("."), ...common, places: of(key) };
  });
  const attributes: MergeColumn[] = [];
  for (const { columns } of files) {
    for (const { path } of columns) {
      const key = JSON.stringify(path);
      if (known.has(key)) continue;
      known.add(key);
      attributes.push(attributeColumn(path, of(key)));
    }
  }
  const chosen = new Set(densest(attributes, files, most));
  const inScope = (scope: number) =>
    [...fixed, ...attributes.filter((column) => chosen.has(column))].filter(
      (column) => column.scope === scope,
    );
  return {
    columns: [SCOPE_SPAN, SCOPE_EVENT, SCOPE_LINK].flatMap(inScope),
    demoted: attributes.filter((column) => !chosen.has(column)),
  };
}

function kindOf({ name, type, fixedBytes, logical }: Leaf): number {
  if (TIMES.includes(name)) return KIND_TIME;
  if (name === "attribute_order") return KIND_ORDER;
  if (name === "residual" || name === "span_otlp") return KIND_BYTES;
  if (type === "FIXED") return fixedBytes === 16 ? KIND_FIXED16 : KIND_FIXED8;
  if (type === "BYTE_ARRAY") return KIND_STRING;
  assert(type === "INT32", "merge: type of a fixed column");
  assert(logical === undefined || logical === "UINT_32", "merge: kind of a number");
  return KIND_U32;
}

function attributeColumn(parts: readonly string[], places: readonly number[]): MergeColumn {
  const scope =
    parts[0] === "events" ? SCOPE_EVENT : parts[0] === "links" ? SCOPE_LINK : SCOPE_SPAN;
  const name = parts[scope === SCOPE_SPAN ? 0 : 3] ?? "";
  const depth = scope === SCOPE_SPAN ? 1 : 4;
  if (!name.startsWith(PREFIXES[scope])) throw unknown(parts);
  const [, element = "string", brackets] = SUFFIX.exec(name) ?? [];
  const isList = brackets !== undefined;
  if (parts.length !== depth + (isList ? 2 : 0)) throw unknown(parts);
  const { kind, lists, type } = elements[element as keyof typeof elements];
  const logical = type === "BYTE_ARRAY" ? ({ logical: "STRING" } as const) : {};
  const node = isList
    ? listOf(name, "optional", { name: "element", repetition: "required", type, ...logical })
    : ({ name, repetition: "optional", type, ...logical } as const);
  const shape = isList ? { kind: KIND_LIST, lists } : { kind, lists: 0 };
  return {
    path: parts.join("."),
    node,
    scope,
    ...shape,
    required: false,
    isAttribute: true,
    sharedOnly: false,
    places,
  };
}

/** Those with most values; of equally dense ones the first by name, so that all merges agree. */
function densest(
  attributes: readonly MergeColumn[],
  files: readonly DataFile[],
  most: number,
): readonly MergeColumn[] {
  if (attributes.length <= most) return attributes;
  const counted = attributes.map((column) => ({ column, values: valuesOf(column, files) }));
  counted.sort((a, b) => b.values - a.values || (a.column.path < b.column.path ? -1 : 1));
  return counted.slice(0, most).map(({ column }) => column);
}

/** Values that the inputs say they have; empty lists count as none, entries of lists as one. */
function valuesOf({ places }: MergeColumn, files: readonly DataFile[]): number {
  let sum = 0;
  for (const [i, place] of places.entries()) {
    if (place < 0) continue;
    const { nulls } = files[i].columns[place];
    sum += nulls < 0 ? files[i].rows : Math.max(0, files[i].rows - nulls);
  }
  return sum;
}

function unknown(path: readonly string[]): EngineError {
  return new EngineError("block_corrupt", `column ${path.join(".")} is of no known format`);
}
