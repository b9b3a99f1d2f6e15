/** kill -9 under full load while blocks are merged all the time. */
import { expect, test } from "vitest";
import { EAGER_COMPACTION, merged } from "../support/compaction.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { killRounds } from "./kill-rounds.ts";

test("no merge loses or doubles a span, wherever it is killed", async () => {
  const report = await killRounds({
    ...{ seed: 3, kills: 6, loadMsMax: 700, finalEvery: 5 },
    settings: EAGER_COMPACTION,
    atEnd: async (server) => {
      // So many blocks are merged whatever their sizes are.
      for (let block = 0; block < 9; block++) {
        await server.send(requestOf([spanOf({ traceId: `${block}`, spanId: "1" })]));
        await server.flush();
      }
      await merged(server, 9);
      return [];
    },
  });
  expect(report.offences).toEqual([]);
  expect(report.acknowledgedSpans).toBeGreaterThan(10_000);
}, 400_000);
