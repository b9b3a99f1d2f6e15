/** Codes that were gathered from several segments, each with a dictionary of its own. */
import type { GatherExports } from "../kernel/scan-kernel.ts";
import type { DataValue } from "../model/data-value.ts";
import { valueKey } from "../vector/code-values.ts";
import type { StepScratch } from "../vector/step-scratch.ts";

/** Words, in scratch. */
interface GatheredCodes {
  readonly at: number;
  readonly rows: number;
}

/** Only codes that occur, in order of appearance; returns what they were, from 0. */
export function renumber(
  { at, rows }: GatheredCodes,
  most: number,
  tools: { readonly scratch: StepScratch; readonly kernel: Pick<GatherExports, "renumber"> },
): Uint32Array {
  const { kernel, scratch } = tools;
  return scratch.within(() => {
    const table = scratch.take((most + 1) * 4);
    const list = scratch.take((rows + 1) * 4);
    const found = kernel.renumber(at, rows, most, table, list) >>> 0;
    return scratch.words.slice(list / 4, list / 4 + found).map((code) => code - 1);
  });
}

/** One code for equal values, which several segments have; returns the values that are left. */
export function unite(
  { at, rows }: GatheredCodes,
  values: readonly DataValue[],
  { words }: Pick<StepScratch, "words">,
): readonly DataValue[] {
  const united = new Map<string, number>();
  const left: DataValue[] = [];
  const codes = new Uint32Array(values.length + 1);
  for (const [i, value] of values.entries()) {
    const key = valueKey(value);
    const code = united.get(key) ?? left.push(value);
    united.set(key, code);
    codes[i + 1] = code;
  }
  if (left.length === values.length) return values;
  for (let i = at / 4; i < at / 4 + rows; i++) words[i] = codes[words[i]];
  return left;
}
