/**
 * Smallest and largest values as Parquet's statistics hold them: PLAIN bytes, without the length
 * for BYTE_ARRAY, in the order that the type defines. They may be shortened: a bound is a bound
 * also when it lies below the smallest or above the largest value.
 */
import { assert } from "../base/assert.ts";
import type { ColumnShape } from "./parquet-schema.ts";

/** Long enough to tell names and URLs apart, short enough for a footer of a thousand columns. */
export const BOUND_BYTES_MAX = 64;

export interface Bound {
  readonly bytes: Uint8Array;
  /** The bytes are a value that occurs, not one that was shortened. */
  readonly exact: boolean;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** A copy of `value`, shortened to a lower bound; undefined for NaN, which has no order. */
export function lowerBound(value: Uint8Array, shape: ColumnShape): Bound | undefined {
  if (shape.type === "DOUBLE") return doubleBound(value, -0);
  if (shape.type !== "BYTE_ARRAY" || value.length <= BOUND_BYTES_MAX) return whole(value);
  return { bytes: value.slice(0, cutLength(value, shape)), exact: false };
}

/** A copy of `value`, shortened and rounded up; undefined when nothing short is above it. */
export function upperBound(value: Uint8Array, shape: ColumnShape): Bound | undefined {
  if (shape.type === "DOUBLE") return doubleBound(value, 0);
  if (shape.type !== "BYTE_ARRAY" || value.length <= BOUND_BYTES_MAX) return whole(value);
  const cut = value.slice(0, cutLength(value, shape));
  const bytes = (isText(shape) ? nextText(cut) : undefined) ?? nextBytes(cut);
  return bytes && { bytes, exact: false };
}

/** Below zero when `a` comes first. */
export function compareValues(a: Uint8Array, b: Uint8Array, shape: ColumnShape): number {
  if (shape.type === "BYTE_ARRAY" || shape.type === "FIXED") return Buffer.compare(a, b);
  const [x, y] = [numberOf(a, shape), numberOf(b, shape)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function numberOf(bytes: Uint8Array, shape: ColumnShape): number | bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (shape.type === "BOOLEAN") return view.getUint8(0);
  if (shape.type === "INT64") return view.getBigInt64(0, true);
  if (shape.type === "DOUBLE") return view.getFloat64(0, true);
  assert(shape.type === "INT32", "parquet: type without numbers");
  return shape.logical === "UINT_32" ? view.getUint32(0, true) : view.getInt32(0, true);
}

function whole(value: Uint8Array): Bound {
  return { bytes: value.slice(), exact: true };
}

/** Zero as a bound carries the sign that is the safe one: both zeros may be among the values. */
function doubleBound(value: Uint8Array, zero: number): Bound | undefined {
  const bytes = value.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = view.getFloat64(0, true);
  if (Number.isNaN(number)) return undefined;
  if (number === 0) view.setFloat64(0, zero, true);
  return { bytes, exact: true };
}

function isText(shape: ColumnShape): boolean {
  return shape.logical === "STRING" || shape.logical === "JSON";
}

/** Text is cut between characters, for readers show bounds as text. */
function cutLength(value: Uint8Array, shape: ColumnShape): number {
  let length = BOUND_BYTES_MAX;
  if (!isText(shape)) return length;
  while (length > BOUND_BYTES_MAX - 4 && (value[length] & 0xc0) === 0x80) length--;
  return (value[length] & 0xc0) === 0x80 ? BOUND_BYTES_MAX : length;
}

/** The last character that has a next one is moved to it, all behind it dropped. */
function nextText(cut: Uint8Array): Uint8Array | undefined {
  let characters: string[];
  try {
    characters = [...strict.decode(cut)];
  } catch {
    return undefined;
  }
  while (characters.length > 0) {
    const code = characters.pop()?.codePointAt(0) as number;
    if (code === 0x10ffff) continue;
    // Surrogates are no characters; UTF-8 leaves them out.
    const next = code === 0xd7ff ? 0xe000 : code + 1;
    return encoder.encode(characters.join("") + String.fromCodePoint(next));
  }
  return undefined;
}

function nextBytes(cut: Uint8Array): Uint8Array | undefined {
  let length = cut.length;
  while (length > 0 && cut[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const bytes = cut.slice(0, length);
  bytes[length - 1]++;
  return bytes;
}
