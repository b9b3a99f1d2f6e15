/** Columns without places for rows that have no value say what those with a place for each say. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { BlockCaches, openBlock } from "../../src/block/block-read.ts";
import { BlockVectors } from "../../src/block/block-vectors.ts";
import { instantiate, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import type { DataValue } from "../../src/model/data-value.ts";
import { StepScratch } from "../../src/vector/step-scratch.ts";
import type { CodesVector, PackedCodes, Vector } from "../../src/vector/vector.ts";
import { VectorCache } from "../../src/vector/vector-cache.ts";
import { goldenBlocks } from "../golden/golden-blocks.ts";
import { ROOT } from "../support/checkout.ts";

const SCRATCH = 256 * MiB;
const memory = makeMemory(SCRATCH + 64 * MiB);
const buffer = sharedBuffer(memory);
const wasm = readFileSync(join(ROOT, "native", "build", "kernel.wasm"));
const kernel = instantiate(new WebAssembly.Module(wasm), memory);
const scratch = new StepScratch(buffer, { base: 0, bytes: SCRATCH });

function vectorsOf(folder: string, rows?: { first: number; end: number }) {
  const caches = new BlockCaches({ filesMax: 8, bytesMax: 8 * MiB });
  const block = openBlock(caches, folder);
  const keeper = new VectorCache(SCRATCH, 64 * MiB);
  const range = rows ?? { first: 0, end: block.file.rows };
  const of = { caches, scratch, kernel, source: block, rows: range, name: `${folder}/` };
  return { block, keeper, vectors: new BlockVectors({ ...of, vectors: keeper }) };
}

function codeAt({ at, width }: Pick<CodesVector, "at" | "width">, i: number): number {
  const code = scratch.bytes.subarray(at + i * width, at + (i + 1) * width);
  return code.reduce((sum, byte, place) => sum + byte * 256 ** place, 0);
}

const bit = (at: number, i: number) => (scratch.bytes[at + (i >>> 3)] >>> (i & 7)) & 1;

function unpacked(packed: PackedCodes, rows: number): (DataValue | undefined)[] {
  let next = 0;
  const values = Array.from({ length: rows }, (_, row) => {
    if (bit(packed.present, row) === 0) return undefined;
    return packed.dictionary.at(codeAt(packed, next++) - 1);
  });
  expect(next).toBe(packed.count);
  return values;
}

function shown(vector: Vector, rows: number): (DataValue | undefined)[] {
  return Array.from({ length: rows }, (_, row): DataValue | undefined => {
    if (vector.kind === "codes") {
      const code = codeAt(vector, row);
      return code === 0 ? undefined : vector.dictionary.at(code - 1);
    }
    if (vector.present !== 0 && bit(vector.present, row) === 0) return undefined;
    const at = vector.at / 8 + row;
    if (vector.kind === "longs") return { type: "int", value: scratch.longs[at] };
    return { type: "float", value: scratch.doubles[at] };
  });
}

/** Columns that are packed at all, of all blocks. */
function checkAll(rowsOf: (rows: number) => { first: number; end: number }): number {
  let found = 0;
  for (const [, blocks] of goldenBlocks()) {
    for (const { folder } of blocks) {
      const { block, vectors } = vectorsOf(folder, rowsOf(openRows(folder)));
      for (const { column, isArray } of block.layout.span.attributes) {
        scratch.reset();
        const packed = isArray ? undefined : vectors.packed(column);
        if (packed === undefined) continue;
        found++;
        const values = unpacked(packed, vectors.rows);
        expect(values).toEqual(shown(vectors.vector(column, vectors.rows), vectors.rows));
        const again = vectors.packed(column);
        expect(again && unpacked(again, vectors.rows)).toEqual(values);
      }
    }
  }
  return found;
}

const openRows = (folder: string) => vectorsOf(folder).block.file.rows;

test("packed columns have the values of vectors, in all golden blocks", () => {
  expect(checkAll((rows) => ({ first: 0, end: rows }))).toBeGreaterThan(20);
});

test("so have those of some rows alone", () => {
  const some = (rows: number) => ({ first: Math.floor(rows / 3), end: Math.ceil(rows * 0.8) });
  expect(checkAll(some)).toBeGreaterThan(20);
});

test("a bitmap is kept once for all that have its rows, and made again when it went", () => {
  for (const [, blocks] of goldenBlocks()) {
    for (const { folder } of blocks) {
      const { block, keeper, vectors } = vectorsOf(folder);
      scratch.reset();
      const columns = block.layout.span.attributes.filter(({ isArray }) => !isArray);
      const all = columns.flatMap(({ column }) => {
        const packed = vectors.packed(column);
        return packed === undefined ? [] : [{ column, packed }];
      });
      const bitmaps = all.map(({ packed }) => {
        const bytes = Math.ceil(vectors.rows / 64) * 8;
        return scratch.buffer.toString("hex", packed.present, packed.present + bytes);
      });
      const addresses = new Set(all.map(({ packed }) => packed.present));
      expect(addresses.size).toBe(new Set(bitmaps).size);
      for (const { column, packed } of all) {
        const { present } = vectors.packed(column) ?? packed;
        keeper.forget(`${folder}/${column}/packed`);
        const again = vectors.packed(column) ?? packed;
        expect(again.present).toBe(present);
        const before = unpacked(again, vectors.rows);
        keeper.forget(`${folder}/present/`);
        const after = vectors.packed(column);
        expect(after && unpacked(after, vectors.rows)).toEqual(before);
      }
    }
  }
});
