/**
 * Columns of numbers as codes, each different number one: what is grouped by a number again and
 * again need not be told apart anew. Kept as long as other vectors are.
 */
import { assert } from "../base/assert.ts";
import type { GatherExports, GroupExports } from "../kernel/scan-kernel.ts";
import type { DataValue } from "../model/data-value.ts";
import type { Keeper } from "./keeper.ts";
import type { StepScratch } from "./step-scratch.ts";
import { type CodesVector, type Dictionary, type NumbersVector, widthFor } from "./vector.ts";

export interface NumberTools {
  readonly scratch: StepScratch;
  readonly kernel: Pick<GroupExports, "codeLongs"> & Pick<GatherExports, "narrow">;
  readonly entries: number;
}

export interface CodingTools extends NumberTools {
  readonly keeper: Keeper;
  /** Under which the codes are kept. */
  readonly name: string;
}

export function codeNumbers(numbers: NumbersVector, tools: CodingTools): CodesVector {
  const { keeper, scratch, name } = tools;
  return scratch.within(() => {
    let coded: CodedNumbers | undefined;
    const bytes = () => {
      coded = distinctNumbers(numbers, tools);
      return coded.bytes;
    };
    return keeper.get<CodesVector>(name, bytes, (at) => {
      assert(coded !== undefined, "vectors: numbers without codes");
      return { kind: "codes", ...coded.put(at) };
    });
  });
}

export interface CodedNumbers {
  readonly bytes: number;
  /** Moves the codes, and behind them what they stand for, to so many free bytes. */
  put(at: number): Omit<CodesVector, "kind">;
}

/** In scratch, of which it takes. */
export function distinctNumbers(numbers: NumbersVector, tools: NumberTools): CodedNumbers {
  const { scratch, kernel, entries } = tools;
  const codes = scratch.take(entries * 4);
  const list = scratch.take(entries * 8);
  const slots = slotsFor(entries);
  const table = scratch.take(slots * 4);
  const { at: from, present } = numbers;
  const size = kernel.codeLongs(0, from, present, entries, table, slots - 1, list, codes) >>> 0;
  const width = widthFor(size);
  const head = Math.ceil((entries * width) / 64) * 64;
  const put = (at: number) => {
    kernel.narrow(codes, entries, width, at);
    const values = at + head;
    scratch.bytes.copyWithin(values, list, list + size * 8);
    const dictionary = new NumberDictionary(numbers.kind, { at: values, size, scratch });
    return { at, width, dictionary };
  };
  return { bytes: head + size * 8, put };
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
