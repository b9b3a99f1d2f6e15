import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import {
  cutTagValues,
  mergeTagValues,
  orderTagValues,
  type TagValueList,
  tagValueList,
} from "../../src/query/tag-value-list.ts";
import type { Static } from "../../src/traceql/ast.ts";

/** In the order in which answers have them. */
const ORDERED: readonly Static[] = [
  { type: "bool", value: false },
  { type: "bool", value: true },
  { type: "float", value: Number.NEGATIVE_INFINITY },
  { type: "int", value: -(2n ** 63n) },
  { type: "float", value: -0.5 },
  { type: "int", value: 0n },
  { type: "float", value: -0 },
  { type: "float", value: 0 },
  { type: "duration", value: 0n },
  { type: "int", value: 2n ** 53n },
  { type: "float", value: 2 ** 53 },
  { type: "int", value: 2n ** 53n + 1n },
  { type: "float", value: Number.NaN },
  { type: "string", value: "" },
  { type: "string", value: "a" },
  { type: "string", value: "ab" },
  { type: "string", value: "b" },
  { type: "string", value: "ü" },
  { type: "string", value: "\uff5e" },
  { type: "string", value: "😀" },
  { type: "status", value: "error" },
  { type: "status", value: "ok" },
  { type: "kind", value: "server" },
];

function shuffled(values: readonly Static[], random: ReturnType<typeof prng>): Static[] {
  const left = [...values];
  return Array.from(values, () => left.splice(random.below(left.length), 1)[0]);
}

describe("lists of values", () => {
  test("come by type and value, each once, without nil", () => {
    const random = prng(1);
    const many = shuffled([...ORDERED, ...ORDERED, { type: "nil" }], random);
    expect(tagValueList(many)).toEqual(ORDERED);
    for (const [i, value] of ORDERED.entries()) {
      const orders = ORDERED.map((other) => Math.sign(orderTagValues(value, other)));
      expect(orders).toEqual(ORDERED.map((_, j) => Math.sign(i - j)));
    }
  });

  test("merge to what is in either", () => {
    const random = prng(2);
    for (let round = 0; round < 200; round++) {
      const some = () => tagValueList(ORDERED.filter(() => random.below(3) > 0));
      const [a, b] = [some(), some()];
      expect(mergeTagValues(a, b)).toEqual(tagValueList([...a, ...b]));
    }
  });

  test("are cut by number and by bytes of text", () => {
    const texts = (...list: string[]): TagValueList =>
      list.map((value) => ({ type: "string", value }));
    const list = texts("aa", "bb", "üü", "x");
    const cut = (limit: number, bytesMax: number) => cutTagValues(list, { limit, bytesMax }).length;
    expect([cut(0, 100), cut(3, 100), cut(9, 100)]).toEqual([4, 3, 4]);
    expect([cut(0, 9), cut(0, 8), cut(0, 4), cut(0, 1), cut(0, 0)]).toEqual([4, 3, 2, 1, 4]);
  });

  test("may be cut before they are merged", () => {
    const random = prng(3);
    for (let round = 0; round < 200; round++) {
      const bounds = { limit: random.below(8), bytesMax: random.below(60) };
      const parts = Array.from({ length: 4 }, () =>
        tagValueList(ORDERED.filter(() => random.below(2) > 0)),
      );
      const whole = cutTagValues(parts.reduce(mergeTagValues), bounds);
      const cut = parts
        .map((part) => cutTagValues(part, bounds))
        .reduce((a, b) => cutTagValues(mergeTagValues(a, b), bounds));
      expect(cut).toEqual(whole);
    }
  });
});
