/**
 * Attributes of spans, events or links out of the columns of a half, in the order they were sent.
 */
import {
  COLUMN_KEY,
  ORDER_RESIDUAL,
  TYPE_BOOL,
  TYPE_DOUBLE,
  TYPE_INT,
  TYPE_STRING,
} from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { AttributeValue } from "../model/span-row.ts";
import { ColumnCursor } from "./column-cursor.ts";
import type { HalfView } from "./half-view.ts";

interface AttributeColumn {
  readonly cursor: ColumnCursor;
  readonly key: Uint8Array;
}

const EMPTY = new Uint8Array();
const NO_ATTRIBUTES: readonly AttributeValue[] = [];

/** One scope; a "row" is a span's row, an event's index or a link's index. Rows must ascend. */
export class HeadAttributes {
  readonly #view: HalfView;
  readonly #residual: number;
  readonly #fixed = new Map<number, ColumnCursor>();
  readonly #columns = new Map<number, AttributeColumn>();

  /** `residual` is the index of the scope's residual column. */
  constructor(view: HalfView, residual: number) {
    this.#view = view;
    this.#residual = residual;
  }

  /** `order` is the entry of the attribute order; 0 when there are no attributes. */
  read(row: number, order: number): readonly AttributeValue[] {
    if (order === 0) return NO_ATTRIBUTES;
    const indexes = this.#view.entry(order);
    const residual = new KeyValues(this.bytes(this.#residual, row) ?? EMPTY);
    const attributes: AttributeValue[] = [];
    for (let i = 0; i < indexes.length; i += 2) {
      const index = indexes[i] | (indexes[i + 1] << 8);
      if (index === ORDER_RESIDUAL) attributes.push({ type: "raw", raw: residual.next() });
      else attributes.push(this.#attribute(this.#column(index), row));
    }
    assert(residual.isDone, "head: residual that no order names");
    return attributes;
  }

  /** Of a fixed column of strings; empty when the row has none. */
  text(column: number, row: number): Uint8Array {
    return this.bytes(column, row) ?? EMPTY;
  }

  bytes(column: number, row: number): Uint8Array | undefined {
    const at = this.#cursor(column).seek(row);
    return at === 0 ? undefined : this.#view.entry(this.#view.word(at));
  }

  /** Of a fixed column of counts; 0 when the row has none. */
  count(column: number, row: number): number {
    const at = this.#cursor(column).seek(row);
    return at === 0 ? 0 : this.#view.word(at);
  }

  #attribute({ cursor, key }: AttributeColumn, row: number): AttributeValue {
    const view = this.#view;
    const at = cursor.seek(row);
    assert(at !== 0, "head: an order names a column without a value");
    switch (cursor.type) {
      case TYPE_STRING:
        return { type: "string", key, value: view.entry(view.word(at)) };
      case TYPE_INT:
        return { type: "int", key, value: view.data.getBigInt64(at, true) };
      case TYPE_DOUBLE:
        return { type: "double", key, value: view.data.getFloat64(at, true) };
      case TYPE_BOOL:
        return { type: "bool", key, value: view.word(at) === 1 };
      default:
        return { type: "array", key, value: view.entry(view.word(at)) };
    }
  }

  #cursor(index: number): ColumnCursor {
    let cursor = this.#fixed.get(index);
    if (cursor === undefined) {
      cursor = new ColumnCursor(this.#view, this.#view.column(index));
      this.#fixed.set(index, cursor);
    }
    return cursor;
  }

  #column(index: number): AttributeColumn {
    let column = this.#columns.get(index);
    if (column === undefined) {
      const at = this.#view.column(index);
      const key = this.#view.key(this.#view.word(at + COLUMN_KEY));
      column = { cursor: new ColumnCursor(this.#view, at), key };
      this.#columns.set(index, column);
    }
    return column;
  }
}

/** KeyValue fields as the kernel wrote them: tag 0a, length, message. */
class KeyValues {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  next(): Uint8Array {
    assert(this.#bytes[this.#at] === 0x0a, "head: residual");
    this.#at++;
    let length = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.#bytes[this.#at++];
      length += (byte & 127) * unit;
      if (byte < 128) break;
    }
    const from = this.#at;
    this.#at += length;
    assert(this.#at <= this.#bytes.length, "head: residual past its end");
    return this.#bytes.subarray(from, this.#at);
  }
}
