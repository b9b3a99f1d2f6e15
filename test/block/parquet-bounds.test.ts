import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import {
  BOUND_BYTES_MAX,
  compareValues,
  lowerBound,
  upperBound,
} from "../../src/block/parquet-bounds.ts";
import type { ColumnShape } from "../../src/block/parquet-schema.ts";
import { valueBytes } from "./plain-pages.ts";

const levels = { path: ["x"], repetition: "required", definitionMax: 0, repetitionMax: 0 } as const;
const shape = (rest: Pick<ColumnShape, "type" | "logical" | "fixedBytes">): ColumnShape => {
  return { ...levels, ...rest };
};
const text = shape({ type: "BYTE_ARRAY", logical: "STRING" });
const bytes = shape({ type: "BYTE_ARRAY" });
const double = shape({ type: "DOUBLE" });
const encode = (value: string) => new TextEncoder().encode(value);
const decode = new TextDecoder("utf-8", { fatal: true });

test("short values are their own bounds, and copied", () => {
  const value = encode("x".repeat(BOUND_BYTES_MAX));
  expect(lowerBound(value, text)).toEqual({ bytes: value, exact: true });
  expect(upperBound(value, text)).toEqual({ bytes: value, exact: true });
  expect(lowerBound(value, text)?.bytes).not.toBe(value);
  expect(upperBound(value, text)?.bytes).not.toBe(value);
});

test("long values are cut, the upper one to something above", () => {
  const upper = (value: string) => decode.decode(upperBound(encode(value), text)?.bytes);
  const lower = (value: string) => decode.decode(lowerBound(encode(value), text)?.bytes);
  expect(lower("x".repeat(65))).toBe("x".repeat(64));
  expect(upper("x".repeat(65))).toBe(`${"x".repeat(63)}y`);
  expect(lower(`${"x".repeat(63)}é!`)).toBe("x".repeat(63));
  expect(lower(`${"x".repeat(61)}🙂!`)).toBe("x".repeat(61));
  expect(upper(`${"x".repeat(63)}\u007f!`)).toBe(`${"x".repeat(63)}\u0080`);
  expect(upper(`${"x".repeat(61)}\ud7ff!`)).toBe(`${"x".repeat(61)}\ue000`);
  expect(upper(`${"x".repeat(60)}\u{10ffff}!`)).toBe(`${"x".repeat(59)}y`);
  expect(upperBound(encode("\u{10ffff}".repeat(17)), text)).toEqual({
    // As text nothing is above; as bytes there is.
    bytes: Uint8Array.from([...encode("\u{10ffff}".repeat(16)).slice(0, 63), 0xc0]),
    exact: false,
  });
});

test("no short bytes are above 0xff again and again", () => {
  expect(upperBound(new Uint8Array(65).fill(255), bytes)).toBe(undefined);
  expect(lowerBound(new Uint8Array(65).fill(255), bytes)?.bytes).toHaveLength(64);
});

test("NaN bounds nothing, zeros bound each other", () => {
  const of = (value: number) => valueBytes(value, double);
  expect(lowerBound(of(Number.NaN), double)).toBe(undefined);
  expect(upperBound(of(Number.NaN), double)).toBe(undefined);
  expect(lowerBound(of(0), double)?.bytes).toEqual(of(-0));
  expect(upperBound(of(-0), double)?.bytes).toEqual(of(0));
  expect(lowerBound(of(-1.5), double)?.bytes).toEqual(of(-1.5));
});

test("values are compared in the order of their type", () => {
  const uint = shape({ type: "INT32", logical: "UINT_32" });
  const order = (a: number | bigint | boolean, b: number | bigint | boolean, of: ColumnShape) =>
    compareValues(valueBytes(a, of), valueBytes(b, of), of);
  expect(order(-1, 1, shape({ type: "INT32" }))).toBeLessThan(0);
  expect(order(-1, 1, uint)).toBeGreaterThan(0);
  expect(order(-1n, 256n, shape({ type: "INT64" }))).toBeLessThan(0);
  expect(order(-0.5, 0.25, double)).toBeLessThan(0);
  expect(order(true, false, shape({ type: "BOOLEAN" }))).toBeGreaterThan(0);
  expect(compareValues(Uint8Array.of(128), Uint8Array.of(1, 2), bytes)).toBeGreaterThan(0);
});

test("bounds of random values hold, and those of text are text", () => {
  const random = prng(11);
  const characters = ["a", "é", "€", "🙂", "\ud7ff", "\uffff", "\u{10ffff}", "\u007f"];
  for (let round = 0; round < 3000; round++) {
    const length = random.below(120);
    const isText = random.below(2) === 0;
    const of = isText ? text : bytes;
    const value = isText
      ? encode(Array.from({ length }, () => characters[random.below(8)]).join(""))
      : random.bytes(length).map((byte) => (random.below(3) === 0 ? 255 : byte));
    const [low, high] = [lowerBound(value, of), upperBound(value, of)];
    if (!low || !high) throw new Error(`round ${round}: no bound`);
    const slack = low.exact ? 0 : -1;
    expect(compareValues(low.bytes, value, of)).toBe(slack);
    expect(compareValues(value, high.bytes, of)).toBe(high.exact ? 0 : -1);
    expect(low.bytes.length).toBeLessThanOrEqual(BOUND_BYTES_MAX);
    expect(high.bytes.length).toBeLessThanOrEqual(BOUND_BYTES_MAX + 1);
    if (isText) decode.decode(low.bytes);
  }
});
