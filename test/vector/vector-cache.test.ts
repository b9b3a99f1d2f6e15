/** What is kept, where it lies, and what goes first. */
import { expect, test } from "vitest";
import { KiB } from "../../src/base/bytes.ts";
import { VectorCache } from "../../src/vector/vector-cache.ts";
import { PAGE_BYTES } from "../../src/vector/vector-space.ts";

const BASE = 64 * KiB;

function cacheOf(pages: number): VectorCache {
  return new VectorCache(BASE, pages * PAGE_BYTES);
}

function keep(cache: VectorCache, name: string, pages = 1): number {
  return cache.get(
    name,
    () => pages * PAGE_BYTES,
    (at) => at,
  );
}

test("beyond the bound the least recently used goes, and its pages are used again", () => {
  const cache = cacheOf(8);
  cache.bytesMax = 2 * PAGE_BYTES;
  const first = keep(cache, "a");
  keep(cache, "b");
  cache.beginStep();
  expect(cache.find("b")).toBe(BASE + PAGE_BYTES);
  expect(keep(cache, "c")).toBe(first);
  expect(cache.find("a")).toBeUndefined();
  expect(cache.heldBytes).toBe(2 * PAGE_BYTES);
});

test("a step may have more than the bound, up to the region", () => {
  const cache = cacheOf(3);
  cache.bytesMax = PAGE_BYTES;
  const kept = ["a", "b", "c"].map((name) => keep(cache, name));
  expect(new Set(kept).size).toBe(3);
  expect(() => keep(cache, "d")).toThrow("more memory");
  cache.beginStep();
  keep(cache, "d");
  expect(cache.heldBytes).toBe(PAGE_BYTES);
});

test("the lowest pages that fit are taken", () => {
  const cache = cacheOf(8);
  for (const name of ["a", "b", "c"]) keep(cache, name);
  cache.forget("a");
  expect(keep(cache, "d", 2)).toBe(BASE + 3 * PAGE_BYTES);
  expect(keep(cache, "e")).toBe(BASE);
});
