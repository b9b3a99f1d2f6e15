import { expect, test } from "vitest";
import { expired } from "../../src/store/retention.ts";

test("blocks go when their time is over, and never without a retention", () => {
  const metas = [{ retainFromMs: 1000 }, { retainFromMs: 2000 }, { retainFromMs: 0 }];
  expect(expired(metas, 1500, 500)).toEqual([{ retainFromMs: 0 }]);
  expect(expired(metas, 1501, 500)).toEqual([{ retainFromMs: 1000 }, { retainFromMs: 0 }]);
  expect(expired(metas, 10_000, 0)).toEqual([]);
});
