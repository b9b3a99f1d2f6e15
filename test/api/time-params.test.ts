import { describe, expect, test } from "vitest";
import {
  parseGoDuration,
  parseMetricsRange,
  parseSince,
  parseTimeRange,
  parseTimestamp,
} from "../../src/api/time-params.ts";

const SECOND = 1_000_000_000n;

describe("a time", () => {
  const cases: readonly (readonly [string, bigint])[] = [
    ["0", 0n],
    ["1700000000", 1_700_000_000n * SECOND],
    ["-5", -5n * SECOND],
    ["1700000000.5", 1_700_000_000n * SECOND + 500_000_000n],
    ["1700000000.1236", 1_700_000_000n * SECOND + 124_000_000n],
    ["1.7e9", 1_700_000_000n * SECOND],
    ["-1.5", -1_500_000_000n],
    ["1700000000000", 1_700_000_000_000n],
    ["1700000000123456789", 1_700_000_000_123_456_789n],
    ["9223372036854775807", 2n ** 63n - 1n],
    ["2023-11-14T22:13:20Z", 1_700_000_000n * SECOND],
    ["2023-11-14T23:13:20.000000001+01:00", 1_700_000_000n * SECOND + 1n],
    ["1969-12-31T23:59:59.25Z", -750_000_000n],
  ];
  test.each(cases)("%s", (text, nano) => expect(parseTimestamp(text)).toBe(nano));

  const wrong: readonly (readonly [string, string])[] = [
    ["x", 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["", 'strconv.ParseInt: parsing "": invalid syntax'],
    ["1e9", 'strconv.ParseInt: parsing "1e9": invalid syntax'],
    ["now", 'strconv.ParseInt: parsing "now": invalid syntax'],
    ["2023-02-31T00:00:00Z", 'parsing "2023-02-31T00:00:00Z": invalid syntax'],
    ["2023-11-14T24:00:00Z", 'parsing "2023-11-14T24:00:00Z": invalid syntax'],
    ["2023-11-14", 'parsing "2023-11-14": invalid syntax'],
    ["9223372036854775808", "value out of range"],
    ["1.5e99", 'parsing "1.5e99": value out of range'],
    ["0001-01-01T00:00:00Z", "value out of range"],
  ];
  test.each(wrong)("%s is none", (text, message) => {
    expect(() => parseTimestamp(text)).toThrow(message);
  });
});

describe("a duration", () => {
  const cases: readonly (readonly [string, bigint])[] = [
    ["0", 0n],
    ["1h30m", 5400n * SECOND],
    ["1.5s", 1_500_000_000n],
    ["-2ms", -2_000_000n],
    ["+2us", 2_000n],
    ["1d", 86_400n * SECOND],
  ];
  test.each(cases)("%s", (text, ns) => expect(parseGoDuration(text)).toBe(ns));

  const wrong: readonly (readonly [string, string])[] = [
    ["", 'time: invalid duration ""'],
    ["-", 'time: invalid duration "-"'],
    ["5", 'time: missing unit in duration "5"'],
    ["-1.5", 'time: missing unit in duration "-1.5"'],
    ["5 s", 'time: invalid duration "5 s"'],
    ["1000000h1000000h1000000h", "time: invalid duration"],
  ];
  test.each(wrong)("%j is none", (text, message) => {
    expect(() => parseGoDuration(text)).toThrow(message);
  });

  test("of since", () => {
    expect(parseSince("1w")).toBe(604_800n * SECOND);
    expect(parseSince("0")).toBe(0n);
    expect(() => parseSince("-1h")).toThrow(
      `could not parse 'since' parameter: not a valid duration string: "-1h"`,
    );
  });
});

describe("a range of searches", () => {
  const now = 1_000n * SECOND;
  const parse = (query: string) => parseTimeRange(new URLSearchParams(query), now);

  test.each([
    ["", undefined, undefined],
    ["start=0&end=0", undefined, undefined],
    ["start=5&end=1970-01-01T00:00:09Z", 5n * SECOND, 9n * SECOND],
    ["start=5.5&end=7000000000000", 5_500_000_000n, 7_000n * SECOND],
    ["since=1m", now - 60n * SECOND, now],
    ["since=1m&start=x", now - 60n * SECOND, now],
  ] as const)("%s", (query, startNano, endNano) => {
    expect(parse(query)).toEqual({ startNano, endNano });
  });

  const only = "only one of start and end provided: must provide both or neither";
  test.each([
    ["start=5", only],
    ["end=5", only],
    ["start=x&end=5", `could not parse 'start' parameter: strconv.ParseInt: parsing "x"`],
    ["start=5&end=x", `could not parse 'end' parameter: strconv.ParseInt: parsing "x"`],
  ])("%s is refused", (query, message) => {
    expect(() => parse(query)).toThrow(`error parsing date range: ${message}`);
  });
});

describe("a range of metrics", () => {
  const now = 100_000n * SECOND;
  const hour = 3600n * SECOND;
  const parse = (query: string) =>
    parseMetricsRange(new URLSearchParams(query), { nowNano: now, sinceNano: hour });

  test.each([
    ["", now - hour, now],
    ["since=1m", now - 60n * SECOND, now],
    ["start=5", 5n * SECOND, now],
    ["end=50000", 50_000n * SECOND - hour, 50_000n * SECOND],
    ["start=5&end=9&since=1m", 5n * SECOND, 9n * SECOND],
    ["end=200000", now - hour, 200_000n * SECOND],
  ] as const)("%s", (query, startNano, endNano) => {
    expect(parse(query)).toEqual({ startNano, endNano });
  });

  test.each([
    ["since=x", `could not parse 'since' parameter: not a valid duration string: "x"`],
    ["start=x", `could not parse 'start' parameter: strconv.ParseInt: parsing "x"`],
    ["end=x", `could not parse 'end' parameter: strconv.ParseInt: parsing "x"`],
  ])("%s is refused", (query, message) => expect(() => parse(query)).toThrow(message));
});
