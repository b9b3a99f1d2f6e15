/** Resources and scopes of rows: one source for each combination of what their columns hold. */
import { assert } from "../base/assert.ts";
import type { GatherExports, GroupExports } from "../kernel/scan-kernel.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { type CodesVector, type Dictionary, widthFor } from "../vector/vector.ts";
import { codeOf } from "./number-vectors.ts";
import type { Source, Sources } from "./segment.ts";

export interface SourcesOf {
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  readonly kernel: Pick<GroupExports, "combineCodes"> & Pick<GatherExports, "narrow" | "renumber">;
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
  { keeper, scratch, kernel, name, rows }: SourcesOf,
  columns: readonly SourceColumn[],
  read: (texts: ReadonlyMap<string, Uint8Array>) => Source,
): Sources {
  const known = keeper.find<Sources>(name);
  if (known !== undefined) return known;
  return scratch.within(() => {
    const codes = scratch.zeros(rows * 4);
    const firsts = combine({ scratch, kernel, rows }, columns, codes);
    const list = firsts.map((row) => read(textsOf(columns, row, scratch)));
    const width = widthFor(list.length);
    return keeper.get<Sources>(
      name,
      () => rows * width,
      (at) => {
        kernel.narrow(codes, rows, width, at);
        return { codes: { at, width }, list };
      },
    );
  });
}

/** Of one column's numbers and the next one's codes: so many pairs are looked up in a table. */
const PAIRS_MAX = 2 ** 20;

/**
 * Numbers the combinations of the columns' codes from 1 on, in order of appearance, as words at
 * `out`, which are 0; returns the first row of each.
 */
function combine(
  { scratch, kernel, rows }: Pick<SourcesOf, "scratch" | "kernel" | "rows">,
  columns: readonly SourceColumn[],
  out: number,
): number[] {
  const { words } = scratch;
  let found = 1;
  words.fill(1, out / 4, out / 4 + rows);
  for (const { vector } of columns) {
    const { at, width, dictionary } = vector;
    const size = dictionary.size + 1;
    found =
      (found + 1) * size <= PAIRS_MAX
        ? pairCodes({ at, width, size, before: found }, { scratch, kernel, rows }, out)
        : pairManyCodes({ at, width, size }, { scratch, rows }, out);
  }
  return firstRows({ rows, found }, words.subarray(out / 4, out / 4 + rows));
}

interface Codes {
  readonly at: number;
  readonly width: number;
  readonly size: number;
}

/** Numbers at `out`, from 1 to `before`, become those of pairs of them and the codes. */
function pairCodes(
  { at, width, size, before }: Codes & { readonly before: number },
  { scratch, kernel, rows }: Pick<SourcesOf, "scratch" | "kernel" | "rows">,
  out: number,
): number {
  return scratch.within(() => {
    const { words } = scratch;
    const same = scratch.take(size * 4);
    for (let code = 0; code < size; code++) words[same / 4 + code] = code;
    kernel.combineCodes(out, at, width, same, rows, size);
    const most = (before + 1) * size;
    const table = scratch.take((most + 1) * 4);
    const list = scratch.take((Math.min(rows, most) + 1) * 4);
    return kernel.renumber(out, rows, most, table, list) >>> 0;
  });
}

function pairManyCodes(
  { at, width, size }: Codes,
  { scratch, rows }: Pick<SourcesOf, "scratch" | "rows">,
  out: number,
): number {
  const { words } = scratch;
  const known = new Map<number, number>();
  for (let row = 0; row < rows; row++) {
    const pair = words[out / 4 + row] * size + codeOf({ at, width }, scratch, row);
    const number = known.get(pair) ?? known.size + 1;
    known.set(pair, number);
    words[out / 4 + row] = number;
  }
  return known.size;
}

/** Numbers come in order. */
function firstRows({ rows, found }: { rows: number; found: number }, numbers: Uint32Array) {
  const firsts: number[] = [];
  for (let row = 0; row < rows && firsts.length < found; row++) {
    if (numbers[row] > firsts.length) firsts.push(row);
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
