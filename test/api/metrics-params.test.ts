import { describe, expect, test } from "vitest";
import { parseInstantParams, parseMetricsParams } from "../../src/api/metrics-params.ts";
import { defaultStep, instantQuestion, metricsQuestion } from "../../src/api/metrics-question.ts";
import { limits, NOW_MS } from "./start-api.ts";

const MS = 1_000_000n;
const SECOND = 1_000n * MS;
const NOW = BigInt(NOW_MS) * MS;

const parse = (query: string) => parseMetricsParams(new URLSearchParams(query), NOW);
const context = (changed: Partial<typeof limits>) => ({
  tenants: ["t"],
  limits: { ...limits, ...changed },
  nowNano: NOW,
});
const rate = "q=%7B%7D+%7C+rate()";
const range = (query: string, changed: Partial<typeof limits> = {}) =>
  metricsQuestion(parse(`${rate}&${query}`), context(changed));
const instant = (query: string, changed: Partial<typeof limits> = {}) =>
  instantQuestion(parseInstantParams(new URLSearchParams(query), NOW), context(changed));

describe("parameters", () => {
  const base = {
    query: "",
    startNano: NOW - 3600n * SECOND,
    endNano: NOW,
    stepNano: undefined,
    exemplars: 0,
    maxSeries: 0,
  };
  test.each([
    ["", {}],
    ["query=a", { query: "a" }],
    ["query=a&q=b", { query: "b" }],
    ["query=a&q=", { query: "a" }],
    ["step=60", { stepNano: 60n * SECOND }],
    ["step=0.5", { stepNano: 500n * MS }],
    ["step=1e-9", { stepNano: 1n }],
    ["step=1m30s", { stepNano: 90n * SECOND }],
    ["step=0", { stepNano: 0n }],
    ["exemplars=5&maxSeries=7", { exemplars: 5, maxSeries: 7 }],
    ["exemplars=x&maxSeries=-1", {}],
    ["exemplars=4294967296", {}],
    ["start=1&end=2", { startNano: SECOND, endNano: 2n * SECOND }],
  ])("%s", (query, ask) => expect(parse(query)).toEqual({ ...base, ...ask }));

  test.each([
    ["step=x", 'cannot parse "x" to a valid duration'],
    ["step=NaN", 'cannot parse "NaN" to a valid duration'],
    ["step=-1", 'cannot parse "-1": step must be positive'],
    ["step=-1s", 'cannot parse "-1s": step must be positive'],
    ["step=1e30", 'cannot parse "1e30" to a valid duration. It overflows int64'],
    ["step=1e999", 'cannot parse "1e999" to a valid duration. It overflows int64'],
  ])("%s is refused", (query, message) => expect(() => parse(query)).toThrow(message));
});

describe("a range", () => {
  test("lies on whole steps, with one before it", () => {
    expect(range("start=1795418100&end=1795418820&step=60s")).toMatchObject({
      startNano: 1_795_418_040n * SECOND,
      endNano: 1_795_418_820n * SECOND,
      stepNano: 60n * SECOND,
    });
    expect(range("start=101&end=199&step=60")).toMatchObject({
      startNano: 60n * SECOND,
      endNano: 240n * SECOND,
    });
    expect(range("start=1&end=59&step=60")).toMatchObject({
      startNano: 0n,
      endNano: 60n * SECOND,
    });
  });

  test("is the last hour with a step of a quarter minute", () => {
    expect(range("")).toMatchObject({
      startNano: NOW - 3605n * SECOND - 15n * SECOND,
      endNano: NOW + 10n * SECOND,
      stepNano: 15n * SECOND,
    });
  });

  test("may begin before 1970, where there is nothing", () => {
    expect(range("start=-50&end=50&step=10")).toMatchObject({
      startNano: 0n,
      endNano: 50n * SECOND,
    });
  });

  test.each([
    ["start=2&end=2", {}, "end must be greater than start"],
    ["start=3&end=2", {}, "end must be greater than start"],
    ["start=-3&end=-2", {}, "end must be greater than start"],
    ["step=0", {}, "step of 0s is too small, minimum step for given range is 360ms"],
    ["step=0.1", {}, "step of 100ms is too small, minimum step for given range is 360ms"],
    [
      "since=25h",
      { metricsRangeMsMax: 86_400_000 },
      "metrics query time range exceeds the maximum allowed duration of 24h0m0s",
    ],
    ["since=20s", { endCutoffMs: 30_000 }, "query window falls entirely within query_end_cutoff"],
    ["start=9000000000&end=9200000000&step=9000000000", {}, "step of 2500000h0m0s is too large"],
  ])("%s is refused", (query, changed, message) => {
    expect(() => range(query, changed)).toThrow(message);
  });

  test("of any number of steps where nothing bounds them", () => {
    expect(range("step=0.001", { metricsStepsMax: 0 }).stepNano).toBe(MS);
    expect(() => range("step=0", { metricsStepsMax: 0 })).toThrow("step of 0s is too small");
  });

  test("ends on a whole step before what is too young", () => {
    expect(range("step=60", { endCutoffMs: 30_000 })).toMatchObject({
      endNano: ((NOW - 30n * SECOND) / (60n * SECOND)) * 60n * SECOND,
    });
  });

  test.each([
    ["", {}, 100],
    ["exemplars=5", {}, 5],
    ["exemplars=500", {}, 100],
    ["exemplars=5", { exemplarsMax: 0 }, 0],
  ])("has exemplars: %s", (query, changed, exemplars) => {
    expect(range(query, changed).exemplars).toBe(exemplars);
  });

  test.each([
    ["5", 5],
    ["500", 100],
    ["0", 0],
    ["false", 0],
    ["true", 7],
    [`"x"`, 7],
  ])("with(exemplars=%s)", (hint, exemplars) => {
    const query = `{} | rate() with(exemplars=${hint})`;
    const asked = { ...parse("exemplars=7"), query };
    expect(metricsQuestion(asked, context({})).exemplars).toBe(exemplars);
  });

  test.each([
    ["", 0, 0],
    ["maxSeries=5", 0, 5],
    ["maxSeries=5", 3, 3],
    ["maxSeries=2", 3, 2],
    ["", 3, 3],
  ])("has series: %s of at most %d", (query, seriesMax, series) => {
    expect(range(query, { seriesMax }).seriesMax).toBe(series);
  });
});

describe("the step that fits", () => {
  test.each([
    ["1s", SECOND, 50n * MS],
    ["50s", 50n * SECOND, 200n * MS],
    ["1m", 60n * SECOND, SECOND],
    ["5m", 300n * SECOND, SECOND],
    ["30m", 1800n * SECOND, 5n * SECOND],
    ["1h", 3600n * SECOND, 15n * SECOND],
    ["61m", 3660n * SECOND, 15n * SECOND],
    ["24h", 86_400n * SECOND, 300n * SECOND],
    ["7d", 604_800n * SECOND, 2400n * SECOND],
    ["30d", 2_592_000n * SECOND, 10_800n * SECOND],
  ])("%s", (_, length, step) => {
    expect(defaultStep({ startNano: 7n, endNano: 7n + length })).toBe(step);
  });
});

describe("an instant", () => {
  test("is one slot over all of the time", () => {
    const { query, ...rest } = instant(`${rate}&start=1&end=1.5`, { seriesMax: 9 });
    expect(query.body.node).toBe("metricsQuery");
    expect(rest).toEqual({
      type: "metrics",
      tenants: ["t"],
      startNano: SECOND,
      endNano: 1500n * MS,
      stepNano: undefined,
      exemplars: 0,
      seriesMax: 9,
    });
  });

  test.each([
    ["q={}", "not a metrics query"],
    ["", "invalid TraceQL query: parse error at line 1, col 1: syntax error"],
    [`${rate}&start=2&end=1`, "end must be greater than start"],
    ["q=({}|rate()", "invalid TraceQL query: parse error"],
    [
      `query=${"a".repeat(128 * 1024 + 1)}`,
      "TraceQL expression exceeds the configured maximum size of 131072 bytes",
    ],
  ])("%s is refused", (query, message) => expect(() => instant(query)).toThrow(message));
});
