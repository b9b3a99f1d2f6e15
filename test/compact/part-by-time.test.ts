/** Traces of a merge go to blocks by when they begin: whole, in few blocks, none too large. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { MergeTooLarge } from "../../src/compact/merge-too-large.ts";
import { partByTime } from "../../src/compact/part-by-time.ts";

function sums(part: Uint8Array, rows: Uint32Array, parts: number): number[] {
  const found = Array.from({ length: parts }, () => 0);
  for (const [trace, own] of part.entries()) found[own] += rows[trace];
  return found;
}

test("parts follow each other in time and are of about one size", () => {
  const random = prng(1);
  const starts = BigUint64Array.from(
    { length: 5000 },
    () => 10n ** 18n + BigInt(random.below(1e9)),
  );
  const rows = Uint32Array.from(starts, () => 1 + random.below(40));
  const all = rows.reduce((sum, count) => sum + count, 0);
  const { part, parts } = partByTime(starts, rows, Math.ceil(all / 2.5));
  expect(parts).toBe(3);
  for (const sum of sums(part, rows, parts)) expect(Math.abs(sum - all / 3)).toBeLessThan(41);
  for (let own = 1; own < parts; own++) {
    const of = (wanted: number) => [...starts].filter((_, trace) => part[trace] === wanted);
    const last = of(own - 1).reduce((a, b) => (a > b ? a : b));
    expect(of(own).every((start) => start >= last)).toBe(true);
  }
});

test("a bound that is met to the row holds, with one part more where need be", () => {
  const starts = BigUint64Array.of(3n, 1n, 2n, 4n);
  expect(partByTime(starts, Uint32Array.of(5, 5, 5, 5), 10)).toEqual({
    part: Uint8Array.of(1, 0, 0, 1),
    parts: 2,
  });
  const uneven = Uint32Array.of(3, 3, 9, 3);
  const { part, parts } = partByTime(starts, uneven, 9);
  expect(Math.max(...sums(part, uneven, parts))).toBeLessThanOrEqual(9);
});

test("starts that are all the same, and those of no clock, are parted all the same", () => {
  const rows = new Uint32Array(100).fill(7);
  for (const start of [0n, 2n ** 64n - 1n]) {
    const { part, parts } = partByTime(new BigUint64Array(100).fill(start), rows, 100);
    expect(Math.max(...sums(part, rows, parts))).toBeLessThanOrEqual(100);
  }
  const apart = BigUint64Array.of(0n, 2n ** 64n - 1n);
  expect(partByTime(apart, Uint32Array.of(60, 60), 100).part).toEqual(Uint8Array.of(0, 1));
});

test("a trace that is too large for a block is an error, not a block", () => {
  const starts = BigUint64Array.of(1n, 2n);
  expect(() => partByTime(starts, Uint32Array.of(11, 4), 10)).toThrow(MergeTooLarge);
});
