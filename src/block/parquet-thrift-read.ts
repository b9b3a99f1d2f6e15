/**
 * Thrift's compact protocol, the reading half: what Parquet's page index and footer are made of
 * (parquet-thrift.ts writes it).
 *
 * The bytes may be damaged. Every read is checked against their end, every list claims at most
 * the elements for which there are bytes, numbers end after ten bytes, and unknown fields nest
 * at most DEPTH_MAX deep: time and memory are bounded by the number of bytes.
 */
import { blockCorrupt } from "./block-error.ts";
import { CHECKSUM_BYTES } from "./parquet-thrift.ts";
import {
  BINARY,
  BYTE,
  DOUBLE,
  FALSE,
  I16,
  I32,
  I64,
  LIST,
  SET,
  STRUCT,
  TRUE,
} from "./thrift-types.ts";

/** Parquet's own structs nest less than ten deep. */
const DEPTH_MAX = 32;

export class ThriftReader {
  /** Where the next byte is read. */
  at = 0;
  readonly #bytes: Uint8Array;
  /** Where the field at hand begins. */
  #fieldAt = 0;
  /** Of the field or list element at hand. */
  #type = STRUCT;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Calls `field` for each field; what it does not read, it must say by returning false. */
  struct(field: (id: number) => boolean): void {
    this.#expect(STRUCT);
    if (++this.#depth > DEPTH_MAX) throw blockCorrupt("thrift nested too deep");
    let id = 0;
    for (;;) {
      const from = this.at;
      const head = this.#byte();
      const type = head & 15;
      if (type === 0) break;
      this.#fieldAt = from;
      const step = head >> 4;
      this.#type = I16;
      id = step === 0 ? this.integer() : id + step;
      this.#type = type;
      if (!field(id)) this.#skip(type);
    }
    this.#depth--;
  }

  /** Calls `element` so many times as the list has elements; returns how many. */
  list(element: (index: number) => void): number {
    this.#expect(LIST);
    const { type, count } = this.#listHead();
    for (let i = 0; i < count; i++) {
      this.#type = type;
      element(i);
    }
    return count;
  }

  /** An integer of 16, 32 or 64 bits; past 53 bits it is damage. */
  integer(): number {
    if (this.#type < I16 || this.#type > I64) throw blockCorrupt("thrift type is no integer");
    const zigzag = this.#varint();
    const half = Math.floor(zigzag / 2);
    return zigzag % 2 === 0 ? half : -half - 1;
  }

  /** A view. */
  binary(): Uint8Array {
    this.#expect(BINARY);
    const length = this.#varint();
    this.#pass(length);
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /**
   * The field at hand as a checksum of the message, which began with the bytes: whether it fits,
   * and the checksums of other bytes that it holds (ThriftWriter.checksum()).
   */
  checksum(): { readonly fits: boolean; readonly also: readonly number[] } {
    const before = this.#bytes.subarray(0, this.#fieldAt);
    const value = this.binary();
    const words = value.length / 4;
    if (words < 1 || !Number.isInteger(words)) throw blockCorrupt("checksum of another length");
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const others = Bun.hash.crc32(value.subarray(0, value.length - CHECKSUM_BYTES));
    const fits = Bun.hash.crc32(before, others) === view.getUint32(value.length - 4, true);
    const also = Array.from({ length: words - 1 }, (_, i) => view.getUint32(i * 4, true));
    return { fits, also };
  }

  #skip(type: number): void {
    this.#type = type;
    if (type === TRUE || type === FALSE) return;
    if (type === BYTE) this.#pass(1);
    else if (type === I16 || type === I32 || type === I64) this.#skipVarint();
    else if (type === DOUBLE) this.#pass(8);
    else if (type === BINARY) this.binary();
    else if (type === STRUCT) this.#skipStruct();
    else if (type === LIST || type === SET) this.#skipList();
    else throw blockCorrupt("thrift type unknown");
  }

  #skipStruct(): void {
    if (++this.#depth > DEPTH_MAX) throw blockCorrupt("thrift nested too deep");
    for (;;) {
      const head = this.#byte();
      const type = head & 15;
      if (type === 0) break;
      if (head >> 4 === 0) this.#skipVarint();
      this.#skip(type);
    }
    this.#depth--;
  }

  #skipList(): void {
    if (++this.#depth > DEPTH_MAX) throw blockCorrupt("thrift nested too deep");
    const { type, count } = this.#listHead();
    // A boolean in a list takes a byte, unlike a field, whose type is its value.
    if (type === TRUE || type === FALSE || type === BYTE) this.#pass(count);
    else for (let i = 0; i < count; i++) this.#skip(type);
    this.#depth--;
  }

  #listHead(): { readonly type: number; readonly count: number } {
    const head = this.#byte();
    const count = head >> 4 === 15 ? this.#varint() : head >> 4;
    if (count > this.#bytes.length - this.at) throw blockCorrupt("thrift list cut off");
    return { type: head & 15, count };
  }

  #expect(type: number): void {
    if (this.#type !== type) throw blockCorrupt("thrift field of another type");
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    const end = this.at + 8;
    while (this.at < end) {
      if (this.at >= this.#bytes.length) throw blockCorrupt("thrift cut off");
      const byte = this.#bytes[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw blockCorrupt("thrift integer too long");
  }

  #skipVarint(): void {
    for (let i = 0; i < 10; i++) if (this.#byte() < 128) return;
    throw blockCorrupt("thrift integer too long");
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) throw blockCorrupt("thrift cut off");
    return this.#bytes[this.at++];
  }

  #pass(count: number): void {
    if (count > this.#bytes.length - this.at) throw blockCorrupt("thrift cut off");
    this.at += count;
  }
}
