/** Where a bucket is looked for. Names below `.invalid` are nobody's. */
import { expect, test } from "vitest";
import { findAddress } from "../../src/store/s3/s3-address.ts";

const cases = [
  {
    what: "a name with the usual port",
    given: { endpoint: "minio", insecure: true },
    address: { origin: "http://minio", host: "minio", path: "/b" },
  },
  {
    what: "the usual port, written",
    given: { endpoint: "minio:443", insecure: false },
    address: { origin: "https://minio", host: "minio", path: "/b" },
  },
  {
    what: "the other scheme's port",
    given: { endpoint: "minio:443", insecure: true },
    address: { origin: "http://minio:443", host: "minio:443", path: "/b" },
  },
  {
    what: "an address of IPv6",
    given: { endpoint: "[::1]:9000", insecure: true },
    address: { origin: "http://[::1]:9000", host: "[::1]:9000", path: "/b" },
  },
  {
    what: "the bucket in the host",
    given: { endpoint: "store.example:9000", insecure: true, addressing: "host" },
    address: { origin: "http://b.store.example:9000", host: "b.store.example:9000", path: "" },
  },
  {
    what: "Amazon's, where nobody knows either name",
    given: { endpoint: "s3.nowhere.amazonaws.com" },
    address: {
      origin: "https://b.s3.nowhere.amazonaws.com",
      host: "b.s3.nowhere.amazonaws.com",
      path: "",
    },
  },
  {
    what: "Amazon's in the path, if that is asked for",
    given: { endpoint: "s3.amazonaws.com", addressing: "path" },
    address: { origin: "https://s3.amazonaws.com", host: "s3.amazonaws.com", path: "/b" },
  },
  {
    what: "Amazon's, and a bucket that no certificate covers",
    given: { endpoint: "s3.amazonaws.com", bucket: "a.b" },
    address: { origin: "https://s3.amazonaws.com", host: "s3.amazonaws.com", path: "/a.b" },
  },
  {
    what: "a name that only looks like Amazon's",
    given: { endpoint: "notamazonaws.com" },
    address: { origin: "https://notamazonaws.com", host: "notamazonaws.com", path: "/b" },
  },
] as const;

test.each(cases)("$what", async ({ given, address }) => {
  const options = { bucket: "b", insecure: false, addressing: "auto", ...given } as const;
  expect(await findAddress(options, () => Promise.reject(new Error("unknown")))).toEqual(address);
});

test("Amazon's name given to a store of one's own, without a name for the bucket", async () => {
  const given = { bucket: "b", endpoint: "s3.amazonaws.com", insecure: false } as const;
  const known = (name: string) =>
    name === "s3.amazonaws.com" ? Promise.resolve() : Promise.reject(new Error("unknown"));
  expect(await findAddress({ ...given, addressing: "auto" }, known)).toEqual({
    ...{ origin: "https://s3.amazonaws.com", host: "s3.amazonaws.com", path: "/b" },
  });
});

test("what is no address is refused", async () => {
  const given = { bucket: "b", insecure: true, addressing: "path" } as const;
  await expect(findAddress({ ...given, endpoint: "a b" })).rejects.toMatchObject({
    code: "store_refused",
  });
});
