/** Buckets of other kinds: encrypted by the server, and with their name in the host's. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Minio, minioTool } from "../support/minio.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { bytes, keysOf, PART_BYTES } from "./object-store-contract.ts";
import { BUCKET, onlooker, openBucket } from "./s3-bucket.ts";

describe.skipIf(leftOut(minioTool))(titled("a MinIO with keys and a domain", minioTool), () => {
  let minio: Minio;
  beforeAll(async () => {
    const key = Buffer.alloc(32, 7).toString("base64");
    const env = { MINIO_KMS_SECRET_KEY: `test-key:${key}`, MINIO_DOMAIN: "localhost" };
    minio = await Minio.start({ env });
    await minio.makeBucket(BUCKET);
  }, INSTALL_TIMEOUT_MS);
  afterAll(() => minio?.[Symbol.asyncDispose]());

  const kinds = [
    { what: "SSE-S3", encryption: { type: "SSE-S3" }, as: "AES256" },
    {
      what: "SSE-KMS",
      encryption: { type: "SSE-KMS", keyId: "test-key", context: '{"of":"test"}' },
      as: "aws:kms",
    },
  ] as const;
  test.each(kinds)("objects are encrypted by $what", async ({ what, encryption, as }) => {
    const store = openBucket({ endpoint: minio.endpoint, encryption });
    const path = `${minio.folder}/file`;
    await Bun.write(path, bytes(PART_BYTES + 1));
    await store.put(`${what}/put`, bytes(1_000));
    expect(await store.putIfAbsent(`${what}/first`, bytes(1_000))).toBe(true);
    await store.putFile(`${what}/file`, path);
    expect(await store.get(`${what}/put`)).toEqual(bytes(1_000));
    expect((await store.get(`${what}/file`))?.length).toBe(PART_BYTES + 1);
    for (const key of ["put", "first", "file"]) {
      const name = `some/prefix/vivace/${what}/${key}`;
      const { metaData } = await onlooker(minio.port).statObject(BUCKET, name);
      expect(metaData["x-amz-server-side-encryption"]).toBe(as);
    }
  });

  test("the bucket stands in the host", async () => {
    const store = openBucket({ endpoint: `localhost:${minio.port}`, addressing: "host" });
    await store.put("in-host/a b", bytes(1_000));
    expect(await store.get("in-host/a b")).toEqual(bytes(1_000));
    expect(await keysOf(store, "in-host/")).toEqual(["in-host/a b"]);
    await store.delete(["in-host/a b"]);
    expect(await keysOf(store, "in-host/")).toEqual([]);
  });
});
