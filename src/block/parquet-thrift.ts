/**
 * Thrift's compact protocol, the writing half: what Parquet's footer and page index are
 * made of (page headers too: parquet-page-header.ts).
 *
 *   struct := field* 0            field := (id - last id) << 4 | type, then the value
 *   list   := size << 4 | type    (15 << 4 | type, size as varint, from 15 elements on)
 *
 * Integers are zigzag varints of at most 53 bits: offsets, counts and sizes of one file.
 *
 * A struct may end in a checksum of itself. Its field is the one that Parquet keeps for extensions,
 * which other readers pass over as they do all that they do not know.
 */
import { assert } from "../base/assert.ts";
import { BINARY, BYTE, FALSE, I16, I32, I64, LIST, STRUCT, TRUE } from "./thrift-types.ts";

/** Parquet's field for extensions of any struct, binary: there crc32 of the bytes before it. */
export const CHECKSUM_FIELD = 32767;
export const CHECKSUM_BYTES = 4;

const INTEGER_MAX = 2 ** 52;
/** Of 53 bits. */
const VARINT_BYTES_MAX = 8;
const encoder = new TextEncoder();

export class ThriftWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;
  /** The id of the last field of the struct that is being written. */
  #last = 0;

  /** A view of one whole struct's bytes, which the next call to message() overwrites. */
  message(fields: () => void): Uint8Array {
    this.#length = 0;
    this.#body(fields);
    return this.#bytes.subarray(0, this.#length);
  }

  struct(id: number, fields: () => void): void {
    this.#field(id, STRUCT);
    this.#body(fields);
  }

  bool(id: number, value: boolean): void {
    this.#field(id, value ? TRUE : FALSE);
  }

  byte(id: number, value: number): void {
    this.#field(id, BYTE);
    this.#push(value & 255);
  }

  i16(id: number, value: number): void {
    this.#field(id, I16);
    this.#integer(value);
  }

  i32(id: number, value: number): void {
    assert(value === (value | 0), "thrift: not a 32-bit integer");
    this.#field(id, I32);
    this.#integer(value);
  }

  i64(id: number, value: number): void {
    this.#field(id, I64);
    this.#integer(value);
  }

  binary(id: number, value: Uint8Array | string): void {
    this.#field(id, BINARY);
    this.#binary(value);
  }

  /**
   * Of all that the message has so far, and of `also` before it; the last field of a message.
   * `also`: crc32 of other bytes that this message stands for.
   */
  checksum(also: readonly number[] = []): void {
    const bytes = new Uint8Array(also.length * 4 + CHECKSUM_BYTES);
    const view = new DataView(bytes.buffer);
    for (const [i, word] of also.entries()) view.setUint32(i * 4, word, true);
    const others = Bun.hash.crc32(bytes.subarray(0, also.length * 4));
    const crc32 = Bun.hash.crc32(this.#bytes.subarray(0, this.#length), others);
    view.setUint32(also.length * 4, crc32, true);
    this.binary(CHECKSUM_FIELD, bytes);
  }

  structs<T>(id: number, items: readonly T[], fields: (item: T) => void): void {
    this.#list(id, STRUCT, items.length);
    for (const item of items) this.#body(() => fields(item));
  }

  i32s(id: number, items: readonly number[]): void {
    this.#list(id, I32, items.length);
    for (const item of items) this.#integer(item);
  }

  i64s(id: number, items: readonly number[]): void {
    this.#list(id, I64, items.length);
    for (const item of items) this.#integer(item);
  }

  bools(id: number, items: readonly boolean[]): void {
    this.#list(id, TRUE, items.length);
    for (const item of items) this.#push(item ? TRUE : FALSE);
  }

  binaries(id: number, items: readonly (Uint8Array | string)[]): void {
    this.#list(id, BINARY, items.length);
    for (const item of items) this.#binary(item);
  }

  #body(fields: () => void): void {
    const outer = this.#last;
    this.#last = 0;
    fields();
    this.#push(0);
    this.#last = outer;
  }

  /** Ids ascend by less than 16 in every struct of Parquet, but for the checksum's. */
  #field(id: number, type: number): void {
    const step = id - this.#last;
    assert(step > 0, "thrift: field ids do not ascend");
    this.#last = id;
    if (step < 16) {
      this.#push((step << 4) | type);
      return;
    }
    this.#push(type);
    this.#integer(id);
  }

  #list(id: number, type: number, count: number): void {
    this.#field(id, LIST);
    if (count < 15) this.#push((count << 4) | type);
    else {
      this.#push(0xf0 | type);
      this.#varint(count);
    }
  }

  #binary(value: Uint8Array | string): void {
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #integer(value: number): void {
    assert(Math.abs(value) < INTEGER_MAX, "thrift: integer past 52 bits");
    this.#varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  #varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let left = value;
    for (; left >= 128; left = Math.floor(left / 128)) {
      this.#bytes[this.#length++] = (left % 128) | 128;
    }
    this.#bytes[this.#length++] = left;
  }

  #push(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
