import { describe, expect, test } from "vitest";
import { parseTraceParams } from "../../src/api/trace-params.ts";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";

const parse = (query: string) => parseTraceParams(new URLSearchParams(query));

describe("accepted", () => {
  const uuid = "01234567-89ab-cdef-0123-456789ABCDEF";
  const cases: readonly (readonly [string, object])[] = [
    ["", {}],
    ["start=&end=&mode=&blockStart=&blockEnd=", {}],
    ["start=1&end=2", { startSeconds: 1, endSeconds: 2 }],
    ["start=1", { startSeconds: 1 }],
    ["end=1", { endSeconds: 1 }],
    ["start=-5&end=%2B6", { startSeconds: -5, endSeconds: 6 }],
    ["start=0&end=1700000000", { startSeconds: 0, endSeconds: 1_700_000_000 }],
    ["start=00000000000000000000000012", { startSeconds: 12 }],
    ["end=9223372036854775807", { endSeconds: 2 ** 63 }],
    ["start=-9223372036854775808", { startSeconds: -(2 ** 63) }],
    ["start=1&start=x", { startSeconds: 1 }],
    ["mode=all", {}],
    ["mode=blocks", {}],
    ["mode=external", {}],
    ["mode=ingesters&start=x&end=y&blockStart=z", {}],
    [`blockStart=${uuid}&blockEnd=%7B${uuid}%7D`, {}],
    [`blockStart=urn:uuid:${uuid}&blockEnd=${uuid.replaceAll("-", "")}`, {}],
    [`blockStart=URN:UUID:${uuid}`, {}],
    ["unknown=1", {}],
  ];
  test.each(cases)("%s", (query, window) => expect(parse(query)).toEqual(window));
});

describe("refused in Tempo's words", () => {
  const parsing = (name: string, text: string) =>
    `invalid ${name}: strconv.ParseInt: parsing "${text}"`;
  const order = "http parameter start must be before end. received";
  const cases: readonly (readonly [string, string])[] = [
    ["start=x", `${parsing("start", "x")}: invalid syntax`],
    ["end=1.5", `${parsing("end", "1.5")}: invalid syntax`],
    ["start=1e3", `${parsing("start", "1e3")}: invalid syntax`],
    ["start=%201", `${parsing("start", " 1")}: invalid syntax`],
    ["start=-", `${parsing("start", "-")}: invalid syntax`],
    ["start=1_000", `${parsing("start", "1_000")}: invalid syntax`],
    ["start=%22", `${parsing("start", '\\"')}: invalid syntax`],
    ["start=9223372036854775808", `${parsing("start", "9223372036854775808")}: value out of range`],
    ["end=-9223372036854775809", `${parsing("end", "-9223372036854775809")}: value out of range`],
    [`end=${"9".repeat(40)}`, `${parsing("end", "9".repeat(40))}: value out of range`],
    ["start=2&end=1", `${order} start=2 end=1`],
    ["start=2&end=2", `${order} start=2 end=2`],
    ["start=1&end=0", `${order} start=1 end=0`],
    ["mode=some", "invalid value for mode some"],
    ["mode=All", "invalid value for mode All"],
    ["blockStart=12", "invalid value for blockstart: invalid UUID length: 2"],
    ["blockEnd=12", "invalid value for blockEnd: invalid UUID length: 2"],
    [`blockEnd=${"g".repeat(32)}`, "invalid value for blockEnd: invalid UUID format"],
    [`blockEnd=${"0".repeat(36)}`, "invalid value for blockEnd: invalid UUID format"],
    [`blockEnd=${"é".repeat(18)}`, "invalid value for blockEnd: invalid UUID format"],
    [`blockEnd=${"0".repeat(45)}`, 'invalid value for blockEnd: invalid urn prefix: "000000000"'],
    ["mode=some&blockStart=1&start=x", "invalid value for mode some"],
    ["blockStart=1&start=x", "invalid value for blockstart: invalid UUID length: 1"],
  ];
  test.each(cases)("%s", (query, message) => {
    expect(() => parse(query)).toThrow(new EngineError("malformed", message));
  });
});

test("any parameters give a window or a malformed (seed 21)", () => {
  const random = prng(21);
  const names = ["start", "end", "mode", "blockStart", "blockEnd", "q", ""];
  const alphabet = "0123456789abcdef-+{}xurn:% éall";
  let windows = 0;
  for (let i = 0; i < 20_000; i++) {
    const params = new URLSearchParams();
    for (let pairs = random.below(4); pairs > 0; pairs--) {
      const length = [0, 1, 2, 10, 19, 20, 32, 36, 38, 45][random.below(10)];
      const text = Array.from({ length }, () => alphabet[random.below(alphabet.length)]).join("");
      params.append(names[random.below(names.length)], text);
    }
    try {
      const { startSeconds = 0, endSeconds = Number.POSITIVE_INFINITY } = parseTraceParams(params);
      expect(startSeconds < endSeconds || !params.get("start") || !params.get("end")).toBe(true);
      windows++;
    } catch (error) {
      expect(error).toBeInstanceOf(EngineError);
      expect((error as EngineError).face.http).toBe(400);
    }
  }
  expect(windows).toBeGreaterThan(2_000);
});
