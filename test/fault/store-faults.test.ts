/**
 * A store in S3 behind a network and a server that fail: what it answers is right all the same,
 * what it tries is bounded, and nothing is done twice to any effect.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { compareKeys } from "../../src/store/object-store.ts";
import { sweepUploads } from "../../src/store/s3/s3-delete.ts";
import type { S3Options } from "../../src/store/s3/s3-options.ts";
import { bytes, codeOf, keysOf, PART_BYTES } from "../store/object-store-contract.ts";
import { BUCKET, onlooker, openBucket, s3Options, uploadsOf } from "../store/s3-bucket.ts";
import { Minio, minioTool } from "../support/minio.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { type Fault, FaultProxy, randomPlan } from "./fault-proxy.ts";

/** All that end by themselves. */
const PASSING: readonly Fault[] = ["500", "503", "500 after", "dropped", "lost", "cut", "slow"];
/** Those after which nobody knows whether it was done. */
const DOUBTFUL: readonly Fault[] = ["500 after", "lost", "cut"];

const PREFIX = "some/prefix/vivace/";

describe.skipIf(leftOut(minioTool))(titled("a store that fails", minioTool), () => {
  let minio: Minio;
  let proxy: FaultProxy;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "vivace-faults-"));
    minio = await Minio.start();
    await minio.makeBucket(BUCKET);
    proxy = await FaultProxy.start(minio.port);
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await minio?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    proxy.plan = () => undefined;
    proxy.seen.length = 0;
  });

  const policy = s3Options({ endpoint: "" }).policy;
  const open = (more: Partial<S3Options["policy"]> = {}) =>
    openBucket({
      endpoint: proxy.endpoint,
      region: "us-east-1",
      policy: { ...policy, attemptsMax: 12, ...more },
    });
  const direct = () => openBucket({ endpoint: minio.endpoint, region: "us-east-1" });

  function fileOf(size: number): string {
    const path = join(folder, `file-${size}`);
    if (!existsSync(path)) writeFileSync(path, bytes(size, size));
    return path;
  }

  test.each([1, 2, 3, 4])(
    "with 3 of 10 requests failing, 300 operations, seed %d",
    async (seed) => {
      const store = open();
      const look = direct();
      const random = prng(seed);
      const model = new Map<string, Uint8Array>();
      const folderOf = `model-${seed}/`;
      const plan = randomPlan(seed, 0.3, PASSING);
      proxy.plan = plan;
      const operate = async (lane: number) => {
        // Each lane has keys of its own, so that the model knows what each call must give.
        for (let step = 0; step < 50; step++) {
          const key = `${folderOf}${lane}/${random.below(6)}`;
          const content = bytes(1 + random.below(20_000), random.below(1_000_000));
          const known = model.get(key);
          const kind = random.below(6);
          if (kind === 0) {
            await store.put(key, content);
            model.set(key, content);
          } else if (kind === 1) {
            expect(await store.putIfAbsent(key, content)).toBe(known === undefined);
            if (known === undefined) model.set(key, content);
          } else if (kind === 2) {
            await store.delete([key, `${key}-not`]);
            model.delete(key);
          } else if (kind === 3) {
            expect(await store.get(key)).toEqual(known);
          } else if (known === undefined) {
            expect(await codeOf(store.getRange(key, { offset: 0, length: 1 }))).toBe("not_found");
          } else {
            const offset = random.below(known.length);
            const length = 1 + random.below(known.length - offset);
            const got = await store.getRange(key, { offset, length });
            expect(got).toEqual(known.slice(offset, offset + length));
          }
        }
      };
      await Promise.all([0, 1, 2, 3, 4, 5].map(operate));
      const keys = [...model.keys()].sort(compareKeys);
      expect(await keysOf(store, folderOf)).toEqual(keys);
      expect(await keysOf(look, folderOf)).toEqual(keys);
      for (const [key, content] of model) expect(await look.get(key)).toEqual(content);
      const faults = proxy.seen.filter(({ fault }) => fault !== undefined).length;
      expect(faults).toBeGreaterThan(60);
      expect(store.requests().retried).toBeGreaterThan(50);
      expect(proxy.seen.length).toBeLessThan(300 * 4);
    },
    180_000,
  );

  test.each([1, 2])(
    "16 that must be first, with answers lost: one is, seed %d",
    async (seed) => {
      const stores = Array.from({ length: 16 }, () => open());
      const look = direct();
      proxy.plan = randomPlan(seed, 0.5, DOUBTFUL);
      for (let round = 0; round < 10; round++) {
        const key = `first-${seed}/${round}`;
        const all = stores.map((_, at) => bytes(100, at));
        const won = await Promise.all(stores.map((store, at) => store.putIfAbsent(key, all[at])));
        expect(won.filter((one) => one)).toHaveLength(1);
        expect(await look.get(key)).toEqual(all[won.indexOf(true)]);
      }
    },
    180_000,
  );

  test.each(DOUBTFUL)("whoever was first is told so, though its answer was %s", async (fault) => {
    const store = open();
    const key = `told/${fault}`;
    proxy.plan = (_, at) => (at === 0 ? fault : undefined);
    expect(await store.putIfAbsent(key, bytes(10, 1))).toBe(true);
    expect(proxy.seen.map(({ method }) => method)).toEqual(["PUT", "PUT", "HEAD"]);
    proxy.seen.length = 0;
    expect(await store.putIfAbsent(key, bytes(10, 1))).toBe(false);
    expect(await direct().get(key)).toEqual(bytes(10, 1));
  });

  describe("a file in three parts", () => {
    const size = 2 * PART_BYTES + 1_000;
    const cases = [...PASSING].flatMap((fault) => [0, 1, 2, 3, 4].map((at) => ({ fault, at })));

    const hash = Bun.hash.xxHash3(bytes(size, size));

    // One begins, three are parts, one completes.
    test.each(cases)("is whole though request $at is: $fault", async ({ fault, at }) => {
      const store = open();
      const key = `parts/${fault}-${at}`;
      proxy.plan = (_, number) => (number === at ? fault : undefined);
      await store.putFile(key, fileOf(size));
      const got = await direct().get(key);
      expect(got?.length).toBe(size);
      expect(Bun.hash.xxHash3(got ?? "")).toBe(hash);
      expect(await uploadsOf(minio.port, PREFIX + key)).toEqual([]);
      // And not sent all over again because of it.
      const begun = proxy.seen.filter(({ path }) => path.endsWith("?uploads")).length;
      expect(begun).toBe(at === 0 && fault !== "slow" ? 2 : 1);
    });

    test("that cannot be sent is no object, and leaves no parts", async () => {
      const store = open();
      const key = "parts/refused";
      proxy.plan = ({ path }) => (path.includes("partNumber=2") ? "403" : undefined);
      expect(await codeOf(store.putFile(key, fileOf(size)))).toBe("store_refused");
      expect(await direct().get(key)).toBeUndefined();
      expect(await uploadsOf(minio.port, PREFIX + key)).toEqual([]);
    });

    test("that is aborted under way by others is begun again", async () => {
      const store = open();
      const key = "parts/aborted";
      let aborted = false;
      proxy.plan = ({ path }) => {
        if (!path.includes("partNumber=2") || aborted) return undefined;
        aborted = true;
        const id = new URL(path, "http://x").searchParams.get("uploadId") ?? "";
        void onlooker(minio.port).abortMultipartUpload(BUCKET, PREFIX + key, id);
        return "slow";
      };
      await store.putFile(key, fileOf(size));
      expect((await direct().get(key))?.length).toBe(size);
      expect(await uploadsOf(minio.port, PREFIX + key)).toEqual([]);
    });

    test("that a killed process left is swept when it is old", async () => {
      const look = onlooker(minio.port);
      const object = `${PREFIX}parts/killed`;
      await look.initiateNewMultipartUpload(BUCKET, object, {});
      // This server lists uploads by their whole key alone.
      const sweep = (ageMs: number) => {
        return sweepUploads(look, { bucket: BUCKET, prefix: object, beforeMs: Date.now() - ageMs });
      };
      expect(await sweep(3_600_000)).toBe(0);
      expect(await uploadsOf(minio.port, object)).toHaveLength(1);
      expect(await sweep(-60_000)).toBe(1);
      expect(await uploadsOf(minio.port, object)).toEqual([]);
      expect(await direct().sweep(0)).toBe(0);
    });
  });

  test("what never comes is given up, and asked for again", async () => {
    const store = open({ attemptMs: 300 });
    await direct().put("hangs", bytes(100));
    proxy.plan = (_, at) => (at < 2 ? "hangs" : undefined);
    expect(await store.get("hangs")).toEqual(bytes(100));
    expect(store.requests()).toMatchObject({ retried: 2 });
  });

  test.each(["500", "503", "dropped", "hangs"] as const)(
    "a store that stays away (%s) is unavailable after as many tries as were allowed",
    async (fault) => {
      const store = open({ attemptsMax: 3, attemptMs: 200 });
      proxy.plan = () => fault;
      for (const call of [
        () => store.get("a"),
        () => store.put("a", bytes(1)),
        () => store.putIfAbsent("a", bytes(1)),
        () => store.delete(["a"]),
        () => keysOf(store, "a"),
      ]) {
        proxy.seen.length = 0;
        expect(await codeOf(call())).toBe("store_unavailable");
        expect(proxy.seen).toHaveLength(3);
      }
    },
  );

  test("a read that hangs is sent once more, and the second one counts", async () => {
    const store = open({ hedgeAtMs: 30, hedgeUpTo: 2 });
    await direct().put("hedged", bytes(10_000));
    proxy.plan = (_, at) => (at === 0 ? "hangs" : undefined);
    const range = { offset: 100, length: 5_000 };
    expect(await store.getRange("hedged", range)).toEqual(bytes(10_000).slice(100, 5_100));
    expect(store.requests()).toMatchObject({ hedged: 1, retried: 0 });
    expect(proxy.seen).toHaveLength(2);
  });

  test("a write is never sent twice at once", async () => {
    const store = open({ hedgeAtMs: 10, hedgeUpTo: 3 });
    proxy.plan = () => "slow";
    await store.put("not-hedged", bytes(10));
    expect(proxy.seen).toHaveLength(1);
  });

  test("a call that hangs ends when it is given up", async () => {
    for (const hedgeAtMs of [0, 20]) {
      const store = open({ hedgeAtMs, hedgeUpTo: 2 });
      const controller = new AbortController();
      proxy.seen.length = 0;
      proxy.plan = () => {
        controller.abort(new Error("nobody waits any more"));
        return "hangs";
      };
      await expect(store.get("a", controller.signal)).rejects.toThrow("nobody waits any more");
    }
  });
});
