import { describe, expect, test } from "vitest";
import { type GatherTools, NOTHING_BETTER } from "../../src/query/gatherer.ts";
import type { SearchQuestion } from "../../src/query/question.ts";
import { SearchGatherer } from "../../src/query/search-gatherer.ts";
import type { RankedTrace } from "../../src/query/search-plan.ts";
import { TraceCards } from "../../src/query/trace-cards.ts";
import { parse } from "../../src/traceql/parse.ts";

const METRICS = {
  ...{ inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0, totalBlocks: 0 },
  ...{ totalBlockBytes: 0, totalJobs: 2, completedJobs: 1, damagedBlocks: [] },
};

function gathererOf(query: string): SearchGatherer {
  const question: SearchQuestion = {
    type: "search",
    tenants: ["a"],
    query: parse(query),
    ...{ startNano: undefined, endNano: undefined },
    ...{ limit: 3, spansPerSpanSet: 3, withoutSpanSets: false },
    ...{ minDurationNano: undefined, maxDurationNano: undefined },
  };
  // What others found is added without them.
  return new SearchGatherer(question, {} as GatherTools, {
    better: NOTHING_BETTER,
    cards: new TraceCards(0, { isRoomy: true }),
  });
}

function traceOf(startUnixNano: bigint): RankedTrace {
  const traceId = startUnixNano.toString(16).padStart(32, "0");
  const summary = {
    ...{ traceId, startUnixNano, durationNano: 1n },
    ...{ rootServiceName: "", rootTraceName: "", services: [], spanSets: [] },
  };
  return { key: undefined, startUnixNano, traceId, shown: summary };
}

describe("what a search tells before its end", () => {
  const startsOf = (gatherer: SearchGatherer, latestNano?: bigint) =>
    gatherer.answer(METRICS, { latestNano }).traces.map(({ startUnixNano }) => startUnixNano);

  test("are traces that nothing which is left comes before", () => {
    const gatherer = gathererOf("{ }");
    const traces = [5n, 9n, 7n, 8n].map(traceOf);
    gatherer.add({ type: "search", traces });
    expect(startsOf(gatherer, 4n)).toEqual([9n, 8n, 7n]);
    expect(startsOf(gatherer, 8n)).toEqual([9n]);
    expect(startsOf(gatherer, 9n)).toEqual([]);
    expect(startsOf(gatherer)).toEqual([]);
    expect(gatherer.answer(METRICS).traces).toHaveLength(3);
  });

  test("are none when the query sorts", () => {
    const gatherer = gathererOf("{ } | sort(duration)");
    gatherer.add({ type: "search", traces: [traceOf(5n)] });
    expect(startsOf(gatherer, 0n)).toEqual([]);
    expect(gatherer.answer(METRICS).traces).toHaveLength(1);
  });
});
