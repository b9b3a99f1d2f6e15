/** The store of objects in S3, against a real MinIO. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { S3Options } from "../../src/store/s3/s3-options.ts";
import { freePort } from "../support/free-port.ts";
import { Minio, minioTool } from "../support/minio.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { bytes, codeOf, contract, keysOf } from "./object-store-contract.ts";
import { BUCKET, onlooker, openBucket } from "./s3-bucket.ts";

describe.skipIf(leftOut(minioTool))(titled("objects in S3", minioTool), () => {
  let minio: Minio;
  const open = (more: Partial<S3Options> = {}) => openBucket({ endpoint: minio.endpoint, ...more });

  beforeAll(async () => {
    minio = await Minio.start();
    await minio.makeBucket(BUCKET);
  }, INSTALL_TIMEOUT_MS);
  afterAll(() => minio[Symbol.asyncDispose]());

  contract({ afterAll, beforeAll, describe, expect, test }, "on a MinIO", async () => ({
    store: open(),
    close: async () => undefined,
  }));

  test("what others keep beside it, and under the same prefix, is not ours", async () => {
    const look = onlooker(minio.port);
    await look.putObject(BUCKET, "beside/t/meta.json", "x");
    await look.putObject(BUCKET, "beside/vivace-not/meta.json", "x");
    const store = open({ prefix: "beside" });
    await store.put("meta.json", bytes(1));
    expect(await keysOf(store, "")).toEqual(["meta.json"]);
    const bare = open({ prefix: "" });
    await bare.put("bare", bytes(1));
    expect((await look.statObject(BUCKET, "vivace/bare")).size).toBe(1);
    expect((await look.statObject(BUCKET, "beside/vivace/meta.json")).size).toBe(1);
  });

  const refusals = [
    { what: "an access key that nobody has", more: { accessKey: "nobody" }, says: /InvalidAccess/ },
    { what: "a wrong secret", more: { secretKey: "wrong" }, says: /SignatureDoesNotMatch/ },
    { what: "a bucket that is not there", more: { bucket: "no-such-one" }, says: /NoSuchBucket/ },
    { what: "a token that is none", more: { sessionToken: "x" }, says: /Invalid|Access|token/i },
  ];
  test.each(refusals)("$what is refused, in the store's words", async ({ more, says }) => {
    const store = open(more);
    const calls = {
      get: () => store.get("a"),
      getRange: () => store.getRange("a", { offset: 0, length: 1 }),
      put: () => store.put("a", bytes(1)),
      putIfAbsent: () => store.putIfAbsent("a", bytes(1)),
      list: () => keysOf(store, ""),
      delete: () => store.delete(["a"]),
      probe: () => store.probe(),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await call().then(
        () => "it went through",
        (error: unknown) => error,
      );
      expect({ name, error }).toMatchObject({ name, error: { code: "store_refused" } });
      expect(String(error)).toMatch(says);
    }
  });

  test("an endpoint where nobody is: unavailable, after as many tries as it was told", async () => {
    const store = openBucket({ endpoint: `127.0.0.1:${await freePort()}`, region: "us-east-1" });
    expect(await codeOf(store.get("a"))).toBe("store_unavailable");
    expect(store.requests()).toMatchObject({ retried: 3, series: [{ status: "error", count: 4 }] });
  });

  test("an endpoint whose name nobody knows", async () => {
    const store = openBucket({ endpoint: "nowhere.invalid", region: "us-east-1" });
    expect(await codeOf(store.get("a"))).toBe("store_unavailable");
  });

  test("objects carry class, tags and metadata", async () => {
    const look = onlooker(minio.port);
    const store = open({
      storageClass: "REDUCED_REDUNDANCY",
      tags: { team: "a b/c", "cost center": "a+b=c" },
      metadata: { Origin: "vivace test" },
    });
    await store.put("dressed/put", bytes(1));
    await store.putIfAbsent("dressed/absent", bytes(1));
    for (const key of ["dressed/put", "dressed/absent"]) {
      const name = `some/prefix/vivace/${key}`;
      const { metaData } = await look.statObject(BUCKET, name);
      expect(metaData).toMatchObject({ origin: "vivace test" });
      expect(metaData["x-amz-storage-class"] ?? metaData["storage-class"]).toBe(
        "REDUCED_REDUNDANCY",
      );
      expect(await look.getObjectTagging(BUCKET, name)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ Key: "team", Value: "a b/c" }),
          expect.objectContaining({ Key: "cost center", Value: "a+b=c" }),
        ]),
      );
    }
  });
});
