/** Zipkin's binary formats written by hand, field by field, as their definitions have them. */
import { ProtoWriter } from "../../src/query/proto-writer.ts";

const encoder = new TextEncoder();

// ---- protobuf: zipkin.proto3

type ProtoField = (out: ProtoWriter) => void;

export const bytesField =
  (number: number, bytes: Uint8Array | string): ProtoField =>
  (out) => {
    const raw = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
    out.varint(number * 8 + 2);
    out.varint(raw.length);
    out.bytes(raw);
  };
export const varintField =
  (number: number, value: number): ProtoField =>
  (out) => {
    out.varint(number * 8);
    out.varint(value);
  };
export const fixed64Field =
  (number: number, value: number): ProtoField =>
  (out) => {
    out.varint(number * 8 + 1);
    out.fixed64(BigInt(value));
  };
export const messageField = (number: number, fields: readonly ProtoField[]): ProtoField =>
  bytesField(number, protoMessage(fields));

export function protoMessage(fields: readonly ProtoField[]): Uint8Array {
  const out = new ProtoWriter();
  for (const field of fields) field(out);
  return out.written(0, out.length).slice();
}

// ---- Thrift, binary protocol

export type ThriftValue =
  | { readonly type: 2; readonly bool: boolean }
  | { readonly type: 6 | 8 | 10; readonly int: bigint | number }
  | { readonly type: 11; readonly bytes: Uint8Array | string }
  | { readonly type: 12; readonly fields: ThriftFields }
  | { readonly type: 15; readonly elements: readonly ThriftFields[] };
/** By field id. */
export type ThriftFields = Readonly<Record<number, ThriftValue>>;

export const bool = (value: boolean): ThriftValue => ({ type: 2, bool: value });
export const i16 = (int: number): ThriftValue => ({ type: 6, int });
export const i32 = (int: number): ThriftValue => ({ type: 8, int });
export const i64 = (int: bigint | number): ThriftValue => ({ type: 10, int });
export const string = (bytes: Uint8Array | string): ThriftValue => ({ type: 11, bytes });
export const struct = (fields: ThriftFields): ThriftValue => ({ type: 12, fields });
export const list = (...elements: ThriftFields[]): ThriftValue => ({ type: 15, elements });

/** list<struct> as a body. */
export function thriftList(structs: readonly ThriftFields[]): Uint8Array {
  return valueBytes({ type: 15, elements: structs });
}

function valueBytes(value: ThriftValue): Uint8Array {
  switch (value.type) {
    case 2:
      return Uint8Array.of(value.bool ? 1 : 0);
    case 6:
      return bigEndian(BigInt(value.int), 2);
    case 8:
      return bigEndian(BigInt(value.int), 4);
    case 10:
      return bigEndian(BigInt(value.int), 8);
    case 11: {
      const { bytes } = value;
      const raw = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
      return Buffer.concat([bigEndian(BigInt(raw.length), 4), raw]);
    }
    case 12:
      return structBytes(value.fields);
    case 15: {
      const head = [Uint8Array.of(12), bigEndian(BigInt(value.elements.length), 4)];
      return Buffer.concat([...head, ...value.elements.map(structBytes)]);
    }
  }
}

function structBytes(fields: ThriftFields): Uint8Array {
  const parts = Object.entries(fields).flatMap(([id, value]) => [
    Uint8Array.of(value.type),
    bigEndian(BigInt(id), 2),
    valueBytes(value),
  ]);
  return Buffer.concat([...parts, Uint8Array.of(0)]);
}

export function bigEndian(value: bigint, bytes: number): Uint8Array {
  const all = new Uint8Array(8);
  new DataView(all.buffer).setBigInt64(0, BigInt.asIntN(64, value));
  return all.subarray(8 - bytes);
}
