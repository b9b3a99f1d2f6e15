/** The store of objects in Google's storage, against fake-gcs-server. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { GcsObjects } from "../../src/store/gcs/gcs-objects.ts";
import type { GcsOptions } from "../../src/store/gcs/gcs-options.ts";
import { openGcs } from "../../src/store/gcs/open-gcs.ts";
import { type Fault, FaultProxy } from "../fault/fault-proxy.ts";
import { FakeGcs, fakeGcsTool } from "../support/fake-gcs.ts";
import { freePort } from "../support/free-port.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { bytes, codeOf, contract, keysOf, PART_BYTES } from "./object-store-contract.ts";

const BUCKET = "vivace-test";

describe.skipIf(leftOut(fakeGcsTool))(titled("objects in Google's storage", fakeGcsTool), () => {
  let gcs: FakeGcs;
  beforeAll(async () => {
    gcs = await FakeGcs.start([BUCKET]);
  }, INSTALL_TIMEOUT_MS);
  afterAll(() => gcs?.[Symbol.asyncDispose]());

  function open(more: Partial<GcsOptions> = {}): GcsObjects {
    const options: GcsOptions = {
      ...{ bucket: BUCKET, prefix: "some/prefix", chunkBytes: PART_BYTES, insecure: true },
      ...{ endpoint: `${gcs.endpoint}/storage/v1/`, cacheControl: "", metadata: {} },
      policy: {
        ...{ attemptsMax: 4, waitInitialMs: 5, waitMsMax: 50, attemptMs: 20_000 },
        ...{ hedgeAtMs: 0, hedgeUpTo: 2 },
      },
      ...more,
    };
    return openGcs(options, { random: prng(1) });
  }

  contract({ afterAll, beforeAll, describe, expect, test }, "on fake-gcs-server", async () => ({
    store: open(),
    close: async () => undefined,
  }));

  test("what others keep under the same prefix is not ours", async () => {
    await open({ prefix: "" }).put("bare", bytes(1));
    expect(await keysOf(open(), "bare")).toEqual([]);
    const found = await fetch(`${gcs.endpoint}/storage/v1/b/${BUCKET}/o/vivace%2Fbare`);
    expect(await found.json()).toMatchObject({ name: "vivace/bare", size: "1" });
  });

  test("a bucket that is not there is refused", async () => {
    const store = open({ bucket: "no-such-one" });
    for (const call of [
      () => store.put("a", bytes(1)),
      () => store.putIfAbsent("a", bytes(1)),
      () => keysOf(store, ""),
      () => store.probe(),
    ]) {
      expect(await codeOf(call())).toBe("store_refused");
    }
  });

  test("an endpoint where nobody is", async () => {
    const store = open({ endpoint: `http://127.0.0.1:${await freePort()}` });
    expect(await codeOf(store.get("a"))).toBe("store_unavailable");
    expect(store.requests()).toMatchObject({ retried: 3 });
  });

  test("objects carry cache control and metadata, in one piece and in chunks", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vivace-gcs-test-"));
    try {
      const store = open({ cacheControl: "no-store", metadata: { team: "a b" } });
      writeFileSync(join(folder, "file"), bytes(PART_BYTES + 1));
      await store.put("dressed/put", bytes(1));
      await store.putIfAbsent("dressed/absent", bytes(1));
      await store.putFile("dressed/file", join(folder, "file"));
      for (const key of ["put", "absent", "file"]) {
        const name = encodeURIComponent(`some/prefix/vivace/dressed/${key}`);
        const found = await fetch(`${gcs.endpoint}/storage/v1/b/${BUCKET}/o/${name}`);
        expect(await found.json()).toMatchObject({
          ...{ cacheControl: "no-store", contentType: "application/octet-stream" },
          metadata: { team: "a b" },
        });
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  const doubtful: readonly Fault[] = ["500 after", "lost", "cut"];
  test.each(doubtful)("whoever was first is told so, though its answer was %s", async (fault) => {
    await using proxy = await FaultProxy.start(gcs.port);
    const store = open({ endpoint: `http://${proxy.endpoint}` });
    proxy.plan = (_, at) => (at === 0 ? fault : undefined);
    expect(await store.putIfAbsent(`told/${fault}`, bytes(10, 1))).toBe(true);
    expect(proxy.seen).toHaveLength(3);
    expect(await store.putIfAbsent(`told/${fault}`, bytes(10, 2))).toBe(false);
    expect(await store.get(`told/${fault}`)).toEqual(bytes(10, 1));
  });
});
