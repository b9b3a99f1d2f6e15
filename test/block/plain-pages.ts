/** Page bodies made by hand: levels in RLE runs, values PLAIN. An oracle that is slow and short. */
import type { ColumnShape } from "../../src/block/parquet-schema.ts";

export type PlainValue = boolean | number | bigint | string | Uint8Array;

/** One value with its levels; without a value where it, or something around it, is missing. */
export interface Entry {
  readonly repetition: number;
  readonly definition: number;
  readonly value?: PlainValue;
}

export function pageBody(entries: readonly Entry[], shape: ColumnShape): Uint8Array {
  const values = entries.flatMap(({ value }) => (value === undefined ? [] : [value]));
  return joined([
    levels(
      entries.map((entry) => entry.repetition),
      shape.repetitionMax,
    ),
    levels(
      entries.map((entry) => entry.definition),
      shape.definitionMax,
    ),
    plain(values, shape),
  ]);
}

/** A column without lists: undefined is null. */
export function flat(values: readonly (PlainValue | undefined)[], shape: ColumnShape): Entry[] {
  return values.map((value) =>
    value === undefined
      ? { repetition: 0, definition: shape.definitionMax - 1 }
      : { repetition: 0, definition: shape.definitionMax, value },
  );
}

export function plain(values: readonly PlainValue[], shape: ColumnShape): Uint8Array {
  if (shape.type === "BOOLEAN") {
    const bits = new Uint8Array(Math.ceil(values.length / 8));
    values.forEach((value, i) => {
      if (value) bits[i >> 3] |= 1 << (i & 7);
    });
    return bits;
  }
  return joined(
    values.map((value) => {
      const bytes = valueBytes(value, shape);
      return shape.type === "BYTE_ARRAY" ? joined([uint32(bytes.length), bytes]) : bytes;
    }),
  );
}

/** As statistics have it. */
export function valueBytes(value: PlainValue, shape: ColumnShape): Uint8Array {
  if (typeof value === "string") return new TextEncoder().encode(value);
  if (value instanceof Uint8Array) return value;
  if (shape.type === "BOOLEAN") return Uint8Array.of(value ? 1 : 0);
  const view = new DataView(new ArrayBuffer(shape.type === "INT32" ? 4 : 8));
  if (shape.type === "INT32") view.setInt32(0, Number(value), true);
  else if (shape.type === "INT64") view.setBigInt64(0, BigInt(value), true);
  else view.setFloat64(0, Number(value), true);
  return new Uint8Array(view.buffer);
}

function levels(all: readonly number[], max: number): Uint8Array {
  if (max === 0) return new Uint8Array(0);
  const bytes = runs(all);
  return joined([uint32(bytes.length), bytes]);
}

/** Numbers below 256 as RLE runs of at most eight bits. */
function runs(all: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to] === all[from]) to++;
    let header = (to - from) << 1;
    for (; header >= 128; header >>>= 7) bytes.push((header & 127) | 128);
    bytes.push(header, all[from]);
    from = to;
  }
  return Uint8Array.from(bytes);
}

/** The values of a page that refers to a dictionary: a bit width, then runs of codes. */
export function codeBody(codes: readonly number[]): Uint8Array {
  return joined([Uint8Array.of(8), runs(codes)]);
}

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
