/**
 * Values that a field has in some rows: where they lie in dictionaries, each is looked at once, and
 * the kernel says which of them occur.
 */
import type { Attribute } from "../traceql/ast.ts";
import { bitmapBytes } from "../vector/vector.ts";
import {
  type CodeLayer,
  type FieldColumns,
  fieldColumns,
  hexAt,
  type Layer,
} from "./field-columns.ts";
import type { KnownTags } from "./known-tags.ts";
import { presentBits } from "./layer-test.ts";
import type { TagValuesQuestion, Value } from "./question.ts";
import type { Entries } from "./segment.ts";
import type { TagRows, TagTools } from "./tag-rows.ts";
import type { TagValueSet } from "./tag-value-set.ts";
import { usedCodes } from "./used-codes.ts";

type TagField = TagValuesQuestion["field"];

export interface FieldInRows {
  readonly field: TagField;
  readonly rows: TagRows;
  /** Where the rows are a block's, whose dictionaries stay. */
  readonly known: KnownTags | undefined;
}

/** Adds them to `set`. */
export function addValuesInRows(
  set: TagValueSet,
  { field, rows, known }: FieldInRows,
  tools: TagTools,
): void {
  for (const one of scopedFields(field)) {
    const columns = fieldColumns(rows.segment, one, tools.scratch);
    if (columns.layers.length === 0 && columns.missing.type === "nil") continue;
    const among = rows.entries(columns.scope);
    if (among.count === 0) continue;
    addAmong(set, { columns, among }, { rows, known, tools });
  }
}

/**
 * A name without a scope is that of a span's attribute, of the resource's and, in lists of values
 * alone, of the instrumentation scope's.
 */
function scopedFields(field: TagField): TagField[] {
  if (field.node !== "attribute" || field.scope !== "none") return [field];
  const own = (scope: Attribute["scope"]): Attribute => ({ ...field, scope });
  return [own("span"), own("resource"), own("instrumentation")];
}

interface Place extends Pick<FieldInRows, "rows" | "known"> {
  readonly tools: TagTools;
}

/** Of several layers the first that has a value for an entry counts. */
function addAmong(
  set: TagValueSet,
  { columns, among }: { readonly columns: FieldColumns; readonly among: Entries },
  place: Place,
): void {
  const { layers, missing } = columns;
  let left = among;
  for (const [i, layer] of layers.entries()) {
    if (layer.kind === "codes") addCodes(set, { layer, among: left }, place);
    else for (const value of valuesOfLayer(layer, left, place)) set.add(value);
    const isLast = i + 1 === layers.length;
    if (!isLast || missing.type !== "nil") left = without(left, layer, place);
  }
  if (missing.type !== "nil" && left.count > 0) set.add(missing);
}

function addCodes(
  set: TagValueSet,
  { layer, among }: { readonly layer: CodeLayer; readonly among: Entries },
  { rows, known, tools }: Place,
): void {
  const { dictionary, size } = layer;
  const areAll = dictionary?.isUsed === true && among.count === among.entries && rows.isAll;
  const indexes = areAll ? Array(size).keys() : usedCodes(layer, among, tools);
  if (known !== undefined && dictionary !== undefined) known.addCoded(set, dictionary, indexes);
  else for (const index of indexes) set.add(layer.value(index));
}

/** Entries for which the layer has no value. */
function without(among: Entries, layer: Layer, { rows, tools }: Place): Entries {
  const { scratch, kernel } = tools;
  const { bits } = rows;
  const { entries } = among;
  const bytes = bitmapBytes(entries);
  const out = scratch.keep(bytes);
  scratch.within(() => {
    const there = presentBits(layer, entries, { scratch, kernel, bits });
    const left = bits.without(among.bits, there, entries);
    scratch.bytes.copyWithin(out, left, left + bytes);
  });
  return { bits: out, entries, count: bits.count(out, entries) };
}

function* valuesOfLayer(
  layer: Exclude<Layer, CodeLayer>,
  among: Entries,
  { rows, tools }: Pick<Place, "rows" | "tools">,
): Generator<Value> {
  switch (layer.kind) {
    case "groups":
      for (const group of groupsWith(layer, among, { rows, tools })) yield layer.value(group);
      return;
    case "ids": {
      const ids = distinct(layer.at, among, tools);
      const bytes = new Uint8Array(ids.buffer);
      for (let at = 0; at < bytes.length; at += 8) {
        yield { type: "string", value: hexAt(bytes, at, 8) };
      }
      return;
    }
    default: {
      const { at, present, type } = layer;
      const values = tools.scratch.within(() => {
        const there =
          present === 0 ? among.bits : rows.bits.and(among.bits, present, among.entries);
        return distinct(at, { ...among, bits: there }, tools);
      });
      if (type === "float") {
        for (const value of new Float64Array(values.buffer)) yield { type, value };
      } else {
        for (const value of new BigInt64Array(values.buffer)) yield { type, value };
      }
    }
  }
}

function groupsWith(
  { starts, groups }: Pick<Extract<Layer, { kind: "groups" }>, "starts" | "groups">,
  { bits }: Entries,
  { rows, tools }: Pick<Place, "rows" | "tools">,
): Uint32Array {
  const { scratch, kernel } = tools;
  return scratch.within(() => {
    const found = scratch.take(bitmapBytes(groups));
    kernel.groupsWith(bits, starts, groups, found);
    return rows.bits.list(found, groups).slice();
  });
}

/** Of values of 8 bytes: a copy. `count` may be more than there are bits. */
function distinct(at: number, { bits, count, entries }: Entries, tools: TagTools): BigUint64Array {
  const { scratch, kernel } = tools;
  return scratch.within(() => {
    let slots = 64;
    while (slots < count * 2) slots *= 2;
    const out = scratch.take(count * 8);
    const table = scratch.take(slots * 4);
    const found = kernel.distinctLongs(at, entries, bits, table, slots, out) >>> 0;
    return scratch.ulongs.slice(out / 8, out / 8 + found);
  });
}
