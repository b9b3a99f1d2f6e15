import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { addSlots, allSlots, emptySlots, sumSlots } from "../../src/query/slot-counts.ts";

const SLOTS = 40;

test("counts of stretches of slots add up, wherever these lie", () => {
  const random = prng(5);
  for (let round = 0; round < 200; round++) {
    const counts = emptySlots();
    const expected = new Float64Array(SLOTS);
    for (let times = random.below(6); times > 0; times--) {
      const first = random.below(SLOTS);
      const added = Uint32Array.from({ length: random.below(SLOTS - first + 1) }, () => {
        return random.below(3) === 0 ? random.below(1000) : 0;
      });
      addSlots(counts, first, added);
      for (const [i, count] of added.entries()) expected[first + i] += count;
      expect([...allSlots(counts, SLOTS)]).toEqual([...expected]);
    }
    expect(sumSlots(counts)).toBe(expected.reduce((sum, count) => sum + count, 0));
  }
});

test("a count does not wrap", () => {
  const counts = emptySlots();
  addSlots(counts, 3, Uint32Array.of(0xffff_fff0));
  addSlots(counts, 2, Uint32Array.of(1, 0x20));
  expect([...allSlots(counts, 5)]).toEqual([0, 0, 1, 0xffff_ffff, 0]);
});
