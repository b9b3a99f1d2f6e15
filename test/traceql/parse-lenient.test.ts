/** Filters of queries that are not finished. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { parseLenientFilter } from "../../src/traceql/parse-lenient.ts";
import { printField } from "../../src/traceql/print.ts";
import { GOOD } from "./queries.ts";

const cases: readonly (readonly [query: string, filter: string | undefined])[] = [
  ["", undefined],
  ["{}", undefined],
  ["{ true }", undefined],
  ["{ .a = 1 }", ".a = 1"],
  ['{ .a = "x" && name = }', '(.a = "x") && true'],
  ['{ .a = "x" || name = }', '(.a = "x") || true'],
  ['{ .a = "x" && .b !~', '(.a = "x") && true'],
  ["{ (.a = 1 || span:status >", "(.a = 1) || true"],
  ["{ .a = 1", ".a = 1"],
  ["{ .a = 1 && }", undefined],
  ['{ .a = "unfinished }', undefined],
  ["{ .a = 1 } | rate()", ".a = 1"],
  ["{ .a = 1 } | by(", ".a = 1"],
  ["{ .a = 1 } >> { .b = 2 }", undefined],
  ["{ .a = 1 } && { .b =", undefined],
  ["count() > 3", undefined],
  ["({ } | rate()) + 1", undefined],
  ["foo", undefined],
];

test.each(cases)("%j", (query, filter) => {
  const found = parseLenientFilter(query);
  expect(found && printField(found)).toBe(filter);
});

test("any beginning of a query is taken as it is meant or not at all", () => {
  const random = prng(9);
  for (const query of GOOD) {
    for (let length = 0; length <= query.length; length++) {
      parseLenientFilter(query.slice(0, length) + "}".repeat(random.below(2)));
    }
  }
});
