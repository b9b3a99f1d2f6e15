/** Values of a dictionary page, or of a column that has none, as queries see them. */
import { assert } from "../base/assert.ts";
import type { DataValue } from "../model/data-value.ts";
import type { Dictionary as Values } from "../vector/vector.ts";
import type { ColumnValue, Dictionary } from "./parquet-decode.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export function dataValue(value: ColumnValue): DataValue {
  if (value instanceof Uint8Array) return { type: "string", value: utf8.decode(value) };
  if (typeof value === "bigint") return { type: "int", value };
  if (typeof value === "number") return { type: "float", value };
  return { type: "bool", value };
}

/** In the order of the page: texts ascend. */
export class PageDictionary implements Values {
  readonly isUsed: boolean;
  readonly #values: Dictionary;
  readonly #known: DataValue[] = [];

  constructor(values: Dictionary, isUsed: boolean) {
    this.#values = values;
    this.isUsed = isUsed;
  }

  get size(): number {
    return this.#values.values;
  }

  at(index: number): DataValue {
    const known = this.#known[index];
    if (known !== undefined) return known;
    const value = dataValue(this.#values.get(index));
    this.#known[index] = value;
    return value;
  }

  bytes(index: number): Uint8Array {
    const value = this.#values.get(index);
    assert(value instanceof Uint8Array, "block: a dictionary of texts");
    return value;
  }

  find(text: Uint8Array): number {
    let low = 0;
    let high = this.#values.values;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, text) < 0) low = middle + 1;
      else high = middle;
    }
    return low < this.#values.values && this.#compare(low, text) === 0 ? low : -1;
  }

  #compare(index: number, text: Uint8Array): number {
    const value = this.#values.get(index);
    return value instanceof Uint8Array ? Buffer.compare(value, text) : 1;
  }
}

/** The texts of a column that has no dictionary, each with a code of its own. */
export class TextPile implements Values {
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;

  /** Text i is bytes starts[i] to starts[i + 1]. */
  constructor(bytes: Uint8Array, starts: Uint32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
  }

  get size(): number {
    return this.#starts.length - 1;
  }

  get heldBytes(): number {
    return this.#bytes.length + this.#starts.byteLength;
  }

  at(index: number): DataValue {
    return { type: "string", value: utf8.decode(this.bytes(index)) };
  }

  bytes(index: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[index], this.#starts[index + 1]);
  }
}

export const BOOLS: Values = {
  size: 2,
  at: (index) => ({ type: "bool", value: index === 1 }),
};
