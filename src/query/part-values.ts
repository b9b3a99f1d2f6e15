/** Values of dictionaries that lie behind each other. */
import { assert } from "../base/assert.ts";
import type { DataValue } from "../model/data-value.ts";
import type { Dictionary } from "../vector/vector.ts";

export interface PartDictionary {
  readonly dictionary: Dictionary;
  /** Of its first value among those of all parts. */
  readonly offset: number;
}

/** Values are read now: the parts may be of the head. */
export function valuesOf(dictionaries: readonly PartDictionary[], used: Uint32Array): DataValue[] {
  return Array.from(used, (index) => {
    const one = dictionaries.findLast(({ offset }) => offset <= index);
    assert(one !== undefined, "query: a code without a dictionary");
    return one.dictionary.at(index - one.offset);
  });
}
