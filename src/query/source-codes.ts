/** Resources and scopes of rows: one source for each combination of what their columns hold. */
import { assert } from "../base/assert.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { type CodesVector, widthFor } from "../vector/vector.ts";
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
  for (const { vector } of columns) firsts = tellApart(codes, vector, scratch);
  const list = firsts.map((row) => read(textsOf(columns, row, scratch)));
  for (let row = 0; row < rows; row++) codes[row]++;
  return { codes, list };
}

/**
 * Numbers the combinations of a row's number so far and its code in one more column, from 0 in
 * order of appearance, in place; returns the first row of each.
 */
function tellApart(numbers: Uint32Array, vector: CodesVector, scratch: StepScratch): number[] {
  const known = new Map<number, number>();
  const firsts: number[] = [];
  const size = vector.dictionary.size + 1;
  for (let row = 0; row < numbers.length; row++) {
    const key = numbers[row] * size + codeOf(vector, scratch, row);
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
    const { dictionary } = vector;
    if (dictionary.bytes !== undefined) texts.set(column, dictionary.bytes(index));
    else {
      const value = dictionary.at(index);
      assert(value.type === "string", "vectors: a dictionary of texts");
      texts.set(column, encoder.encode(value.value));
    }
  }
  return texts;
}
