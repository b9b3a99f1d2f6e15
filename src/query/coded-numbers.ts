/**
 * Columns of numbers as codes, each different number one: what is grouped by a number again and
 * again need not be told apart anew. Kept as long as other vectors are.
 */
import type { GatherExports, GroupExports } from "../kernel/scan-kernel.ts";
import type { DataValue } from "../model/data-value.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import {
  type CodesVector,
  type Dictionary,
  type NumbersVector,
  widthFor,
} from "../vector/vector.ts";

export interface CodingTools {
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  readonly kernel: Pick<GroupExports, "codeLongs"> & Pick<GatherExports, "narrow">;
  /** Under which the codes are kept. */
  readonly name: string;
  readonly entries: number;
}

export function codeNumbers(numbers: NumbersVector, tools: CodingTools): CodesVector {
  const { keeper, scratch, kernel, name, entries } = tools;
  return scratch.within(() => {
    let from = { codes: 0, list: 0, size: 0 };
    const listAt = (width: number) => Math.ceil((entries * width) / 64) * 64;
    const bytes = () => {
      from = distinct(numbers, tools);
      return listAt(widthFor(from.size)) + from.size * 8;
    };
    return keeper.get<CodesVector>(name, bytes, (at) => {
      const { codes, list, size } = from;
      const width = widthFor(size);
      kernel.narrow(codes, entries, width, at);
      const values = at + listAt(width);
      scratch.bytes.copyWithin(values, list, list + size * 8);
      const dictionary = new NumberDictionary(numbers.kind, { at: values, size, scratch });
      return { kind: "codes", at, width, dictionary };
    });
  });
}

/** Takes scratch. */
function distinct({ at, present }: NumbersVector, { scratch, kernel, entries }: CodingTools) {
  const codes = scratch.take(entries * 4);
  const list = scratch.take(entries * 8);
  const slots = slotsFor(entries);
  const table = scratch.take(slots * 4);
  const size = kernel.codeLongs(0, at, present, entries, table, slots - 1, list, codes) >>> 0;
  return { codes, list, size };
}

/** Of a table for so many values: a power of two, at least twice as many. */
export function slotsFor(values: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(8, values * 2)));
}

/** Numbers that lie behind their codes. */
class NumberDictionary implements Dictionary {
  readonly size: number;
  readonly #kind: NumbersVector["kind"];
  readonly #at: number;
  readonly #scratch: StepScratch;

  constructor(
    kind: NumbersVector["kind"],
    {
      at,
      size,
      scratch,
    }: { readonly at: number; readonly size: number; readonly scratch: StepScratch },
  ) {
    this.#kind = kind;
    this.#at = at;
    this.size = size;
    this.#scratch = scratch;
  }

  at(index: number): DataValue {
    const place = this.#at / 8 + index;
    if (this.#kind === "longs") return { type: "int", value: this.#scratch.longs[place] };
    return { type: "float", value: this.#scratch.doubles[place] };
  }
}
