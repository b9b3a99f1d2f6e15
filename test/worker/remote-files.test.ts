/**
 * Files of a bucket's blocks on this disk: whatever is fetched, thrown away and fetched again
 * meanwhile, what is read is what the bucket has.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { FileCache, type PartialFile } from "../../src/block/file-cache.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { BlockCache, cachePath } from "../../src/store/block-cache.ts";
import { blockKey, dataKey, sidecarKey } from "../../src/store/bucket-keys.ts";
import { DiskObjects } from "../../src/store/object-disk.ts";
import { DATA, PIECE_BYTES, Presence, SIDECAR } from "../../src/store/presence.ts";
import { RangeFetch } from "../../src/store/range-fetch.ts";
import { runsOf } from "../../src/store/range-plan.ts";
import { metaOf } from "../store/block-metas.ts";

const DATA_BYTES = 20 * PIECE_BYTES + 777;
const SIDECAR_BYTES = 3 * PIECE_BYTES + 5;
const content = Uint8Array.from({ length: DATA_BYTES }, (_, i) => (i * 31 + (i >> 9)) & 255);

let folder = "";
let store: DiskObjects;
let nowMs = 1_000_000;
const clock = { nowMs: () => nowMs };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vivace-cache-"));
  store = new DiskObjects(join(folder, "bucket"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Of a time when data and sidecar were an object each. */
const OLD = 3;

function objectOf(meta: BlockMeta): Uint8Array {
  const footer = DATA_BYTES - meta.footerBytes - 8;
  const parts = [content.subarray(0, footer), content.subarray(0, SIDECAR_BYTES)];
  return Buffer.concat([...parts, content.subarray(footer)]);
}

async function blockOf(number: number): Promise<BlockMeta> {
  const meta = metaOf(number, { dataBytes: DATA_BYTES, sidecarBytes: SIDECAR_BYTES });
  if (number === OLD) {
    await store.put(dataKey(meta), content);
    await store.put(sidecarKey(meta), content.subarray(0, SIDECAR_BYTES));
  } else await store.put(blockKey(meta), objectOf(meta));
  return meta;
}

function cacheOf(bytesMax: number): BlockCache {
  return new BlockCache(join(folder, "cache"), bytesMax, clock);
}

/** As a query thread has it, but for the fetch, which is the test's. */
function partialOf(
  meta: BlockMeta,
  words: SharedArrayBuffer,
  fetch: PartialFile["fetch"],
): PartialFile {
  const presence = new Presence(words, meta);
  return {
    bytes: meta.dataBytes,
    get epoch() {
      return presence.epoch;
    },
    pathOf: (epoch) => cachePath(join(folder, "cache", meta.id), DATA, epoch),
    has: (from, length) => {
      presence.use(nowMs);
      return presence.has(DATA, from, length);
    },
    fetch,
  };
}

describe("requests for pieces", () => {
  test("take up small gaps, and are of bounded length", () => {
    expect(runsOf([0, 1, 2, 5, 20])).toEqual([
      { first: 0, end: 6 },
      { first: 20, end: 21 },
    ]);
    const many = Array.from({ length: 1000 }, (_, i) => i);
    const runs = runsOf(many);
    expect(runs.length).toBeGreaterThan(1);
    expect(runs.flatMap(({ first, end }) => many.slice(first, end))).toEqual(many);
  });
});

describe("the cache of blocks", () => {
  test("gets what is asked for once, and nothing else", async () => {
    const meta = await blockOf(1);
    const cache = cacheOf(1 << 30);
    const fetch = new RangeFetch(store, cache);
    const { presence } = cache.add(meta);
    const range = { id: meta.id, file: DATA, offset: 3 * PIECE_BYTES + 10, length: 20 };
    await Promise.all([fetch.fetch([range]), fetch.fetch([range, range])]);
    expect(gets()).toBe(1);
    expect(presence.has(DATA, range.offset, range.length)).toBe(true);
    expect(presence.hasPiece(DATA, 2)).toBe(false);
    expect(cache.bytes).toBe(PIECE_BYTES);
    await fetch.fetch([range]);
    expect(gets()).toBe(1);
  });

  test("tells all who wait that the store refuses, and asks again the next time", async () => {
    const meta = metaOf(2, { dataBytes: DATA_BYTES, sidecarBytes: SIDECAR_BYTES });
    const cache = cacheOf(1 << 30);
    const fetch = new RangeFetch(store, cache);
    cache.add(meta);
    const range = { id: meta.id, file: DATA, offset: 0, length: 20 };
    const both = await Promise.allSettled([fetch.fetch([range]), fetch.fetch([range])]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await store.put(blockKey(meta), objectOf(meta));
    await fetch.fetch([range]);
    expect(cache.bytes).toBe(PIECE_BYTES);
  });

  test("brings sidecar and footer in one request, and each where it belongs", async () => {
    const meta = await blockOf(1);
    const cache = cacheOf(1 << 30);
    const { presence } = cache.add(meta);
    const end = { id: meta.id, file: DATA, offset: DATA_BYTES - 2 * PIECE_BYTES, length: 9 };
    const last = { ...end, offset: DATA_BYTES - 1, length: 1 };
    const sidecar = { id: meta.id, file: SIDECAR, offset: 0, length: SIDECAR_BYTES };
    await new RangeFetch(store, cache).fetch([sidecar, end, last]);
    expect(gets()).toBe(1);
    expect(presence.has(SIDECAR, 0, SIDECAR_BYTES)).toBe(true);
    const read = (file: typeof DATA | typeof SIDECAR) =>
      new Uint8Array(readFileSync(cachePath(join(folder, "cache", meta.id), file, presence.epoch)));
    expect(read(SIDECAR)).toEqual(content.slice(0, SIDECAR_BYTES));
    const from = DATA_BYTES - (DATA_BYTES % PIECE_BYTES) - PIECE_BYTES;
    expect(read(DATA).slice(from)).toEqual(content.slice(from));
  });

  test("stays within its bound: what was unused for longest goes", async () => {
    const metas = [await blockOf(1), await blockOf(2), await blockOf(3)];
    const cache = cacheOf(45 * PIECE_BYTES);
    const fetch = new RangeFetch(store, cache);
    for (const meta of metas) {
      nowMs += 5000;
      const { presence } = cache.add(meta);
      presence.use(nowMs);
      await fetch.fetch([{ id: meta.id, file: DATA, offset: 0, length: DATA_BYTES }]);
    }
    expect(cache.bytes).toBeLessThanOrEqual(45 * PIECE_BYTES);
    expect(cache.get(metas[0].id)?.presence.hasPiece(DATA, 0)).toBe(false);
    expect(cache.get(metas[2].id)?.presence.has(DATA, 0, DATA_BYTES)).toBe(true);
    expect(readdirSync(join(folder, "cache", metas[0].id))).toEqual([]);
  });

  test("keeps whole files of a former process, and no others", async () => {
    const [whole, sparse] = [await blockOf(1), await blockOf(2)];
    const data = join(folder, "data");
    const sidecar = join(folder, "sidecar");
    writeFileSync(data, content);
    writeFileSync(sidecar, content.subarray(0, SIDECAR_BYTES));
    const before = cacheOf(1 << 30);
    before.adopt(whole, { data, sidecar });
    before.add(sparse);
    const first = new RangeFetch(store, before);
    await first.fetch([{ id: sparse.id, file: SIDECAR, offset: 0, length: 9 }]);
    const after = cacheOf(1 << 30);
    expect(after.add(whole).presence.has(DATA, 0, DATA_BYTES)).toBe(true);
    expect(after.add(sparse).presence.hasPiece(SIDECAR, 0)).toBe(false);
    expect(gets()).toBe(1);
    const later = cacheOf(1 << 30);
    later.add(sparse);
    later.removeUnknown();
    expect(existsSync(join(folder, "cache", whole.id))).toBe(false);
  });
});

describe("a file that comes and goes", () => {
  test.each([1, 2, 3, 4])("is read as the bucket has it, seed %d", async (seed) => {
    const random = prng(seed);
    const metas = [await blockOf(1), await blockOf(2), await blockOf(3)];
    const cache = cacheOf(24 * PIECE_BYTES);
    const fetch = new RangeFetch(store, cache);
    const wanted: { id: string; file: typeof DATA; offset: number; length: number }[] = [];
    const missed = new Error("test: missed");
    const partials = new Map(
      metas.map((meta) => {
        const partial = partialOf(meta, cache.add(meta).presence.words, (ranges) => {
          wanted.push(...ranges.map((range) => ({ id: meta.id, file: DATA, ...range })));
          throw missed;
        });
        return [meta.id, partial];
      }),
    );
    const files = new FileCache(2, { find: (path) => partials.get(path) });
    let read = 0;
    for (let step = 0; step < 600; step++) {
      nowMs += random.below(3000);
      const { id } = metas[random.below(3)];
      const from = random.below(DATA_BYTES);
      const length = random.below(Math.min(3 * PIECE_BYTES, DATA_BYTES - from) + 1);
      try {
        expect(files.read(id, from, length)).toEqual(content.slice(from, from + length));
        read++;
      } catch (error) {
        if (error !== missed) throw error;
        await fetch.fetch(wanted.splice(0));
      }
    }
    expect(read).toBeGreaterThan(50);
    expect(gets()).toBeGreaterThan(20);
  });

  test("never gives the bytes of a file that was begun anew", async () => {
    const meta = await blockOf(1);
    const cache = cacheOf(PIECE_BYTES);
    const fetch = new RangeFetch(store, cache);
    const { presence } = cache.add(meta);
    const bring = (piece: number) =>
      fetch.fetch([{ id: meta.id, file: DATA, offset: piece * PIECE_BYTES, length: 1 }]);
    let asked = 0;
    const partial = partialOf(meta, presence.words, () => {
      asked++;
      throw new Error("test: missed");
    });
    const files = new FileCache(2, { find: () => partial });
    await bring(0);
    expect(files.read("x", 0, 4)).toEqual(content.slice(0, 4));
    const { epoch } = presence;
    // Pushes the first piece out, and begins a file of a new epoch that has the second one alone.
    await bring(1);
    await bring(1);
    expect(presence.epoch).not.toBe(epoch);
    expect(() => files.read("x", 0, 4)).toThrow("missed");
    expect(asked).toBe(1);
  });
});

function gets(): number {
  const of = store.requests().series.filter(({ operation }) => operation === "GET");
  return of.reduce((sum, { count }) => sum + count, 0);
}
