/** kill -9 under full load while blocks are merged all the time. */
import { expect, test } from "vitest";
import { DiskStore } from "../../src/store/store-disk.ts";
import { EAGER_COMPACTION } from "../support/compaction.ts";
import { killRounds } from "./kill-rounds.ts";

test("no merge loses or doubles a span, wherever it is killed", async () => {
  const report = await killRounds({
    ...{ seed: 3, kills: 6, loadMsMax: 700, finalEvery: 5 },
    settings: EAGER_COMPACTION,
    atEnd: async ({ blocksFolder }) => {
      const metas = new DiskStore(blocksFolder).list();
      return metas.some(({ merged }) => merged !== undefined) ? [] : ["nothing was merged"];
    },
  });
  expect(report.offences).toEqual([]);
  expect(report.acknowledgedSpans).toBeGreaterThan(10_000);
}, 400_000);
