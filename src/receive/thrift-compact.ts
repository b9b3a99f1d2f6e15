/**
 * Thrift's compact protocol.
 *
 *   struct  := (delta << 4 | type u8 · value  or, for delta 0,  type u8 · id zigzag · value)* · 0
 *   list    := count << 4 | type u8 · value*  or, from 15 on,  0xf0 | type u8 · count varint · …
 *   map     := 0  or  count varint · key type << 4 | type u8 · (key · value)*
 *   string  := length varint · bytes
 *   call    := 0x82 u8 · kind << 5 | 1 u8 · sequence varint · name string · struct
 *
 * Integers are zigzag varints, doubles eight bytes little-endian as every implementation has them.
 * A bool of a struct is its field's type, one of a list a byte.
 */
import {
  BOOL,
  BYTE,
  DOUBLE,
  I16,
  I32,
  I64,
  LIST,
  MAP,
  SET,
  STOP,
  STRING,
  STRUCT,
  type ThriftReader,
  thriftDamaged,
} from "./thrift.ts";

const PROTOCOL = 0x82;
const VERSION = 1;
const TRUE = 1;
const FALSE = 2;
/** By the number that the compact protocol gives. */
const TYPES = [STOP, BOOL, BOOL, BYTE, I16, I32, I64, DOUBLE, STRING, LIST, SET, MAP, STRUCT];
const VARINT_32_BYTES_MAX = 5;
const VARINT_64_BYTES_MAX = 10;
const NOTHING = new Uint8Array(0);

export class ThriftCompactReader implements ThriftReader {
  bytes: Uint8Array = NOTHING;
  at = 0;
  fieldId = 0;
  elementType = STOP;
  keyType = STOP;
  low = 0;
  high = 0;
  start = 0;
  length = 0;
  /** Of a bool's field that was found and not read: TRUE or FALSE, which is the value. */
  #fieldBool = 0;

  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.fieldId = 0;
    this.#fieldBool = 0;
  }

  beginMessage(): void {
    if (this.readByte() !== PROTOCOL) throw thriftDamaged("no message of the compact protocol");
    if ((this.readByte() & 31) !== VERSION) throw thriftDamaged("unknown version");
    this.#varint32();
    this.readString();
  }

  /** Field ids count from the one before; a struct in a struct counts anew. */
  beginStruct(): number {
    const outer = this.fieldId;
    this.fieldId = 0;
    return outer;
  }

  endStruct(outer: number): void {
    this.fieldId = outer;
  }

  nextField(): number {
    const header = this.readByte();
    if (header === STOP) return STOP;
    const type = header & 15;
    const delta = header >> 4;
    if (delta !== 0) this.fieldId += delta;
    else this.fieldId = unzigzag(this.#varint32());
    this.#fieldBool = type <= FALSE ? type : 0;
    return this.#typeOf(type);
  }

  beginList(): number {
    const header = this.readByte();
    this.elementType = this.#typeOf(header & 15);
    const short = header >> 4;
    return this.#count(short < 15 ? short : this.#varint32());
  }

  beginMap(): number {
    const count = this.#count(this.#varint32());
    if (count === 0) return 0;
    const types = this.readByte();
    this.keyType = this.#typeOf(types >> 4);
    this.elementType = this.#typeOf(types & 15);
    return count;
  }

  readBool(): boolean {
    const known = this.#fieldBool;
    this.#fieldBool = 0;
    return (known === 0 ? this.readByte() : known) === TRUE;
  }

  readByte(): number {
    if (this.at >= this.bytes.length) throw endsEarly();
    return this.bytes[this.at++];
  }

  readInt(_type: typeof I16 | typeof I32): number {
    return unzigzag(this.#varint32());
  }

  readI64(): void {
    let low = 0;
    let high = 0;
    const { bytes } = this;
    let at = this.at;
    for (let shift = 0; ; shift += 7) {
      if (at >= bytes.length) throw endsEarly();
      if (at - this.at >= VARINT_64_BYTES_MAX) throw thriftDamaged("integer over 64 bits");
      const byte = bytes[at++];
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) break;
    }
    this.at = at;
    const sign = -(low & 1);
    this.low = (((low >>> 1) | (high << 31)) ^ sign) >>> 0;
    this.high = ((high >>> 1) ^ sign) >>> 0;
  }

  readDouble(): void {
    const { bytes, at } = this;
    if (bytes.length - at < 8) throw endsEarly();
    this.low = word(bytes, at);
    this.high = word(bytes, at + 4);
    this.at = at + 8;
  }

  readString(): void {
    const length = this.#varint32();
    if (length > this.bytes.length - this.at) throw endsEarly();
    this.start = this.at;
    this.length = length;
    this.at += length;
  }

  #count(count: number): number {
    // The smallest element is a byte.
    if (count > this.bytes.length - this.at) throw thriftDamaged("list over its end");
    return count;
  }

  /** Unsigned. */
  #varint32(): number {
    const first = this.readByte();
    if (first < 128) return first;
    let value = first & 127;
    for (let i = 1; i < VARINT_32_BYTES_MAX; i++) {
      const byte = this.readByte();
      value |= (byte & 127) << (7 * i);
      if (byte < 128) return value >>> 0;
    }
    throw thriftDamaged("integer over 32 bits");
  }

  #typeOf(number: number): number {
    const type = TYPES[number];
    if (type === undefined) throw thriftDamaged(`unknown type ${number}`);
    return type;
  }
}

function unzigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}

function word(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 3] << 24) | (bytes[at + 2] << 16);
  return (high | (bytes[at + 1] << 8) | bytes[at]) >>> 0;
}

function endsEarly() {
  return thriftDamaged("it ends too early");
}
