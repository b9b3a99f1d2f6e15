/** Whatever is asked: a tree or a TraceqlError with its place, in short time and bounded depth. */
import { expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { check } from "../../src/traceql/check.ts";
import { parse } from "../../src/traceql/parse.ts";
import { print } from "../../src/traceql/print.ts";
import { TraceqlError } from "../../src/traceql/traceql-error.ts";
import { BROKEN, GOOD, SENSELESS } from "./queries.ts";

const SEEDS: readonly string[] = [
  ...GOOD,
  ...SENSELESS.map(([query]) => query),
  ...BROKEN.map(([q]) => q),
];
const PIECES = [
  ...["{", "}", "(", ")", "|", "&&", "||", "!", "-", ".a", "span.", "=", "=~", ">>", "!<", "&~"],
  ...['"', "`", "\\", "1", "1h", ".5", "nil", "by(", "rate()", "with(", ",", "//", "/*", "\n", "é"],
];

function mutated(random: Prng): string {
  let query = SEEDS[random.below(SEEDS.length)];
  for (let i = 0; i <= random.below(4); i++) {
    const at = random.below(query.length + 1);
    const cut = random.below(3) === 0 ? random.below(6) : 0;
    const piece = random.below(4) === 0 ? "" : PIECES[random.below(PIECES.length)];
    query = query.slice(0, at) + piece + query.slice(at + cut);
  }
  return query;
}

/** What became of it; throws for any error that is not of the language. */
function judge(query: string): "good" | "senseless" | "broken" {
  let tree: ReturnType<typeof parse>;
  try {
    tree = parse(query);
  } catch (error) {
    if (!(error instanceof TraceqlError) || error.place === undefined) throw error;
    return "broken";
  }
  expect(parse(print(tree))).toEqual(tree);
  try {
    check(tree);
    return "good";
  } catch (error) {
    if (!(error instanceof TraceqlError)) throw error;
    return "senseless";
  }
}

test.each([1, 2, 3, 4])("mutated queries, seed %i", (seed) => {
  const random = prng(seed);
  const seen = new Map<string, number>();
  for (let i = 0; i < 4000; i++) {
    const query = mutated(random);
    try {
      const verdict = judge(query);
      seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
    } catch (error) {
      throw new Error(`query ${JSON.stringify(query)}`, { cause: error });
    }
  }
  for (const verdict of ["good", "broken"]) expect(seen.get(verdict)).toBeGreaterThan(100);
});

const deep = (open: string, close: string, count: number) =>
  `${open.repeat(count)}{ .a }${close.repeat(count)}`;

test("depth and length are bounded", () => {
  expect(() => parse(deep("(", ")", 1000))).toThrow(/nested more than 200 deep/);
  expect(() => parse(`{ ${"(".repeat(1000)}.a }`)).toThrow(/nested more than/);
  expect(() => parse(`{ ${"!".repeat(1000)}.a }`)).toThrow(/nested more than/);
  expect(() => parse(`{ ${".a ^ ".repeat(1000)}.a }`)).toThrow(/nested more than/);
  expect(() => parse(`${"-".repeat(1000)}1`)).toThrow(/nested more than/);
  expect(parse(deep("(", ")", 150)).body).toEqual(parse("{ .a }").body);
  const wide = (count: number) => Array.from({ length: count }, (_, i) => `.a = ${i}`).join(" || ");
  const tree = parse(`{ ${wide(1000)} }`);
  check(tree);
  expect(parse(print(tree)).body).toEqual(tree.body);
  expect(() => parse(`{ ${wide(3000)} }`)).toThrow(/over 8192 words/);
});
