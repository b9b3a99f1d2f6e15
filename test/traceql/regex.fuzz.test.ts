/** Patterns of texts, dots and alternatives fit what RE2 says that they fit. */
import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { compileRegex } from "../../src/traceql/regex.ts";
import { compileGlob } from "../../src/traceql/regex-glob.ts";
import { TraceqlError } from "../../src/traceql/traceql-error.ts";

const ITEMS = ["a", "b", "ab", "/", "\\.", "\\-", ".", ".*", ".+", "(a|b.*)", "(?:|ab)", "|", "é"];
const RARE = ["^", "$", "a*", "b?", "(a)+", "\\d", "[ab]", "x{2}", "(?i)", "\\", "(", ")", "😀"];
const LETTERS = ["a", "b", "/", ".", "-", "A", "\n", "é", "😀", "x", "2"];

function join(random: ReturnType<typeof prng>, words: readonly string[], most: number): string {
  return Array.from({ length: random.below(most) }, () => words[random.below(words.length)]).join(
    "",
  );
}

function machineFor(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch {
    return undefined;
  }
}

describe("regex", () => {
  for (let seed = 1; seed <= 10; seed++) {
    test(`random patterns agree with the machine, seed ${seed}`, () => {
      const random = prng(seed);
      let globs = 0;
      for (let i = 0; i < 1500; i++) {
        const words = random.below(4) === 0 ? [...ITEMS, ...RARE] : ITEMS;
        const pattern = join(random, words, 8);
        const machine = machineFor(pattern);
        if (machine === undefined) {
          expect(() => compileRegex(pattern)).toThrow(TraceqlError);
          continue;
        }
        if (compileGlob(pattern) !== undefined) globs++;
        const fits = compileRegex(pattern);
        for (let j = 0; j < 12; j++) {
          const text = join(random, LETTERS, 9);
          const wanted = machine.matches(text);
          expect({ pattern, text, fits: fits(text) }).toEqual({ pattern, text, fits: wanted });
          // The second time it is remembered.
          expect(fits(text)).toBe(wanted);
        }
      }
      expect(globs).toBeGreaterThan(800);
    });
  }

  test("many gaps in a long text take no time", () => {
    const fits = compileRegex(`${".*a".repeat(1000)}b`);
    expect(fits("a".repeat(60_000))).toBe(false);
    expect(fits(`${"a".repeat(60_000)}b`)).toBe(true);
  });
});
