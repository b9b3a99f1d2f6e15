/** Which blocks count, and which are merged: decided from metas alone. */
import { describe, expect, test } from "vitest";
import { hasLeft, liveBlocks } from "../../src/compact/live-blocks.ts";
import { dueMerges, type MergeLimits, planMerges } from "../../src/compact/plan-merges.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { idOf, metaOf } from "../store/block-metas.ts";

const merged = (number: number, replaces: number[], siblings: number[] = [number]): BlockMeta =>
  metaOf(number, {
    version: 2,
    merged: { replaces: replaces.map(idOf), siblings: siblings.map(idOf), level: 1 },
  });

const numbers = (metas: readonly BlockMeta[]) => metas.map(({ id }) => Number.parseInt(id, 16));

describe("blocks that count", () => {
  const cases: [
    string,
    BlockMeta[],
    { live: number[]; replaced?: number[]; orphans?: number[] },
  ][] = [
    ["all when nothing was merged", [metaOf(1), metaOf(2)], { live: [1, 2] }],
    [
      "not those that were merged",
      [metaOf(1), metaOf(2), merged(3, [1, 2])],
      { live: [3], replaced: [1, 2] },
    ],
    [
      "not those of a merge that was cut off",
      [metaOf(1), metaOf(2), merged(3, [1, 2], [3, 4])],
      { live: [1, 2], orphans: [3] },
    ],
    [
      "both of a merge, as the inputs go",
      [metaOf(2), merged(3, [1, 2], [3, 4]), merged(4, [1, 2], [3, 4])],
      { live: [3, 4], replaced: [2] },
    ],
    ["one of a merge whose other went later", [merged(3, [1, 2], [3, 4])], { live: [3] }],
    [
      "one that was merged again",
      [merged(3, [1, 2]), metaOf(5), merged(6, [3, 5])],
      { live: [6], replaced: [3, 5] },
    ],
  ];
  test.each(cases)("%s", (_, present, { live, replaced = [], orphans = [] }) => {
    const found = liveBlocks(present);
    expect(numbers(found.live)).toEqual(live);
    expect(numbers(found.replaced)).toEqual(replaced);
    expect(numbers(found.orphans)).toEqual(orphans);
  });

  test("wait for what they replaced to be gone", () => {
    expect(hasLeft(merged(3, [1, 2]), new Set([idOf(2)]))).toBe(true);
    expect(hasLeft(merged(3, [1, 2]), new Set([idOf(3)]))).toBe(false);
    expect(hasLeft(metaOf(1), new Set([idOf(1)]))).toBe(false);
  });
});

const HOUR = 3_600_000;
const LIMITS: MergeLimits = {
  ...{ windowMs: HOUR, isDisabled: false, byTenant: new Map() },
  ...{ tracesMax: 1_000_000, bytesMax: 1e12 },
};
const NOW = 1000 * HOUR + HOUR / 2;
const LATER = NOW + HOUR;

/** In the window that fills at NOW, one after the other in time. */
const young = (number: number, spans: number, fields: Partial<BlockMeta> = {}) => {
  const [startUnixNano, endUnixNano] = [number, number + 1].map(
    (at) => `17000000${10 + at}000000000`,
  );
  return metaOf(number, {
    ...{ spans, retainFromMs: 1000 * HOUR + 1, startUnixNano, endUnixNano },
    ...fields,
  });
};

function plan(blocks: readonly BlockMeta[], nowMs: number, except: readonly number[] = []) {
  const mayMerge = ({ id }: BlockMeta) => !except.map(idOf).includes(id);
  return planMerges(blocks, LIMITS, { nowMs, mayMerge }).map(numbers);
}

describe("a plan", () => {
  const some = [1, 2, 3, 4].map((number) => young(number, 1000));

  test("waits while a window fills, and joins what is left when it is over", () => {
    expect(plan(some, NOW)).toEqual([]);
    expect(plan(some, LATER)).toEqual([[1, 2, 3, 4]]);
  });

  test("does not wait for many, nor for a full one", () => {
    const many = Array.from({ length: 9 }, (_, i) => young(i, 10));
    expect(plan(many, NOW)).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8]]);
    const large = [young(1, 261_000), young(2, 262_000), young(3, 262_000)];
    expect(plan(large, NOW)).toEqual([[1, 2]]);
  });

  test("keeps to tenants, windows and the order of arrival", () => {
    const blocks = [
      young(4, 1000),
      young(1, 1000),
      young(2, 1000, { tenants: [{ name: "other", rowFirst: 0, rows: 1000, traces: 2 }] }),
      young(3, 1000, { retainFromMs: 900 * HOUR }),
      young(5, 1000, { shared: true }),
      young(6, 1000, { shared: true }),
    ];
    expect(plan(blocks, LATER).sort()).toEqual([
      [1, 4],
      [5, 6],
    ]);
  });

  test("never jumps over a block: the rows of a trace would change their order", () => {
    expect(plan(some, LATER, [3])).toEqual([[1, 2]]);
    expect(plan([some[0], young(2, 500_000), some[2], some[3]], LATER)).toEqual([[3, 4]]);
  });

  test("does not write a large block anew for a small one", () => {
    expect(plan([young(1, 300_000), young(2, 10)], LATER)).toEqual([]);
    expect(plan([young(1, 300_000), young(2, 150_000)], LATER)).toEqual([[1, 2]]);
  });

  test("keeps within spans, traces and bytes", () => {
    const thirds = [1, 2, 3, 4].map((number) => young(number, 250_000));
    expect(plan(thirds, LATER)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const state = { nowMs: LATER, mayMerge: () => true };
    expect(planMerges(some, { ...LIMITS, tracesMax: 4 }, state).map(numbers)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(planMerges(some, { ...LIMITS, bytesMax: 1000 }, state)).toEqual([]);
  });
});

describe("blocks that lie over each other in time", () => {
  const late = (number: number, spans: number, fields: Partial<BlockMeta> = {}) =>
    metaOf(number, { spans, retainFromMs: 1000 * HOUR + 1, ...fields });
  const half = (count: number) => Array.from({ length: count }, (_, i) => late(i, 262_000));

  test("are merged to several full ones, as many as a merge takes", () => {
    expect(plan(half(13), LATER)).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10, 11],
    ]);
  });

  test("wait for each other while the window fills", () => {
    expect(plan(half(4), NOW)).toEqual([]);
    expect(plan(half(5), NOW)).toEqual([[0, 1, 2, 3, 4]]);
    expect(plan(half(4), LATER)).toEqual([[0, 1, 2, 3]]);
  });

  test("are not those that several tenants share", () => {
    const shared = half(4).map((meta) => ({ ...meta, shared: true }));
    expect(plan(shared, LATER)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test("are left alone when they are full", () => {
    const parts = [1, 2, 3, 4, 5, 6].map((number) => late(number, 500_000));
    expect(plan(parts, LATER)).toEqual([]);
  });

  test("are left alone when a merge would make as many of them, or did", () => {
    expect(plan([late(1, 301_000), late(2, 301_000)], LATER)).toEqual([]);
    const siblings = [1, 2, 3].map(idOf);
    const parts = (spans: number) =>
      [1, 2, 3].map((number) =>
        late(number, spans, { merged: { replaces: [], siblings, level: 1 } }),
      );
    // By rows they would be two, but traces are not torn.
    expect(plan(parts(340_000), LATER)).toEqual([]);
    expect(plan([...parts(340_000), late(4, 340_000)], LATER)).toEqual([[1, 2, 3, 4]]);
    expect(
      plan(
        [1, 2, 3].map((number) => late(number, 340_000)),
        LATER,
      ),
    ).toEqual([[1, 2, 3]]);
    // Much of what they had is over since.
    expect(plan(parts(100_000), LATER)).toEqual([[1, 2, 3]]);
  });

  /** What a merge made of blocks that lie over each other: three parts of its time. */
  const parted = (merge: number, level = 1) =>
    [0, 1, 2].map((part) => {
      const id = (at: number) => idOf(merge * 10 + at);
      const [startUnixNano, endUnixNano] = [part, part + 1].map(
        (at) => `17000000${10 + at}000000000`,
      );
      return late(merge * 10 + part, 500_000, {
        ...{ startUnixNano, endUnixNano },
        wal: { node: "n", from: merge * 1000, to: merge * 1000 + 1000 },
        merged: { replaces: [], siblings: [id(0), id(1), id(2)], level },
      });
    });

  test("are parted once more, the same parts of merges behind each other", () => {
    const sets = [1, 2, 3, 4].flatMap((merge) => parted(merge));
    expect(plan(sets, NOW)).toEqual([
      [10, 20, 30],
      [11, 21, 31],
      [12, 22, 32],
    ]);
    // Some of it was done, which gave finer parts that lie where these came from.
    const finer = parted(5, 2).map((meta) => ({ ...meta, wal: { ...meta.wal, from: 1000 } }));
    const left = sets.filter(({ id }) => ![10, 20, 30].map(idOf).includes(id));
    expect(plan([...left, ...finer], NOW)).toEqual([
      [11, 21, 31],
      [12, 22, 32],
    ]);
  });

  test("are not parted once more over others, and finer parts never", () => {
    const between = young(7, 1000, { wal: { node: "n", from: 2500, to: 2600 } });
    expect(plan([...parted(1), ...parted(2), between, ...parted(3)], NOW)).toEqual([]);
    expect(
      plan(
        [1, 2, 3].flatMap((merge) => parted(merge, 2)),
        LATER,
      ),
    ).toEqual([]);
    // Long spans lie over each other whenever they begin.
    const long = [1, 2, 3].flatMap((merge) =>
      parted(merge).map((meta, part) => ({
        ...meta,
        startUnixNano: `17000${merge}000${part}000000000`,
        endUnixNano: "1800000000000000000",
      })),
    );
    expect(plan(long.slice(0, 8), NOW)).toEqual([]);
    expect(plan([...parted(1), ...parted(2)], LATER)).toEqual([
      [10, 20],
      [11, 21],
      [12, 22],
    ]);
  });
});

test("merges wait for others to be done with, the first of them for a while", () => {
  const run = (number: number, createdMs: number) => [
    metaOf(number, { createdMs: 0 }),
    metaOf(number + 1, { createdMs }),
  ];
  const merges = [run(1, 500), run(3, 400), run(5, 300)];
  const due = (nowMs: number, most: number) =>
    dueMerges(merges, { nowMs, most, waitMs: 1000 }).map(numbers);
  expect(due(1299, 4)).toEqual([]);
  expect(due(1300, 4)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(due(500, 2)).toEqual([
    [1, 2],
    [3, 4],
  ]);
});
