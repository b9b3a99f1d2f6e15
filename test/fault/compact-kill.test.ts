/** kill -9 under full load while blocks are merged all the time. */
import { expect, test } from "vitest";
import { EAGER_COMPACTION, merged } from "../support/compaction.ts";
import { killRounds } from "./kill-rounds.ts";

test("no merge loses or doubles a span, wherever it is killed", async () => {
  const report = await killRounds({
    ...{ seed: 3, kills: 8, loadMsMax: 900, finalEvery: 5 },
    settings: EAGER_COMPACTION,
    atEnd: async (server) => {
      await merged(server, 1);
      return [];
    },
  });
  expect(report.offences).toEqual([]);
  expect(report.acknowledgedSpans).toBeGreaterThan(10_000);
}, 400_000);
