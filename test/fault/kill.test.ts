/** kill -9 under full load; `npm run test:kill` does the same for longer. */
import { expect, test } from "vitest";
import { killRounds } from "./kill-rounds.ts";

test("what was acknowledged is there once after kill -9, and nothing by half", async () => {
  const report = await killRounds({ seed: 1, kills: 4, loadMsMax: 500, finalEvery: 5 });
  expect(report.offences).toEqual([]);
  // It was under load, and was hit at all of the moments.
  expect(report.acknowledgedSpans).toBeGreaterThan(10_000);
  expect(report.cutOffRequests).toBeGreaterThan(0);
  expect([...report.moments.keys()].toSorted()).toEqual([
    ...["a cut", "a publish", "a start", "any time"],
  ]);
}, 240_000);
