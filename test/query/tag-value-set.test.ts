import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { orderTagValues, TagValueSet } from "../../src/query/tag-value-set.ts";
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

const ALL = { limit: 0, bytesMax: 0 };

function setOf(values: readonly Static[]): TagValueSet {
  const set = new TagValueSet();
  for (const value of values) set.add(value);
  return set;
}

describe("sets of values", () => {
  test("come by type and value, each once, without nil, of lists the elements", () => {
    const random = prng(1);
    const many = shuffled([...ORDERED, ...ORDERED, { type: "nil" }], random);
    expect(setOf(many).list(ALL)).toEqual(ORDERED);
    for (const [i, value] of ORDERED.entries()) {
      const orders = ORDERED.map((other) => Math.sign(orderTagValues(value, other)));
      expect(orders).toEqual(ORDERED.map((_, j) => Math.sign(i - j)));
    }
    const list = setOf([]);
    list.add({ type: "list", values: many });
    expect(list.list(ALL)).toEqual(ORDERED);
  });

  test("are cut by number and by bytes of text", () => {
    const set = setOf(["aa", "bb", "üü", "x"].map((value) => ({ type: "string", value })));
    const cut = (limit: number, bytesMax: number) => set.list({ limit, bytesMax }).length;
    expect([cut(0, 100), cut(3, 100), cut(9, 100)]).toEqual([4, 3, 4]);
    expect([cut(0, 9), cut(0, 6), cut(0, 5), cut(0, 3), cut(0, 1)]).toEqual([4, 4, 3, 2, 1]);
  });

  test("may be cut before they are joined", () => {
    const random = prng(3);
    for (let round = 0; round < 500; round++) {
      const bytesMax = 1 + random.below(60);
      const bounds = { limit: random.below(8), bytesMax };
      const parts = Array.from({ length: 4 }, () => ORDERED.filter(() => random.below(2) > 0));
      const whole = setOf(parts.flat()).list(bounds);
      const joined = new TagValueSet();
      for (const part of parts) {
        joined.addAll(structuredClone(setOf(part).values(bytesMax)));
        joined.shrink(bytesMax, bytesMax * random.below(3));
      }
      expect(joined.list(bounds)).toEqual(whole);
    }
  });
});
