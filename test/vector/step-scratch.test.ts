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
