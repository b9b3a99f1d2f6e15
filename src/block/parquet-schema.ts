/**
 * The tree of columns of a Parquet file, and the format's own numbers for types and encodings.
 *
 * A list has three levels, as the format's rules for LIST want it:
 *   <repetition> group name (LIST) / repeated group list / <repetition> element
 */
import { assert } from "../base/assert.ts";
import type { ThriftWriter } from "./parquet-thrift.ts";

export type Repetition = "required" | "optional" | "repeated";

export const physicalTypes = {
  BOOLEAN: 0,
  INT32: 1,
  INT64: 2,
  DOUBLE: 5,
  BYTE_ARRAY: 6,
  FIXED: 7,
} as const;
export type PhysicalType = keyof typeof physicalTypes;

export const encodings = {
  PLAIN: 0,
  RLE: 3,
  DELTA_BINARY_PACKED: 5,
  RLE_DICTIONARY: 8,
  BYTE_STREAM_SPLIT: 9,
} as const;
export type Encoding = keyof typeof encodings;

export type LogicalType = "STRING" | "JSON" | "UINT_32";

export interface Leaf {
  readonly name: string;
  readonly repetition: Repetition;
  readonly type: PhysicalType;
  /** Of FIXED alone. */
  readonly fixedBytes?: number;
  readonly logical?: LogicalType;
}

export interface Group {
  readonly name: string;
  readonly repetition: Repetition;
  readonly logical?: "LIST";
  readonly children: readonly SchemaNode[];
}

export type SchemaNode = Leaf | Group;

/** One leaf, as its pages must be shaped. */
export interface ColumnShape {
  readonly path: readonly string[];
  readonly type: PhysicalType;
  readonly fixedBytes?: number;
  readonly logical?: LogicalType;
  readonly repetition: Repetition;
  /** Largest definition and repetition level; a page has levels of a kind only when above zero. */
  readonly definitionMax: number;
  readonly repetitionMax: number;
}

const repetitions = { required: 0, optional: 1, repeated: 2 } as const;
const convertedTypes = { STRING: 0, LIST: 3, UINT_32: 13, JSON: 19 } as const;
const LOGICAL_FIELDS = { STRING: 1, LIST: 3, UINT_32: 10, JSON: 12 } as const;

/** A list column around `element`: a leaf named "element", or a group of them. */
export function listOf(
  name: string,
  repetition: "required" | "optional",
  element: SchemaNode,
): Group {
  const list: Group = { name: "list", repetition: "repeated", children: [element] };
  return { name, repetition, logical: "LIST", children: [list] };
}

/** The leaves in the order of the file; a column's number is its place here. */
export function leavesOf(schema: readonly SchemaNode[]): ColumnShape[] {
  const leaves: ColumnShape[] = [];
  const visit = (node: SchemaNode, above: Pick<ColumnShape, LevelKeys>) => {
    const path = [...above.path, node.name];
    const definitionMax = above.definitionMax + (node.repetition === "required" ? 0 : 1);
    const repetitionMax = above.repetitionMax + (node.repetition === "repeated" ? 1 : 0);
    if ("children" in node) {
      for (const child of node.children) visit(child, { path, definitionMax, repetitionMax });
      return;
    }
    const { name: _, ...leaf } = node;
    assert(
      (leaf.fixedBytes !== undefined) === (leaf.type === "FIXED"),
      "parquet: fixedBytes belongs to FIXED",
    );
    leaves.push({ ...leaf, path, definitionMax, repetitionMax });
  };
  for (const node of schema) visit(node, { path: [], definitionMax: 0, repetitionMax: 0 });
  return leaves;
}

type LevelKeys = "path" | "definitionMax" | "repetitionMax";

/** Field 2 of FileMetaData: the tree, depth first, under a root. */
export function writeSchema(out: ThriftWriter, schema: readonly SchemaNode[]): void {
  const elements: (SchemaNode | undefined)[] = [undefined];
  const visit = (node: SchemaNode) => {
    elements.push(node);
    if ("children" in node) node.children.forEach(visit);
  };
  schema.forEach(visit);
  out.structs(2, elements, (node) => {
    if (node === undefined) {
      out.binary(4, "schema");
      out.i32(5, schema.length);
    } else writeElement(out, node);
  });
}

function writeElement(out: ThriftWriter, node: SchemaNode): void {
  if (!("children" in node)) {
    out.i32(1, physicalTypes[node.type]);
    if (node.fixedBytes !== undefined) out.i32(2, node.fixedBytes);
  }
  out.i32(3, repetitions[node.repetition]);
  out.binary(4, node.name);
  if ("children" in node) out.i32(5, node.children.length);
  const { logical } = node;
  if (logical === undefined) return;
  // Both the old way and the new one to say the same: some readers know only one of them.
  out.i32(6, convertedTypes[logical]);
  out.struct(10, () => {
    out.struct(LOGICAL_FIELDS[logical], () => {
      if (logical !== "UINT_32") return;
      out.byte(1, 32);
      out.bool(2, false);
    });
  });
}
