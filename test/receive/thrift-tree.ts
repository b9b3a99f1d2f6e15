/** Values of Thrift as a tree, their encoders in both protocols, and what a reader sees of them. */
import type { Prng } from "../../src/base/prng.ts";
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
} from "../../src/receive/thrift.ts";

export type ThriftValue =
  | { readonly type: typeof BOOL; readonly value: boolean }
  | { readonly type: typeof BYTE | typeof I16 | typeof I32; readonly value: number }
  | { readonly type: typeof I64; readonly value: bigint }
  | { readonly type: typeof DOUBLE; readonly value: number }
  | { readonly type: typeof STRING; readonly value: Uint8Array | string }
  | { readonly type: typeof LIST | typeof SET; readonly of: number; readonly values: ThriftValue[] }
  | {
      readonly type: typeof MAP;
      readonly keys: number;
      readonly of: number;
      readonly pairs: (readonly [ThriftValue, ThriftValue])[];
    }
  | { readonly type: typeof STRUCT; readonly fields: (readonly [number, ThriftValue])[] };

export type ThriftStruct = Extract<ThriftValue, { type: typeof STRUCT }>;
export type ThriftProtocol = "binary" | "compact";

export const struct = (...fields: (readonly [number, ThriftValue])[]): ThriftStruct => ({
  type: STRUCT,
  fields,
});
export const list = (of: number, values: ThriftValue[]): ThriftValue => ({
  type: LIST,
  of,
  values,
});
export const i32 = (value: number): ThriftValue => ({ type: I32, value });
export const i64 = (value: bigint | number): ThriftValue => ({ type: I64, value: BigInt(value) });
export const text = (value: string | Uint8Array): ThriftValue => ({ type: STRING, value });
export const bool = (value: boolean): ThriftValue => ({ type: BOOL, value });
export const double = (value: number): ThriftValue => ({ type: DOUBLE, value });

export function encode(protocol: ThriftProtocol, value: ThriftValue): Uint8Array {
  const out: number[] = [];
  (protocol === "binary" ? binary : compact)(out, value);
  return Uint8Array.from(out);
}

/** A call of a method: its header, then the arguments as a struct. */
export function encodeCall(
  protocol: ThriftProtocol | "binary, not strict",
  name: string,
  args: ThriftStruct,
): Uint8Array {
  const out: number[] = [];
  if (protocol === "compact") {
    out.push(0x82, (4 << 5) | 1, 0);
    compact(out, text(name));
    compact(out, args);
    return Uint8Array.from(out);
  }
  if (protocol === "binary") out.push(0x80, 1, 0, 4);
  binary(out, text(name));
  if (protocol !== "binary") out.push(4);
  int(out, 0, 4);
  binary(out, args);
  return Uint8Array.from(out);
}

const utf8 = (value: Uint8Array | string) =>
  typeof value === "string" ? new TextEncoder().encode(value) : value;

function int(out: number[], value: number | bigint, bytes: number): void {
  const all = BigInt.asUintN(8 * bytes, BigInt(value));
  for (let i = bytes - 1; i >= 0; i--) out.push(Number((all >> BigInt(8 * i)) & 255n));
}

function floatBytes(value: number, littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, littleEndian);
  return new Uint8Array(view.buffer);
}

function binary(out: number[], value: ThriftValue): void {
  switch (value.type) {
    case BOOL:
      out.push(value.value ? 1 : 0);
      break;
    case BYTE:
      int(out, value.value, 1);
      break;
    case I16:
      int(out, value.value, 2);
      break;
    case I32:
      int(out, value.value, 4);
      break;
    case I64:
      int(out, value.value, 8);
      break;
    case DOUBLE:
      out.push(...floatBytes(value.value, false));
      break;
    case STRING: {
      const bytes = utf8(value.value);
      int(out, bytes.length, 4);
      out.push(...bytes);
      break;
    }
    case LIST:
    case SET:
      out.push(value.of);
      int(out, value.values.length, 4);
      for (const one of value.values) binary(out, one);
      break;
    case MAP:
      out.push(value.keys, value.of);
      int(out, value.pairs.length, 4);
      for (const [key, one] of value.pairs) {
        binary(out, key);
        binary(out, one);
      }
      break;
    case STRUCT:
      for (const [id, one] of value.fields) {
        out.push(one.type);
        int(out, id, 2);
        binary(out, one);
      }
      out.push(STOP);
  }
}

const COMPACT_TYPES: ReadonlyMap<number, number> = new Map([
  ...([[BOOL, 1] as const, [BYTE, 3] as const, [I16, 4] as const, [I32, 5] as const] as const),
  ...([[I64, 6] as const, [DOUBLE, 7] as const, [STRING, 8] as const] as const),
  ...([[LIST, 9] as const, [SET, 10] as const, [MAP, 11] as const, [STRUCT, 12] as const] as const),
]);
const compactType = (type: number) => COMPACT_TYPES.get(type) ?? 0;

function varint(out: number[], value: bigint): void {
  let rest = value;
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
}

const zigzag = (value: bigint) => BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));

function compact(out: number[], value: ThriftValue): void {
  switch (value.type) {
    case BOOL:
      out.push(value.value ? 1 : 2);
      break;
    case BYTE:
      int(out, value.value, 1);
      break;
    case I16:
    case I32:
    case I64:
      varint(out, zigzag(BigInt(value.value)));
      break;
    case DOUBLE:
      out.push(...floatBytes(value.value, true));
      break;
    case STRING: {
      const bytes = utf8(value.value);
      varint(out, BigInt(bytes.length));
      out.push(...bytes);
      break;
    }
    case LIST:
    case SET:
      compactList(out, value.of, value.values);
      break;
    case MAP:
      varint(out, BigInt(value.pairs.length));
      if (value.pairs.length > 0) out.push((compactType(value.keys) << 4) | compactType(value.of));
      for (const [key, one] of value.pairs) {
        compact(out, key);
        compact(out, one);
      }
      break;
    case STRUCT:
      compactStruct(out, value.fields);
  }
}

function compactList(out: number[], of: number, values: readonly ThriftValue[]): void {
  out.push((Math.min(values.length, 15) << 4) | compactType(of));
  if (values.length > 14) varint(out, BigInt(values.length));
  for (const one of values) compact(out, one);
}

function compactStruct(out: number[], fields: ThriftStruct["fields"]): void {
  let last = 0;
  for (const [id, one] of fields) {
    const type = one.type === BOOL ? (one.value ? 1 : 2) : compactType(one.type);
    if (id > last && id - last < 16) out.push(((id - last) << 4) | type);
    else {
      out.push(type);
      varint(out, zigzag(BigInt(id)));
    }
    last = id;
    if (one.type !== BOOL) compact(out, one);
  }
  out.push(STOP);
}

/** What a reader makes of the value of `type` where it stands. */
export function readTree(reader: ThriftReader, type: number): ThriftValue {
  switch (type) {
    case BOOL:
      return { type, value: reader.readBool() };
    case BYTE:
      return { type, value: (reader.readByte() << 24) >> 24 };
    case I16:
    case I32:
      return { type, value: reader.readInt(type) };
    case I64:
      reader.readI64();
      return { type, value: BigInt.asIntN(64, (BigInt(reader.high) << 32n) | BigInt(reader.low)) };
    case DOUBLE: {
      reader.readDouble();
      const view = new DataView(new ArrayBuffer(8));
      view.setUint32(0, reader.high);
      view.setUint32(4, reader.low);
      return { type, value: view.getFloat64(0) };
    }
    case STRING: {
      reader.readString();
      const { start, length } = reader;
      return { type, value: reader.bytes.slice(start, start + length) };
    }
    case LIST:
    case SET: {
      const count = reader.beginList();
      const of = reader.elementType;
      return { type, of, values: Array.from({ length: count }, () => readTree(reader, of)) };
    }
    case MAP: {
      const count = reader.beginMap();
      const { keyType: keys, elementType: of } = reader;
      const pair = () => [readTree(reader, keys), readTree(reader, of)] as const;
      return { type, keys, of, pairs: Array.from({ length: count }, pair) };
    }
    case STRUCT: {
      const outer = reader.beginStruct();
      const fields: [number, ThriftValue][] = [];
      for (let inner = reader.nextField(); inner !== STOP; inner = reader.nextField()) {
        fields.push([reader.fieldId, readTree(reader, inner)]);
      }
      reader.endStruct(outer);
      return { type, fields };
    }
    default:
      throw new Error(`test: no type ${type}`);
  }
}

const ALL = [BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST] as const;
const LEAVES = ALL.slice(0, 7);

export function randomStruct(random: Prng, depth = 3): ThriftStruct {
  const value = randomValue(random, STRUCT, depth);
  return value as ThriftStruct; // of the type that was asked for
}

function randomValue(random: Prng, type: number, depth: number): ThriftValue {
  const kinds = depth > 0 ? ALL : LEAVES;
  const kind = () => kinds[random.below(kinds.length)];
  const wide = () =>
    BigInt.asIntN(
      64,
      random.bytes(8).reduce((all, b) => (all << 8n) | BigInt(b), 0n),
    );
  const number = () => BigInt.asIntN(64, wide() >> BigInt(random.below(64)));
  const several = random.below(10) === 0 ? 20 : random.below(4);
  switch (type) {
    case BOOL:
      return bool(random.below(2) === 0);
    case BYTE:
      return { type, value: Number(BigInt.asIntN(8, number())) };
    case I16:
      return { type, value: Number(BigInt.asIntN(16, number())) };
    case I32:
      return { type, value: Number(BigInt.asIntN(32, number())) };
    case I64:
      return i64(number());
    case DOUBLE:
      return double((random.unit() - 0.5) * 10 ** random.below(300));
    case STRING:
      return text(random.bytes(random.below(20)));
    case LIST:
    case SET: {
      const of = kind();
      const one = () => randomValue(random, of, depth - 1);
      return { type, of, values: Array.from({ length: several }, one) };
    }
    case MAP: {
      const [keys, of] = several === 0 ? [STOP, STOP] : [kind(), kind()];
      const pair = () =>
        [randomValue(random, keys, depth - 1), randomValue(random, of, depth - 1)] as const;
      return { type, keys, of, pairs: Array.from({ length: several }, pair) };
    }
    default: {
      let id = random.below(3) === 0 ? -5 : 0;
      const field = () => {
        id += random.below(5) === 0 ? 1 + random.below(300) : 1;
        return [id, randomValue(random, kind(), depth - 1)] as const;
      };
      return { type: STRUCT, fields: Array.from({ length: several }, field) };
    }
  }
}
