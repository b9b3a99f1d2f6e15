import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { prng } from "../../../src/base/prng.ts";
import { formatByteSize, parseByteSize } from "../../../src/config/value/byte-size.ts";
import { formatDuration, parseDuration } from "../../../src/config/value/duration.ts";
import {
  endpointsCollide,
  formatEndpoint,
  parseEndpoint,
} from "../../../src/config/value/endpoint.ts";
import { Secret } from "../../../src/config/value/secret.ts";
import { readValue, secret, shownValue } from "../../../src/config/value/value.ts";

describe("durations", () => {
  const cases: readonly [string, number | undefined][] = [
    ["0", 0],
    ["0s", 0],
    ["336h", 1_209_600_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    [".5s", 500],
    ["500ms", 500],
    ["100us", 0.1],
    ["100µs", 0.1],
    ["1ns", 0.000001],
    ["-1s", -1_000],
    ["+1s", 1_000],
    ["2562047h47m16.854775807s", 9_223_372_036_854.775],
    ["", undefined],
    ["1", undefined],
    ["s", undefined],
    ["1 s", undefined],
    ["1x", undefined],
    ["14d", undefined],
    ["1h-1m", undefined],
    ["9999999h", undefined],
    ["1constructor", undefined],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), () => {
      const ms = parseDuration(text);
      if (expected === undefined) expect(ms).toBeUndefined();
      else expect(ms).toBeCloseTo(expected, 6);
    });
  }

  test("days and longer only where they are asked for", () => {
    expect(parseDuration("14d", { longUnits: true })).toBe(14 * 86_400_000);
    expect(parseDuration("1w2d", { longUnits: true })).toBe(9 * 86_400_000);
  });

  test("are printed as Go prints them", () => {
    const printed = [0, 0.000001, 0.1, 250, 1_500, 90_000, 5_400_000, 1_209_600_000, -250];
    expect(printed.map(formatDuration)).toEqual([
      ...["0s", "1ns", "100µs", "250ms", "1.5s", "1m30s", "1h30m0s", "336h0m0s", "-250ms"],
    ]);
  });

  test("are read back as printed", () => {
    const random = prng(7);
    for (let i = 0; i < 1_000; i++) {
      const ms = random.below(2 ** 31) * (i % 2 === 0 ? 1 : 1_000);
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }
  });
});

test("byte sizes", () => {
  const cases: readonly [string, number | undefined][] = [
    ["0", 0],
    ["1048576", 1_048_576],
    ["512MiB", 512 * 2 ** 20],
    ["512MB", 512e6],
    ["512mb", 512e6],
    ["1.5 GiB", 1.5 * 2 ** 30],
    ["63KiB1023B", 65_535],
    ["2TB", 2e12],
    ["", undefined],
    ["MB", undefined],
    ["-1", undefined],
    ["1M", undefined],
    ["1XB", undefined],
    ["1iB", undefined],
    ["99999999TiB", undefined],
  ];
  for (const [text, expected] of cases) expect(parseByteSize(text), text).toBe(expected);
  expect([0, 1_000, 1_024, 2 ** 29, 2 ** 31].map(formatByteSize)).toEqual([
    ...["0", "1000", "1KiB", "512MiB", "2GiB"],
  ]);
});

test("endpoints", () => {
  const cases: readonly [string, string | undefined][] = [
    ["127.0.0.1:4318", "127.0.0.1:4318"],
    [":4318", "0.0.0.0:4318"],
    ["localhost:0", "localhost:0"],
    ["[::1]:4318", "[::1]:4318"],
    ["4318", undefined],
    ["a:65536", undefined],
    ["a:", undefined],
    ["::1:4318", undefined],
    ["http://a:1", undefined],
    ["a b:1", undefined],
    ["a:1\n", undefined],
  ];
  for (const [text, expected] of cases) {
    const endpoint = parseEndpoint(text);
    expect(endpoint === undefined ? undefined : formatEndpoint(endpoint), text).toBe(expected);
  }
});

test("endpoints collide on one port, unless their addresses are others", () => {
  const collide = (a: string, b: string) => {
    const [first, second] = [parseEndpoint(a), parseEndpoint(b)];
    return first !== undefined && second !== undefined && endpointsCollide(first, second);
  };
  expect(collide("127.0.0.1:1", "127.0.0.1:1")).toBe(true);
  expect(collide("localhost:1", "127.0.0.1:1")).toBe(true);
  expect(collide(":1", "10.0.0.1:1")).toBe(true);
  expect(collide("[::]:1", "10.0.0.1:1")).toBe(true);
  expect(collide("10.0.0.1:1", "10.0.0.2:1")).toBe(false);
  expect(collide("127.0.0.1:1", "127.0.0.1:2")).toBe(false);
  expect(collide(":0", ":0")).toBe(false);
});

test("a secret shows itself to nobody who does not ask", () => {
  const read = readValue(secret, "hunter2");
  expect(read).toMatchObject({ ok: true, off: false });
  const value = new Secret("hunter2");
  const shown = [String(value), JSON.stringify({ value }), inspect(value), secret.print(value)];
  for (const text of shown) expect(String(text)).not.toContain("hunter2");
  expect(secret.print(value)).toBe("********");
  expect(value.reveal()).toBe("hunter2");
  expect(readValue(secret, ["hunter2"])).toEqual({
    ok: false,
    message: "what is given is not a text",
  });
});

test("values are shown short and on one line", () => {
  expect(shownValue("a\nb")).toBe('"a\\nb"');
  expect(shownValue("x".repeat(1_000)).length).toBeLessThan(80);
  expect([[1], { a: 1 }, 7, true].map(shownValue)).toEqual(["a list", "a mapping", "7", "true"]);
});
