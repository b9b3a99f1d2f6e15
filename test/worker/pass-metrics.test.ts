/** What goes from thread to thread comes as it was. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { MetricsPartial } from "../../src/query/metrics-partial.ts";
import {
  passAnswer,
  passGathered,
  receiveAnswer,
  receiveGathered,
} from "../../src/worker/pass-metrics.ts";
import { metricsAnswer, searchAnswer } from "../api/random-answer.ts";

const ROUNDS = 500;

test("answers come as they were, to the last value", () => {
  const random = prng(71);
  for (let i = 0; i < ROUNDS; i++) {
    const answer = metricsAnswer(random);
    const received = receiveAnswer(structuredClone(passAnswer(answer)));
    expect(received).toStrictEqual(answer);
  }
  const other = searchAnswer(random);
  expect(receiveAnswer(structuredClone(passAnswer(other)))).toStrictEqual(other);
});

test("so do exemplars that a thread gathered, of values that JSON does not have", () => {
  const random = prng(72);
  const labelled = metricsAnswer(random).series.flatMap(({ exemplars }) => exemplars);
  const partial: MetricsPartial = {
    fragments: [
      { kind: "series", series: new Map([["a", { labels: [], cells: Float64Array.of(1, -0) }]]) },
    ],
    exemplars: labelled.map(({ labels }, i) => ({
      ...{ slot: i, time: 2n ** 63n, traceId: "ab", fragment: 0, key: "a", value: Number.NaN },
      labels: [...labels, { key: "n", value: { type: "float", value: -0 } }],
    })),
    cells: 2,
    isCut: false,
  };
  const passed = structuredClone(passGathered({ type: "metrics", partial }));
  expect(receiveGathered(passed)).toStrictEqual({ type: "metrics", partial });
  expect(labelled.length).toBeGreaterThan(0);
});
