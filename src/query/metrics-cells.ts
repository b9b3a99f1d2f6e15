/**
 * The numbers that a metrics function keeps of a series, slot by slot, until all spans are counted:
 * counts and sums add up, the least and the most are NaN where there is none.
 */
import type { Compare, MetricsFunction } from "../traceql/ast.ts";

export interface MetricsCells {
  /** Numbers a slot. */
  readonly width: number;
  /** In a slot without spans. */
  readonly initial: number;
  /** From a count, a sum, the least and the most; functions that only count have no such values. */
  readonly of: ((values: Float64Array, at: number, to: Float64Array) => void) | undefined;
  /** Adds the second to the first. */
  readonly add: (to: Float64Array, from: Float64Array) => void;
}

const COUNTS: MetricsCells = {
  width: 1,
  initial: 0,
  of: undefined,
  add: (to, from) => each(to, from, (a, b) => a + b),
};

/** The count, then the sum. */
const SUMS: MetricsCells = {
  width: 2,
  initial: 0,
  of: (values, at, to) => {
    for (let slot = 0; slot < to.length / 2; slot++) {
      to[slot * 2] += values[at + slot * 4];
      to[slot * 2 + 1] += values[at + slot * 4 + 1];
    }
  },
  add: (to, from) => each(to, from, (a, b) => a + b),
};

const LEAST = bound(2, Math.min);
const MOST = bound(3, Math.max);

function bound(place: number, choose: (a: number, b: number) => number): MetricsCells {
  const chosen = (a: number, b: number) =>
    Number.isNaN(a) ? b : Number.isNaN(b) ? a : choose(a, b);
  return {
    width: 1,
    initial: Number.NaN,
    of: (values, at, to) => {
      for (let slot = 0; slot < to.length; slot++) {
        const here = at + slot * 4;
        if (values[here] > 0) to[slot] = chosen(to[slot], values[here + place]);
      }
    },
    add: (to, from) => each(to, from, chosen),
  };
}

function each(to: Float64Array, from: Float64Array, merge: (a: number, b: number) => number): void {
  for (let i = 0; i < to.length; i++) to[i] = merge(to[i], from[i]);
}

export function metricsCells(fn: MetricsFunction | Compare): MetricsCells {
  if (fn.node === "compare") return COUNTS;
  switch (fn.fn) {
    case "sum_over_time":
    case "avg_over_time":
      return SUMS;
    case "min_over_time":
      return LEAST;
    case "max_over_time":
      return MOST;
    default:
      return COUNTS;
  }
}
