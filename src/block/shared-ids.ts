/**
 * Values of a column that refers to the ids of another (parquet-id-pages.ts), page by page: of a
 * few rows, who is asked for lies in the pages of these rows, and not in four megabytes.
 */
import type { ColumnSource } from "./block-columns-read.ts";
import { blockCorrupt } from "./block-error.ts";
import { pageOfOffset } from "./block-plan.ts";
import type { FileCache } from "./file-cache.ts";
import { openPage, PLAIN } from "./parquet-page-read.ts";

const ID_BYTES = 8;

/** Ids behind each other, as words; `first` is the place of the first one in the dictionary. */
interface OpenIds {
  readonly first: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

export class SharedIds {
  readonly #files: FileCache;
  readonly #source: ColumnSource;
  readonly #column: number;
  /** Pages that were read already, by their place in the file. */
  readonly #stored: ReadonlyMap<number, Uint8Array>;
  readonly #open = new Map<number, OpenIds>();
  #last: OpenIds = { first: 0, end: 0, bytes: new Uint8Array(0) };

  /** `column` has references. `stored`: header and ids, valid as long as this is used. */
  constructor(
    files: FileCache,
    of: { readonly source: ColumnSource; readonly column: number },
    stored: ReadonlyMap<number, Uint8Array> = new Map(),
  ) {
    this.#files = files;
    this.#source = of.source;
    this.#column = of.column;
    this.#stored = stored;
  }

  /** A copy. Throws block_corrupt for a code that is of no id. */
  get(code: number): Uint8Array {
    const { first, bytes } = this.#at(code);
    const at = (code - first) * ID_BYTES;
    return bytes.slice(at, at + ID_BYTES);
  }

  /** All of them, to `to` on. */
  copy(codes: Uint32Array, to: Uint8Array): void {
    let ids = this.#last;
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i];
      if (code < ids.first || code >= ids.end) ids = this.#at(code);
      const from = (code - ids.first) * ID_BYTES;
      const { bytes } = ids;
      for (let byte = 0; byte < ID_BYTES; byte++) to[i * ID_BYTES + byte] = bytes[from + byte];
    }
  }

  #at(code: number): OpenIds {
    const { first, end } = this.#last;
    if (code >= first && code < end) return this.#last;
    const { dataAt, references } = this.#chunk();
    const ids = this.#ids();
    const offset = ids.dataAt + code * ID_BYTES;
    if (references === undefined || offset >= dataAt) throw this.#damaged();
    const index = this.#source.file.pageIndex(references.column);
    const page = pageOfOffset(index, offset);
    const isOther = offset >= ids.dataEnd;
    const at = isOther ? ids.dataEnd : index.offsets[page];
    const found = this.#open.get(at) ?? this.#read(at, isOther ? dataAt - at : index.bytes[page]);
    // Else it is a part of a header.
    if (code < found.first || code >= found.end) throw this.#damaged();
    this.#last = found;
    return found;
  }

  #read(at: number, length: number): OpenIds {
    const { path } = this.#source;
    const stored = this.#stored.get(at) ?? this.#files.read(path, at, length);
    const ids = this.#ids();
    const { bytes, encoding, values, headerBytes } = openPage(stored, ids, false);
    const first = (at + headerBytes - ids.dataAt) / ID_BYTES;
    const fits = encoding === PLAIN && values * ID_BYTES === bytes.length;
    if (!fits || !Number.isInteger(first)) throw this.#damaged();
    const open = { first, end: first + values, bytes };
    this.#open.set(at, open);
    return open;
  }

  #chunk() {
    return this.#source.file.columns[this.#column];
  }

  #ids() {
    return this.#source.file.columns[this.#chunk().references?.column ?? this.#column];
  }

  #damaged() {
    return blockCorrupt(`column ${this.#chunk().path.join(".")}: reference to no id`);
  }
}
