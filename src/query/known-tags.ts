/**
 * What is known of the rows of unchanging segments: which names and values they have. It follows
 * from the data alone, whatever was asked. Bounded; what is unused for longest goes first.
 *
 * Threads: one.
 */
import { ValueCache } from "../block/file-cache.ts";
import { type TagValues, tagValuesBytes } from "./tag-value-set.ts";

/** Of a text, beside the characters. */
const NAME_BYTES = 64;

export class KnownTags {
  readonly #names: ValueCache<readonly string[]>;
  readonly #values: ValueCache<TagValues>;

  constructor(bytesMax: number) {
    this.#names = new ValueCache(bytesMax / 4);
    this.#values = new ValueCache(bytesMax - bytesMax / 4);
  }

  /** `rows` names the rows; undefined: they have no name, and nothing is kept. */
  names(rows: string | undefined, scope: string, find: () => readonly string[]): readonly string[] {
    if (rows === undefined) return find();
    const known = this.#names.get(rows, scope);
    if (known !== undefined) return known;
    const found = find();
    const bytes = found.reduce((sum, name) => sum + NAME_BYTES + name.length * 2, NAME_BYTES);
    return this.#names.put({ file: rows, part: scope }, found, bytes);
  }

  values(rows: string | undefined, field: string, find: () => TagValues): TagValues {
    if (rows === undefined) return find();
    const known = this.#values.get(rows, field);
    if (known !== undefined) return known;
    const found = find();
    return this.#values.put({ file: rows, part: field }, found, tagValuesBytes(found));
  }
}
