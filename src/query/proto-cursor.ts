/**
 * Walks protobuf bytes without making objects: tags, varints, lengths.
 *
 * The bytes come from our own head and blocks, so what does not parse is damage, not input: it is
 * a `block_corrupt`, and no read passes `end`.
 */
import { EngineError } from "../base/error.ts";

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

export class ProtoCursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the next read begins; readers of a length-delimited field set it themselves. */
  at = 0;
  /** The two halves of what varint() read last, unsigned. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads 64 bits into low and high. */
  varint(end: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw damaged("varint past the end");
      const byte = this.bytes[this.at++];
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw damaged("varint of more than ten bytes");
  }

  /** A tag: field number times eight plus wire type. */
  tag(end: number): number {
    this.varint(end);
    if (this.high !== 0 || this.low < 8) throw damaged("tag");
    return this.low;
  }

  /** The length of a length-delimited field whose payload begins at `at` after the call. */
  length(end: number): number {
    this.varint(end);
    if (this.high !== 0 || this.low > end - this.at) throw damaged("length past the end");
    return this.low;
  }

  /** Steps over the value that follows a tag. */
  skip(wire: number, end: number): void {
    if (wire === WIRE_VARINT) this.varint(end);
    else if (wire === WIRE_BYTES) {
      const length = this.length(end);
      this.at += length;
    } else this.at += fixedBytes(wire);
    if (this.at > end) throw damaged("value past the end");
  }
}

function fixedBytes(wire: number): number {
  if (wire === WIRE_FIXED64) return 8;
  if (wire === WIRE_FIXED32) return 4;
  throw damaged(`wire type ${wire}`);
}

/** Bytes that `value` takes as a varint; an integer from 0 up to 2 ** 53. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** Writes `value` at `at` and returns where it ends; an integer from 0 up to 2 ** 53. */
export function putVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let to = at;
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[to++] = (rest % 128) | 128;
  target[to++] = rest;
  return to;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function damaged(what: string): EngineError {
  return new EngineError("block_corrupt", `encoded trace: ${what}`);
}
