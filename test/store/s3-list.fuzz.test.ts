/** Listings of S3: as servers write them, and as nobody should. */
import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { s3Page } from "../../src/store/s3/s3-list.ts";

const AMAZON = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
<Prefix>p%2F</Prefix><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>
<IsTruncated>true</IsTruncated><NextContinuationToken>12</NextContinuationToken>
<Contents><Key>p/a+b%2Bc%26%F0%9F%98%80</Key><LastModified>2026-11-29T20:00:00.000Z</LastModified>
<ETag>&quot;abc-2&quot;</ETag><Size>17</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><ETag>&#34;d&#x22;</ETag><Size>0</Size><Key>p/0012</Key>
<LastModified>2026-11-29T20:00:01Z</LastModified><Owner><ID>x</ID></Owner></Contents>
</ListBucketResult>
`;

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("as Amazon and others write them", () => {
  expect(s3Page(bytesOf(AMAZON))).toEqual({
    isTruncated: true,
    objects: [
      { key: "p/a b+c&😀", bytes: 17, etag: "abc-2", modifiedMs: Date.UTC(2026, 10, 29, 20) },
      { key: "p/0012", bytes: 0, etag: "d", modifiedMs: Date.UTC(2026, 10, 29, 20, 0, 1) },
    ],
  });
});

test("names that are not escaped for addresses, only for XML", () => {
  const plain = AMAZON.replace("<EncodingType>url</EncodingType>", "");
  const raw = plain.replace("p/a+b%2Bc%26%F0%9F%98%80", "p/a+b%2&amp;&lt;😀&#233;");
  expect(s3Page(bytesOf(raw)).objects[0].key).toBe("p/a+b%2&<😀é");
});

test("an empty bucket", () => {
  const xml = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
  expect(s3Page(bytesOf(xml))).toEqual({ objects: [], isTruncated: false });
});

const broken = {
  "another document": "<html></html>",
  nothing: "",
  "a size that is none": AMAZON.replace("<Size>17", "<Size>many"),
  "a negative size": AMAZON.replace("<Size>17", "<Size>-1"),
  "no time": AMAZON.replace("2026-11-29T20:00:01Z", "yesterday"),
  "no name": AMAZON.replace("p/0012", ""),
  "a name escaped wrongly": AMAZON.replace("%F0%9F", "%F0"),
};
test.each(Object.entries(broken))("%s is no listing", (_, xml) => {
  expect(() => s3Page(bytesOf(xml))).toThrow(EngineError);
});

describe("damaged", () => {
  test("cut anywhere: none", () => {
    const whole = bytesOf(AMAZON.trimEnd());
    for (let length = 0; length < whole.length; length++) {
      expect(() => s3Page(whole.subarray(0, length)), String(length)).toThrow(EngineError);
    }
  });

  test.each([1, 2, 3])("20,000 mutations: a listing or an error, seed %d", (seed) => {
    const random = prng(seed);
    let read = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = bytesOf(AMAZON);
      for (let times = 1 + random.below(4); times > 0; times--) {
        const at = random.below(bytes.length);
        if (random.below(2) === 0) bytes[at] = random.below(256);
        else bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
      }
      try {
        for (const { key, bytes: size, modifiedMs } of s3Page(bytes).objects) {
          expect(key).not.toBe("");
          expect(size >= 0 && Number.isSafeInteger(size)).toBe(true);
          expect(Number.isFinite(modifiedMs)).toBe(true);
          read++;
        }
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }
    expect(read).toBeGreaterThan(1_000);
  });
});
