/** Numbers that a block keeps in a dictionary as plain ones, and the other way round. */
import { assert } from "../base/assert.ts";
import { codeValues, type ValuesToCode } from "../vector/code-values.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import {
  bitmapBytes,
  type CodesVector,
  type NumbersVector,
  type Vector,
} from "../vector/vector.ts";

export interface NumbersOf extends ValuesToCode {
  readonly scratch: StepScratch;
}

/** Entries of dictionary-coded ints as 64-bit numbers; others are as they are. */
export function asLongs(vector: Vector, of: NumbersOf): NumbersVector {
  if (vector.kind !== "codes") return vector;
  const { keeper, scratch, name, entries } = of;
  const bits = Math.ceil((entries * 8) / 64) * 64;
  const bytes = () => bits + bitmapBytes(entries);
  return keeper.get<NumbersVector>(`${name}/longs`, bytes, (at) => {
    const present = at + bits;
    scratch.bytes.fill(0, present, present + bitmapBytes(entries));
    const values = Array.from({ length: vector.dictionary.size }, (_, i) =>
      numberOf(vector.dictionary, i),
    );
    const out = scratch.longs.subarray(at / 8, at / 8 + entries);
    for (let entry = 0; entry < entries; entry++) {
      const code = codeOf(vector, scratch, entry);
      out[entry] = code === 0 ? 0n : values[code - 1];
      if (code !== 0) scratch.bytes[present + (entry >>> 3)] |= 1 << (entry & 7);
    }
    return { kind: "longs", at, present };
  });
}

/** Small numbers as codes; their values are floats, as those of a dictionary of 32 bits are. */
export function codesOfKind(vector: NumbersVector, of: NumbersOf): CodesVector {
  const { scratch, entries } = of;
  return codeValues({ ...of, name: `${of.name}/codes` }, function* () {
    for (let entry = 0; entry < entries; entry++) {
      const value = Number(scratch.longs[vector.at / 8 + entry]);
      yield [entry, { type: "float", value }];
    }
  });
}

/** The code at an entry. */
export function codeOf(
  { at, width }: Pick<CodesVector, "at" | "width">,
  { bytes, words }: Pick<StepScratch, "bytes" | "words">,
  entry: number,
): number {
  if (width === 1) return bytes[at + entry];
  if (width === 2) return bytes[at + entry * 2] | (bytes[at + entry * 2 + 1] << 8);
  return words[at / 4 + entry];
}

function numberOf(dictionary: CodesVector["dictionary"], index: number): bigint {
  const value = dictionary.at(index);
  assert(value.type === "int" || value.type === "float", "vectors: a dictionary of numbers");
  return BigInt(value.value);
}
