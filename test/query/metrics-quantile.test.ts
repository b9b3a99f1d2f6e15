import { expect, test } from "vitest";
import { quantileAt } from "../../src/query/metrics-quantile.ts";

const buckets = (...all: readonly (readonly [bound: number, count: number])[]) =>
  all.map(([bound, count]) => ({ bound, counts: Float64Array.of(count) }));

test("quantiles lie between the bounds of buckets, by powers of two", () => {
  const four = buckets([2, 1], [4, 0], [8, 2], [16, 1]);
  expect(quantileAt(0, four, 0)).toBe(2);
  expect(quantileAt(0.25, four, 0)).toBe(2);
  // One of two in the bucket of 8, which begins at the last bound that is not empty.
  expect(quantileAt(0.5, four, 0)).toBe(4);
  expect(quantileAt(0.75, four, 0)).toBe(8);
  expect(quantileAt(1, four, 0)).toBe(16);
  expect(quantileAt(0.5, buckets([8, 2]), 0)).toBeCloseTo(2 ** 2.5);
  expect(quantileAt(0.5, buckets([8, 0]), 0)).toBe(0);
});
