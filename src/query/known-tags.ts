/**
 * What is known of the rows of unchanging segments: which names and values they have. It follows
 * from the data alone, whatever was asked.
 *
 * Blocks mostly have the same texts: each is held once and has a number, by which lists of many
 * blocks are united without a look at the texts. Bounded: lists unused for longest go first; when
 * there are too many texts, all values are forgotten.
 *
 * Threads: one.
 */
import { ValueCache } from "../block/file-cache.ts";
import type { Dictionary } from "../vector/vector.ts";
import type { TagValueSet, TagValues } from "./tag-value-set.ts";
import { TextNumbers } from "./text-numbers.ts";

/** Of a name or a value that is no text, beside the characters. */
const VALUE_BYTES = 48;

/** Larger dictionaries are mostly of texts that no other has. */
const NUMBERED_MAX = 32_768;
const NO_NUMBER = 0;
/** Of a value that is no text. */
const NO_TEXT = 0xffff_ffff;

interface NumberedValues {
  readonly texts: Uint32Array;
  readonly others: TagValues["others"];
  readonly numbers: TextNumbers;
}

export interface KnownValues {
  /** Names the rows. */
  readonly rows: string;
  readonly field: string;
}

export class KnownTags {
  readonly #listBytesMax: number;
  readonly #textBytesMax: number;
  readonly #names: ValueCache<readonly string[]>;
  #values: ValueCache<NumberedValues>;
  #numbers: TextNumbers;
  /** Of dictionaries, which are kept as long as their codes: 1 + the number of each text. */
  #ofDictionaries = new WeakMap<Dictionary, Uint32Array>();

  constructor(bytesMax: number) {
    this.#textBytesMax = bytesMax / 2;
    this.#listBytesMax = bytesMax / 4;
    this.#names = new ValueCache(bytesMax / 4);
    this.#values = new ValueCache(this.#listBytesMax);
    this.#numbers = new TextNumbers();
  }

  /** `rows` names the rows; undefined: they have no name, and nothing is kept. */
  names(rows: string | undefined, scope: string, find: () => readonly string[]): readonly string[] {
    if (rows === undefined) return find();
    const known = this.#names.get(rows, scope);
    if (known !== undefined) return known;
    const found = find();
    const bytes = found.reduce((sum, name) => sum + VALUE_BYTES + name.length * 2, VALUE_BYTES);
    return this.#names.put({ file: rows, part: scope }, found, bytes);
  }

  /** Adds what is known of a field's values in the rows to `set`; false: nothing is. */
  addValues({ rows, field }: KnownValues, set: TagValueSet): boolean {
    const known = this.#values.get(rows, field);
    if (known === undefined) return false;
    set.addNumbered(known.texts, known.numbers);
    for (const value of known.others) set.add(value);
    return true;
  }

  keepValues({ rows, field }: KnownValues, { texts, others }: TagValues): void {
    const bytes = texts.length * 4 + (others.length + 1) * VALUE_BYTES;
    if (bytes > this.#listBytesMax / 4 || TextNumbers.bytesOf(texts) > this.#textBytesMax / 4) {
      return;
    }
    this.#makeRoom();
    const numbers = this.#numbers;
    const numbered = Uint32Array.from(texts, (text) => numbers.of(text));
    this.#values.put({ file: rows, part: field }, { texts: numbered, others, numbers }, bytes);
  }

  /**
   * Adds values of a dictionary that stays. Most blocks have the same texts: of those that came by
   * their number there is nothing to do.
   */
  addCoded(set: TagValueSet, dictionary: Dictionary, indexes: Iterable<number>): void {
    if (dictionary.size > NUMBERED_MAX) {
      for (const index of indexes) set.add(dictionary.at(index));
      return;
    }
    this.#makeRoom();
    const numbers = this.#numbers;
    let known = this.#ofDictionaries.get(dictionary);
    if (known === undefined) {
      known = new Uint32Array(dictionary.size);
      this.#ofDictionaries.set(dictionary, known);
    }
    const texts: number[] = [];
    for (const index of indexes) {
      if (known[index] === NO_NUMBER) {
        const value = dictionary.at(index);
        known[index] = value.type === "string" ? 1 + numbers.of(value.value) : NO_TEXT;
      }
      if (known[index] === NO_TEXT) set.add(dictionary.at(index));
      else texts.push(known[index] - 1);
    }
    set.addNumbered(texts, numbers);
  }

  /** For more texts, when there are too many. */
  #makeRoom(): void {
    if (this.#numbers.heldBytes <= this.#textBytesMax) return;
    this.#numbers = new TextNumbers();
    this.#values = new ValueCache(this.#listBytesMax);
    this.#ofDictionaries = new WeakMap();
  }
}
