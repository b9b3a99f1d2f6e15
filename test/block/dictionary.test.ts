/** Dictionaries of text and number columns: each value once, in order, and codes that fit. */
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { CutHalf } from "../../src/block/cut-half.ts";
import { AnyValueSchema } from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { CutKernel } from "../support/cut-kernel.ts";

const RLE_DICTIONARY = 8;
const kernel = new CutKernel();

/** The dictionary page of the one attribute column that these values make, PLAIN. */
function dictionaryOf(values: readonly (string | bigint | number)[]): Uint8Array | undefined {
  kernel.begin();
  const spans = values.map((value, i) => ({
    traceId: new Uint8Array(16).fill(1 + (i % 7)),
    spanId: new Uint8Array(new BigUint64Array([BigInt(i + 1)]).buffer),
    attributes: [{ key: "k", value: create(AnyValueSchema, { value: anyValue(value) }) }],
  }));
  const trace = create(TraceSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] });
  kernel.add(toBinary(TraceSchema, trace), "one");
  const { kernel: calls, buffer, half, scratch } = kernel;
  expect(calls.openCut(half, scratch, scratch + 2 ** 27)).not.toBe(0);
  calls.listTenants();
  calls.sortCut();
  const [column] = new CutHalf(buffer, half).columns().filter(({ key }) => key === "k");
  calls.openColumn(column.index);
  expect(calls.beginChunk(0, values.length)).toBe(values.length);
  if (calls.chunkEncoding() !== RLE_DICTIONARY) return undefined;
  const at = calls.dictionaryPageAt() >>> 0;
  return new Uint8Array(buffer.slice(at, at + calls.dictionaryPageBytes()));
}

function anyValue(value: string | bigint | number) {
  if (typeof value === "string") return { case: "stringValue", value } as const;
  if (typeof value === "bigint") return { case: "intValue", value } as const;
  return { case: "doubleValue", value } as const;
}

function textsOf(page: Uint8Array): string[] {
  const view = new DataView(page.buffer);
  const texts: string[] = [];
  for (let at = 0; at < page.length; ) {
    const length = view.getUint32(at, true);
    texts.push(new TextDecoder().decode(page.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return texts;
}

const bytewise = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Few letters, zeros among them, so that many share long beginnings and some are their ends. */
function text(random: Prng): string {
  const letters = ["a", "b", "\0", "é", "\u{10ffff}"];
  const start = ["", "/api/products/", "/api/products/00000000"][random.below(3)];
  const tail = Array.from({ length: random.below(20) }, () => letters[random.below(5)]);
  return start + tail.join("");
}

test.each([1, 2, 3, 4])("texts are in bytewise order, seed %i", (seed) => {
  const random = prng(seed);
  const distinct = [...new Set(Array.from({ length: 2000 }, () => text(random)))];
  // Not all new ones first: such a column would be taken for one without repetition.
  const values = distinct.flatMap((value) => [value, value, value]);
  expect(textsOf(dictionaryOf(values) ?? new Uint8Array())).toEqual(distinct.sort(bytewise));
});

test("one text alone, the empty one, and one that is the beginning of all", () => {
  expect(textsOf(dictionaryOf(["", "", ""]) ?? new Uint8Array())).toEqual([""]);
  const values = ["ab\0", "ab", "ab\0\0", "ab\0\0\0\0\0\0\0", "", "ab\0\0\0\0\0\0\0\0"];
  const found = textsOf(dictionaryOf([...values, ...values]) ?? new Uint8Array());
  expect(found).toEqual(values.sort(bytewise));
});

const numbers: [string, bigint[]][] = [
  ["small ones", [3n, 0n, 4094n, -1n]],
  ["at the edge of small", [4094n, 4095n, 4096n, -1n]],
  ["below minus one", [-2n, 5n]],
  ["as large as they come", [2n ** 63n - 1n, -(2n ** 63n), 0n, 2n ** 32n, 2n ** 32n + 7n]],
];

test.each(numbers)("numbers are in order: %s", (_, distinct) => {
  const page = dictionaryOf([...distinct, ...distinct, ...distinct]);
  const found = page && [...new BigInt64Array(page.buffer)];
  expect(found).toEqual([...distinct].sort((a, b) => (a < b ? -1 : 1)));
});
