/**
 * compare(): for every attribute and intrinsic of the counted spans, how often each value occurs in
 * the selection and among the others. Lists count as a whole.
 *
 * Values that are few are counted by slot at once. Of many only how often they occur; those that
 * are shown are known when all segments are counted, and are counted by slot in a second visit.
 */
import type { Compare } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import { addCodeCounts, emptyCounts, HashPlaces } from "./compare-counts.ts";
import { type ComparedSource, comparedFields, comparedSources } from "./compare-fields.ts";
import { ComparedCodes, type Sided, sidedRows } from "./compare-rows.ts";
import type { CodeTools, FieldCodes } from "./field-codes.ts";
import type { FilterBits } from "./filter-bits.ts";
import {
  type ComparedKey,
  type ComparePartial,
  comparedKey,
  comparedValue,
  type MetricsPartial,
} from "./metrics-partial.ts";
import type { MetricsPlan } from "./metrics-plan.ts";
import type { Found } from "./metrics-segment.ts";
import { labelKey } from "./numbered-values.ts";
import type { Value } from "./question.ts";
import { addSlots } from "./slot-counts.ts";
import { codeHashes } from "./value-hash.ts";

/** With more codes values count as many: merging texts and slots takes longer than counting. */
const CODES_MAX = 512;
/** Places of one table: 4 MiB. */
const CELLS_MAX = 2 ** 20;
/** Up to so many places a table has copies, so that neighbouring rows need not wait. */
const CELLS_APART_MAX = 16_384;
/** What a table says of a code that is in no cell: a slot more is still above all cells. */
const NO_CELL = 0xffff_0000;

export interface ComparedRows {
  readonly plan: MetricsPlan;
  readonly fn: Compare;
  readonly found: Found;
  readonly filter: FilterBits;
}

export interface CompareInto {
  readonly partial: MetricsPartial;
  readonly keys: ComparePartial["keys"];
}

/** Hashes (two words each) of the values that are counted by slot, by the key in labels. */
export type ChosenValues = ReadonlyMap<string, Uint32Array>;

/** The first visit. */
export function tallyCompare(of: ComparedRows, into: CompareInto, tools: CodeTools): void {
  const { scratch } = tools;
  const { segment } = of.filter;
  const sided = sidedRows(of, tools);
  const keyOf = (name: string) =>
    comparedKey(of.plan, { into: into.partial, keys: into.keys }, name);
  for (const source of comparedSources(segment)) {
    scratch.within(() => tallySources(source, { sided, keyOf, partial: into.partial }, tools));
  }
  const rows = new ComparedCodes(of, sided, tools);
  for (const field of comparedFields(segment)) {
    const key = keyOf(printField(field));
    if (key === undefined) return;
    scratch.within(() => {
      const { codes, counted } = rows.of(field);
      const to = { sided: { ...sided, counted }, key, partial: into.partial };
      const cells = codes.size * of.plan.slots.count * 2;
      if (codes.size <= CODES_MAX && cells <= CELLS_MAX) tallyFew(codes, to, tools);
      else tallyMany(codes, to, tools);
    });
  }
}

/** The second visit: of the chosen values alone. */
export function tallyChosen(
  of: ComparedRows,
  { partial, keys, chosen }: CompareInto & { readonly chosen: ChosenValues },
  tools: CodeTools,
): void {
  const sided = sidedRows(of, tools);
  const { segment } = of.filter;
  const rows = new ComparedCodes(of, sided, tools);
  for (const field of [...comparedFields(segment), ...comparedSources(segment).flatMap(fieldsOf)]) {
    const name = printField(field);
    const values = chosen.get(name);
    if (values === undefined) continue;
    const key = comparedKey(of.plan, { into: partial, keys }, name);
    if (key === undefined) return;
    tools.scratch.within(() => {
      const { codes, counted } = rows.of(field);
      const to = { sided: { ...sided, counted }, key, partial };
      tallyAmong(codes, new HashPlaces(values), { to, tools });
    });
  }
}

function fieldsOf({ fields }: ComparedSource) {
  return fields;
}

interface FieldInto {
  readonly sided: Sided;
  readonly key: ComparedKey;
  readonly partial: MetricsPartial;
}

type Codes = Pick<FieldCodes, "at" | "width" | "size">;

interface Table {
  readonly slotOf: number;
  /** Slots are from it on. */
  readonly first: number;
  /** The first cell of a code; NO_CELL: none. */
  cellOf(code: number): number;
  readonly cells: number;
}

/** How many rows are in each cell: the address of words. Takes scratch. */
function tallyCells(codes: Codes, of: Table & { rows: number }, tools: CodeTools): number {
  const { scratch, kernel } = tools;
  const { at, width, size } = codes;
  const { slotOf, first, cellOf, cells, rows } = of;
  const table = scratch.take(size * 4);
  for (let code = 0; code < size; code++) {
    const cell = cellOf(code);
    // Words wrap, and come back when the slot is added.
    scratch.words[table / 4 + code] = cell === NO_CELL ? NO_CELL : cell - first;
  }
  const apart = cells <= CELLS_APART_MAX ? Math.ceil((cells + 1) / 16) * 64 : 0;
  const out = scratch.zeros(Math.max(apart * 4, (cells + 1) * 4));
  const tally = cellOf(0) === NO_CELL ? kernel.tallyPresent : kernel.tallyCodes;
  tally(slotOf, at, width, table, rows, cells, apart, out);
  if (apart > 0) kernel.sumTables(out, cells, apart);
  return out;
}

function tallyFew(codes: FieldCodes, to: FieldInto, tools: CodeTools): void {
  const { counted } = to.sided;
  const { slots } = counted;
  const values = Array.from({ length: codes.size }, (_, code) => codes.value(code));
  const cellOf = (code: number) => (values[code].type === "nil" ? NO_CELL : code * slots);
  const cells = codes.size * slots;
  const out = tallyCells(codes, { ...counted, cellOf, cells }, tools);
  for (let code = 0; code < codes.size; code++) {
    if (values[code].type !== "nil")
      addValue(to, values[code], { at: out + code * slots * 4, tools });
  }
}

/** Adds the counts of a value: of the baseline, then of the selection. */
function addValue(
  { sided, key, partial }: FieldInto,
  value: Value,
  { at, tools, isTotal = true }: { at: number; tools: CodeTools; isTotal?: boolean },
): void {
  const { first: firstSlot, slots } = sided;
  const { words } = tools.scratch;
  let name: string | undefined;
  for (const [place, side] of (["baseline", "selection"] as const).entries()) {
    const first = at / 4 + place * slots;
    const added = words.subarray(first, first + slots);
    const { totals } = key[side];
    let isSome = false;
    for (let slot = 0; slot < slots; slot++) {
      if (added[slot] === 0) continue;
      isSome = true;
      if (isTotal) totals[firstSlot + slot] += added[slot];
    }
    if (!isSome) continue;
    name ??= labelKey(value);
    const counts = comparedValue(partial, key[side], { name, value });
    if (counts !== undefined) addSlots(counts, firstSlot, added);
  }
}

function tallyMany(codes: FieldCodes, to: FieldInto, tools: CodeTools): void {
  const { scratch, kernel } = tools;
  const { sided, key } = to;
  const { rows, slotOf } = sided.counted;
  const { first, slots } = sided;
  const sides = scratch.take(rows * 2);
  kernel.sidesOfSlots(slotOf, rows, first + slots, sides);
  const hashes = codeHashes(codes);
  const isNil = (code: number) => hashes[code * 2 + 1] === 0;
  const perCode = tallyCells(
    codes,
    {
      ...{ slotOf: sides, first: 0, rows, cells: codes.size * 2 },
      cellOf: (code) => (isNil(code) ? NO_CELL : code * 2),
    },
    tools,
  );
  key.many ??= emptyCounts();
  const { words } = scratch;
  addCodeCounts(key.many, hashes, words.subarray(perCode / 4, perCode / 4 + codes.size * 2));
  const perSlot = tallyCells(
    codes,
    {
      ...{ slotOf, first, rows, cells: slots * 2 },
      cellOf: (code) => (isNil(code) ? NO_CELL : 0),
    },
    tools,
  );
  for (let slot = 0; slot < slots; slot++) {
    key.baseline.totals[first + slot] += words[perSlot / 4 + slot];
    key.selection.totals[first + slot] += words[perSlot / 4 + slots + slot];
  }
}

/** A few of the chosen at a time, as many as a table takes. */
function tallyAmong(
  codes: FieldCodes,
  chosen: HashPlaces,
  { to, tools }: { readonly to: FieldInto; readonly tools: CodeTools },
): void {
  const { counted } = to.sided;
  const { slots } = counted;
  const hashes = codeHashes(codes);
  const places = new Int32Array(codes.size);
  for (let code = 0; code < codes.size; code++) {
    places[code] = chosen.placeOf(hashes[code * 2], hashes[code * 2 + 1]);
  }
  const codesOf = new Map<number, number>();
  // Codes are as many as rows here and there: no pair of numbers for each.
  for (let code = 0; code < places.length; code++) {
    if (places[code] >= 0) codesOf.set(places[code], code);
  }
  const atOnce = Math.max(1, Math.floor(CELLS_MAX / slots));
  for (let first = 0; first < chosen.size; first += atOnce) {
    const end = Math.min(chosen.size, first + atOnce);
    tools.scratch.within(() => {
      const cellOf = (code: number) => {
        const place = places[code];
        return place >= first && place < end ? (place - first) * slots : NO_CELL;
      };
      const cells = (end - first) * slots;
      const out = tallyCells(codes, { ...counted, cellOf, cells }, tools);
      for (let place = first; place < end; place++) {
        const code = codesOf.get(place);
        if (code === undefined) continue;
        const at = out + (place - first) * slots * 4;
        addValue(to, codes.value(code), { at, tools, isTotal: false });
      }
    });
  }
}

interface SourcesInto {
  readonly sided: Sided;
  readonly keyOf: (name: string) => ComparedKey | undefined;
  readonly partial: MetricsPartial;
}

/** Attributes of resources or scopes: their rows are counted once for all. */
function tallySources(
  { sources, fields, value }: ComparedSource,
  { sided, keyOf, partial }: SourcesInto,
  tools: CodeTools,
): void {
  const { counted } = sided;
  const { slots } = counted;
  const { list, codes } = sources;
  const atOnce = Math.max(1, Math.floor(CELLS_MAX / slots));
  for (let first = 0; first < list.length; first += atOnce) {
    const end = Math.min(list.length, first + atOnce);
    tools.scratch.within(() => {
      const cellOf = (code: number) =>
        code > first && code <= end ? (code - 1 - first) * slots : NO_CELL;
      const cells = (end - first) * slots;
      const of = { ...codes, size: list.length + 1 };
      const out = tallyCells(of, { ...counted, cellOf, cells }, tools);
      for (const field of fields) {
        const key = keyOf(printField(field));
        if (key === undefined) return;
        for (let i = first; i < end; i++) {
          const one = value(field, list[i]);
          if (one.type === "nil") continue;
          addValue({ sided, key, partial }, one, { at: out + (i - first) * slots * 4, tools });
        }
      }
    });
  }
}
