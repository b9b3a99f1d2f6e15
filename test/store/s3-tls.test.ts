/** S3 over TLS: whom the store is taken for, and whom it is not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TlsFiles } from "../../src/store/s3/s3-options.ts";
import { type Certificates, certificates } from "../support/certificates.ts";
import { Minio, minioTool } from "../support/minio.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { bytes } from "./object-store-contract.ts";
import { openBucket } from "./s3-bucket.ts";

describe.skipIf(leftOut(minioTool))(titled("S3 over TLS", minioTool), () => {
  let certs: Certificates;
  let others: Certificates;
  let minio: Minio;
  beforeAll(async () => {
    certs = await certificates();
    others = await certificates();
    minio = await Minio.start({ tls: certs.server });
    await minio.makeBucket("vivace-test");
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => {
    await minio?.[Symbol.asyncDispose]();
    certs?.[Symbol.dispose]();
    others?.[Symbol.dispose]();
  });

  const plain = {
    caPath: "",
    certPath: "",
    keyPath: "",
    serverName: "",
    insecureSkipVerify: false,
  };
  const open = (tls: Partial<TlsFiles>, host = "localhost") =>
    openBucket({
      ...{ endpoint: `${host}:${minio.port}`, region: "", insecure: false },
      tls: { ...plain, ...tls },
    });

  const trusted = [
    { what: "signed by the authority that is given", tls: () => ({ caPath: certs.ca }) },
    { what: "by an address", host: "127.0.0.1", tls: () => ({ caPath: certs.ca }) },
    { what: "that nobody checks", tls: () => ({ insecureSkipVerify: true }) },
    {
      what: "under the name that is given",
      host: "127.0.0.1",
      tls: () => ({ caPath: certs.ca, serverName: "localhost" }),
    },
    {
      what: "to a client with a certificate",
      tls: () => ({ caPath: certs.ca, certPath: certs.client.cert, keyPath: certs.client.key }),
    },
  ];
  test.each(trusted)("a certificate $what", async ({ tls, host }) => {
    const store = open(tls(), host);
    await store.put("a", bytes(100_000));
    expect(await store.get("a")).toEqual(bytes(100_000));
    expect(await store.putIfAbsent("a", bytes(1))).toBe(false);
  });

  const refused = [
    { what: "of nobody known", tls: () => ({}) },
    { what: "of another authority", tls: () => ({ caPath: others.ca }) },
    { what: "for another name", tls: () => ({ caPath: certs.ca, serverName: "elsewhere" }) },
  ];
  test.each(refused)("a certificate $what is refused at once", async ({ tls }) => {
    const store = open(tls());
    await expect(store.get("a")).rejects.toMatchObject({
      code: "store_refused",
      message: expect.stringContaining("certificate is not trusted"),
    });
    expect(store.requests().retried).toBe(0);
  });

  test("a file of TLS that is not there is said when the store is opened", () => {
    expect(() => open({ caPath: "/nowhere/ca.pem" })).toThrow(/TLS of the store: .*ca.pem/);
  });

  test("a key of the customer's: others cannot read, in one piece and in parts", async () => {
    const key = "0123456789abcdef0123456789abcdef";
    const options = {
      ...{ endpoint: minio.endpoint, insecure: false },
      tls: { ...plain, caPath: certs.ca },
    };
    const store = openBucket({ ...options, encryption: { type: "SSE-C", key } });
    await store.put("sealed/put", bytes(1_000));
    expect(await store.putIfAbsent("sealed/first", bytes(1_000))).toBe(true);
    expect(await store.putIfAbsent("sealed/first", bytes(1_000))).toBe(false);
    const path = `${minio.folder}/file`;
    const content = bytes(12_000_000);
    await Bun.write(path, content);
    await store.putFile("sealed/file", path);
    expect(await store.get("sealed/put")).toEqual(bytes(1_000));
    const range = { offset: 7_000_000, length: 100 };
    expect(await store.getRange("sealed/file", range)).toEqual(content.slice(7e6, 7e6 + 100));
    await expect(openBucket(options).get("sealed/put")).rejects.toMatchObject({
      code: "store_refused",
    });
  });
});
