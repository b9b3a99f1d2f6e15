import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { blockKey, compactionKey, metaKey, sidecarKey } from "../../src/store/bucket-keys.ts";
import { BucketList } from "../../src/store/bucket-list.ts";
import { publishBlock } from "../../src/store/bucket-publish.ts";
import { doRetain, planRetain } from "../../src/store/bucket-retain.ts";
import { doSweep, planSweep, type SweepInput, sweptObjects } from "../../src/store/bucket-sweep.ts";
import { compactionBytes, readCompactionRecord } from "../../src/store/compaction-record.ts";
import { DiskObjects } from "../../src/store/object-disk.ts";
import { idOf, metaBytes, metaOf } from "./block-metas.ts";

let folder = "";
let store: DiskObjects;
let lines: string[] = [];
const tell = (message: string, fields?: object) =>
  lines.push(`${message} ${JSON.stringify(fields)}`);
const logger = { debug: tell, info: tell, warn: tell, error: tell };
const clock = { nowMs: () => 1_800_000_000_000 };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vivace-bucket-"));
  store = new DiskObjects(join(folder, "bucket"));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function list(): BucketList {
  return new BucketList(store, logger);
}

function ids(blocks: Iterable<string>): string[] {
  return [...blocks].toSorted();
}

async function putMeta(meta: BlockMeta): Promise<void> {
  await store.putIfAbsent(metaKey(meta), metaBytes(meta));
}

async function record(generation: number, outputs: BlockMeta[], replaced: number[]) {
  const bytes = compactionBytes({
    version: 1,
    outputs,
    replaced: replaced.map((id) => ({ id: idOf(id), atMs: clock.nowMs() })),
    looked: [],
  });
  return await store.putIfAbsent(compactionKey({ window: "shop/1", generation }), bytes);
}

describe("the list of a bucket", () => {
  test("tells what came and what went, and gets only what is new", async () => {
    const bucket = list();
    await putMeta(metaOf(1));
    await putMeta(metaOf(2));
    expect((await bucket.poll()).added.map(({ id }) => id).toSorted()).toEqual([idOf(1), idOf(2)]);
    await putMeta(metaOf(3));
    await store.delete([metaKey(metaOf(1))]);
    const before = gets();
    const change = await bucket.poll();
    expect(change.added.map(({ id }) => id)).toEqual([idOf(3)]);
    expect(change.removed).toEqual([idOf(1)]);
    expect(gets() - before).toBe(1);
    expect(await bucket.poll()).toEqual({ added: [], removed: [] });
  });

  test("replaces blocks by what they were merged into, in one change", async () => {
    const bucket = list();
    for (const number of [1, 2, 3]) await putMeta(metaOf(number));
    await bucket.poll();
    await record(1, [metaOf(10)], [1, 2]);
    const first = await bucket.poll();
    expect(first.added.map(({ id }) => id)).toEqual([idOf(10)]);
    expect(ids(first.removed)).toEqual([idOf(1), idOf(2)]);
    // The next generation says all of it again.
    await record(2, [metaOf(11)], [1, 2, 3, 10]);
    const second = await bucket.poll();
    expect(second.added.map(({ id }) => id)).toEqual([idOf(11)]);
    expect(ids(second.removed)).toEqual([idOf(10), idOf(3)].toSorted());
    expect(ids(bucket.live.keys())).toEqual([idOf(11)]);
  });

  test("names what it cannot read once, and serves the rest", async () => {
    const bucket = list();
    await putMeta(metaOf(1));
    await store.put(metaKey(metaOf(2)), new TextEncoder().encode("{}"));
    await store.put(metaKey(metaOf(3)), metaBytes(metaOf(4)));
    await store.put(compactionKey({ window: "w", generation: 1 }), new Uint8Array(3));
    await bucket.poll();
    await bucket.poll();
    expect(ids(bucket.live.keys())).toEqual([idOf(1)]);
    expect(lines).toHaveLength(3);
    expect(lines.join()).toContain(metaKey(metaOf(2)));
  });

  test("keeps the generation before one that is damaged", async () => {
    const bucket = list();
    await putMeta(metaOf(1));
    await record(1, [metaOf(10)], [1]);
    await bucket.poll();
    await store.put(compactionKey({ window: "shop/1", generation: 2 }), new Uint8Array(3));
    expect(await bucket.poll()).toEqual({ added: [], removed: [] });
  });

  test("reads a record of which one copy is damaged, wherever it is, and tells of it", async () => {
    const random = prng(5);
    await record(1, [metaOf(10), metaOf(11)], [1, 2]);
    const key = compactionKey({ window: "shop/1", generation: 1 });
    const whole = (await store.get(key)) ?? new Uint8Array(0);
    for (let flip = 0; flip < 300; flip++) {
      const bytes = Uint8Array.from(whole);
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
      await store.put(key, bytes);
      lines = [];
      const bucket = list();
      await bucket.poll();
      expect([...bucket.live.keys()]).toEqual([idOf(10), idOf(11)]);
      expect(bucket.isWhole).toBe(true);
      expect(lines).toEqual([expect.stringMatching(/copy is read .*shop\/1.* copy is damaged/)]);
    }
    const [copy] = new TextDecoder().decode(whole).split("\n");
    expect(readCompactionRecord(new TextEncoder().encode(`${copy}\n`)).outputs).toHaveLength(2);
    await store.put(
      key,
      Uint8Array.from(whole, (byte, i) => (i % 50 === 7 ? byte ^ 1 : byte)),
    );
    const bucket = list();
    await bucket.poll();
    expect([bucket.live.size, bucket.isWhole]).toEqual([0, false]);
  });

  test("refuses records that are none", () => {
    for (const text of ["", "[]", '{"version":2}', '{"version":1,"outputs":[{}],"replaced":[]}']) {
      expect(() => readCompactionRecord(new TextEncoder().encode(text))).toThrow(EngineError);
    }
  });
});

describe("publishing", () => {
  function localBlock(meta: BlockMeta, fill: number) {
    const dataPath = join(folder, "data");
    const sidecarPath = join(folder, "sidecar");
    writeFileSync(dataPath, new Uint8Array(meta.dataBytes).fill(fill));
    writeFileSync(sidecarPath, new Uint8Array(meta.sidecarBytes).fill(fill));
    return { meta, dataPath, sidecarPath };
  }

  test("brings objects and meta, and leaves a block alone that is there", async () => {
    const options = { clock, objectsMsMax: 1000 };
    const meta = metaOf(1);
    expect(await publishBlock(store, localBlock(meta, 1), options)).toEqual(meta);
    const object = await store.get(blockKey(meta));
    expect(object).toHaveLength(meta.dataBytes + meta.sidecarBytes);
    const other = metaOf(1, { createdMs: 5, dataBytes: 9 });
    expect(await publishBlock(store, localBlock(other, 2), options)).toEqual(meta);
    expect((await store.get(blockKey(meta)))?.[0]).toBe(1);
  });

  test("puts objects again when their upload took too long for the sweep", async () => {
    const times = [0, 5000, 5000, 5001];
    const slow = { nowMs: () => times.shift() ?? Number.NaN };
    const before = requests("PUT");
    await publishBlock(store, localBlock(metaOf(1), 1), { clock: slow, objectsMsMax: 1000 });
    expect(requests("PUT") - before).toBe(3);
  });
});

describe("the sweep", () => {
  const graceMs = 1000;
  const input = (fields: Partial<SweepInput>): SweepInput => ({
    nowMs: 10_000,
    graceMs,
    objects: [],
    isKnown: () => false,
    hasMeta: () => false,
    records: [],
    isWhole: true,
    orphans: new Map(),
    ...fields,
  });
  const object = (key: string, modifiedMs: number) => ({ key, bytes: 1, etag: "", modifiedMs });
  const data = blockKey(metaOf(1));

  test("takes objects of no block, but only a grace time after it saw that", () => {
    const objects = [object(data, 1000)];
    const first = planSweep(input({ objects }));
    expect(first.objects).toEqual([]);
    expect([...first.orphans]).toEqual([[idOf(1), 10_000]]);
    const { orphans } = first;
    expect(planSweep(input({ objects, orphans, nowMs: 10_900 })).objects).toEqual([]);
    expect(planSweep(input({ objects, orphans, nowMs: 11_001 })).objects).toEqual([data]);
    // Somebody uploads it again.
    const again = [object(data, 10_500)];
    expect(planSweep(input({ objects: again, orphans, nowMs: 11_001 })).objects).toEqual([]);
    const isKnown = () => true;
    const known = planSweep(input({ objects, orphans, nowMs: 11_001, isKnown }));
    expect([known.objects, known.orphans.size]).toEqual([[], 0]);
  });

  test("takes replaced blocks a grace time later, their meta first", () => {
    const replaced = [{ id: idOf(1), atMs: 9500 }];
    const record = { version: 1 as const, outputs: [], replaced, looked: [] };
    const records = [{ window: "a/1", generation: 1, record }];
    const of = { objects: [object(data, 1)], isKnown: () => true, hasMeta: () => true, records };
    expect(planSweep(input(of))).toMatchObject({ metas: [], objects: [] });
    const { metas, objects } = planSweep(input({ ...of, nowMs: 10_501 }));
    expect([metas, objects]).toEqual([[metaKey(metaOf(1))], [data]]);
  });

  test("takes generations that a newer one has followed for long enough", () => {
    const key = (generation: number) => compactionKey({ window: "a/b", generation });
    const objects = [object(key(1), 1), object(key(3), 8000), object(key(2), 2)];
    expect(planSweep(input({ objects })).objects.toSorted()).toEqual([key(1), key(2)]);
    expect(planSweep(input({ objects, nowMs: 8500 })).objects).toEqual([]);
  });

  test("with retention leaves nothing of a block, in two steps", async () => {
    const bucket = list();
    for (const meta of [metaOf(1), metaOf(2), metaOf(3), metaOf(10)]) {
      await store.put(blockKey(meta), new Uint8Array(4));
      await store.put(sidecarKey(meta), new Uint8Array(4));
      if (meta.id !== idOf(10)) await putMeta(meta);
    }
    await record(1, [metaOf(10)], [2]);
    await bucket.poll();
    const gone = [metaOf(1), metaOf(10)];
    await doRetain(store, planRetain(gone, bucket.records, clock.nowMs()));
    expect(ids((await bucket.poll()).removed)).toEqual([idOf(1), idOf(10)]);
    let orphans: ReadonlyMap<string, number> = new Map();
    for (const nowMs of [clock.nowMs() + 5000, clock.nowMs() + 50_000]) {
      const plan = planSweep({
        ...{ nowMs, graceMs, orphans, objects: await sweptObjects(store) },
        isKnown: (id) => bucket.names(id),
        hasMeta: (id) => bucket.hasMeta(id),
        records: bucket.records,
        isWhole: bucket.isWhole,
      });
      await doSweep(store, plan);
      orphans = plan.orphans;
      await bucket.poll();
    }
    const left = (await sweptObjects(store)).map(({ key }) => key);
    expect(left.filter((key) => key.startsWith("blocks/")).toSorted()).toEqual(
      [blockKey(metaOf(3)), sidecarKey(metaOf(3))].toSorted(),
    );
  });
});

function requests(operation: string): number {
  const of = store.requests().series.filter((one) => one.operation === operation);
  return of.reduce((sum, { count }) => sum + count, 0);
}

function gets(): number {
  return requests("GET");
}
