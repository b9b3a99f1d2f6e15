/** One condition against one layer of a field: a bitmap over its entries. */
import type { ScanExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { type CodeLayer, hexAt, type Layer } from "./field-columns.ts";
import { doubleRange, longRange, type NumberTest } from "./number-range.ts";
import { codeOf } from "./number-vectors.ts";
import type { Value } from "./question.ts";
import type { RowBits } from "./row-bits.ts";

export interface Condition {
  /** What it says of a value that is there. */
  test(value: Value): boolean;
  /** It holds for this text alone: as it is, and in UTF-8. */
  readonly equalTo?: { readonly text: string; readonly bytes: Uint8Array } | undefined;
  /** It is a pattern that texts must fit, and holds for nothing else. */
  readonly pattern?: TextPattern | undefined;
  /** It is a comparison with a number. */
  readonly number?: NumberTest | undefined;
}

export interface TextPattern {
  fits(text: string): boolean;
  /** The same as alternatives of texts with anything between them, where that can be said. */
  readonly globs: readonly (readonly Uint8Array[])[] | undefined;
}

export interface LayerTools {
  readonly scratch: StepScratch;
  readonly kernel: ScanExports;
  readonly bits: RowBits;
}

/** Entries with a value for which the condition holds. */
export function testLayer(
  layer: Layer,
  { entries, condition }: { readonly entries: number; readonly condition: Condition },
  tools: LayerTools,
): number {
  const { kernel, scratch, bits } = tools;
  switch (layer.kind) {
    case "codes":
      return testCodes(layer, { entries, condition }, tools);
    case "groups": {
      const { starts, groups } = layer;
      const found = bits.none(groups);
      for (let group = 0; group < groups; group++) {
        if (condition.test(layer.value(group))) bits.set(found, group);
      }
      const out = scratch.take(bitmapBytes(entries));
      kernel.rowsOfGroups(found, starts, groups, out);
      return out;
    }
    case "ids": {
      const test = (entry: number) =>
        condition.test({ type: "string", value: hexAt(scratch.bytes, layer.at + entry * 8, 8) });
      return testEach({ entries, present: 0, test }, tools);
    }
    default:
      return testNumbers(layer, { entries, condition }, tools);
  }
}

/** Entries that have a value at all. */
export function presentBits(layer: Layer, entries: number, tools: LayerTools): number {
  const { kernel, scratch, bits } = tools;
  if (layer.kind === "codes") {
    const table = scratch.take(layer.size + 1);
    scratch.bytes[table] = 0;
    for (let i = 0; i < layer.size; i++) {
      scratch.bytes[table + 1 + i] = layer.value(i).type === "nil" ? 0 : 1;
    }
    const out = scratch.take(bitmapBytes(entries));
    kernel.testCodes(layer.at, layer.width, entries, table, out);
    return out;
  }
  if (layer.kind === "groups" || layer.kind === "ids" || layer.present === 0) {
    return bits.all(entries);
  }
  return layer.present;
}

function testCodes(
  layer: CodeLayer,
  { entries, condition }: { readonly entries: number; readonly condition: Condition },
  { kernel, scratch, bits }: LayerTools,
): number {
  const { width, size, dictionary } = layer;
  const known = condition.equalTo && dictionary?.find?.(condition.equalTo.bytes);
  const code = known === undefined ? undefined : known + 1;
  if (code === 0) return bits.none(entries);
  const out = scratch.take(bitmapBytes(entries));
  if (code !== undefined) {
    kernel.equalCodes(layer.at, width, entries, code, out);
    return out;
  }
  const table = scratch.zeros(size + 1);
  fillTable(layer, condition, { scratch, table });
  let found = 0;
  let last = 0;
  for (let code = 1; code <= size; code++) {
    if (scratch.bytes[table + code] === 0) continue;
    found++;
    last = code;
  }
  if (found === 0) return bits.none(entries);
  if (found === 1) kernel.equalCodes(layer.at, width, entries, last, out);
  else kernel.testCodes(layer.at, width, entries, table, out);
  return out;
}

/** So many values are asked beforehand whether one of them passes. */
const VALUES_MAX = 256;

/** Whether no entry can pass, as the values tell that there are: codes are not looked at. */
export function isNoneOf(layer: Layer, condition: Condition): boolean {
  if (layer.kind !== "codes") return false;
  const { size, dictionary } = layer;
  const known = condition.equalTo && dictionary?.find?.(condition.equalTo.bytes);
  if (known !== undefined) return known < 0;
  if (size > VALUES_MAX) return false;
  for (let i = 0; i < size; i++) if (condition.test(layer.value(i))) return false;
  return true;
}

/** The same for few entries, of which `within` is a bitmap. */
export function testFewCodes(
  layer: CodeLayer,
  of: { readonly entries: number; readonly within: number; readonly condition: Condition },
  { kernel, scratch, bits }: LayerTools,
): number {
  const { at, width, size } = layer;
  const { entries, within, condition } = of;
  if (bits.count(within, entries) * VALUES_PER_ROW < size) {
    return testTheirValues(layer, of, { scratch, bits });
  }
  const table = scratch.zeros(size + 1);
  fillTable(layer, condition, { scratch, table });
  const out = scratch.take(bitmapBytes(entries));
  kernel.testFew(at, width, entries, within, table, out);
  return out;
}

/** The same for a comparison with a number; undefined for any other condition. */
export function testFewLongs(
  { at, present }: Extract<Layer, { kind: "longs" | "doubles" }>,
  of: { readonly entries: number; readonly within: number; readonly condition: Condition },
  { kernel, scratch, bits }: LayerTools,
): number | undefined {
  const { entries, condition } = of;
  if (condition.number === undefined) return undefined;
  const within = present === 0 ? of.within : bits.and(of.within, present, entries);
  const { low, high } = longRange(condition.number);
  const out = scratch.take(bitmapBytes(entries));
  kernel.rangeFew(at, entries, within, low, high, out);
  return condition.number.isInverted ? bits.without(within, out, entries) : out;
}

/** Of the values of the layer only those that these entries have. */
function testTheirValues(
  layer: CodeLayer,
  { entries, within, condition }: Parameters<typeof testFewCodes>[1],
  { scratch, bits }: Pick<LayerTools, "scratch" | "bits">,
): number {
  const { dictionary } = layer;
  const known = condition.equalTo && dictionary?.find?.(condition.equalTo.bytes);
  const tested = new Map<number, boolean>();
  const test = (code: number): boolean => {
    if (known !== undefined) return code === known + 1;
    const value = layer.value(code - 1);
    return value.type !== "nil" && condition.test(value);
  };
  const out = bits.none(entries);
  for (const entry of bits.list(within, entries)) {
    const code = codeOf(layer, scratch, entry);
    if (code === 0) continue;
    let holds = tested.get(code);
    if (holds === undefined) {
      scratch.tick(VALUE_WORK);
      holds = test(code);
      tested.set(code, holds);
    }
    if (holds) bits.set(out, entry);
  }
  return out;
}

/** A text may be long, and the pattern as well. */
const VALUE_WORK = 64;
/** To look a value up costs as much as testing so many that lie behind each other. */
const VALUES_PER_ROW = 4;

/** A byte 1 for each code whose value the condition holds for; all are 0. */
function fillTable(
  { size, value, dictionary }: CodeLayer,
  { test, pattern, equalTo }: Condition,
  { scratch, table }: { readonly scratch: StepScratch; readonly table: number },
): void {
  const { bytes } = scratch;
  if (pattern?.globs !== undefined && dictionary?.match !== undefined) {
    for (const pieces of pattern.globs) dictionary.match(pieces, table);
    return;
  }
  for (let i = 0; i < size; i++) {
    scratch.tick(VALUE_WORK);
    const one = value(i);
    if (one.type === "nil") continue;
    if (one.type === "string" && equalTo !== undefined) {
      if (one.value === equalTo.text) bytes[table + 1 + i] = 1;
      continue;
    }
    const holds =
      pattern !== undefined && one.type === "string" ? pattern.fits(one.value) : test(one);
    if (holds) bytes[table + 1 + i] = 1;
  }
}

function testNumbers(
  layer: Extract<Layer, { kind: "longs" | "doubles" }>,
  { entries, condition }: { readonly entries: number; readonly condition: Condition },
  tools: LayerTools,
): number {
  const { kernel, scratch, bits } = tools;
  const { at, present, type } = layer;
  if (condition.number === undefined) {
    const test =
      type === "float"
        ? (entry: number) => condition.test({ type, value: scratch.doubles[at / 8 + entry] })
        : (entry: number) => condition.test({ type, value: scratch.longs[at / 8 + entry] });
    return testEach({ entries, present, test }, tools);
  }
  const out = scratch.take(bitmapBytes(entries));
  if (type === "float") {
    const { low, high } = doubleRange(condition.number);
    kernel.rangeDoubles(at, entries, low, high, out);
  } else {
    const { low, high } = longRange(condition.number);
    const classes = layer.classes?.();
    if (classes === undefined) kernel.rangeLongs(at, entries, low, high, out);
    else kernel.rangeClasses(classes, at, entries, low, high, out);
  }
  const { isInverted } = condition.number;
  if (isInverted) {
    return bits.without(present === 0 ? bits.all(entries) : present, out, entries);
  }
  return present === 0 ? out : bits.and(out, present, entries);
}

function testEach(
  { entries, present, test }: { entries: number; present: number; test(entry: number): boolean },
  { bits, scratch }: LayerTools,
): number {
  const out = bits.none(entries);
  for (let entry = 0; entry < entries; entry++) {
    scratch.tick();
    if (present !== 0 && !bits.has(present, entry)) continue;
    if (test(entry)) bits.set(out, entry);
  }
  return out;
}
