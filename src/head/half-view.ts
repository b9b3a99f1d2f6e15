/** Plain reads of a half of the head in shared memory: words, bytes of entries, arrays. */
import {
  COLUMN_BYTES,
  HALF_COLUMN,
  HALF_ENTRY,
  HALF_KEY,
  HALF_ROWS,
} from "../../native/src/layout.ts";

const KEY_BYTES = 16;

export class HalfView {
  /** Rows that were committed when this view was made: the first thing that is read. */
  readonly rows: number;
  readonly half: number;
  readonly bytes: Uint8Array;
  readonly data: DataView;
  readonly #words: Uint32Array;
  readonly #entries: number;
  readonly #keys: number;
  readonly #columns: number;

  constructor(buffer: SharedArrayBuffer, half: number) {
    this.half = half;
    this.bytes = new Uint8Array(buffer);
    this.data = new DataView(buffer);
    this.#words = new Uint32Array(buffer);
    this.rows = this.atomicWord(half + HALF_ROWS);
    this.#entries = this.word(half + HALF_ENTRY);
    this.#keys = this.word(half + HALF_KEY);
    this.#columns = this.word(half + HALF_COLUMN);
  }

  /** The u32 at an address, a multiple of four. */
  word(address: number): number {
    return this.#words[address >>> 2];
  }

  atomicWord(address: number): number {
    return Atomics.load(this.#words, address >>> 2);
  }

  /** A word of the header: a count, or the address of an array. */
  header(field: number): number {
    return this.#words[(this.half + field) >>> 2];
  }

  /** Element `index` of the u32 array that the header names. */
  element(field: number, index: number): number {
    return this.word(this.header(field) + index * 4);
  }

  /** `width` bytes of element `index` of the array that the header names. */
  slice(field: number, index: number, width: number): Uint8Array {
    const at = this.header(field) + index * width;
    return this.bytes.subarray(at, at + width);
  }

  entry(index: number): Uint8Array {
    return this.#pointed(this.#entries + index * 8);
  }

  key(index: number): Uint8Array {
    return this.#pointed(this.#keys + index * KEY_BYTES);
  }

  /** Address of a column. */
  column(index: number): number {
    return this.#columns + index * COLUMN_BYTES;
  }

  #pointed(at: number): Uint8Array {
    const from = this.word(at);
    return this.bytes.subarray(from, from + this.word(at + 4));
  }
}
