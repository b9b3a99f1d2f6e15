/** What is kept, where it lies, and what goes first. */
import { expect, test } from "vitest";
import { KiB } from "../../src/base/bytes.ts";
import { prng } from "../../src/base/prng.ts";
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

test("beyond the bound what nobody came back for goes, and its pages are used again", () => {
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

test("what one question reads once passes by what others come back for", () => {
  const cache = cacheOf(64);
  const usual = ["a", "b", "c", "d"];
  for (let question = 1; question <= 3; question++) {
    cache.beginStep(question);
    for (const name of usual) keep(cache, name, 8);
  }
  for (let block = 0; block < 100; block++) {
    cache.beginStep(4);
    keep(cache, `large/${block}`, 8);
  }
  for (const name of usual) expect(cache.find(name), name).toBeDefined();
});

test("several steps of one question are one use", () => {
  const cache = cacheOf(2);
  cache.beginStep(1);
  keep(cache, "often");
  cache.beginStep(2);
  keep(cache, "often");
  for (let step = 0; step < 10; step++) {
    cache.beginStep(3);
    keep(cache, "once");
  }
  cache.beginStep(4);
  keep(cache, "new");
  expect(cache.find("once")).toBeUndefined();
  expect(cache.find("often")).toBeDefined();
});

test("what comes back soon is no passer-by, and what is not used any more goes", () => {
  const cache = cacheOf(16);
  const read = (question: number, names: readonly string[]) => {
    for (const name of names) {
      cache.beginStep(question);
      keep(cache, name, 4);
    }
  };
  const [before, after] = ["abcd", "efgh"].map((names) => [...names]);
  for (let question = 1; question < 20; question++) read(question, before);
  for (let question = 20; question < 40; question++) read(question, after);
  for (const name of after) expect(cache.find(name), name).toBeDefined();
});

test.each([1, 2])(
  "of a round that is larger than the bound most is found again, %i a question",
  (visits) => {
    const cache = cacheOf(80);
    let found = 0;
    let asked = 0;
    for (let question = 1; question <= 40; question++) {
      for (let i = 0; i < 25 * visits; i++) {
        const name = `${i % 25}`;
        cache.beginStep(question);
        if (question > 5) asked++;
        if (cache.find(name) === undefined) keep(cache, name, 4);
        else if (question > 5) found++;
      }
    }
    // Four fifths have room. The one that was used the longest ago would be the next one each time.
    expect(found / asked).toBeGreaterThan(0.65);
  },
);

/** Four that three questions came back for, and no room for more. */
function usualOnes(): { cache: VectorCache; usual: readonly string[] } {
  const cache = cacheOf(4);
  const usual = ["a", "b", "c", "d"];
  for (let question = 1; question <= 3; question++) {
    cache.beginStep(question);
    for (const name of usual) keep(cache, name);
  }
  return { cache, usual };
}

test("what goes and is read again within one question passes by again", () => {
  const { cache, usual } = usualOnes();
  for (const name of ["x", "y", "x", "y", "x", "y"]) {
    cache.beginStep(4);
    keep(cache, name);
  }
  cache.beginStep(5);
  expect(usual.filter((name) => cache.find(name) !== undefined)).toHaveLength(3);
});

test("what passed by and was come back for is kept like others", () => {
  const { cache } = usualOnes();
  cache.beginStep(4);
  keep(cache, "x");
  cache.beginStep(5);
  expect(cache.find("x")).toBeDefined();
  cache.beginStep(6);
  keep(cache, "once");
  expect(cache.find("x")).toBeDefined();
});

test("a large vector goes before several small ones that are used alike", () => {
  const cache = cacheOf(64);
  const small = Array.from({ length: 32 }, (_, i) => `small/${i}`);
  const large = ["x", "y", "z"].map((name) => `large/${name}`);
  for (let question = 1; question <= 20; question++) {
    for (const name of [...large, ...small]) {
      cache.beginStep(question);
      keep(cache, name, name.startsWith("large") ? 16 : 1);
    }
  }
  expect(small.filter((name) => cache.find(name) !== undefined)).toHaveLength(32);
  expect(large.filter((name) => cache.find(name) !== undefined)).toHaveLength(2);
});

test("nothing moves that the step at hand has, whatever else it takes", () => {
  const random = prng(5);
  const cache = cacheOf(120);
  cache.bytesMax = 80 * PAGE_BYTES;
  const owners = new Map<number, string>();
  for (let step = 0; step < 2000; step++) {
    cache.beginStep();
    const here = new Map<string, number>();
    for (let i = 0; i < 4; i++) {
      const name = `${random.below(100)}`;
      const pages = 1 + (Number(name) % 13);
      const fill = (at: number) => {
        for (let page = 0; page < pages; page++) owners.set(at / PAGE_BYTES + page, name);
        return at;
      };
      here.set(
        name,
        cache.get(name, () => pages * PAGE_BYTES, fill),
      );
    }
    for (const [name, at] of here) {
      expect(cache.find(name)).toBe(at);
      for (let page = 0; page <= Number(name) % 13; page++) {
        expect(owners.get(at / PAGE_BYTES + page)).toBe(name);
      }
    }
  }
});
