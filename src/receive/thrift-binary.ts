/**
 * Thrift's binary protocol.
 *
 *   struct  := (type u8 · id i16 · value)* · STOP
 *   list    := type u8 · count i32 · value*           also a set
 *   map     := key type u8 · type u8 · count i32 · (key · value)*
 *   string  := length i32 · bytes
 *   call    := 0x8001 u16 · 0 u8 · kind u8 · name string · sequence i32 · struct   or, not strict,
 *              name string · kind u8 · sequence i32 · struct
 *
 * Numbers are big-endian.
 */
import { type I16, I32, STOP, type ThriftReader, thriftDamaged } from "./thrift.ts";

const VERSION_1 = 0x8001;
const NOTHING = new Uint8Array(0);

export class ThriftBinaryReader implements ThriftReader {
  bytes: Uint8Array = NOTHING;
  at = 0;
  fieldId = 0;
  elementType = STOP;
  keyType = STOP;
  low = 0;
  high = 0;
  start = 0;
  length = 0;

  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
  }

  beginMessage(): void {
    const first = this.#int32();
    if (first < 0) {
      if (first >>> 16 !== VERSION_1) throw thriftDamaged("unknown version");
      this.readString();
    } else {
      this.at -= 4;
      this.readString();
      this.readByte();
    }
    this.#int32();
  }

  beginStruct(): number {
    return 0;
  }

  endStruct(_outer: number): void {}

  nextField(): number {
    const at = this.at;
    const { bytes } = this;
    this.#need(1);
    const type = bytes[at];
    if (type === STOP) {
      this.at = at + 1;
      return STOP;
    }
    this.#need(3);
    this.fieldId = ((bytes[at + 1] << 24) >> 16) | bytes[at + 2];
    this.at = at + 3;
    return type;
  }

  beginList(): number {
    this.elementType = this.readByte();
    return this.#count();
  }

  beginMap(): number {
    this.keyType = this.readByte();
    this.elementType = this.readByte();
    return this.#count();
  }

  readBool(): boolean {
    return this.readByte() !== 0;
  }

  readByte(): number {
    this.#need(1);
    return this.bytes[this.at++];
  }

  readInt(type: typeof I16 | typeof I32): number {
    if (type === I32) return this.#int32();
    this.#need(2);
    const at = this.at;
    this.at = at + 2;
    return ((this.bytes[at] << 24) >> 16) | this.bytes[at + 1];
  }

  readI64(): void {
    const high = this.#int32();
    this.low = this.#int32() >>> 0;
    this.high = high >>> 0;
  }

  readDouble(): void {
    this.readI64();
  }

  readString(): void {
    const length = this.#int32();
    if (length < 0) throw thriftDamaged("negative length");
    this.#need(length);
    this.start = this.at;
    this.length = length;
    this.at += length;
  }

  #count(): number {
    const count = this.#int32();
    // The smallest element is a byte.
    if (count < 0 || count > this.bytes.length - this.at) throw thriftDamaged("list over its end");
    return count;
  }

  #int32(): number {
    const { bytes, at } = this;
    this.#need(4);
    this.at = at + 4;
    return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }

  #need(count: number): void {
    if (count > this.bytes.length - this.at) throw thriftDamaged("it ends too early");
  }
}
