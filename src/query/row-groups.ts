/**
 * Rows of a segment by the values of several fields at once: each row's group as a word, and what
 * the fields' values are in a group.
 */
import type { StepScratch } from "../vector/step-scratch.ts";
import { type CodeTools, type FieldCodes, slotsFor } from "./field-codes.ts";
import { codeOf } from "./number-vectors.ts";
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
  readonly slots: number;
}

/** One field: its codes, numbered by value. */
interface Numbered {
  readonly at: number;
  readonly width: number;
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
  #groups: number;

  /** `cellBytes` are those of a place for a group and slot. Takes scratch. */
  constructor(
    fields: readonly FieldCodes[],
    { counted, cellBytes }: { readonly counted: CountedRows; readonly cellBytes: number },
    tools: CodeTools,
  ) {
    this.#counted = counted;
    this.#tools = tools;
    this.#fields = fields.map((field) => numbered(field, counted, tools));
    const splits: Split[] = [];
    this.#groups = 0;
    let size = this.#fields[0]?.values.length ?? 1;
    for (const next of this.#fields.slice(1)) {
      const joined = this.#join(size, next);
      size = joined.size;
      splits.push(joined.split);
    }
    this.#splits = splits;
    const most = Math.floor(TABLE_BYTES_MAX / (counted.slots * cellBytes));
    if (size > most) {
      const list = this.#renumber(size);
      size = list.size;
      this.#renamed = (group) => tools.scratch.words[list.at / 4 + group];
    }
    this.isCut = size > most;
    this.size = Math.min(size, most);
  }

  get slots(): number {
    return this.#counted.slots;
  }

  /** Counts to `out`: size * slots words, zero before. */
  tally(out: number): void {
    const { kernel } = this.#tools;
    const { rows, slotOf, slots } = this.#counted;
    const [only] = this.#fields;
    if (this.#groups === 0 && only !== undefined) {
      const { at, width, table } = only;
      kernel.tallyCodes(slotOf, at, width, table, rows, this.size, slots, out);
    } else kernel.tallyRows(slotOf, this.groups(), rows, this.size, slots, out);
  }

  /** Address of each row's group. */
  groups(): number {
    if (this.#groups !== 0) return this.#groups;
    const { scratch, kernel } = this.#tools;
    const { rows } = this.#counted;
    const [first] = this.#fields;
    if (first === undefined) this.#groups = scratch.zeros(rows * 4);
    else {
      this.#groups = scratch.take(rows * 4);
      kernel.mapCodes(first.at, first.width, rows, first.table, this.#groups);
    }
    return this.#groups;
  }

  /** The group of one row. */
  of(row: number): number {
    const { scratch } = this.#tools;
    if (this.#groups !== 0) return scratch.words[this.#groups / 4 + row];
    const [only] = this.#fields;
    if (only === undefined) return 0;
    return scratch.words[only.table / 4 + codeOf(only, scratch, row)];
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

  #join(size: number, next: Numbered): { readonly size: number; readonly split: Split } {
    const { kernel, scratch } = this.#tools;
    const { rows, slotOf } = this.#counted;
    const { at, width, table, values } = next;
    const groups = this.groups();
    const product = size * values.length;
    if (product <= PRODUCT_MAX) {
      kernel.combineCodes(groups, at, width, table, rows, values.length);
      const count = values.length;
      return { size: product, split: (group) => [Math.floor(group / count), group % count] };
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
    const groups = this.groups();
    return renumbered({ at: groups, width: 4, size, out: groups }, this.#counted, this.#tools);
  }
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
  if (codes.size <= CODES_MAX) return { ...codes, ...byValue(codes, scratch) };
  const out = scratch.take(counted.rows * 4);
  const list = renumbered({ ...codes, out }, counted, tools);
  const value = (code: number) => codes.value(scratch.words[list.at / 4 + code]);
  return { at: out, width: 4, ...byValue({ size: list.size, value }, scratch) };
}

/** Codes with the same value get the same number. */
function byValue(
  { size, value }: Pick<FieldCodes, "size" | "value">,
  scratch: StepScratch,
): Pick<Numbered, "table" | "values" | "keys"> {
  const table = scratch.take(size * 4);
  const values: Value[] = [];
  const known = new Map<string, number>();
  for (let code = 0; code < size; code++) {
    const one = value(code);
    const key = labelKey(one);
    let number = known.get(key);
    if (number === undefined) {
      number = values.push(one) - 1;
      known.set(key, number);
    }
    scratch.words[table / 4 + code] = number;
  }
  return { table, values, keys: [...known.keys()] };
}

/** The same text for values that are one label: of same type and content; 0 and -0 are the same. */
export function labelKey(value: Value): string {
  switch (value.type) {
    case "nil":
      return "nil";
    case "list":
      return `[${value.values.map(labelKey).join()}]`;
    case "string":
      return JSON.stringify(value.value);
    default:
      return `${value.type} ${value.value}`;
  }
}
