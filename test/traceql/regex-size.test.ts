/** The size that is told beforehand against that of the program that a pattern becomes. */
import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { parse } from "../../src/traceql/parse.ts";
import { regexSize } from "../../src/traceql/regex-size.ts";

const ATOMS = ["a", ".", "[ab]", "[]a-z]", "[^\\]]", "\\d", "\\pL", "\\x{41}", "\\Qa{3}b\\E", "ab"];
const REPEATS = ["", "", "*", "+?", "?", "{2}", "{3,}", "{0,4}", "{1,2}?"];

function pattern(random: Prng, depth: number): string {
  const pick = (from: readonly string[]) => from[random.below(from.length)];
  const parts = Array.from({ length: 1 + random.below(4) }, () => {
    const isGroup = depth > 0 && random.below(3) === 0;
    const atom = isGroup ? `(${pattern(random, depth - 1)})` : pick(ATOMS);
    return atom + pick(REPEATS);
  });
  return parts.join(random.below(4) === 0 ? "|" : "");
}

describe("sizes of patterns", () => {
  test("are those of their programs, about", () => {
    const random = prng(1);
    for (let i = 0; i < 2000; i++) {
      const text = pattern(random, 3);
      const size = RE2JS.compile(text).programSize();
      expect(size, text).toBeLessThan(4 * regexSize(text) + 20);
      expect(regexSize(text), text).toBeLessThan(8 * size + 20);
    }
  });

  test.each(["[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ".{1000}", "(\\w{1,63}\\.){1,10}[a-z]+"])(
    "usual ones are small: %s",
    (text) => {
      expect(regexSize(text)).toBeLessThan(1500);
      parse(`{ name =~ \`${text}\` || name !~ \`${text}x\` }`);
    },
  );

  test("queries whose patterns become too long are refused with the place, at once", () => {
    const long = `{ name =~ "a" && name !~ "${".{999}".repeat(600)}" }`;
    expect(() => parse(long)).toThrow(/line 1, col 26: invalid regex/);
    const many = Array.from({ length: 600 }, (_, i) => `name =~ "${i}.{99}"`).join(" || ");
    expect(() => parse(`{ ${many} }`)).toThrow(/invalid regex/);
  });
});
