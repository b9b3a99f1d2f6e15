/**
 * Columns of a data file as vectors: pages are read, decompressed, and decoded by the kernel.
 *
 * One entry a row, or, of columns inside of lists, one an event or link. An empty list is an entry
 * without values, as Parquet counts it.
 *
 * Damage is block_corrupt, and nothing of a damaged column is kept.
 *
 * Threads: one, between beginStep() and the next wait.
 */
import { assert } from "../base/assert.ts";
import { BAD, type GatherExports, type GroupExports } from "../kernel/scan-kernel.ts";
import type { Keeper } from "../vector/keeper.ts";
import {
  bitmapBytes,
  type CodesVector,
  type Dictionary,
  type NumbersVector,
  type PackedCodes,
  type Vector,
  widthFor,
} from "../vector/vector.ts";
import { BOOLS, PageDictionary } from "./block-dictionary.ts";
import { blockCorrupt } from "./block-error.ts";
import { columnDictionary } from "./block-pages.ts";
import type { BlockCaches } from "./block-read.ts";
import { type ListCodes, listCodes } from "./list-codes.ts";
import { packedCodes } from "./packed-codes.ts";
import type { PageLevels } from "./page-levels-read.ts";
import { checkDecoded, eachPage, type PageTools, pageCodes, plainValues } from "./page-values.ts";
import type { Dictionary as PageValues } from "./parquet-decode.ts";
import { BOOLEAN, BYTE_ARRAY, DOUBLE, FIXED } from "./parquet-footer-read.ts";
import { PLAIN, RLE_DICTIONARY } from "./parquet-page-read.ts";
import { SharedIds } from "./shared-ids.ts";
import { TextInterner } from "./text-dictionary.ts";
import { readTextPile } from "./text-pile.ts";

/** Of references, which are looked up one by one. */
const CODES_MAX = 0xffff_ffff;

export interface BlockVectorOptions extends PageTools {
  readonly caches: BlockCaches;
  readonly vectors: Keeper;
  readonly kernel: PageTools["kernel"] &
    Pick<GatherExports, "narrow"> &
    Pick<GroupExports, "codeLongs">;
  /** Begins the names under which vectors are kept. */
  readonly name: string;
}

/** Where the lists of rows begin: rows + 1 entry numbers. */
export interface ListStarts {
  readonly at: number;
  readonly entries: number;
}

export class BlockVectors {
  readonly #options: BlockVectorOptions;

  constructor(options: BlockVectorOptions) {
    this.#options = options;
  }

  get rows(): number {
    const { first, end } = this.#options.rows;
    return end - first;
  }

  /** `entries` is the number of rows, or of what the lists hold. */
  vector(column: number, entries: number): Vector {
    const { caches, source } = this.#options;
    const { type, definitionMax } = source.file.columns[column];
    const dictionary = columnDictionary(caches, source, column);
    if (dictionary !== undefined && type !== FIXED) return this.#coded(column, entries, dictionary);
    if (type === BOOLEAN) return this.#codes(column, entries, BOOLS);
    if (type === BYTE_ARRAY) return this.#texts(column, entries);
    const kind = type === DOUBLE ? "doubles" : "longs";
    return lazyNumbers(kind, () => this.#numbers(column, entries, definitionMax > 0));
  }

  /** Undefined: only vector() has them. */
  packed(column: number): PackedCodes | undefined {
    return packedCodes(this.#options, column);
  }

  /** Of lists; undefined: their values are to be read one by one. */
  listCodes(column: number): ListCodes | undefined {
    return listCodes(this.#options, column);
  }

  /** Where each row's list begins, by a required column of its elements. */
  starts(column: number): ListStarts {
    const { vectors, name, scratch, kernel } = this.#options;
    const bytes = () => (this.rows + 1) * 4;
    return vectors.get(`${name}${column}/starts`, bytes, (at) => {
      let rows = 0;
      let entries = 0;
      eachPage(this.#options, column, (levels) => {
        const { repetitions, entries: count } = levels;
        const out = at + rows * 4;
        const here = kernel.rowStarts(repetitions, count, entries, out, this.rows - rows) >>> 0;
        if (here === BAD) throw blockCorrupt("rows of a list");
        rows += here;
        entries += count;
      });
      if (rows !== this.rows) throw blockCorrupt("rows of a list");
      scratch.words[at / 4 + rows] = entries;
      return { at, entries };
    });
  }

  /** Ids of 16 bytes, required: address of the bytes. */
  ids16(column: number): number {
    const { vectors, name, scratch } = this.#options;
    return vectors.get(
      `${name}${column}`,
      () => this.rows * 16,
      (at) => {
        let done = 0;
        eachPage(this.#options, column, (levels) => {
          const { values, count } = plainValues(levels, 16, this.#options);
          scratch.bytes.copyWithin(at + done * 16, values, values + count * 16);
          done += count;
        });
        return at;
      },
    );
  }

  /** The codes of a column with a dictionary as words, in scratch: 1 and more, 0 for none. */
  codeWords(column: number, out: number): void {
    const { caches, source } = this.#options;
    const dictionary = columnDictionary(caches, source, column);
    assert(dictionary !== undefined, "block: a column without a dictionary");
    this.#spreadCodes(column, { size: dictionary.values, at: out, width: 4, entries: this.rows });
  }

  /** A bitmap of the rows that have no value of a column that is no list. Takes scratch. */
  absent(column: number): number {
    const { scratch, kernel, source } = this.#options;
    const { definitionMax } = source.file.columns[column];
    const bits = scratch.zeros(bitmapBytes(this.rows));
    let rows = 0;
    eachPage(this.#options, column, ({ definitions, entries }) => {
      assert(rows + entries <= this.rows, "block: more entries than there are");
      // Levels are 0 or the most.
      if (definitionMax > 0) kernel.levelBits(definitions, 0, entries, bits, rows);
      rows += entries;
    });
    if (rows !== this.rows) throw blockCorrupt("rows of a column");
    return bits;
  }

  /**
   * Ids of some rows (words at this address, ascending), 0 for none, of a column that refers to
   * those of another: u64 each. Takes scratch. Undefined: they lie in the column itself.
   */
  someIds(column: number, { at, count }: { at: number; count: number }): number | undefined {
    const { scratch } = this.#options;
    const ids = this.#referred(column);
    if (ids === undefined) return undefined;
    const out = scratch.zeros(count * 8);
    scratch.within(() => {
      const codes = scratch.take(this.rows * 4);
      this.#spreadCodes(column, { size: CODES_MAX, at: codes, width: 4, entries: this.rows });
      const { words, bytes } = scratch;
      const wanted = words.subarray(at / 4, at / 4 + count).map((row) => words[codes / 4 + row]);
      for (const [i, code] of wanted.entries()) {
        if (code > 0) ids.copy(Uint32Array.of(code - 1), bytes.subarray(out + i * 8));
      }
    });
    return out;
  }

  hasDictionary(column: number): boolean {
    return this.#options.source.file.columns[column].dictionaryAt >= 0;
  }

  /** Of a column without a dictionary: one is made. */
  #texts(column: number, entries: number): CodesVector {
    const { caches, source, vectors, scratch, rows, name } = this.#options;
    const full = caches.piles.get(source.path, `${name}${column}`);
    if (full !== undefined) return this.#codes(column, entries, full);
    const known = vectors.find<CodesVector>(`${name}${column}`);
    if (known !== undefined) return known;
    return scratch.within(() => {
      const interner = new TextInterner(this.#options, entries);
      const codes = scratch.take(entries * 4);
      if (!this.#internTexts(column, { interner, codes, entries })) {
        const texts = readTextPile(caches, source, { column, rows, name });
        return this.#codes(column, entries, texts);
      }
      const width = widthFor(interner.size);
      const head = Math.ceil((entries * width + 16) / 64) * 64;
      const bytes = () => head + interner.bytes + 16;
      return vectors.get<CodesVector>(`${name}${column}`, bytes, (at) => {
        this.#options.kernel.narrow(codes, entries, width, at);
        return { kind: "codes", at, width, dictionary: interner.finish(at + head) };
      });
    });
  }

  #internTexts(
    column: number,
    to: { readonly interner: TextInterner; readonly codes: number; readonly entries: number },
  ): boolean {
    const { kernel, scratch, source } = this.#options;
    const { definitionMax } = source.file.columns[column];
    let done = 0;
    let fits = true;
    eachPage(this.#options, column, (levels) => {
      const { page, entries, definitions, present } = levels;
      assert(done + entries <= to.entries, "block: more entries than there are");
      if (page.encoding !== PLAIN) throw blockCorrupt("encoding of a page");
      const codes = scratch.take(present * 4);
      fits &&= to.interner.add(levels, codes);
      if (!fits) return;
      const { size } = to.interner;
      const out = to.codes + done * 4;
      checkDecoded(kernel.spreadCodes(definitions, definitionMax, entries, codes, size, out, 4));
      done += entries;
    });
    if (fits && done !== to.entries) throw blockCorrupt("rows of a column");
    return fits;
  }

  #coded(column: number, entries: number, values: PageValues): CodesVector {
    const { vectors, name, rows, source } = this.#options;
    const known = vectors.find<CodesVector>(`${name}${column}`);
    if (known !== undefined) return known;
    // Writers put nothing in a dictionary that no row has.
    const isUsed = rows.first === 0 && rows.end === source.file.rows;
    const dictionary = new PageDictionary(values, isUsed);
    const read = () => this.#codes(column, entries, dictionary).at;
    return lazyCodes(dictionary, read);
  }

  #codes(column: number, entries: number, dictionary: Dictionary): CodesVector {
    const { vectors, name } = this.#options;
    const width = widthFor(dictionary.size);
    const bytes = () => entries * width;
    return vectors.get<CodesVector>(`${name}${column}`, bytes, (at) => {
      this.#spreadCodes(column, { size: dictionary.size, at, width, entries });
      return { kind: "codes", at, width, dictionary };
    });
  }

  #spreadCodes(
    column: number,
    to: { size: number; at: number; width: number; entries: number },
  ): void {
    const { kernel, source } = this.#options;
    const { type, definitionMax } = source.file.columns[column];
    let done = 0;
    let pile = 0;
    eachPage(this.#options, column, (levels) => {
      const { page, entries, definitions, present } = levels;
      assert(done + entries <= to.entries, "block: more entries than there are");
      let codes: number;
      if (page.encoding === PLAIN && type !== BOOLEAN) {
        // Each text is its own code, in the order of the column.
        codes = this.#options.scratch.take(present * 4);
        const { words } = this.#options.scratch;
        for (let i = 0; i < present; i++) words[codes / 4 + i] = pile + i;
        pile += present;
      } else codes = pageCodes(levels, this.#options);
      const out = to.at + done * to.width;
      checkDecoded(
        kernel.spreadCodes(definitions, definitionMax, entries, codes, to.size, out, to.width),
      );
      done += entries;
    });
    if (done !== to.entries) throw blockCorrupt("rows of a column");
  }

  #numbers(column: number, entries: number, isOptional: boolean): NumbersAt {
    const { vectors, name } = this.#options;
    const numbers = Math.ceil((entries * 8 + 16) / 64) * 64;
    const bytes = () => numbers + (isOptional ? bitmapBytes(entries) : 0);
    return vectors.get<NumbersAt>(`${name}${column}`, bytes, (at) => {
      const present = isOptional ? at + numbers : 0;
      this.#spreadNumbers(column, { at, present, entries });
      return { at, present };
    });
  }

  #referred(column: number): SharedIds | undefined {
    const { caches, source } = this.#options;
    const { references } = source.file.columns[column];
    return references && new SharedIds(caches.files, { source, column });
  }

  #spreadNumbers(column: number, to: { at: number; present: number; entries: number }): void {
    const { kernel, scratch, source } = this.#options;
    const { definitionMax } = source.file.columns[column];
    if (to.present > 0) {
      scratch.bytes.fill(0, to.present, to.present + bitmapBytes(to.entries));
    }
    const ids = this.#referred(column);
    let done = 0;
    eachPage(this.#options, column, (levels) => {
      const { entries, definitions } = levels;
      assert(done + entries <= to.entries, "block: more entries than there are");
      const { values, count } =
        ids === undefined
          ? plainValues(levels, 8, this.#options)
          : referredIds(levels, ids, this.#options);
      const out = to.at + done * 8;
      if (to.present === 0) scratch.bytes.copyWithin(out, values, values + count * 8);
      else {
        kernel.spreadLongs(definitions, definitionMax, entries, values, out, to.present, done);
      }
      done += entries;
    });
    if (done !== to.entries) throw blockCorrupt("rows of a column");
  }
}

/** Ids of eight bytes that codes refer to. Takes scratch. */
function referredIds(
  levels: PageLevels,
  ids: SharedIds,
  tools: PageTools,
): { values: number; count: number } {
  const { page, present: count } = levels;
  if (page.encoding !== RLE_DICTIONARY) throw blockCorrupt("encoding of a page");
  const { scratch } = tools;
  const codes = pageCodes(levels, tools);
  const values = scratch.take(count * 8);
  const out = scratch.bytes.subarray(values, values + count * 8);
  ids.copy(scratch.words.subarray(codes / 4, codes / 4 + count), out);
  return { values, count };
}

/**
 * Read when somebody looks: the dictionary alone often tells that no row is meant. A property of
 * its own, not of a class: who takes the object apart must get it as well.
 */
function lazyCodes(dictionary: Dictionary, read: () => number): CodesVector {
  let known: number | undefined;
  return {
    kind: "codes",
    width: widthFor(dictionary.size),
    dictionary,
    get at() {
      known ??= read();
      return known;
    },
  };
}

type NumbersAt = Pick<NumbersVector, "at" | "present">;

/** Read when somebody looks: who groups by numbers mostly finds codes of them that were kept. */
function lazyNumbers(kind: NumbersVector["kind"], read: () => NumbersAt): NumbersVector {
  let numbers: NumbersAt | undefined;
  const known = (): NumbersAt => {
    numbers ??= read();
    return numbers;
  };
  return {
    kind,
    get at() {
      return known().at;
    },
    get present() {
      return known().present;
    },
  };
}
