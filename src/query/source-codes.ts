/** Resources and scopes of rows: one source for each combination of what their columns hold. */
import { assert } from "../base/assert.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { type CodesVector, type Dictionary, widthFor } from "../vector/vector.ts";
import { codeOf } from "./number-vectors.ts";
import type { Source, Sources } from "./segment.ts";

export interface SourcesOf {
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  readonly name: string;
  readonly rows: number;
}

export interface SourceColumn {
  readonly column: string;
  readonly vector: CodesVector;
}

/** By block and column: what stands for its sources in caches of others stays the same. */
const ofDictionaries = new WeakMap<object, Map<string, readonly Source[]>>();

/**
 * Of a column that tells all sources apart, and has a value in every row: its codes as they are.
 * undefined: what is in its dictionary may be no row's. `block` is what the sources are kept with.
 */
export function sourcesOfDictionary(
  block: object,
  { column, vector }: SourceColumn,
  read: (texts: ReadonlyMap<string, Uint8Array>) => Source,
): Sources | undefined {
  const { dictionary } = vector;
  if (dictionary.isUsed !== true) return undefined;
  const lists = ofDictionaries.get(block) ?? new Map<string, readonly Source[]>();
  ofDictionaries.set(block, lists);
  const list =
    lists.get(column) ??
    Array.from({ length: dictionary.size }, (_, index) =>
      read(new Map([[column, textAt(dictionary, index)]])),
    );
  lists.set(column, list);
  return { codes: vector, list, isUsed: true };
}

/** `read` gets the texts by column; those that are missing are not there. */
export function combineSources(
  { keeper, scratch, name, rows }: SourcesOf,
  columns: readonly SourceColumn[],
  read: (texts: ReadonlyMap<string, Uint8Array>) => Source,
): Sources {
  let codes = new Uint32Array(0);
  let list: Source[] = [];
  const bytes = () => {
    ({ codes, list } = combine({ scratch, rows }, columns, read));
    return rows * widthFor(list.length);
  };
  return keeper.get<Sources>(name, bytes, (at) => {
    const width = widthFor(list.length);
    const narrow =
      width === 4 ? codes : width === 2 ? new Uint16Array(codes) : new Uint8Array(codes);
    scratch.bytes.set(new Uint8Array(narrow.buffer), at);
    return { codes: { at, width }, list };
  });
}

function combine(
  { scratch, rows }: Pick<SourcesOf, "scratch" | "rows">,
  columns: readonly SourceColumn[],
  read: (texts: ReadonlyMap<string, Uint8Array>) => Source,
): { codes: Uint32Array<ArrayBuffer>; list: Source[] } {
  const codes = new Uint32Array(rows);
  /** The first row of each combination. */
  let firsts: number[] = [0];
  for (const { vector } of columns) {
    firsts = tellApart(codes, { vector, before: firsts.length }, scratch);
  }
  const list = firsts.map((row) => read(textsOf(columns, row, scratch)));
  for (let row = 0; row < rows; row++) codes[row]++;
  return { codes, list };
}

/** Keys of a table that is worth its room. */
const KEYS_MAX = 2 ** 18;

/**
 * Numbers the combinations of a row's number so far, below `before`, and its code in one more
 * column, from 0 in order of appearance, in place; returns the first row of each.
 */
function tellApart(
  numbers: Uint32Array,
  { vector, before }: { readonly vector: CodesVector; readonly before: number },
  scratch: StepScratch,
): number[] {
  const { at, width, dictionary } = vector;
  const size = dictionary.size + 1;
  const keys = before * size;
  if (keys > KEYS_MAX) return tellManyApart(numbers, vector, scratch);
  /** By key the number, and 1. */
  const known = new Uint32Array(keys);
  const firsts: number[] = [];
  for (let row = 0; row < numbers.length; row++) {
    const key = numbers[row] * size + codeOf({ at, width }, scratch, row);
    if (known[key] === 0) known[key] = firsts.push(row);
    numbers[row] = known[key] - 1;
  }
  return firsts;
}

function tellManyApart(numbers: Uint32Array, vector: CodesVector, scratch: StepScratch): number[] {
  const known = new Map<number, number>();
  const firsts: number[] = [];
  const { at, width, dictionary } = vector;
  const size = dictionary.size + 1;
  for (let row = 0; row < numbers.length; row++) {
    const key = numbers[row] * size + codeOf({ at, width }, scratch, row);
    let number = known.get(key);
    if (number === undefined) {
      number = firsts.push(row) - 1;
      known.set(key, number);
    }
    numbers[row] = number;
  }
  return firsts;
}

const encoder = new TextEncoder();

function textsOf(
  columns: readonly SourceColumn[],
  row: number,
  scratch: StepScratch,
): ReadonlyMap<string, Uint8Array> {
  const texts = new Map<string, Uint8Array>();
  for (const { column, vector } of columns) {
    const index = codeOf(vector, scratch, row) - 1;
    if (index < 0) continue;
    texts.set(column, textAt(vector.dictionary, index));
  }
  return texts;
}

function textAt(dictionary: Dictionary, index: number): Uint8Array {
  if (dictionary.bytes !== undefined) return dictionary.bytes(index);
  const value = dictionary.at(index);
  assert(value.type === "string", "vectors: a dictionary of texts");
  return encoder.encode(value.value);
}
