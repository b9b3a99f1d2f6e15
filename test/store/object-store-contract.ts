/**
 * What every store of objects must do, whatever it is made of: one suite, called for each. The
 * keys of a run lie in a folder of its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as vitest from "vitest";
import { EngineError, type ErrorCode } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { compareKeys, type ObjectInfo, type ObjectStore } from "../../src/store/object-store.ts";

export interface OpenedStore {
  readonly store: ObjectStore;
  readonly close: () => Promise<void>;
}

/** Above the part size that the stores of the tests are opened with. */
export const PART_BYTES = 5 * 1024 * 1024;

export function bytes(length: number, seed = 1): Uint8Array {
  // Large ones repeat: making them up byte by byte takes longer than storing them.
  const block = prng(seed).bytes(Math.min(length, 64 * 1024 - 1));
  const all = new Uint8Array(length);
  for (let at = 0; at < length; at += block.length) {
    all.set(block.subarray(0, Math.min(block.length, length - at)), at);
  }
  return all;
}

export async function keysOf(store: ObjectStore, prefix: string, after?: string) {
  return (await listed(store, prefix, after)).flat().map(({ key }) => key);
}

export async function listed(store: ObjectStore, prefix: string, after?: string) {
  const pages: (readonly ObjectInfo[])[] = [];
  for await (const page of store.list(prefix, after)) pages.push(page);
  return pages;
}

/** The code of the EngineError that it rejects with. */
export async function codeOf(call: Promise<unknown>): Promise<ErrorCode | string> {
  return await call.then(
    () => "it did not reject",
    (error) => (error instanceof EngineError ? error.code : `${error}`),
  );
}

/** Each a trap for somebody's escaping, sorting or reading of numbers. */
const ODD_NAMES = [
  ...[
    "a b",
    "a+b",
    "a%20b",
    "a%2Fb",
    "a&b",
    "a&amp;b",
    "a<b>",
    "a'b\"c",
    "a=b?c#d",
    "a\\b",
    "a;b:c",
  ],
  ...[
    "0012",
    "1e5",
    "true",
    "~*()!",
    "a,b@c$d",
    "é",
    "e\u0301",
    "😀",
    "\uffee",
    "名前",
    "[x]{y}|^`",
  ],
  ...["a-b", "a.b", "a..b", "a0", " lead", "trail "],
];

/** The runner's functions: whichever runner it is, it knows them by the file of the test alone. */
export type Runner = Pick<typeof vitest, "afterAll" | "beforeAll" | "describe" | "expect" | "test">;

export function contract(runner: Runner, name: string, open: () => Promise<OpenedStore>): void {
  const { afterAll, beforeAll, describe, expect, test } = runner;
  describe(name, () => {
    let opened: OpenedStore;
    let store: ObjectStore;
    let folder: string;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "vivace-objects-"));
      opened = await open();
      store = opened.store;
    }, 600_000);
    afterAll(async () => {
      await opened?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test("what is put is got, and put over", async () => {
      expect(await store.get("plain/one")).toBeUndefined();
      for (const size of [0, 1, 100_000]) {
        await store.put("plain/one", bytes(size, size));
        expect(await store.get("plain/one")).toEqual(bytes(size, size));
      }
      expect(await store.get("plain")).toBeUndefined();
      expect(await store.get("plain/one/more")).toBeUndefined();
    });

    test("bytes may lie in shared memory", async () => {
      const shared = new Uint8Array(new SharedArrayBuffer(4_096), 96, 4_000);
      shared.set(bytes(4_000));
      await store.put("plain/shared", shared);
      expect(await store.get("plain/shared")).toEqual(bytes(4_000));
      expect(await store.putIfAbsent("plain/shared-new", shared)).toBe(true);
      expect(await store.get("plain/shared-new")).toEqual(bytes(4_000));
    });

    describe("ranges", () => {
      const all = bytes(10_000);
      beforeAll(() => store.put("range/one", all));
      test.each([
        [0, 1],
        [0, 10_000],
        [5_000, 3_000],
        [9_999, 1],
      ])("from %d, %d bytes", async (offset, length) => {
        const got = await store.getRange("range/one", { offset, length });
        expect(got).toEqual(all.slice(offset, offset + length));
      });
      test.each([
        { what: "past the end", key: "range/one", offset: 9_999, code: "block_corrupt" },
        { what: "behind the end", key: "range/one", offset: 10_000, code: "block_corrupt" },
        { what: "far behind it", key: "range/one", offset: 2 ** 40, code: "block_corrupt" },
        { what: "of no object", key: "range/none", offset: 0, code: "not_found" },
      ])("$what", async ({ key, offset, code }) => {
        expect(await codeOf(store.getRange(key, { offset, length: 2 }))).toBe(code);
      });
    });

    test("of 16 that put what must not be there yet, one does", async () => {
      for (let round = 0; round < 8; round++) {
        const key = `race/${round}`;
        const all = Array.from({ length: 16 }, (_, at) => bytes(300, at));
        const won = await Promise.all(all.map((one) => store.putIfAbsent(key, one)));
        expect(won.filter((one) => one)).toHaveLength(1);
        expect(await store.get(key)).toEqual(all[won.indexOf(true)]);
        expect(await store.putIfAbsent(key, bytes(1))).toBe(false);
        await store.delete([key]);
        expect(await store.putIfAbsent(key, bytes(2))).toBe(true);
      }
    });

    test("a put and 8 that must be first: whoever wins, the object is whole", async () => {
      const sizes = Array.from({ length: 9 }, (_, at) => 20_000 + at);
      const calls = sizes.map((size, at) =>
        at === 0
          ? store.put("race/mixed", bytes(size, size))
          : store.putIfAbsent("race/mixed", bytes(size, size)),
      );
      await Promise.all(calls);
      const got = await store.get("race/mixed");
      expect(sizes).toContain(got?.length);
      expect(got).toEqual(bytes(got?.length ?? 0, got?.length));
    });

    test("keys of odd characters", async () => {
      const keys = ODD_NAMES.flatMap((one) => [`odd/${one}`, `odd/in ${one}/data.parquet`]);
      await Promise.all(keys.map((key, at) => store.put(key, bytes(at + 1, at))));
      for (const [at, key] of keys.entries()) {
        expect(await store.get(key)).toEqual(bytes(at + 1, at));
        const first = await store.getRange(key, { offset: 0, length: 1 });
        expect(first).toEqual(bytes(at + 1, at).slice(0, 1));
        expect(await store.putIfAbsent(key, bytes(1))).toBe(false);
      }
      const sorted = [...keys].sort(compareKeys);
      expect(await keysOf(store, "odd/")).toEqual(sorted);
      for (const [at, key] of sorted.entries()) {
        expect(await keysOf(store, "odd/", key)).toEqual(sorted.slice(at + 1));
        expect(await keysOf(store, key)).toEqual(sorted.filter((one) => one.startsWith(key)));
      }
      await store.delete(keys);
      expect(await keysOf(store, "odd/")).toEqual([]);
    });

    test("lists by pages, from any key on, under any prefix", async () => {
      const names = Array.from({ length: 2_300 }, (_, at) => `many/${at % 7}/${at}.json`);
      for (let at = 0; at < names.length; at += 50) {
        const some = names.slice(at, at + 50);
        await Promise.all(some.map((key) => store.put(key, bytes(key.length))));
      }
      const sorted = names.sort(compareKeys);
      const pages = await listed(store, "many/");
      expect(pages.length).toBeGreaterThanOrEqual(3);
      expect(pages.every((page) => page.length > 0 && page.length <= 1_000)).toBe(true);
      expect(pages.flat().map(({ key }) => key)).toEqual(sorted);
      expect(pages.flat().every(({ key, bytes }) => bytes === key.length)).toBe(true);
      expect(await keysOf(store, "many/", sorted[1_234])).toEqual(sorted.slice(1_235));
      expect(await keysOf(store, "many/", "many/3/15")).toEqual(
        sorted.filter((key) => compareKeys(key, "many/3/15") > 0),
      );
      expect(await keysOf(store, "many/5/1")).toEqual(
        sorted.filter((key) => key.startsWith("many/5/1")),
      );
      expect(await keysOf(store, "man")).toEqual(sorted);
      expect(await keysOf(store, "many/", "zzz")).toEqual([]);
      expect(await keysOf(store, "many/", "a")).toEqual(sorted);
      await store.delete([...names, "many/none"]);
      expect(await keysOf(store, "many/")).toEqual([]);
    }, 120_000);

    test("tells size, time and another etag for another content", async () => {
      const infoOf = async () => (await listed(store, "info/one"))[0]?.[0];
      const before = Date.now();
      await store.put("info/one", bytes(10, 1));
      const first = await infoOf();
      expect(first?.bytes).toBe(10);
      // A store tells whole seconds, some of them.
      expect(first?.modifiedMs).toBeGreaterThan(before - 2_000);
      expect(first?.modifiedMs).toBeLessThan(Date.now() + 2_000);
      await store.put("info/one", bytes(10, 2));
      expect((await infoOf())?.etag).not.toBe(first?.etag);
    });

    test("deletes what is not there", async () => {
      await store.delete([]);
      await store.delete(["none/one", "none/two"]);
      await store.put("none/two", bytes(1));
      await store.delete(["none/one", "none/two"]);
      expect(await store.get("none/two")).toBeUndefined();
    });

    test.each([
      ["of no bytes", 0],
      ["of one", 1],
      ["of a part", PART_BYTES],
      ["of a part and a byte", PART_BYTES + 1],
      ["of several parts", 2 * PART_BYTES + 12_345],
    ])("a file %s", async (what, size) => {
      const content = bytes(size, size);
      const path = join(folder, "file");
      writeFileSync(path, content);
      const key = `file/${what}`;
      await store.putFile(key, path);
      const got = await store.get(key);
      expect(got?.length).toBe(size);
      expect(Bun.hash.xxHash3(got ?? bytes(1))).toBe(Bun.hash.xxHash3(content));
      await store.putFile(key, path);
      expect((await listed(store, key)).flat().map(({ bytes }) => bytes)).toEqual([size]);
      writeFileSync(path, bytes(7));
      await store.putFile(key, path);
      expect(await store.get(key)).toEqual(bytes(7));
    });

    test("parts of files, behind each other, in one piece and in several", async () => {
      const content = bytes(PART_BYTES + 5000, 4);
      const [one, two] = [join(folder, "one"), join(folder, "two")];
      writeFileSync(one, content);
      writeFileSync(two, bytes(777, 9));
      for (const length of [0, 300, PART_BYTES + 4000]) {
        const slices = [
          { path: one, offset: 0, length },
          { path: two, offset: 0, length: 777 },
          { path: one, offset: length, length: 1000 },
        ];
        await store.putSlices("file/slices", slices);
        const parts = [content.slice(0, length), bytes(777, 9), content.slice(length)];
        parts[2] = parts[2].slice(0, 1000);
        expect(await store.get("file/slices")).toEqual(new Uint8Array(Buffer.concat(parts)));
      }
      const short = [{ path: two, offset: 0, length: 778 }];
      expect(await codeOf(store.putSlices("file/short", short))).toBe("disk_failed");
      expect(await store.get("file/short")).toBeUndefined();
    });

    test("a file that is not there is the disk's fault, and makes no object", async () => {
      expect(await codeOf(store.putFile("file/none", join(folder, "none")))).toBe("disk_failed");
      expect(await store.get("file/none")).toBeUndefined();
    });

    test("a call that is given up rejects with the reason", async () => {
      await store.put("given-up", bytes(1_000_000));
      const reason = new Error("nobody waits any more");
      const gone = AbortSignal.abort(reason);
      await expect(store.get("given-up", gone)).rejects.toBe(reason);
      const range = { offset: 0, length: 1_000_000 };
      await expect(store.getRange("given-up", range, gone)).rejects.toBe(reason);
      const controller = new AbortController();
      const calls = Array.from({ length: 20 }, () =>
        store.getRange("given-up", range, controller.signal),
      );
      controller.abort(reason);
      for (const call of await Promise.allSettled(calls)) {
        expect(call).toEqual({ status: "rejected", reason });
      }
      expect(await store.getRange("given-up", range)).toEqual(bytes(1_000_000));
    });

    test("holds to conditions, and leaves nothing of the probe", async () => {
      expect(await store.probe()).toEqual({ atomic: true });
      expect(await keysOf(store, "probe/")).toEqual([]);
    });

    test("counts requests", async () => {
      const before = store.requests();
      await store.put("count", bytes(1_000));
      await store.get("count");
      const after = structuredClone(store.requests());
      const sum = ({ series }: typeof before) => series.reduce((all, one) => all + one.count, 0);
      expect(sum(after) - sum(before)).toBe(2);
      // Some wrap the bytes in an envelope, and some answer with words.
      for (const what of ["bytesSent", "bytesReceived"] as const) {
        expect(after[what] - before[what]).toBeGreaterThanOrEqual(1_000);
        expect(after[what] - before[what]).toBeLessThan(3_000);
      }
      for (const { count, buckets } of after.series) {
        expect(buckets.reduce((all, one) => all + one, 0)).toBe(count);
      }
      expect(after.series.map(({ operation }) => operation)).toEqual(
        expect.arrayContaining(["GET", "PUT", "LIST", "DELETE"]),
      );
    });
  });
}
