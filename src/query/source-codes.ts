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
  const list: Source[] = [];
  const known = new Map<string, number>();
  const parts = new Array<number>(columns.length).fill(-1);
  let last = 0;
  for (let row = 0; row < rows; row++) {
    let isSame = row > 0;
    for (let i = 0; i < columns.length; i++) {
      const code = codeOf(columns[i].vector, scratch, row);
      if (code !== parts[i]) isSame = false;
      parts[i] = code;
    }
    if (!isSame) {
      const key = parts.join();
      last = known.get(key) ?? list.push(read(textsOf(columns, parts)));
      known.set(key, last);
    }
    codes[row] = last;
  }
  return { codes, list };
}

const encoder = new TextEncoder();

function textsOf(
  columns: readonly SourceColumn[],
  parts: readonly number[],
): ReadonlyMap<string, Uint8Array> {
  const texts = new Map<string, Uint8Array>();
  for (const [i, { column, vector }] of columns.entries()) {
    if (parts[i] === 0) continue;
    const { dictionary } = vector;
    const index = parts[i] - 1;
    if (dictionary.bytes !== undefined) texts.set(column, dictionary.bytes(index));
    else {
      const value = dictionary.at(index);
      assert(value.type === "string", "vectors: a dictionary of texts");
      texts.set(column, encoder.encode(value.value));
    }
  }
  return texts;
}
