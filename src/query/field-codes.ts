/**
 * A field's values as one code for each row, whatever layers they lie in: what metrics group by.
 *
 * Codes of one dictionary are taken as they are; numbers, several layers, and fields of events and
 * links are coded anew. Of events and links the first that has a value counts; a row without any
 * has one whose intrinsics are empty.
 */
import { assert } from "../base/assert.ts";
import type { ReadExports } from "../kernel/scan-kernel.ts";
import type { Field, IntrinsicName } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import { slotsFor } from "../vector/coded-numbers.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { Dictionary } from "../vector/vector.ts";
import {
  type CodeLayer,
  type FieldColumns,
  hexAt,
  type Layer,
  serviceOf,
} from "./field-columns.ts";
import { emptyValue, type FilterBits } from "./filter-bits.ts";
import type { Value } from "./question.ts";
import type { Segment } from "./segment.ts";
import { NIL } from "./value-compare.ts";

export interface FieldCodes {
  readonly at: number;
  /** Bytes of a code: 1, 2 or 4. */
  readonly width: number;
  /** Codes are below it. */
  readonly size: number;
  /** Where values of codes from 1 on are from, when it is one dictionary. */
  readonly dictionary: Dictionary | undefined;
  /** Several codes may have one value. */
  value(code: number): Value;
  /** While that is there, values of codes from 1 on are the same, in other questions, too. */
  readonly values?: { readonly of: object; readonly missing: Value } | undefined;
}

export interface CodeTools {
  readonly scratch: StepScratch;
  readonly kernel: ReadExports;
}

/** Rows that count have a slot; 0: all do. Codes of others are anything. */
export function fieldCodes(
  filter: FilterBits,
  { field, slotOf }: { readonly field: Field; readonly slotOf: number },
  tools: CodeTools,
): FieldCodes {
  const columns = filter.columns(field);
  if (columns.scope !== "row") return codesOfLists(filter, { field, columns }, tools);
  const { layers, missing } = columns;
  const usable = layers.filter((layer) => layer.kind !== "codes" || layer.size > 0);
  if (usable.length === 0) return constant(missing, filter.segment.rows, tools);
  const [only] = usable;
  if (field.node === "intrinsic" && isOfRoot(field.name)) {
    return codesOfRoots(filter.segment, field.name, tools);
  }
  if (usable.length === 1 && only.kind === "codes") return ofDictionary(only, missing);
  if (usable.length === 1 && only.kind === "groups") {
    const at = filter.segment.traceOf();
    return {
      ...{ at, width: 4, size: only.groups, dictionary: undefined },
      value: (trace) => only.value(trace),
    };
  }
  const coded = usable.map((layer, i) => codedLayer(filter.segment, { field, layer, place: i }));
  const [first] = coded;
  if (coded.length === 1 && first.kind === "codes") return ofDictionary(first, missing);
  return layered({ ...columns, layers: coded }, slotOf, tools);
}

/** Numbers that do not differ from span to span mostly are kept as codes. */
function codedLayer(
  segment: Segment,
  { field, layer, place }: { readonly field: Field; readonly layer: Layer; readonly place: number },
): Layer {
  if (layer.kind !== "longs" && layer.kind !== "doubles") return layer;
  if (field.node !== "attribute" && field.name !== "span:childCount") return layer;
  const { dictionary, ...codes } = segment.codesOf(layer, `${printField(field)}/${place}`);
  const value = (index: number): Value => dictionary.at(index);
  return { ...codes, size: dictionary.size, dictionary, value };
}

function isOfRoot(name: IntrinsicName): name is "rootName" | "rootServiceName" {
  return name === "rootName" || name === "rootServiceName";
}

/** Of each row's root; without one the text is empty. */
function codesOfRoots(
  segment: Segment,
  name: "rootName" | "rootServiceName",
  { scratch, kernel }: CodeTools,
): FieldCodes {
  const { rows, starts, traces } = segment;
  const out = scratch.take(rows * 4);
  const root = segment.roots();
  if (name === "rootName") {
    const { at, width, dictionary } = segment.name();
    kernel.codesOfRoots(root, starts, traces, at, width, out);
    const value = (code: number) => (code === 0 ? EMPTY : dictionary.at(code - 1));
    return { at: out, width: 4, size: dictionary.size + 1, dictionary, value };
  }
  const { codes, list } = segment.resources();
  kernel.codesOfRoots(root, starts, traces, codes.at, codes.width, out);
  const value = (code: number): Value => {
    return code === 0 ? EMPTY : { type: "string", value: serviceOf(list[code - 1]) };
  };
  return { at: out, width: 4, size: list.length + 1, dictionary: undefined, value };
}

const EMPTY: Value = { type: "string", value: "" };

function constant(value: Value, rows: number, { scratch }: CodeTools): FieldCodes {
  return { at: scratch.zeros(rows), width: 1, size: 1, dictionary: undefined, value: () => value };
}

function ofDictionary(layer: CodeLayer, missing: Value): FieldCodes {
  const value = (code: number) => {
    const found = code === 0 ? NIL : layer.value(code - 1);
    return found.type === "nil" ? missing : found;
  };
  const { at, width, size, dictionary } = layer;
  const values = layer.values && { of: layer.values, missing };
  return { at, width, size: size + 1, dictionary, value, values };
}

/** Codes of one layer behind those of the other. */
interface CodeRange {
  readonly first: number;
  readonly size: number;
  value(index: number): Value;
}

/** The first layer that has a value for an entry gives its code. */
function layered(
  { layers, entries, missing }: FieldColumns,
  slotOf: number,
  tools: CodeTools,
): FieldCodes {
  const { scratch, kernel } = tools;
  const out = scratch.zeros(entries * 4);
  const ranges: CodeRange[] = [];
  let size = 1;
  for (const layer of layers) {
    const own = layerCodes(layer, { entries, slotOf }, tools);
    scratch.within(() => {
      const table = scratch.take(own.size + 1);
      scratch.bytes[table] = 0;
      for (let i = 0; i < own.size; i++) {
        scratch.bytes[table + 1 + i] = own.isValue(i) ? 1 : 0;
      }
      kernel.fillCodes(own.at, own.width, entries, table, size - 1, out);
    });
    ranges.push({ first: size, size: own.size, value: own.value });
    size += own.size;
  }
  const value = (code: number): Value => {
    if (code === 0) return missing;
    const range = ranges.find(({ first, size: count }) => code < first + count);
    return range === undefined ? missing : range.value(code - range.first);
  };
  return { at: out, width: 4, size, dictionary: undefined, value };
}

interface LayerCodes {
  readonly at: number;
  readonly width: number;
  /** Codes 1 to size. */
  readonly size: number;
  value(index: number): Value;
  isValue(index: number): boolean;
}

function layerCodes(
  layer: Layer,
  { entries, slotOf }: { readonly entries: number; readonly slotOf: number },
  { scratch, kernel }: CodeTools,
): LayerCodes {
  if (layer.kind === "codes") {
    const { at, width, size } = layer;
    const value = (index: number) => layer.value(index);
    return { at, width, size, value, isValue: (index) => value(index).type !== "nil" };
  }
  assert(layer.kind !== "groups", "query: values of traces beside others");
  const present = layer.kind === "ids" ? 0 : layer.present;
  const out = scratch.take(entries * 4);
  const list = scratch.take(entries * 8);
  const size = scratch.within(() => {
    const slots = slotsFor(entries);
    const table = scratch.take(slots * 4);
    const { at } = layer;
    return kernel.codeLongs(slotOf, at, present, entries, table, slots - 1, list, out) >>> 0;
  });
  const { bytes, longs, doubles } = scratch;
  const value = (index: number): Value => {
    if (layer.kind === "ids") return { type: "string", value: hexAt(bytes, list + index * 8, 8) };
    if (layer.type === "float") return { type: "float", value: doubles[list / 8 + index] };
    return { type: layer.type, value: longs[list / 8 + index] };
  };
  return { at: out, width: 4, size, value, isValue: () => true };
}

function codesOfLists(
  filter: FilterBits,
  { field, columns }: { readonly field: Field; readonly columns: FieldColumns },
  tools: CodeTools,
): FieldCodes {
  const { scratch, kernel } = tools;
  const { rows } = filter.segment;
  const empty = emptyValue(field);
  const places = columns.scope === "row" ? undefined : filter.places(columns.scope);
  if (places === undefined) return constant(empty, rows, tools);
  const of = layered(columns, 0, tools);
  const out = scratch.take(rows * 4);
  kernel.firstCodes(places.starts, rows, places.elements, of.at, of.size, out);
  const value = (code: number) => (code === of.size ? empty : of.value(code));
  return { at: out, width: 4, size: of.size + 1, dictionary: undefined, value };
}
