/** Relations of spans whose parents lead back to them, which no tracer makes and data has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { instantiate, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import { RowBits } from "../../src/query/row-bits.ts";
import type { Segment } from "../../src/query/segment.ts";
import { Structural } from "../../src/query/structural.ts";
import { StepScratch } from "../../src/vector/step-scratch.ts";
import { ROOT } from "../support/checkout.ts";

const memory = makeMemory(MiB);
const path = join(ROOT, "native", "build", "kernel.wasm");
const kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
const scratch = new StepScratch(sharedBuffer(memory), { base: 65_536, bytes: 65_536 });

/** Rows of `right` that are ancestors of one of `left`; each row names its parent's row. */
function ancestors(parents: readonly number[], left: readonly number[]): number[] {
  scratch.reset();
  const rows = parents.length;
  const at = scratch.keep(rows * 4);
  scratch.words.set(parents, at / 4);
  const bits = new RowBits(scratch, kernel);
  const leftBits = bits.none(rows);
  for (const row of left) bits.set(leftBits, row);
  // What relations of parents ask a segment for.
  const segment = { rows, parents: () => at } as unknown as Segment;
  const structural = new Structural(segment, bits, scratch);
  const found = structural.run("<<", { left: leftBits, right: bits.all(rows) });
  return [...bits.list(found, rows)];
}

/** The obvious way: a row's ancestors are whatever its parents lead to, without itself. */
function ancestorsSlowly(parents: readonly number[], left: readonly number[]): number[] {
  const found = new Set<number>();
  for (const row of left) {
    const seen = new Set<number>();
    for (let at = parents[row]; at < parents.length && !seen.has(at); at = parents[at])
      seen.add(at);
    seen.delete(row);
    for (const one of seen) found.add(one);
  }
  return [...found].sort((a, b) => a - b);
}

const NONE = 0xffffffff;

test("a span below a circle has all of it above, whoever of the circle is asked after it", () => {
  expect(ancestors([3, 2, 0, 2], [1, 3])).toEqual([0, 2, 3]);
});

test("ancestors of all spans among five, whatever their parents are", () => {
  const rows = 5;
  for (let number = 0; number < (rows + 1) ** rows; number += 7) {
    const parents = Array.from({ length: rows }, (_, row) => {
      const parent = Math.floor(number / (rows + 1) ** row) % (rows + 1);
      return parent === rows ? NONE : parent;
    });
    for (let set = 1; set < 2 ** rows; set++) {
      const left = [0, 1, 2, 3, 4].filter((row) => (set >> row) & 1);
      expect([parents, left, ancestors(parents, left)]).toEqual([
        parents,
        left,
        ancestorsSlowly(parents, left),
      ]);
    }
  }
});
