import { expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { StepScratch } from "../../src/vector/step-scratch.ts";

function scratchAt(clock: { nowMs: () => number }): StepScratch {
  return new StepScratch(new SharedArrayBuffer(65_536), { base: 0, bytes: 65_536 }, clock);
}

test("a step ends when its time is over, whatever it does", () => {
  let nowMs = 0;
  const scratch = scratchAt({ nowMs: () => nowMs });
  const works = [
    () => scratch.tick(),
    () => scratch.within(() => scratch.take(64)),
    () => scratch.within(() => scratch.zeros(1000)),
  ];
  for (const work of works) {
    scratch.reset(nowMs + 100);
    const much = () => {
      for (let i = 0; i < 10_000; i++) work();
    };
    much();
    nowMs += 101;
    expect(much).toThrow(EngineError);
  }
  scratch.reset();
  nowMs = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i < 10_000; i++) scratch.tick();
});

test("what is taken goes with the work around it, what is kept with the step", () => {
  const scratch = scratchAt({ nowMs: () => 0 });
  const first = scratch.take(100);
  const kept = scratch.within(() => {
    expect(scratch.take(100)).toBe(first + 128);
    return scratch.keep(100);
  });
  expect(scratch.take(100)).toBe(first + 128);
  expect(scratch.keep(100)).toBeLessThan(kept);
  expect(() => scratch.take(65_536)).toThrow(/more memory/);
  expect(() => scratch.keep(65_536)).toThrow(/more memory/);
  scratch.reset();
  expect(scratch.take(100)).toBe(first);
  expect(scratch.keep(100)).toBe(kept);
});

test("what is kept within some work goes with that work, also when it throws", () => {
  const scratch = scratchAt({ nowMs: () => 0 });
  const before = scratch.keep(100);
  let inside = 0;
  expect(
    scratch.keptWithin(() => {
      inside = scratch.keep(1000);
      scratch.bytes.fill(7, inside, inside + 1000);
      expect(inside).toBeLessThan(before);
      // Work inside of it gives back its own alone.
      const inner = scratch.keptWithin(() => scratch.keep(64));
      expect(inner).toBeLessThan(inside);
      expect(scratch.keep(64)).toBe(inner);
      return "done";
    }),
  ).toBe("done");
  expect(scratch.keep(1000)).toBe(inside);
  const fail = () =>
    scratch.keptWithin(() => {
      scratch.keep(2000);
      throw new EngineError("internal", "failed");
    });
  const next = scratch.keptWithin(() => scratch.keep(64));
  expect(fail).toThrow("failed");
  expect(scratch.keep(64)).toBe(next);
});

test("what is kept within some work leaves what is taken alone", () => {
  const scratch = scratchAt({ nowMs: () => 0 });
  const first = scratch.take(100);
  const second = scratch.keptWithin(() => scratch.take(100));
  expect(scratch.take(100)).toBe(second + (second - first));
  // All that there is, again and again: nothing of it stays.
  for (let i = 0; i < 100; i++) scratch.keptWithin(() => scratch.keep(40_000));
  expect(() => scratch.keptWithin(() => scratch.keep(65_536))).toThrow(/more memory/);
  scratch.keptWithin(() => scratch.keep(40_000));
});
