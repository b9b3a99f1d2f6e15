/** Who gets a column: those that come often, however many others there are. */
import { beforeEach, describe, expect, test } from "vitest";
import {
  COL_ATTRIBUTE_FIRST,
  COLUMNS_AT_ONCE,
  COLUMNS_CARRIED,
  HALF_ARENA,
  HALF_ARENA_POS,
  HALF_CHUNK_POS,
  HALF_CHUNKS,
  HALF_COLUMNS,
  KEY_BYTES_MAX,
} from "../../native/src/layout.ts";
import { HeadKernel } from "../support/head-kernel.ts";
import { columnCounts, flood, spansOf, spansWith, turnOver } from "./attribute-columns.ts";

const ATTRIBUTE_COLUMNS_MAX = 1000;
/** Of a million keys a few have the hash of one that is counted. */
const SAME_HASH = 8;
const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${prefix}.${i}`);
const DENSE = names("dense", 100);

let kernel = new HeadKernel();
beforeEach(() => {
  kernel = new HeadKernel();
});

const counts = () => columnCounts(kernel.buffer, kernel.half);
const countsOf = (keys: readonly string[]) => keys.map((key) => counts().get(key) ?? 0);
const all = (keys: readonly string[], count: number) => keys.map(() => count);

function add(keys: readonly string[], spans: number): void {
  const most = Math.ceil(1_000_000 / keys.join("").length);
  for (let left = spans; left > 0; left -= most) {
    kernel.add(spansWith(keys, Math.min(left, most)), "dense");
  }
}

describe("a million keys that come once", () => {
  test("take no column from those that come often, in the same half", () => {
    flood(kernel, 1_000_000);
    expect(counts().size).toBeLessThanOrEqual(COLUMNS_AT_ONCE + SAME_HASH);
    add(DENSE, 1000);
    // A bar of two, then of four, and some were taken off by the flood.
    for (const count of countsOf(DENSE)) expect(count).toBeGreaterThan(1000 - 20);
    expect(counts().size).toBeLessThanOrEqual(COLUMNS_AT_ONCE + DENSE.length + SAME_HASH);
  });

  test("nor when they come between", () => {
    flood(kernel, 10_000);
    for (let i = 0; i < 50; i++) {
      flood(kernel, 10_000, 10_000 * (i + 1));
      add(DENSE, 20);
    }
    for (const count of countsOf(DENSE)) expect(count).toBeGreaterThan(1000 - 20);
    expect(counts().size).toBeLessThanOrEqual(COLUMNS_AT_ONCE + DENSE.length + SAME_HASH);
  });

  test("nor at the start of the next half, which has the dense ones from its first row", () => {
    flood(kernel, 100_000);
    add(DENSE, 1000);
    turnOver(kernel);
    const carried = [...counts().keys()].filter((key) => !key.startsWith("flood"));
    expect(carried.sort()).toEqual(DENSE.toSorted());
    expect(countsOf(DENSE)).toEqual(all(DENSE, 0));
    flood(kernel, 1_000_000, 100_000);
    expect(counts().size).toBeLessThanOrEqual(COLUMNS_AT_ONCE + SAME_HASH);
    add(DENSE, 500);
    expect(countsOf(DENSE)).toEqual(all(DENSE, 500));
  });
});

describe("keys that come often enough to take every column", () => {
  const greedy = names("greedy", 1200);

  test("are given them all, the last ones late", () => {
    add(greedy, 255);
    expect(counts().size).toBeLessThan(ATTRIBUTE_COLUMNS_MAX);
    add(greedy, 10);
    expect(counts().size).toBe(ATTRIBUTE_COLUMNS_MAX);
    expect(countsOf(greedy.slice(0, COLUMNS_AT_ONCE))).toEqual(
      all(greedy.slice(0, COLUMNS_AT_ONCE), 265),
    );
  });

  test("leave room for the one that came too late in the next half, at once", () => {
    add(greedy, 265);
    add(["late"], 3000);
    expect(counts().has("late")).toBe(false);
    turnOver(kernel);
    expect(counts().size).toBe(COLUMNS_CARRIED);
    add(["late"], 10);
    expect(countsOf(["late"])).toEqual([10]);
  });

  test("and what was seen before a cut counts for half", () => {
    add(greedy, 265);
    add(["late"], 200);
    turnOver(kernel);
    // The bar behind 900 columns is 128.
    add(["late"], 27);
    expect(counts().has("late")).toBe(false);
    add(["late"], 10);
    expect(countsOf(["late"])).toEqual([10]);
  });

  test("are dropped, the sparse ones first, when they come no more", () => {
    add(greedy, 265);
    const sizes: number[] = [];
    for (let i = 0; i < 10; i++) {
      turnOver(kernel);
      add(DENSE, 300);
      sizes.push(counts().size);
    }
    expect(sizes[0]).toBeGreaterThan(COLUMNS_CARRIED);
    expect(sizes.at(-1)).toBe(DENSE.length);
    expect(countsOf(DENSE)).toEqual(all(DENSE, 300));
  });
});

describe("the next half", () => {
  test("has the columns in the order of density", () => {
    for (const [i, key] of DENSE.entries()) add([key], 2 + ((i * 37) % DENSE.length));
    const ranked = [...counts().entries()].sort(([, a], [, b]) => b - a).map(([key]) => key);
    turnOver(kernel);
    expect([...counts().keys()]).toEqual(ranked);
  });

  test("keeps the ranking over a half with few spans", () => {
    add(DENSE, 1000);
    turnOver(kernel);
    add(["once"], 1);
    turnOver(kernel);
    expect([...counts().keys()]).toEqual(DENSE);
  });

  test("is as empty as the first one: what is carried takes no room", () => {
    const long = names("k".repeat(KEY_BYTES_MAX - 10), 900);
    add(long, 130);
    turnOver(kernel);
    expect(counts().size).toBe(900);
    expect(kernel.header(HALF_ARENA_POS)).toBe(kernel.header(HALF_ARENA));
    expect(kernel.header(HALF_CHUNK_POS)).toBe(kernel.header(HALF_CHUNKS));
  });

  test("tells types apart", () => {
    const value = ["k", ["string", "1"]] as const;
    const typed = [
      value,
      ["k", ["int", "1"]],
      ["k", ["double", 1]],
      ["k", ["bool", true]],
    ] as const;
    kernel.add(spansOf(typed, 5), "dense");
    kernel.add(spansOf([value], 5), "dense");
    turnOver(kernel);
    const columns = kernel.header(HALF_COLUMNS);
    expect(columns).toBe(COL_ATTRIBUTE_FIRST + 4);
    kernel.add(spansOf(typed, 5), "dense");
    expect(countsOf(["k"])).toEqual([20]);
    expect(kernel.header(HALF_COLUMNS)).toBe(columns);
  });
});

test("a key that is too long for a column's name has none", () => {
  const longest = "x".repeat(KEY_BYTES_MAX);
  add([longest, `${longest}y`, "short"], 10);
  expect([...counts().entries()]).toEqual([
    [longest, 10],
    ["short", 10],
  ]);
});

test("keys that differ in their last letters alone are counted apart", () => {
  flood(kernel, 10_000);
  for (let length = 4; length <= 24; length++) {
    const keys = Array.from({ length: 100 }, (_, i) => "x".repeat(length - 3) + (100 + i));
    add(keys, 1);
  }
  expect(counts().size).toBe(COLUMNS_AT_ONCE);
});
