/** The commit of compaction: what one process writes, and what becomes of it when there are two. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import {
  compactionKey,
  compactionsOf,
  leaseKey,
  METAS_PREFIX,
  metaKey,
  windowOfBlock,
} from "../../src/store/bucket-keys.ts";
import { BucketLeases } from "../../src/store/bucket-leases.ts";
import { BucketList } from "../../src/store/bucket-list.ts";
import { commitReplacement, planForget } from "../../src/store/bucket-replace.ts";
import { putRecords } from "../../src/store/bucket-retain.ts";
import { doSweep, planSweep, sweptObjects } from "../../src/store/bucket-sweep.ts";
import { DiskObjects } from "../../src/store/object-disk.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { idOf, metaBytes, metaOf } from "./block-metas.ts";

const nowMs = 1_800_000_000_000;
const options = { nowMs, mayForget: () => false };
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const window = windowOfBlock(metaOf(1));

let folder = "";
let store: DiskObjects;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vivace-replace-"));
  store = new DiskObjects(join(folder, "bucket"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function publish(...numbers: number[]): Promise<void> {
  for (const number of numbers) {
    await store.putIfAbsent(metaKey(metaOf(number)), metaBytes(metaOf(number)));
  }
}

function change(inputs: number[], outputs: number[]) {
  const metas = (numbers: number[]) => numbers.map((number) => metaOf(number));
  return { window, inputs: metas(inputs), outputs: metas(outputs), looked: [] };
}

/** Numbers of the blocks that a process sees which begins now. */
async function live(): Promise<number[]> {
  const list = new BucketList(store, quiet);
  await list.poll();
  return [...list.live.keys()].map((id) => Number.parseInt(id, 16)).toSorted((a, b) => a - b);
}

/** As it is, but right before the next write of a record something else happens. */
function onceBefore(happens: () => Promise<unknown>): ObjectStore {
  let isOver = false;
  return new Proxy<ObjectStore>(store, {
    get: (target, name) => {
      if (name !== "putIfAbsent") {
        const found: unknown = Reflect.get(target, name);
        return typeof found === "function" ? found.bind(target) : found;
      }
      return async (key: string, bytes: Uint8Array) => {
        if (!isOver) {
          isOver = true;
          await happens();
        }
        return await target.putIfAbsent(key, bytes);
      };
    },
  });
}

describe("a commit", () => {
  test("replaces blocks, and what it made is replaced by the next", async () => {
    await publish(1, 2, 3);
    expect((await commitReplacement(store, change([1, 2], [10]), options))?.generation).toBe(1);
    expect(await live()).toEqual([3, 10]);
    expect((await commitReplacement(store, change([3, 10], [11]), options))?.generation).toBe(2);
    expect(await live()).toEqual([11]);
    expect((await commitReplacement(store, change([11], []), options))?.generation).toBe(3);
    expect(await live()).toEqual([]);
  });

  test("changes nothing when an input went", async () => {
    await publish(1, 2, 3);
    await commitReplacement(store, change([1, 2], [10]), options);
    expect(await commitReplacement(store, change([2, 3], [11]), options)).toBe(undefined);
    expect(await commitReplacement(store, change([3, 4], [11]), options)).toBe(undefined);
    await store.delete([metaKey(metaOf(3))]);
    expect(await commitReplacement(store, change([3, 10], [11]), options)).toBe(undefined);
    expect(await live()).toEqual([10]);
  });

  test("of two of the same blocks is one, whichever was faster", async () => {
    await publish(1, 2);
    const slow = onceBefore(() => commitReplacement(store, change([1, 2], [10]), options));
    expect(await commitReplacement(slow, change([1, 2], [11]), options)).toBe(undefined);
    expect(await live()).toEqual([10]);
  });

  test("goes on over one of other blocks", async () => {
    await publish(1, 2, 3, 4);
    const slow = onceBefore(() => commitReplacement(store, change([1, 2], [10]), options));
    const made = await commitReplacement(slow, change([3, 4], [11]), options);
    expect(made?.generation).toBe(2);
    expect(await live()).toEqual([10, 11]);
  });

  test("that was written, and not known to be, is not written again", async () => {
    await publish(1, 2, 3);
    await commitReplacement(store, change([1, 2], [10]), options);
    expect((await commitReplacement(store, change([1, 2], [10]), options))?.generation).toBe(1);
    // Nor when somebody has merged on since.
    await commitReplacement(store, change([3, 10], [12]), options);
    expect((await commitReplacement(store, change([1, 2], [10]), options))?.generation).toBe(2);
    expect(await live()).toEqual([12]);
  });

  test("is none over a record that is damaged", async () => {
    await publish(1, 2, 3);
    await commitReplacement(store, change([1, 2], [10]), options);
    await store.put(compactionKey({ window, generation: 2 }), new Uint8Array(9));
    await expect(commitReplacement(store, change([3, 10], [11]), options)).rejects.toThrow(
      "compaction record",
    );
    const list = new BucketList(store, quiet);
    await list.poll();
    expect([list.isWhole, list.byWindow().has(window)]).toEqual([false, false]);
  });
});

describe("a list", () => {
  test("knows what was committed at once, and keeps it over a poll under way", async () => {
    await publish(1, 2);
    // The poll has read records, and goes on to metas.
    let isPolling = false;
    const slow = new Proxy<ObjectStore>(store, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name);
        if (name !== "list") return typeof found === "function" ? found.bind(target) : found;
        return async function* (prefix: string) {
          if (isPolling && prefix === METAS_PREFIX) await commit();
          yield* target.list(prefix);
        };
      },
    });
    const list = new BucketList(slow, quiet);
    const commit = async () => {
      const named = await commitReplacement(store, change([1, 2], [10]), options);
      if (named === undefined) throw new Error("test: not committed");
      const { added, removed } = list.committed(named);
      // Metas are read at once, so those that go come in any order.
      expect(added.map(({ id }) => id)).toEqual([idOf(10)]);
      expect(removed.toSorted()).toEqual([idOf(1), idOf(2)]);
    };
    await list.poll();
    isPolling = true;
    expect(await list.poll()).toEqual({ added: [], removed: [] });
    isPolling = false;
    expect([...list.live.keys()]).toEqual([idOf(10)]);
    expect(await list.poll()).toEqual({ added: [], removed: [] });
    expect([list.isReplaced(idOf(1)), list.isReplaced(idOf(10))]).toEqual([true, false]);
  });

  test("has what was merged in the window of what it replaced", async () => {
    const late: Partial<BlockMeta> = { retainFromMs: metaOf(1).retainFromMs + 86_400_000 };
    await publish(1, 2);
    const moved = { ...change([1], []), outputs: [metaOf(10, late)] };
    await commitReplacement(store, moved, options);
    const list = new BucketList(store, quiet);
    await list.poll();
    const windows = [...list.byWindow()].map(([name, metas]) => [name, metas.map(({ id }) => id)]);
    expect(windows).toEqual([[window, [idOf(10), idOf(2)]]]);
  });
});

test("ids leave a record when they may, and then the record goes", async () => {
  await publish(1, 2);
  await commitReplacement(store, change([1, 2], [10]), options);
  await commitReplacement(store, change([10], []), options);
  const list = new BucketList(store, quiet);
  await list.poll();
  const isLive = (id: string) => list.live.has(id);
  expect(planForget(list.records, { mayForget: (id) => id === idOf(1), isLive })).toEqual([]);
  await store.delete([metaKey(metaOf(1)), metaKey(metaOf(2))]);
  await putRecords(store, planForget(list.records, { mayForget: () => true, isLive }));
  await list.poll();
  expect(list.records[0].record).toMatchObject({ outputs: [], replaced: [] });
  expect(planForget(list.records, { mayForget: () => true, isLive })).toEqual([]);
  // The last generation goes after all others have gone.
  for (const left of [1, 0]) {
    const plan = planSweep({
      ...{ nowMs: Date.now() + 60_000, graceMs: 1000, orphans: new Map(), isWhole: true },
      ...{ isKnown: () => true, hasMeta: () => false },
      records: list.records,
      objects: await sweptObjects(store),
    });
    await doSweep(store, plan);
    const keys = (await sweptObjects(store)).map(({ key }) => key);
    expect(keys.filter((key) => key.startsWith(compactionsOf(window))).length).toBe(left);
  }
});

test("nothing of a damaged record is swept: its blocks seem to be none", () => {
  const key = (generation: number) => compactionKey({ window, generation });
  const objects = [`blocks/${idOf(10)}/data.parquet`, key(1), key(2)].map((name) => ({
    ...{ key: name, bytes: 1, etag: "", modifiedMs: 1 },
  }));
  const of = { nowMs, graceMs: 1000, objects, isKnown: () => false, hasMeta: () => false };
  const state = { ...of, records: [], orphans: new Map([[idOf(10), 1]]) };
  expect(planSweep({ ...state, isWhole: false }).objects).toEqual([]);
  expect(planSweep({ ...state, isWhole: true }).objects.length).toBe(2);
});

describe("a lease", () => {
  const leases = (holder: string) => new BucketLeases({ store, holder, turnMs: 1000 });

  test("is one process's for its turn, also after a restart", async () => {
    expect(await leases("a").take("w/1", 10_100)).toBe(true);
    const other = leases("b");
    expect(await other.take("w/1", 10_200)).toBe(false);
    expect(await other.take("w/1", 10_250)).toBe(false);
    expect(await leases("b").take("w/2", 10_200)).toBe(true);
    expect(await leases("a").take("w/1", 10_300)).toBe(true);
    expect(await leases("b").take("w/1", 11_000)).toBe(true);
  });

  test("holds on for what begins late in a turn, and is swept when it is over", async () => {
    expect(await leases("a").take("w/1", 10_900)).toBe(true);
    expect(await leases("b").take("w/1", 11_500)).toBe(false);
    expect(await leases("b").take("w/1", 12_000)).toBe(true);
    const plan = planSweep({
      ...{ nowMs: 13_500, graceMs: 1000, orphans: new Map(), isWhole: true, records: [] },
      ...{ isKnown: () => true, hasMeta: () => false, objects: await sweptObjects(store) },
    });
    expect(plan.objects).toEqual([leaseKey("w/1", 11_000), leaseKey("w/1", 12_000)]);
  });
});
