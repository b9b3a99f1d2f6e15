/**
 * Rows of a segment by the values of several fields at once: each row's group as a word, and what
 * the fields' values are in a group.
 */

import { slotsFor } from "../vector/coded-numbers.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { CodeTools, FieldCodes } from "./field-codes.ts";
import { codeOf } from "./number-vectors.ts";
import { numberedValues } from "./numbered-values.ts";
import type { Value } from "./question.ts";

/** Larger dictionaries are looked at only where rows that count have their values. */
const CODES_MAX = 4096;
/** More combinations than that are numbered as they occur. */
const PRODUCT_MAX = 65_536;
/** Of one segment's table of counts; the rest of a step's memory is for its columns. */
const TABLE_BYTES_MAX = 32 * 2 ** 20;

/** Rows that count have a slot. */
export interface CountedRows {
  readonly rows: number;
  readonly slotOf: number;
  /** The first slot that a row has, and how many there are from it to the last. */
  readonly first: number;
  readonly slots: number;
  /** Where they are few: their numbers, words in order. */
  readonly few?: { readonly at: number; readonly count: number } | undefined;
}

/** One field: its codes, numbered by value. */
interface Numbered {
  readonly at: number;
  readonly width: number;
  /** How many codes there are. */
  readonly codes: number;
  /** Words: the number of each code. */
  readonly table: number;
  readonly values: readonly Value[];
  readonly keys: readonly string[];
}

export interface GroupValues {
  readonly values: readonly Value[];
  /** The same for the same values, in every segment. */
  readonly key: string;
}

/** How numbers of a group come apart: of the group before it and of the next field's value. */
type Split = (group: number) => readonly [before: number, next: number];

/** Up to so many places a table has copies, so that neighbouring rows need not wait. */
const CELLS_APART_MAX = 16_384;

export class RowGroups {
  /** Groups are below it; what is not has no place in a table. */
  readonly size: number;
  /** Not all groups have a place. */
  readonly isCut: boolean;
  readonly #counted: CountedRows;
  readonly #tools: CodeTools;
  readonly #fields: readonly Numbered[];
  readonly #splits: readonly Split[];
  /** Of the numbers in `#groups`: what they were before they were renamed. */
  readonly #renamed: ((group: number) => number) | undefined;
  /** Each row's group; 0: not needed so far. */
  #groups = 0;

  /** `cellBytes` are those of a place for a group and slot. Takes scratch. */
  constructor(
    fields: readonly FieldCodes[],
    { counted, cellBytes }: { readonly counted: CountedRows; readonly cellBytes: number },
    tools: CodeTools,
  ) {
    this.#counted = counted;
    this.#tools = tools;
    this.#fields = fields.map((field) => numbered(field, counted, tools));
    const most = Math.floor(TABLE_BYTES_MAX / (counted.slots * cellBytes));
    const product = this.#fields.reduce((all, { values }) => all * values.length, 1);
    if (this.#fields.length <= 2 && product <= Math.min(most, PRODUCT_MAX)) {
      this.size = product;
      this.isCut = false;
      this.#splits = this.#fields.slice(1).map(({ values }) => productSplit(values.length));
      return;
    }
    const splits: Split[] = [];
    let size = this.#fields[0]?.values.length ?? 1;
    for (const next of this.#fields.slice(1)) {
      const joined = this.#join(size, next);
      size = joined.size;
      splits.push(joined.split);
    }
    this.#splits = splits;
    if (size > most) {
      const list = this.#renumber(size);
      size = list.size;
      this.#renamed = (group) => tools.scratch.words[list.at / 4 + group];
    }
    this.isCut = size > most;
    this.size = Math.min(size, most);
  }

  /** A word for each group and slot of the counted rows': how many rows. Takes scratch. */
  tally(): number {
    const { kernel, scratch } = this.#tools;
    const { rows, slotOf, first: firstSlot, slots, few } = this.#counted;
    const cells = this.size * slots;
    if (this.#groups !== 0) {
      const out = scratch.zeros(cells * 4);
      kernel.tallyRows(slotOf, this.#groups, rows, this.size, slots, out - firstSlot * 4);
      return out;
    }
    const [first, second] = this.#fields;
    const at = first?.at ?? scratch.zeros(rows);
    const width = first?.width ?? 1;
    if (few !== undefined && second === undefined) {
      const out = scratch.zeros((cells + 1) * 4);
      const table = this.#scaled(first, slots, firstSlot);
      kernel.tallyFew(few.at, few.count, slotOf, at, width, table, cells, out);
      return out;
    }
    const apart = cells <= CELLS_APART_MAX ? Math.ceil((cells + 1) / 16) * 64 : 0;
    const out = scratch.zeros(Math.max(apart * 4, (cells + 1) * 4));
    if (second === undefined) {
      const table = this.#scaled(first, slots, firstSlot);
      kernel.tallyCodes(slotOf, at, width, table, rows, cells, apart, out);
    } else {
      const table = this.#scaled(first, slots * second.values.length, firstSlot);
      const next = this.#scaled(second, slots);
      const codes = [at, width, table, second.at, second.width, next];
      kernel.tallyPairs(slotOf, ...codes, rows, cells, apart, out);
    }
    if (apart > 0) kernel.sumTables(out, cells, apart);
    return out;
  }

  /** The field's numbers times what the next one has of places, less the slot that counts as 0. */
  #scaled(field: Numbered | undefined, by: number, less = 0): number {
    const { scratch } = this.#tools;
    const codes = field?.codes ?? 1;
    const out = scratch.take(codes * 4);
    const { words } = scratch;
    for (let code = 0; code < codes; code++) {
      const number = field === undefined ? 0 : words[field.table / 4 + code];
      // Words wrap, and come back when the slot is added.
      words[out / 4 + code] = number * by - less;
    }
    return out;
  }

  /** Address of each row's group. */
  groups(): number {
    if (this.#groups !== 0) return this.#groups;
    const { scratch, kernel } = this.#tools;
    const { rows } = this.#counted;
    const [first, second] = this.#fields;
    if (first === undefined) this.#groups = scratch.zeros(rows * 4);
    else {
      this.#groups = this.#numbersOf(first);
      if (second !== undefined) {
        const { at, width, table, values } = second;
        kernel.combineCodes(this.#groups, at, width, table, rows, values.length);
      }
    }
    return this.#groups;
  }

  /** The group of one row. */
  of(row: number): number {
    const { scratch } = this.#tools;
    if (this.#groups !== 0) return scratch.words[this.#groups / 4 + row];
    let group = 0;
    for (const field of this.#fields) {
      const number = scratch.words[field.table / 4 + codeOf(field, scratch, row)];
      group = group * field.values.length + number;
    }
    return group;
  }

  at(group: number): GroupValues {
    let rest = this.#renamed?.(group) ?? group;
    const numbers: number[] = [];
    for (const split of this.#splits.toReversed()) {
      const [before, next] = split(rest);
      numbers.unshift(next);
      rest = before;
    }
    numbers.unshift(rest);
    const values = this.#fields.map((field, i) => field.values[numbers[i]]);
    // No key has a line break in it.
    return { values, key: this.#fields.map((field, i) => field.keys[numbers[i]]).join("\n") };
  }

  #numbersOf({ at, width, table }: Numbered): number {
    const { scratch, kernel } = this.#tools;
    const { rows } = this.#counted;
    const out = scratch.take(rows * 4);
    kernel.mapCodes(at, width, rows, table, out);
    return out;
  }

  #join(size: number, next: Numbered): { readonly size: number; readonly split: Split } {
    const { kernel, scratch } = this.#tools;
    const { rows, slotOf } = this.#counted;
    const { at, width, table, values } = next;
    if (this.#groups === 0) this.#groups = this.#numbersOf(this.#fields[0]);
    const groups = this.#groups;
    const product = size * values.length;
    if (product <= PRODUCT_MAX) {
      kernel.combineCodes(groups, at, width, table, rows, values.length);
      return { size: product, split: productSplit(values.length) };
    }
    const list = scratch.take(rows * 8);
    const found = scratch.within(() => {
      const slots = slotsFor(rows);
      const hash = scratch.take(slots * 4);
      return (
        kernel.pairGroups(...[slotOf, groups, at, width, table, rows, hash, slots - 1, list]) >>> 0
      );
    });
    const { words } = scratch;
    return {
      size: found,
      split: (group) => [words[list / 4 + group * 2 + 1], words[list / 4 + group * 2]],
    };
  }

  /** Groups that rows are in, numbered anew. */
  #renumber(size: number): { readonly at: number; readonly size: number } {
    const [only] = this.#fields;
    if (this.#groups === 0) this.#groups = this.#numbersOf(only);
    const groups = this.#groups;
    return renumbered({ at: groups, width: 4, size, out: groups }, this.#counted, this.#tools);
  }
}

function productSplit(count: number): Split {
  return (group) => [Math.floor(group / count), group % count];
}

function renumbered(
  codes: Pick<FieldCodes, "at" | "width" | "size"> & { readonly out: number },
  { rows, slotOf }: CountedRows,
  { scratch, kernel }: CodeTools,
): { readonly at: number; readonly size: number } {
  const { at, width, size, out } = codes;
  const list = scratch.take(Math.min(size, rows) * 4);
  const found = scratch.within(() => {
    const table = scratch.take(size * 4);
    return kernel.renumberRows(slotOf, at, width, rows, table, size, list, out) >>> 0;
  });
  return { at: list, size: found };
}

function numbered(codes: FieldCodes, counted: CountedRows, tools: CodeTools): Numbered {
  const { scratch } = tools;
  if (codes.size <= CODES_MAX) {
    const { at, width, size } = codes;
    return { at, width, codes: size, ...numbersOf(codes, scratch) };
  }
  const out = scratch.take(counted.rows * 4);
  const list = renumbered({ ...codes, out }, counted, tools);
  const value = (code: number) => codes.value(scratch.words[list.at / 4 + code]);
  const some = { size: list.size, value, values: undefined };
  return { at: out, width: 4, codes: list.size, ...numbersOf(some, scratch) };
}

function numbersOf(
  codes: Pick<FieldCodes, "size" | "value" | "values">,
  scratch: StepScratch,
): Pick<Numbered, "table" | "values" | "keys"> {
  const { numbers, values, keys } = numberedValues(codes);
  const table = scratch.take(numbers.length * 4);
  scratch.words.set(numbers, table / 4);
  return { table, values, keys };
}
