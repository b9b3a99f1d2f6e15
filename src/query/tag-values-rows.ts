/**
 * Values that a field has in some rows: where they lie in dictionaries, each is looked at once, and
 * the kernel says which of them occur.
 */
import type { Attribute } from "../traceql/ast.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { type FieldColumns, fieldColumns, hexAt, type Layer } from "./field-columns.ts";
import { presentBits } from "./layer-test.ts";
import type { TagValuesQuestion, Value } from "./question.ts";
import type { Entries } from "./segment.ts";
import type { TagRows, TagTools } from "./tag-rows.ts";
import type { TagValueSet } from "./tag-value-set.ts";
import { usedCodes } from "./used-codes.ts";

type TagField = TagValuesQuestion["field"];

/** Adds them to `set`. */
export function addValuesInRows(
  set: TagValueSet,
  { field, rows }: { readonly field: TagField; readonly rows: TagRows },
  tools: TagTools,
): void {
  for (const one of scopedFields(field)) {
    const columns = fieldColumns(rows.segment, one, tools.scratch);
    if (columns.layers.length === 0 && columns.missing.type === "nil") continue;
    const among = rows.entries(columns.scope);
    if (among.count === 0) continue;
    for (const value of valuesAmong(columns, among, { rows, tools })) set.add(value);
  }
}

/** A name without a scope is that of a span's attribute, and of the resource's. */
function scopedFields(field: TagField): TagField[] {
  if (field.node !== "attribute" || field.scope !== "none") return [field];
  const own = (scope: Attribute["scope"]): Attribute => ({ ...field, scope });
  return [own("span"), own("resource")];
}

interface Place {
  readonly rows: TagRows;
  readonly tools: TagTools;
}

/** Of several layers the first that has a value for an entry counts. */
function* valuesAmong(columns: FieldColumns, among: Entries, place: Place): Generator<Value> {
  const { layers, missing } = columns;
  let left = among;
  for (const [i, layer] of layers.entries()) {
    yield* valuesOfLayer(layer, left, place);
    const isLast = i + 1 === layers.length;
    if (!isLast || missing.type !== "nil") left = without(left, layer, place);
  }
  if (missing.type !== "nil" && left.count > 0) yield missing;
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

function* valuesOfLayer(layer: Layer, among: Entries, { rows, tools }: Place): Generator<Value> {
  switch (layer.kind) {
    case "codes":
      if (layer.dictionary?.isUsed === true && among.count === among.entries && rows.isAll) {
        for (let index = 0; index < layer.size; index++) yield layer.value(index);
        return;
      }
      for (const index of usedCodes(layer, among, tools)) yield layer.value(index);
      return;
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
  { rows, tools }: Place,
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
