/** Vectors of codes out of values that come one by one. */
import type { DataValue } from "../model/data-value.ts";
import type { Keeper } from "./keeper.ts";
import type { StepScratch } from "./step-scratch.ts";
import { type CodesVector, ValueList, widthFor } from "./vector.ts";

interface Keyed {
  readonly type: string;
  readonly value?: string | bigint | number | boolean;
  readonly values?: readonly Keyed[];
}

/** Tells equal values of one type from all others. */
export function valueKey({ type, value, values }: Keyed): string {
  if (values !== undefined) return `${type} ${JSON.stringify(values.map(valueKey))}`;
  // -0 and 0 are two values, and both print as 0.
  return Object.is(value, -0) ? `${type} -0` : `${type} ${value}`;
}

export interface ValuesToCode {
  readonly keeper: Keeper;
  readonly scratch: Pick<StepScratch, "bytes">;
  readonly name: string;
  readonly entries: number;
}

/** `values` gives entries, in any order and each once at most, and their values. */
export function codeValues(
  to: ValuesToCode,
  values: () => Iterable<readonly [entry: number, value: DataValue]>,
): CodesVector {
  return keepCodes(to, () => codedValues(to.entries, values()));
}

interface Coded {
  /** Of each entry; 0: none. */
  readonly codes: Uint32Array<ArrayBuffer>;
  /** The different values, of code i + 1. */
  readonly list: readonly DataValue[];
}

export function keepCodes(
  { keeper, scratch, name, entries }: ValuesToCode,
  make: () => Coded,
): CodesVector {
  let coded: Coded = { codes: new Uint32Array(0), list: [] };
  const bytes = () => {
    coded = make();
    return entries * widthFor(coded.list.length);
  };
  return keeper.get<CodesVector>(name, bytes, (at) => {
    const width = widthFor(coded.list.length);
    const narrow =
      width === 4
        ? coded.codes
        : width === 2
          ? new Uint16Array(coded.codes)
          : new Uint8Array(coded.codes);
    scratch.bytes.set(new Uint8Array(narrow.buffer), at);
    return { kind: "codes", at, width, dictionary: new ValueList(coded.list) };
  });
}

export function codedValues(
  entries: number,
  values: Iterable<readonly [number, DataValue]>,
): Coded {
  const codes = new Uint32Array(entries);
  const list: DataValue[] = [];
  const known = new Map<string, number>();
  for (const [entry, value] of values) {
    const key = valueKey(value);
    let found = known.get(key);
    if (found === undefined) {
      found = list.push(value);
      known.set(key, found);
    }
    codes[entry] = found;
  }
  return { codes, list };
}
