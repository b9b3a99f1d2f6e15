/** Local blocks of which the bucket has all, and local blocks of which it has a part. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { isInBucket, UploadedBlocks } from "../../src/worker/uploaded-blocks.ts";
import { idOf, metaOf } from "../store/block-metas.ts";

const ROOT = mkdtempSync(join(tmpdir(), "vivace-uploaded-"));
afterAll(() => rmSync(ROOT, { recursive: true }));

const joined = metaOf(7, {
  merged: { replaces: [idOf(1), idOf(2)], siblings: [idOf(7)], level: 1 },
});

describe("a local block is in the bucket", () => {
  const cases: [string, { meta: BlockMeta; there: number[]; isThere: boolean }][] = [
    ["by its id", { meta: metaOf(1), there: [1], isThere: true }],
    ["not by the ids of others", { meta: metaOf(1), there: [2], isThere: false }],
    ["by its id, when it was joined", { meta: joined, there: [7], isThere: true }],
    ["by all that it was joined of", { meta: joined, there: [1, 2], isThere: true }],
    ["not by a part: the others are nowhere else", { meta: joined, there: [1], isThere: false }],
    ["not when there is nothing of it", { meta: joined, there: [], isThere: false }],
  ];
  test.each(cases)("%s", (_, { meta, there, isThere }) => {
    expect(isInBucket(meta, (id) => there.map(idOf).includes(id))).toBe(isThere);
  });
});

test("what is in the bucket is remembered, and goes when nobody needs it", () => {
  const removed: string[] = [];
  let walOldest = 0;
  const options = {
    ...{ localPath: ROOT, nodeId: "n", keepMs: 1000, walOldest: () => walOldest },
    remove: ({ id }: BlockMeta) => removed.push(id),
  };
  new UploadedBlocks(options).add(metaOf(1), 0);
  const blocks = new UploadedBlocks(options);
  blocks.begin([metaOf(1), metaOf(2)], 5000);
  expect([1, 2].map((number) => blocks.has(idOf(number)))).toEqual([true, false]);
  blocks.clean(5999);
  walOldest = metaOf(1).wal.to - 1;
  // The log would bring it back.
  blocks.clean(6000);
  expect(removed).toEqual([]);
  walOldest += 1;
  blocks.clean(6000);
  expect(removed).toEqual([idOf(1)]);
  expect(existsSync(join(ROOT, "uploaded", idOf(1)))).toBe(false);
});
