/** What compaction does next in a bucket, decided from metas alone. */
import { expect, test } from "vitest";
import { type BucketWorkState, planBucketWork } from "../../src/compact/plan-bucket.ts";
import { retentionMark } from "../../src/compact/plan-retention.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { idOf, metaOf } from "../store/block-metas.ts";

const DAY = 86_400_000;
const { retainFromMs } = metaOf(1);
const rules = [{ filter: "{ status = error }", keepMs: 90 * DAY }];
const state: BucketWorkState = {
  nowMs: retainFromMs + 20 * DAY,
  mayMerge: () => true,
  limits: {
    ...{ windowMs: DAY, isDisabled: false, byTenant: new Map() },
    ...{ tracesMax: 1e9, bytesMax: 1e12 },
  },
  retention: { rules, byTenant: new Map(), othersMs: 30 * DAY },
  bytesMax: 1e12,
  markOf: () => undefined,
  waitMs: DAY,
};

const blocks = (...numbers: number[]) => numbers.map((number) => metaOf(number));
const numbers = (metas: readonly BlockMeta[]) => metas.map(({ id }) => Number.parseInt(id, 16));
const planOf = (windows: Record<string, BlockMeta[]>, more: Partial<BucketWorkState> = {}) =>
  planBucketWork(new Map(Object.entries(windows)), { ...state, ...more }).map((work) => ({
    window: work.window,
    merges: work.merges.map(numbers),
    looks: numbers(work.looks),
  }));

test("blocks of one window of the bucket are merged with each other, and no others", () => {
  expect(planOf({ a: blocks(1, 2), b: blocks(3), c: blocks(4, 5, 6) })).toEqual([
    { window: "a", merges: [[1, 2]], looks: [] },
    { window: "c", merges: [[4, 5, 6]], looks: [] },
  ]);
});

test("a tenant may have its own window, and may want no merges", () => {
  const [first, second] = blocks(1, 2);
  const later = { ...second, retainFromMs: second.retainFromMs - 7_200_000 };
  const limits = (windowMs: number, isDisabled: boolean) => ({
    limits: { ...state.limits, byTenant: new Map([["shop", { windowMs, isDisabled }]]) },
  });
  expect(planOf({ a: [first, later] }, limits(DAY, false)).length).toBe(1);
  expect(planOf({ a: [first, later] }, limits(3_600_000, false))).toEqual([]);
  expect(planOf({ a: [first, later] }, limits(DAY, true))).toEqual([]);
  const shared = blocks(3, 4).map((meta) => ({ ...meta, shared: true }));
  expect(planOf({ a: shared }, limits(DAY, true))).toEqual([]);
});

test("work fits on the local disk", () => {
  const { dataBytes, sidecarBytes } = metaOf(1);
  const bytesMax = 2 * (dataBytes + sidecarBytes);
  const merges = (more: Partial<BucketWorkState>) =>
    planOf({ a: blocks(1, 2, 3, 4) }, more).map((work) => work.merges);
  expect(merges({ bytesMax })).toEqual([[[1, 2]]]);
  const limits = { ...state.limits, bytesMax };
  expect(merges({ limits, bytesMax: 2 * bytesMax - 1 })).toEqual([[[1, 2]]]);
  expect(merges({ limits, bytesMax: 2 * bytesMax })).toEqual([
    [
      [1, 2],
      [3, 4],
    ],
  ]);
});

test("merges of a window share a record: few wait for others, but not for long", () => {
  const { dataBytes, sidecarBytes } = metaOf(1);
  const limits = { ...state.limits, bytesMax: 2 * (dataBytes + sidecarBytes) };
  const { nowMs: createdMs } = state;
  const mergesOf = (count: number, afterMs: number) => {
    const metas = blocks(...Array.from({ length: 2 * count }, (_, i) => i));
    const young = metas.map((meta) => ({ ...meta, createdMs }));
    const more = { limits, nowMs: createdMs + afterMs, waitMs: 1000 };
    return planOf({ a: young }, more).map(({ merges }) => merges.length);
  };
  expect(mergesOf(7, 999)).toEqual([]);
  expect(mergesOf(7, 1000)).toEqual([7]);
  expect(mergesOf(8, 0)).toEqual([8]);
  expect(mergesOf(9, 0)).toEqual([8]);
});

test("blocks are looked at for what is over, once until more is", () => {
  const nowMs = retainFromMs + 40 * DAY;
  expect(planOf({ a: blocks(1) }, { nowMs })).toEqual([{ window: "a", merges: [], looks: [1] }]);
  const mark = retentionMark(metaOf(1), state.retention, nowMs);
  const markOf = (id: string) => (id === idOf(1) ? mark : undefined);
  expect(planOf({ a: blocks(1) }, { nowMs, markOf })).toEqual([]);
  const shorter = [...rules, { filter: "{ name = `x` }", keepMs: DAY }];
  const retention = { ...state.retention, rules: shorter };
  expect(planOf({ a: blocks(1) }, { nowMs, markOf, retention }).length).toBe(1);
  // All of it is over: it goes whole, and nobody looks.
  expect(planOf({ a: blocks(1) }, { nowMs: retainFromMs + 91 * DAY })).toEqual([]);
});
