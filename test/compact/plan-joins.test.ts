import { expect, test } from "vitest";
import { planJoins } from "../../src/compact/plan-joins.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { idOf, metaOf } from "../store/block-metas.ts";

const MINUTE = 60_000;
const nowMs = 1_700_000_100_000;
const state = {
  nowMs,
  windows: { windowMs: 60 * MINUTE, byTenant: new Map() },
  waitMs: 5 * MINUTE,
  mayMerge: () => true,
};

function cut([number, spans, agoMs]: readonly number[], more: Partial<BlockMeta> = {}) {
  return metaOf(number, { spans, createdMs: nowMs - agoMs, ...more });
}

function ids(metas: readonly BlockMeta[]): string[] {
  return metas.map(({ id }) => id);
}

test("blocks wait for each other until they are full", () => {
  const few = [cut([1, 150_000, 1000]), cut([2, 190_000, 700])];
  expect(planJoins(few, state)).toEqual({ joins: [], ready: [] });
  const third = cut([3, 150_000, 500]);
  const { joins, ready } = planJoins([third, ...few], state);
  expect([joins.map(ids), ready]).toEqual([[[idOf(1), idOf(2), idOf(3)]], []]);
});

test("a full one waits for nobody, nor one that was joined", () => {
  const joined = { merged: { replaces: [idOf(8), idOf(9)], siblings: [idOf(2)], level: 1 } };
  const blocks = [cut([1, 500_000, 0]), cut([2, 10, 6 * MINUTE], joined)];
  const { joins, ready } = planJoins(blocks, state);
  expect([joins, ids(ready)]).toEqual([[], [idOf(1), idOf(2)]]);
});

test("what a full half of the head makes goes at once, between small ones too", () => {
  const halves = [cut([1, 10, 0]), cut([2, 261_000, 0]), cut([3, 262_000, 0]), cut([4, 10, 0])];
  const { joins, ready } = planJoins(halves, state);
  expect([joins, ids(ready)]).toEqual([[], [idOf(1), idOf(2), idOf(3)]]);
});

test("halves that were full with fewer spans are joined: they would be too many", () => {
  const halves = [cut([1, 200_000, 0]), cut([2, 199_000, 0]), cut([3, 248_000, 0])];
  const { joins, ready } = planJoins(halves, state);
  expect([joins.map(ids), ready]).toEqual([[[idOf(1), idOf(2)]], []]);
});

test("old ones wait no longer, joined if they may be", () => {
  const blocks = [cut([1, 10, 6 * MINUTE]), cut([2, 10, MINUTE])];
  expect(planJoins(blocks, state).joins.map(ids)).toEqual([[idOf(1), idOf(2)]]);
  const held = { ...state, mayMerge: () => false };
  expect(planJoins(blocks, held)).toMatchObject({ joins: [], ready: blocks });
  const full = [1, 2, 3].map((number) => cut([number, 150_000, MINUTE]));
  expect(planJoins(full, held)).toEqual({ joins: [], ready: [] });
});

test("neither tenants nor windows are mixed, and none is too large", () => {
  const other = { tenants: [{ name: "other", rowFirst: 0, rows: 1, traces: 1 }] };
  const later = { retainFromMs: nowMs + 90 * MINUTE };
  const blocks = [
    ...[cut([1, 190_000, 0]), cut([2, 100_000, 0], other), cut([3, 100_000, 0], later)],
    ...[cut([4, 190_000, 0]), cut([5, 190_000, 0])],
  ];
  const { joins, ready } = planJoins(blocks, state);
  expect([joins.map(ids), ready]).toEqual([[[idOf(1), idOf(4)]], []]);
});
