/**
 * Protobuf bytes to proto3 JSON, byte by byte, as gogo's jsonpb prints it for Tempo: names in
 * lowerCamelCase, zero and empty fields left out unless they are members of a oneof, 64-bit
 * integers as strings, enums by name (by number when it has none), bytes in base64, NaN and the
 * infinities as strings.
 *
 * A trace of 50 MB has a hundred thousand spans; no object is made for any of them. Fields come in
 * the order of the wire. Bytes that repeat a field apart from its first run, which no encoder of
 * ours writes but a client may, are put in order first.
 */
import type { JsonBytes } from "./json-bytes.ts";
import type { ProtoField, ProtoShape } from "./otlp-shape.ts";
import { damaged, ProtoCursor } from "./proto-cursor.ts";
import { isInOrder, putInOrder } from "./proto-order.ts";

const COMMA = 0x2c;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** Values nest at most 32 deep on the way in, two messages each; the rest is the span around. */
const DEPTH_MAX = 100;

/** Writes one whole message; throws `block_corrupt` when the bytes do not parse. */
export function writeProtoJson(out: JsonBytes, bytes: Uint8Array, shape: ProtoShape): void {
  new Transcoder(out, bytes).message(shape, bytes.length, 0);
}

class Transcoder {
  readonly #out: JsonBytes;
  readonly #cursor: ProtoCursor;

  constructor(out: JsonBytes, bytes: Uint8Array) {
    this.#out = out;
    this.#cursor = new ProtoCursor(bytes);
  }

  /** From the cursor to `end`. */
  message(shape: ProtoShape, end: number, depth: number): void {
    if (depth > DEPTH_MAX) throw damaged("nested too deep");
    const cursor = this.#cursor;
    const start = cursor.at;
    if (isInOrder(cursor, end, shape)) {
      cursor.at = start;
      this.#fields(shape, end, depth);
      return;
    }
    cursor.at = end;
    const ordered = putInOrder(cursor.bytes.subarray(start, end), shape);
    new Transcoder(this.#out, ordered).#fields(shape, ordered.length, depth);
  }

  #fields(shape: ProtoShape, end: number, depth: number): void {
    const out = this.#out;
    const cursor = this.#cursor;
    /** The repeated field whose array is open. */
    let list: ProtoField | undefined;
    let first = true;
    out.char(BRACE_OPEN);
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      const field = shape.fields[tag >>> 3];
      if (field === undefined) {
        cursor.skip(tag & 7, end);
        continue;
      }
      if (field.wire !== (tag & 7)) throw damaged(`wire type of ${field.jsonName}`);
      if (field === list) {
        this.#value(field, end, { first: false, depth });
        continue;
      }
      if (list !== undefined) out.char(BRACKET_CLOSE);
      list = undefined;
      if (field.repeated) {
        if (!first) out.char(COMMA);
        out.raw(field.key);
        out.char(BRACKET_OPEN);
        list = field;
        this.#value(field, end, { first: true, depth });
        first = false;
      } else if (this.#value(field, end, { first, depth })) first = false;
    }
    if (list !== undefined) out.char(BRACKET_CLOSE);
    out.char(BRACE_CLOSE);
  }

  /** Writes one value with what stands before it; false when it is zero and so left out. */
  #value(field: ProtoField, end: number, at: { first: boolean; depth: number }): boolean {
    const cursor = this.#cursor;
    if (field.kind === "message") {
      const messageEnd = cursor.length(end) + cursor.at;
      this.#lead(field, at.first);
      this.message((field.message as () => ProtoShape)(), messageEnd, at.depth + 1);
      return true;
    }
    const zeroShown = field.member || field.repeated;
    if (field.kind === "string" || field.kind === "bytes") {
      const length = cursor.length(end);
      if (length === 0 && !zeroShown) return false;
      this.#lead(field, at.first);
      const start = cursor.at;
      cursor.at += length;
      if (field.kind === "string") this.#out.utf8(cursor.bytes, start, cursor.at);
      else this.#out.base64(cursor.bytes, start, cursor.at);
      return true;
    }
    const text = this.#scalar(field, end);
    if (!zeroShown && (text === "0" || text === '"0"' || text === "false")) return false;
    this.#lead(field, at.first);
    this.#out.ascii(text);
    return true;
  }

  #lead(field: ProtoField, first: boolean): void {
    if (!first) this.#out.char(COMMA);
    if (!field.repeated) this.#out.raw(field.key);
  }

  #scalar(field: ProtoField, end: number): string {
    const cursor = this.#cursor;
    const start = cursor.at;
    cursor.skip(field.wire, end);
    switch (field.kind) {
      case "double":
        return doubleText(cursor.view.getFloat64(start, true));
      case "fixed64":
        return `"${cursor.view.getBigUint64(start, true)}"`;
      case "fixed32":
        return String(cursor.view.getUint32(start, true));
      case "bool":
        return cursor.low === 0 && cursor.high === 0 ? "false" : "true";
      case "uint32":
        return String(cursor.low);
      case "int32":
        return String(cursor.low | 0);
      case "int64":
        return `"${int64Text(cursor.high, cursor.low)}"`;
      default:
        return enumText(field, cursor.low | 0);
    }
  }
}

/** An enum's zero has a name as well, but is left out like any other zero. */
function enumText(field: ProtoField, value: number): string {
  const name = value === 0 ? undefined : field.names?.[value];
  return name === undefined ? String(value) : `"${name}"`;
}

function doubleText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Two unsigned halves as a signed decimal; most are small and need no bigint. */
function int64Text(high: number, low: number): string {
  if (high < 0x20_0000) return String(high * 2 ** 32 + low);
  return String((BigInt(high | 0) << 32n) | BigInt(low));
}
