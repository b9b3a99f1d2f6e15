/**
 * Values of some rows of a column, out of pages of version 1, without decoding the rows before:
 * levels are passed run by run, values by arithmetic or, where each has a length of its own, by
 * their lengths.
 *
 *   page := [u32 length · repetition levels] [u32 length · definition levels] values
 *
 * The bytes may be damaged: whatever does not fit is block_corrupt. What is allocated follows
 * from the rows asked for and the page's own number of values, which openPage() bounds.
 */
import { assert } from "../base/assert.ts";
import { blockCorrupt } from "./block-error.ts";
import { deltaValues } from "./parquet-delta-read.ts";
import {
  BOOLEAN,
  BYTE_ARRAY,
  type ColumnChunk,
  DOUBLE,
  FIXED,
  INT32,
  INT64,
} from "./parquet-footer-read.ts";
import { HybridReader, widthOf } from "./parquet-hybrid-read.ts";
import {
  BYTE_STREAM_SPLIT,
  DELTA_BINARY_PACKED,
  type Page,
  PLAIN,
  PLAIN_DICTIONARY,
  RLE_DICTIONARY,
} from "./parquet-page-read.ts";

/** INT64 signed as bigint, INT32 signed and DOUBLE as number. */
export type ColumnValue = Uint8Array | bigint | number | boolean;

/** Rows of one column. An entry is a value or the place of a missing one. */
export interface ColumnRows {
  /** Entries of row i are starts[i] … starts[i + 1] - 1. */
  readonly starts: readonly number[];
  /** Of each entry; of lists alone, else empty. */
  readonly definitions: readonly number[];
  /** Of each entry. References to one dictionary code are one object. */
  readonly values: readonly (ColumnValue | undefined)[];
}

/** What codes of a column stand for. */
export interface CodedValues {
  /** Throws block_corrupt when there is none. */
  get(code: number): ColumnValue;
}

/** A dictionary page, each value found by its code. */
export class Dictionary implements CodedValues {
  readonly values: number;
  readonly #bytes: Uint8Array;
  readonly #column: ColumnChunk;
  /** Of byte arrays: where each begins, and after the last where the next would. */
  readonly #starts: Uint32Array;

  constructor(page: Page, column: ColumnChunk) {
    if (page.encoding !== PLAIN && page.encoding !== PLAIN_DICTIONARY) {
      throw corrupt(column, "encoding of its dictionary");
    }
    this.values = page.values;
    this.#bytes = page.bytes;
    this.#column = column;
    if (column.type === BYTE_ARRAY) this.#starts = startsOf(page, column);
    else {
      this.#starts = new Uint32Array(0);
      // Reads the last one, so that all are known to be there.
      if (page.values > 0) plainValues(page.bytes, column, { skip: page.values - 1, count: 1 });
    }
  }

  /** What it takes to keep it. */
  get heldBytes(): number {
    return this.#bytes.length + this.#starts.byteLength;
  }

  /** Of values of fixed width: all of them, behind each other. A view. */
  get fixed(): Uint8Array {
    assert(this.#column.type === FIXED, "parquet: a dictionary of fixed width");
    return this.#bytes.subarray(0, this.values * this.#column.fixedBytes);
  }

  /** Byte arrays are views. */
  get(code: number): ColumnValue {
    if (code >= this.values) throw corrupt(this.#column, "code past its dictionary");
    if (this.#column.type !== BYTE_ARRAY) {
      return plainValues(this.#bytes, this.#column, { skip: code, count: 1 })[0];
    }
    return this.#bytes.subarray(this.#starts[code] + 4, this.#starts[code + 1]);
  }
}

function startsOf(page: Page, column: ColumnChunk): Uint32Array {
  const { bytes, values } = page;
  if (values * 4 > bytes.length) throw corrupt(column, "dictionary cut off");
  const starts = new Uint32Array(values + 1);
  let at = 0;
  for (let i = 0; i < values; i++) {
    starts[i] = at;
    at = afterByteArray(bytes, at, column);
  }
  starts[values] = at;
  return starts;
}

interface Part {
  readonly skip: number;
  readonly count: number;
}

export class ColumnDecoder {
  readonly #column: ColumnChunk;
  readonly #dictionary: CodedValues | undefined;
  readonly #ofCode = new Map<number, ColumnValue>();
  readonly #starts: number[] = [];
  readonly #definitions: number[] = [];
  readonly #values: (ColumnValue | undefined)[] = [];

  constructor(column: ColumnChunk, dictionary: CodedValues | undefined) {
    this.#column = column;
    this.#dictionary = dictionary;
  }

  /** Adds the rows `rows.skip` … + `rows.count` of a page. */
  add(page: Page, rows: Part): void {
    assert(rows.count > 0, "parquet: no rows asked for");
    if (this.#column.repetitionMax > 0) this.#addLists(page, rows);
    else this.#addFlat(page, rows);
  }

  finish(): ColumnRows {
    this.#starts.push(this.#values.length);
    return { starts: this.#starts, definitions: this.#definitions, values: this.#values };
  }

  #addFlat(page: Page, { skip, count }: Part): void {
    const { definitionMax } = this.#column;
    if (skip + count > page.values) throw corrupt(this.#column, "rows past its page");
    for (let i = 0; i < count; i++) this.#starts.push(this.#values.length + i);
    if (definitionMax === 0) {
      for (const value of this.#take(page, 0, { skip, count })) this.#values.push(value);
      return;
    }
    const levels = levelBytes(page, 0, this.#column);
    const definitions = new HybridReader(levels, 0, widthOf(definitionMax));
    const before = definitions.skipCounting(skip, definitionMax);
    const present: boolean[] = [];
    for (let i = 0; i < count; i++) present.push(definitions.next() === definitionMax);
    this.#addPresent(page, 4 + levels.length, { before, present });
  }

  #addLists(page: Page, { skip, count }: Part): void {
    const { definitionMax } = this.#column;
    const first = levelBytes(page, 0, this.#column);
    const repetitions = new HybridReader(first, 0, 1);
    const entriesBefore = repetitions.skipZeros(skip, page.values);
    const entries = this.#rowStarts(repetitions, { count, most: page.values - entriesBefore });
    const second = levelBytes(page, 4 + first.length, this.#column);
    const definitions = new HybridReader(second, 0, widthOf(definitionMax));
    const before = definitions.skipCounting(entriesBefore, definitionMax);
    const present: boolean[] = [];
    for (let i = 0; i < entries; i++) {
      const level = definitions.next();
      this.#definitions.push(level);
      present.push(level === definitionMax);
    }
    this.#addPresent(page, 8 + first.length + second.length, { before, present });
  }

  /** Where the next `count` rows begin; returns how many entries they have. */
  #rowStarts(repetitions: HybridReader, { count, most }: { count: number; most: number }): number {
    const base = this.#values.length;
    let entries = 0;
    for (let row = 0; row < count; row++) {
      if (entries >= most || repetitions.next() !== 0) throw corrupt(this.#column, "rows");
      this.#starts.push(base + entries);
      entries += 1;
      entries += repetitions.skipZeros(0, most - entries);
    }
    return entries;
  }

  #addPresent(page: Page, at: number, part: { before: number; present: boolean[] }): void {
    let count = 0;
    for (const isPresent of part.present) if (isPresent) count++;
    const values = count === 0 ? [] : this.#take(page, at, { skip: part.before, count });
    let next = 0;
    for (const isPresent of part.present) {
      this.#values.push(isPresent ? values[next++] : undefined);
    }
  }

  #take(page: Page, at: number, part: Part): ColumnValue[] {
    const bytes = page.bytes.subarray(at);
    const { encoding } = page;
    if (encoding === PLAIN) return plainValues(bytes, this.#column, part);
    if (encoding === RLE_DICTIONARY || encoding === PLAIN_DICTIONARY) {
      return this.#takeCodes(bytes, part);
    }
    if (encoding === DELTA_BINARY_PACKED) {
      // A page has at least as many entries as values.
      if (part.skip + part.count > page.values) throw corrupt(this.#column, "values");
      if (this.#column.type === INT64) return deltaValues(bytes, part);
      if (this.#column.type === INT32) return deltaValues(bytes, part).map(toInt32);
    }
    if (encoding === BYTE_STREAM_SPLIT) return splitValues(bytes, this.#column, part);
    throw corrupt(this.#column, "encoding");
  }

  #takeCodes(bytes: Uint8Array, { skip, count }: Part): ColumnValue[] {
    const dictionary = this.#dictionary;
    if (dictionary === undefined) throw corrupt(this.#column, "no dictionary");
    if (bytes.length === 0) throw corrupt(this.#column, "cut off");
    const codes = new HybridReader(bytes, 1, bytes[0]);
    codes.skip(skip);
    const values: ColumnValue[] = [];
    for (let i = 0; i < count; i++) {
      const code = codes.next();
      let value = this.#ofCode.get(code);
      if (value === undefined) {
        value = dictionary.get(code);
        this.#ofCode.set(code, value);
      }
      values.push(value);
    }
    return values;
  }
}

/** BYTE_STREAM_SPLIT: `bytes` are the first bytes of all values, then their second ones … */
function splitValues(bytes: Uint8Array, column: ColumnChunk, { skip, count }: Part): ColumnValue[] {
  const { type } = column;
  const all = bytes.length / 8;
  if ((type !== INT64 && type !== DOUBLE) || !Number.isInteger(all) || skip + count > all) {
    throw corrupt(column, "values");
  }
  const plain = new Uint8Array(count * 8);
  for (let i = 0; i < plain.length; i++) plain[i] = bytes[(i & 7) * all + skip + (i >>> 3)];
  return plainValues(plain, column, { skip: 0, count });
}

function toInt32(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

/** Of the levels that begin at `at`, without their length. */
function levelBytes(page: Page, at: number, column: ColumnChunk): Uint8Array {
  const { bytes } = page;
  if (at + 4 > bytes.length) throw corrupt(column, "levels");
  const length = uint32At(bytes, at);
  if (length > bytes.length - at - 4) throw corrupt(column, "levels");
  return bytes.subarray(at + 4, at + 4 + length);
}

/** PLAIN; `bytes` begin with the first value. Byte arrays are copies: the page may go. */
function plainValues(bytes: Uint8Array, column: ColumnChunk, { skip, count }: Part): ColumnValue[] {
  const { type } = column;
  if (type === BYTE_ARRAY) return plainByteArrays(bytes, column, { skip, count });
  const values: ColumnValue[] = [];
  const end = skip + count;
  if (type === BOOLEAN) {
    if (end > bytes.length * 8) throw corrupt(column, "values");
    for (let i = skip; i < end; i++) values.push(((bytes[i >>> 3] >>> (i & 7)) & 1) === 1);
    return values;
  }
  const width = type === FIXED ? column.fixedBytes : type === INT32 ? 4 : 8;
  if (end * width > bytes.length) throw corrupt(column, "values");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = skip; i < end; i++) {
    const at = i * width;
    if (type === INT64) values.push(view.getBigInt64(at, true));
    else if (type === INT32) values.push(view.getInt32(at, true));
    else if (type === DOUBLE) values.push(view.getFloat64(at, true));
    else values.push(bytes.slice(at, at + width));
  }
  return values;
}

function plainByteArrays(bytes: Uint8Array, column: ColumnChunk, part: Part): Uint8Array[] {
  const values: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < part.skip; i++) at = afterByteArray(bytes, at, column);
  for (let i = 0; i < part.count; i++) {
    const end = afterByteArray(bytes, at, column);
    values.push(bytes.slice(at + 4, end));
    at = end;
  }
  return values;
}

function afterByteArray(bytes: Uint8Array, at: number, column: ColumnChunk): number {
  if (at + 4 > bytes.length) throw corrupt(column, "values");
  const end = at + 4 + uint32At(bytes, at);
  if (end > bytes.length) throw corrupt(column, "values");
  return end;
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function corrupt(column: ColumnChunk, what: string) {
  return blockCorrupt(`column ${column.path.join(".")}: ${what}`);
}
