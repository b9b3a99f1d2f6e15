/** What a process brings into a bucket that was away for so long that nobody knows of it. */
import { mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { BLOCKS_PREFIX, blockKey, metaKey, windowOfBlock } from "../../src/store/bucket-keys.ts";
import { BucketList } from "../../src/store/bucket-list.ts";
import { commitReplacement, mayForgetSince } from "../../src/store/bucket-replace.ts";
import { DiskObjects } from "../../src/store/object-disk.ts";
import { StoreCleaning } from "../../src/worker/store-cleaning.ts";
import { metaBytes, metaOf } from "../store/block-metas.ts";

const HOUR = 3_600_000;
const graceMs = HOUR;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const [one, two, merged, late] = [metaOf(1), metaOf(2), metaOf(10), metaOf(11)];

let folder = "";
let store: DiskObjects;
let nowMs = 1_800_000_000_000;
const clock = { nowMs: () => nowMs };
const mayForget = (id: string, atMs: number) =>
  mayForgetSince(atMs, { nowMs, graceMs }) && !list.hasMeta(id);
let list: BucketList;
let cleaning: StoreCleaning;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vivace-cleaning-"));
  store = new DiskObjects(join(folder, "bucket"), clock);
  list = new BucketList(store, quiet);
  cleaning = new StoreCleaning({
    ...{ store, list, clock, logger: quiet, graceMs, mayForget },
    retention: () => ({ rules: [], byTenant: new Map(), othersMs: 0 }),
    isUnderWay: () => false,
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function putObject(meta: BlockMeta): Promise<void> {
  await store.put(blockKey(meta), new Uint8Array(8));
  utimesSync(join(folder, "bucket", blockKey(meta)), nowMs / 1000, nowMs / 1000);
}

/** As the store thread does it now and then. */
async function clean(): Promise<void> {
  await cleaning.retain();
  await list.poll();
  await cleaning.sweep(nowMs);
}

async function objects(): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.list(BLOCKS_PREFIX)) keys.push(...page.map(({ key }) => key));
  return keys;
}

/** Commits that those two are one block now. */
async function merge(output: BlockMeta) {
  const change = { window: windowOfBlock(one), inputs: [one, two], outputs: [output], looked: [] };
  return await commitReplacement(store, change, { nowMs, mayForget });
}

test("an orphan is swept that comes when its id has left the record", async () => {
  for (const meta of [one, two]) {
    await putObject(meta);
    await store.putIfAbsent(metaKey(meta), metaBytes(meta));
  }
  await putObject(merged);
  await list.poll();
  expect(await merge(merged)).toBeDefined();
  for (let hours = 0; hours < 30; hours++) {
    await clean();
    nowMs += HOUR;
  }
  expect(list.records.map(({ record }) => record.replaced)).toEqual([[]]);
  expect(await objects()).toEqual([blockKey(merged)]);

  // An upload that stood still for all that time, and a merge of the same blocks.
  for (const meta of [one, late]) await putObject(meta);
  expect(await merge(late)).toBeUndefined();
  await clean();
  // It may be a block that will be published in a moment.
  expect(await objects()).toHaveLength(3);
  nowMs += graceMs + 1;
  await clean();
  expect(await objects()).toEqual([blockKey(merged)]);
  expect([...list.live.keys()]).toEqual([merged.id]);
});
