/**
 * Columns of lists of texts or truths as codes, one for each different list: what the lists hold
 * are codes of elements, and values are read of the few different lists alone.
 *
 * A list of one element is as good as that element, and an empty one as none.
 */
import type { DataScalar, DataValue } from "../model/data-value.ts";
import type { Dictionary } from "../vector/vector.ts";
import { BOOLS, PageDictionary } from "./block-dictionary.ts";
import { blockCorrupt } from "./block-error.ts";
import { columnDictionary } from "./block-pages.ts";
import type { PageLevels } from "./page-levels-read.ts";
import { eachPage, type PageTools, pageCodes } from "./page-values.ts";
import { BOOLEAN, BYTE_ARRAY } from "./parquet-footer-read.ts";
import { PLAIN } from "./parquet-page-read.ts";
import { TextInterner } from "./text-dictionary.ts";

export interface ListCodes {
  /** Of each row; 0: it has none. */
  readonly codes: Uint32Array<ArrayBuffer>;
  /** Of code i + 1. */
  readonly list: readonly DataValue[];
}

/** Beginnings of lists are told apart up to so many: keys are exact, and memory is bounded. */
const NODES_MAX = 2 ** 20;

/** Undefined: they are of numbers, or too many differ. */
export function listCodes(tools: PageTools, column: number): ListCodes | undefined {
  const { scratch, rows } = tools;
  return scratch.within(() => {
    const elements = elementsOf(tools, column);
    if (elements === undefined) return undefined;
    const lists = new ListTree(rows.end - rows.first);
    let fits = true;
    eachPage(tools, column, (levels) => {
      const codes = fits ? elements.read(levels) : undefined;
      fits = codes !== undefined && lists.size <= NODES_MAX;
      if (codes === undefined) return;
      const { bytes, words } = scratch;
      const { repetitions, definitions, entries, present, column: chunk } = levels;
      lists.add({
        repetitions: bytes.subarray(repetitions, repetitions + entries),
        definitions: bytes.subarray(definitions, definitions + entries),
        definitionMax: chunk.definitionMax,
        codes: words.subarray(codes / 4, codes / 4 + present),
      });
    });
    return fits ? lists.finish(elements.dictionary()) : undefined;
  });
}

interface Elements {
  /** Address of the codes, words from 0 on; undefined: they have no room. */
  read(levels: PageLevels): number | undefined;
  /** Of all that were read. Takes scratch. */
  dictionary(): Dictionary;
}

/** Takes scratch. */
function elementsOf(tools: PageTools, column: number): Elements | undefined {
  const { caches, source, scratch } = tools;
  const { type, entries, nulls } = source.file.columns[column];
  const values = columnDictionary(caches, source, column);
  if (values !== undefined || type === BOOLEAN) {
    const dictionary = values === undefined ? BOOLS : new PageDictionary(values, false);
    return { read: (levels) => pageCodes(levels, tools), dictionary: () => dictionary };
  }
  if (type !== BYTE_ARRAY || entries < 0 || nulls < 0) return undefined;
  let left = entries - nulls;
  const interner = new TextInterner(tools, left);
  return {
    read: (levels) => {
      left -= levels.present;
      if (levels.page.encoding !== PLAIN) throw blockCorrupt("encoding of a page");
      if (left < 0) throw blockCorrupt("number of its values");
      const codes = scratch.take(levels.present * 4);
      return interner.add(levels, codes) ? codes : undefined;
    },
    dictionary: () => interner.finish(scratch.take(interner.bytes + 16)),
  };
}

interface ListPage {
  /** 0 where a row begins. */
  readonly repetitions: Uint8Array;
  readonly definitions: Uint8Array;
  readonly definitionMax: number;
  /** Of the entries that have a value. */
  readonly codes: Uint32Array;
}

/** Lists by their beginnings: a node is a list, and goes on to those with one element more. */
class ListTree {
  readonly #nodeOf: Uint32Array<ArrayBuffer>;
  /** By node and element, see keyOf(). */
  readonly #next = new Map<number, number>();
  /** By node; 0 is the empty list. */
  readonly #before: number[] = [0];
  readonly #last: number[] = [0];
  #row = -1;

  constructor(rows: number) {
    this.#nodeOf = new Uint32Array(rows);
  }

  get size(): number {
    return this.#before.length;
  }

  add({ repetitions, definitions, definitionMax, codes }: ListPage): void {
    let row = this.#row;
    let next = 0;
    for (let entry = 0; entry < repetitions.length; entry++) {
      if (repetitions[entry] === 0) row++;
      if (definitions[entry] !== definitionMax) continue;
      if (row < 0 || row >= this.#nodeOf.length) throw blockCorrupt("rows of a list");
      this.#nodeOf[row] = this.#after(this.#nodeOf[row], codes[next++]);
    }
    this.#row = row;
  }

  #after(node: number, element: number): number {
    const key = keyOf(node, element);
    const known = this.#next.get(key);
    if (known !== undefined) return known;
    const made = this.#before.push(node) - 1;
    this.#last.push(element);
    this.#next.set(key, made);
    return made;
  }

  finish(elements: Dictionary): ListCodes {
    if (this.#row + 1 !== this.#nodeOf.length) throw blockCorrupt("rows of a column");
    if (this.#last.some((element, node) => node > 0 && element >= elements.size)) {
      throw blockCorrupt("values of a page");
    }
    const list: DataValue[] = [];
    const codeOf = new Uint32Array(this.#before.length);
    const codes = this.#nodeOf;
    for (let row = 0; row < codes.length; row++) {
      const node = codes[row];
      if (node === 0) continue;
      if (codeOf[node] === 0) codeOf[node] = list.push(this.#valueOf(node, elements));
      codes[row] = codeOf[node];
    }
    return { codes, list };
  }

  #valueOf(node: number, elements: Dictionary): DataValue {
    const list: DataScalar[] = [];
    for (let at = node; at > 0; at = this.#before[at]) {
      const value = elements.at(this.#last[at]);
      if (value.type !== "nil" && value.type !== "list") list.unshift(value);
    }
    return list.length === 1 ? list[0] : { type: "list", values: list };
  }
}

/** One number for both; small as long as both are, which is quicker to look up. */
function keyOf(node: number, element: number): number {
  const isSmall = node < 0x8000 && element < 0x8000;
  return isSmall ? node * 0x8000 + element : node * 2 ** 32 + element + 2 ** 31;
}
