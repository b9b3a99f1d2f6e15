/**
 * Columns that few rows have, without places for the others: most attributes are on spans of one
 * kind alone, and who looks at all attributes at once would keep a byte a row of each for nothing.
 *
 * Attributes that come together are on the same rows: their bitmap is kept once, under a name that
 * follows from its bits.
 */
import { assert } from "../base/assert.ts";
import { distinctNumbers } from "../vector/coded-numbers.ts";
import { bitmapBytes, type PackedCodes, widthFor } from "../vector/vector.ts";
import { BOOLS, PageDictionary } from "./block-dictionary.ts";
import { blockCorrupt } from "./block-error.ts";
import { columnDictionary } from "./block-pages.ts";
import type { BlockVectorOptions } from "./block-vectors.ts";
import { checkDecoded, eachPage, pageCodes, plainValues } from "./page-values.ts";
import { BOOLEAN, BYTE_ARRAY, DOUBLE, FIXED } from "./parquet-footer-read.ts";
import { PLAIN } from "./parquet-page-read.ts";
import { TextInterner } from "./text-dictionary.ts";

/** Of rows at most so many in a hundred have a value: else a byte for each is hardly more. */
const PRESENT_PERCENT_MAX = 75;

interface Kept extends Omit<PackedCodes, "present"> {
  /** The name of its bitmap. */
  readonly rows: string;
}

/** In scratch, until it is kept. */
interface Packed {
  readonly bits: number;
  readonly count: number;
  /** Of what put() puts at an address. */
  readonly bytes: number;
  put(at: number): Pick<PackedCodes, "at" | "width" | "dictionary">;
}

/**
 * Of an attribute of spans that has one value a row at most. Undefined: most rows have one, or the
 * texts are too many.
 */
export function packedCodes(options: BlockVectorOptions, column: number): PackedCodes | undefined {
  const { vectors, scratch, source } = options;
  const { nulls, type, definitionMax, repetitionMax } = source.file.columns[column];
  if (definitionMax !== 1 || repetitionMax !== 0 || type === FIXED) return undefined;
  const present = source.file.rows - nulls;
  if (nulls < 0 || present * 100 > source.file.rows * PRESENT_PERCENT_MAX) return undefined;
  const name = `${options.name}${column}/packed`;
  const kept = vectors.find<Kept>(name);
  const rows = kept && vectors.find<number>(kept.rows);
  if (kept !== undefined && rows !== undefined) return { ...kept, present: rows };
  return scratch.within(() => {
    const packed = read(options, column);
    return packed && keep(options, name, packed);
  });
}

function keep({ vectors, ...options }: BlockVectorOptions, name: string, packed: Packed) {
  const { bytes, count } = packed;
  const rows = keepBits({ vectors, ...options }, packed);
  const codes = vectors.get<Kept>(
    name,
    () => bytes,
    (at) => ({ ...packed.put(at), count, rows: rows.name }),
  );
  return { ...codes, present: rows.at };
}

function keepBits(
  { vectors, scratch, rows, name }: BlockVectorOptions,
  { bits, count }: Packed,
): { name: string; at: number } {
  const bytes = bitmapBytes(rows.end - rows.first);
  const made = scratch.bytes.subarray(bits, bits + bytes);
  for (let number = hashOf(scratch.words.subarray(bits / 4, (bits + bytes) / 4)); ; number++) {
    const own = `${name}present/${count}/${number}`;
    const at = vectors.get(
      own,
      () => bytes,
      (to) => {
        scratch.bytes.set(made, to);
        return to;
      },
    );
    // Other bits of the same number are as good as never there.
    if (Buffer.compare(scratch.bytes.subarray(at, at + bytes), made) === 0)
      return { name: own, at };
  }
}

function hashOf(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i], 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

function read(options: BlockVectorOptions, column: number): Packed | undefined {
  const { caches, source, rows } = options;
  const { type } = source.file.columns[column];
  const values = columnDictionary(caches, source, column);
  if (values !== undefined) {
    const isUsed = rows.first === 0 && rows.end === source.file.rows;
    return readCodes(options, column, new PageDictionary(values, isUsed));
  }
  if (type === BOOLEAN) return readCodes(options, column, BOOLS);
  return type === BYTE_ARRAY ? readTexts(options, column) : readNumbers(options, column);
}

/** Page by page; returns the bitmap of the rows that have a value, and how many these are. */
function readPages(
  options: BlockVectorOptions,
  column: number,
  use: (levels: Parameters<Parameters<typeof eachPage>[2]>[0], done: number) => void,
): { bits: number; count: number } {
  const { scratch, kernel, source, rows } = options;
  const { definitionMax } = source.file.columns[column];
  const all = rows.end - rows.first;
  const bits = scratch.zeros(bitmapBytes(all));
  let entries = 0;
  let count = 0;
  eachPage(options, column, (levels) => {
    assert(entries + levels.entries <= all, "block: more entries than there are");
    use(levels, count);
    kernel.levelBits(levels.definitions, definitionMax, levels.entries, bits, entries);
    entries += levels.entries;
    count += levels.present;
  });
  if (entries !== all) throw blockCorrupt("rows of a column");
  return { bits, count };
}

function readCodes(
  options: BlockVectorOptions,
  column: number,
  dictionary: PackedCodes["dictionary"],
): Packed {
  const { scratch, kernel, rows } = options;
  const { size } = dictionary;
  const width = widthFor(size);
  const codes = scratch.take((rows.end - rows.first) * width);
  const of = readPages(options, column, (levels, done) => {
    const from = pageCodes(levels, options);
    const out = codes + done * width;
    checkDecoded(kernel.spreadCodes(0, 0, levels.present, from, size, out, width));
  });
  const bytes = of.count * width;
  const put = (at: number) => {
    scratch.bytes.copyWithin(at, codes, codes + bytes);
    return { at, width, dictionary };
  };
  return { ...of, bytes, put };
}

/** Of a column without a dictionary: one is made. */
function readTexts(options: BlockVectorOptions, column: number): Packed | undefined {
  const { scratch, kernel, rows } = options;
  const all = rows.end - rows.first;
  const interner = new TextInterner(options, all);
  const codes = scratch.take(all * 4);
  let fits = true;
  const of = readPages(options, column, (levels, done) => {
    if (levels.page.encoding !== PLAIN) throw blockCorrupt("encoding of a page");
    fits &&= interner.add(levels, codes + done * 4);
  });
  if (!fits) return undefined;
  const { size } = interner;
  const width = widthFor(size);
  const head = Math.ceil((of.count * width + 16) / 64) * 64;
  const put = (at: number) => {
    checkDecoded(kernel.spreadCodes(0, 0, of.count, codes, size, at, width));
    return { at, width, dictionary: interner.finish(at + head) };
  };
  return { ...of, bytes: head + interner.bytes + 16, put };
}

/** Likewise. */
function readNumbers(options: BlockVectorOptions, column: number): Packed {
  const { scratch, kernel, source, rows } = options;
  const kind = source.file.columns[column].type === DOUBLE ? "doubles" : "longs";
  const numbers = scratch.take((rows.end - rows.first) * 8);
  const of = readPages(options, column, (levels, done) => {
    const { values, count } = plainValues(levels, 8, options);
    scratch.bytes.copyWithin(numbers + done * 8, values, values + count * 8);
  });
  const vector = { kind, at: numbers, present: 0 } as const;
  const coded = distinctNumbers(vector, { scratch, kernel, entries: of.count });
  return { ...of, ...coded };
}
