/** What goes from thread to thread comes as it was. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { MetricsPartial } from "../../src/query/metrics-partial.ts";
import type { RankedTrace } from "../../src/query/search-plan.ts";
import type { Static } from "../../src/traceql/ast.ts";
import {
  passAnswer,
  passGathered,
  receiveAnswer,
  receiveGathered,
} from "../../src/worker/pass-answer.ts";
import { metricsAnswer, searchAnswer } from "../api/random-answer.ts";

const ROUNDS = 500;

test("answers come as they were, to the last value", () => {
  const random = prng(71);
  for (let i = 0; i < ROUNDS; i++) {
    const answer = metricsAnswer(random);
    const received = receiveAnswer(structuredClone(passAnswer(answer)));
    expect(received).toStrictEqual(answer);
  }
  for (let i = 0; i < ROUNDS; i++) {
    const answer = searchAnswer(random);
    expect(receiveAnswer(structuredClone(passAnswer(answer)))).toStrictEqual(answer);
  }
});

test("so do traces that a thread found, shown or not", () => {
  const random = prng(73);
  const keys: (Static | undefined)[] = [undefined, { type: "nil" }, { type: "int", value: -1n }];
  for (let i = 0; i < ROUNDS; i++) {
    const traces = searchAnswer(random).traces.map((shown, n): RankedTrace => {
      const rank = { key: keys[n % 3], startUnixNano: 2n ** 64n - 1n, traceId: shown.traceId };
      if (random.below(2) === 0) return { ...rank, shown };
      const sets = shown.spanSets.map(({ matched, attributes }) => {
        return { matched, rows: [n, random.below(9)], attributes };
      });
      return { ...rank, shown: { block: "b", part: "p", trace: n, sets } };
    });
    const passed = structuredClone(passGathered({ type: "search", traces }));
    expect(receiveGathered(passed)).toStrictEqual({ type: "search", traces });
  }
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
