import { heapSize } from "bun:jsc";
import { expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { HeapWatch } from "../../src/base/heap-watch.ts";

/** Objects that the runtime has looked at once, and calls old. */
function old(objects: number): object[] {
  const made = Array.from({ length: objects }, (_, i) => ({ at: i, list: [i, i, i] }));
  Bun.gc(true);
  return made;
}

test("garbage of old objects is collected when the heap has grown by more than it may", () => {
  const watch = new HeapWatch(16 * MiB);
  watch.look();
  const before = heapSize();
  let kept = old(400_000);
  expect(heapSize() - before).toBeGreaterThan(16 * MiB);
  // All of it is in use: what is left counts from here on.
  watch.look();
  const full = heapSize();
  expect(full - before).toBeGreaterThan(16 * MiB);
  kept = old(kept.length);
  watch.look();
  expect(heapSize()).toBeLessThan(full + MiB);
  kept.length = 0;
});

test("a heap that grows by less is left alone", () => {
  const collected = Bun.gc;
  let calls = 0;
  Bun.gc = (force) => {
    calls += 1;
    return collected(force);
  };
  try {
    const watch = new HeapWatch(64 * MiB);
    const kept = Array.from({ length: 10_000 }, (_, i) => ({ at: i }));
    watch.look();
    expect(calls).toBe(0);
    expect(kept).toHaveLength(10_000);
  } finally {
    Bun.gc = collected;
  }
});
