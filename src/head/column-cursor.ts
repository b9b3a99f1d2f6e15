/**
 * Walks one sparse column of a half along ascending rows.
 *
 * The writer may be appending: only what committed rows (or their events and links) refer to is
 * looked at. Slots behind hold either NO_ROW or a larger row, so a search ends at whichever comes
 * first; the column's own counts are never read. A chunk is linked after it was filled with
 * NO_ROW.
 */
import {
  CHUNK_HEADER_BYTES,
  CHUNK_VALUES,
  COLUMN_FIRST,
  COLUMN_TYPE,
  TYPE_DOUBLE,
  TYPE_INT,
} from "../../native/src/layout.ts";
import type { HalfView } from "./half-view.ts";

export class ColumnCursor {
  readonly type: number;
  readonly #view: HalfView;
  readonly #wide: boolean;
  readonly #first: number;
  /** Chunk that the last search ended in; 0 before the first. */
  #chunk = 0;
  #slot = 0;

  /** `column` is the column's address. */
  constructor(view: HalfView, column: number) {
    this.#view = view;
    this.type = view.word(column + COLUMN_TYPE);
    this.#wide = this.type === TYPE_INT || this.type === TYPE_DOUBLE;
    this.#first = column + COLUMN_FIRST;
  }

  /** The address of the row's value, or 0 when it has none. Rows must not descend. */
  seek(row: number): number {
    if (this.#chunk === 0) {
      this.#chunk = this.#view.atomicWord(this.#first);
      if (this.#chunk === 0) return 0;
    }
    while (this.#rowAt(CHUNK_VALUES - 1) < row) {
      const next = this.#view.atomicWord(this.#chunk);
      if (next === 0) return 0;
      this.#chunk = next;
      this.#slot = 0;
    }
    this.#slot = this.#search(row);
    if (this.#rowAt(this.#slot) !== row) return 0;
    const values = this.#chunk + CHUNK_HEADER_BYTES + CHUNK_VALUES * 4;
    return values + this.#slot * (this.#wide ? 8 : 4);
  }

  #rowAt(slot: number): number {
    return this.#view.word(this.#chunk + CHUNK_HEADER_BYTES + slot * 4);
  }

  /** The first slot whose row is at least `row`; the chunk's last one is. */
  #search(row: number): number {
    let low = this.#slot;
    let high = CHUNK_VALUES - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rowAt(middle) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
