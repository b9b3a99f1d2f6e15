/**
 * What the two wire formats of Thrift have in common: the reader that both are, and how values
 * that nobody asked for are skipped.
 *
 * A reader is a cursor over one message. It makes no objects: what it read last stands in its
 * fields, numbers of 64 bits as two halves, strings as a place in the message.
 *
 * Input is trusted in nothing. Every read checks that its bytes are there, a list can hold no more
 * elements than bytes follow it, and what is skipped nests DEPTH_MAX deep at most. So the work is
 * linear in the message, and a reader ends with `malformed` or behind the last byte that it needed.
 */
import { EngineError } from "../base/error.ts";

/** Types of values as the binary protocol numbers them; the compact one is told in these too. */
export const STOP = 0;
export const BOOL = 2;
export const BYTE = 3;
export const DOUBLE = 4;
export const I16 = 6;
export const I32 = 8;
export const I64 = 10;
export const STRING = 11;
export const STRUCT = 12;
export const MAP = 13;
export const SET = 14;
export const LIST = 15;

/** Of what is skipped; the structs of Jaeger and Zipkin nest four deep. */
export const DEPTH_MAX = 32;

export interface ThriftReader {
  /** The message that is read. */
  readonly bytes: Uint8Array;
  /** Where the next read begins; lists and structs may be read again from their place. */
  at: number;
  /** What nextField() found. */
  readonly fieldId: number;
  /** What beginList() and, for its values, beginMap() found. */
  readonly elementType: number;
  /** Of keys: what beginMap() found. */
  readonly keyType: number;
  /** Bits of the last i64 or double, unsigned. */
  readonly low: number;
  readonly high: number;
  /** Where the bytes of the last string lie, and how many. */
  readonly start: number;
  readonly length: number;

  /** From here on reads `bytes`. */
  begin(bytes: Uint8Array): void;
  /** The header of a call: its name is the last string. */
  beginMessage(): void;
  /** Returns what endStruct() wants. */
  beginStruct(): number;
  endStruct(outer: number): void;
  /** The type of the next field, STOP behind the last one. */
  nextField(): number;
  /** Also of a set: the number of elements. */
  beginList(): number;
  /** The number of pairs. */
  beginMap(): number;
  readBool(): boolean;
  readByte(): number;
  /** I16 and I32, signed. */
  readInt(type: typeof I16 | typeof I32): number;
  readI64(): void;
  readDouble(): void;
  /** Also of binary: these are not told apart. */
  readString(): void;
}

export function thriftDamaged(what: string): EngineError {
  return new EngineError("malformed", `thrift: ${what}`);
}

/** Behind the value of `type` that begins here. */
export function skipValue(reader: ThriftReader, type: number, depth = 0): void {
  if (depth > DEPTH_MAX) throw thriftDamaged("values nest too deep");
  switch (type) {
    case BOOL:
      reader.readBool();
      return;
    case BYTE:
      reader.readByte();
      return;
    case I16:
    case I32:
      reader.readInt(type);
      return;
    case I64:
      reader.readI64();
      return;
    case DOUBLE:
      reader.readDouble();
      return;
    case STRING:
      reader.readString();
      return;
    case STRUCT:
      skipStruct(reader, depth);
      return;
    case LIST:
    case SET: {
      const count = reader.beginList();
      const elementType = reader.elementType;
      for (let i = 0; i < count; i++) skipValue(reader, elementType, depth + 1);
      return;
    }
    case MAP: {
      const count = reader.beginMap();
      const { keyType, elementType } = reader;
      for (let i = 0; i < count; i++) {
        skipValue(reader, keyType, depth + 1);
        skipValue(reader, elementType, depth + 1);
      }
      return;
    }
    default:
      throw thriftDamaged(`unknown type ${type}`);
  }
}

function skipStruct(reader: ThriftReader, depth: number): void {
  const outer = reader.beginStruct();
  for (let type = reader.nextField(); type !== STOP; type = reader.nextField()) {
    skipValue(reader, type, depth + 1);
  }
  reader.endStruct(outer);
}
