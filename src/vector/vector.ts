/**
 * Vectors: a place for each row of a segment, in the shared memory, where the kernel scans them.
 * An address is valid until the step that got it ends (vector-cache.ts, step-scratch.ts).
 */
import type { DataValue } from "../model/data-value.ts";

/** The values that codes stand for. */
export interface Dictionary {
  readonly size: number;
  /** Each of its values is that of some entry. */
  readonly isUsed?: boolean;
  /** Value of code index + 1. */
  at(index: number): DataValue;
  /**
   * Index of a text, -1 when it is not there; undefined when there is no fast way to tell, or when
   * lists of texts are among the values.
   */
  find?(text: Uint8Array): number | undefined;
  /**
   * Sets table[index + 1] of the texts that are these pieces with anything between them. Of
   * dictionaries that have nothing but texts.
   */
  match?(pieces: readonly Uint8Array[], table: number): void;
  /** The bytes as stored, of dictionaries of texts or bytes. */
  bytes?(index: number): Uint8Array;
}

/** A code for each row: 0 for none, else 1 + the value's index in the dictionary. */
export interface CodesVector {
  readonly kind: "codes";
  readonly at: number;
  /** Bytes of a code: 1, 2 or 4. */
  readonly width: number;
  readonly dictionary: Dictionary;
}

/**
 * The same of the rows that have a value alone, one behind the other: no code is 0. Which rows
 * these are says a bitmap; columns that the same rows have share it.
 */
export interface PackedCodes extends Omit<CodesVector, "kind"> {
  readonly present: number;
  readonly count: number;
}

/** 64 bits a row. `present` is a bitmap, 0: all rows have a value; others hold 0. */
export interface NumbersVector {
  readonly kind: "longs" | "doubles";
  readonly at: number;
  readonly present: number;
}

export type Vector = CodesVector | NumbersVector;

/** The narrowest width for codes up to `size`. */
export function widthFor(size: number): number {
  if (size < 256) return 1;
  return size < 65536 ? 2 : 4;
}

export function bitmapBytes(rows: number): number {
  return Math.ceil(rows / 64) * 8;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A dictionary of distinct values at hand. */
export class ValueList implements Dictionary {
  readonly #values: readonly DataValue[];
  /** Made when a text is looked for; undefined: lists may have it as well. */
  #indexes: { readonly ofText: ReadonlyMap<string, number> | undefined } | undefined;

  constructor(values: readonly DataValue[]) {
    this.#values = values;
  }

  get size(): number {
    return this.#values.length;
  }

  at(index: number): DataValue {
    return this.#values[index];
  }

  find(text: Uint8Array): number | undefined {
    this.#indexes ??= { ofText: indexesOf(this.#values) };
    const { ofText } = this.#indexes;
    return ofText && (ofText.get(utf8.decode(text)) ?? -1);
  }
}

function indexesOf(values: readonly DataValue[]): Map<string, number> | undefined {
  const indexes = new Map<string, number>();
  if (values.some(({ type }) => type === "list")) return undefined;
  for (const [index, value] of values.entries()) {
    if (value.type === "string") indexes.set(value.value, index);
  }
  return indexes;
}
