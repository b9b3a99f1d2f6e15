/** Values of dictionaries that stay, by numbers that their texts share. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { DataValue } from "../../src/model/data-value.ts";
import { KnownTags } from "../../src/query/known-tags.ts";
import { TagValueSet } from "../../src/query/tag-value-set.ts";
import { ValueList } from "../../src/vector/vector.ts";

const SEED = 17;
const text = (value: string): DataValue => ({ type: "string", value });
const ALL = { limit: 0, bytesMax: 0 };

test.each([
  ["all texts have room", 1 << 20],
  ["few have", 2000],
])("sets have what was asked of each dictionary, where %s", (_name, bytesMax) => {
  const random = prng(SEED);
  const known = new KnownTags(bytesMax);
  const dictionaries = Array.from({ length: 8 }, () => {
    const texts = new Set(Array.from({ length: 30 }, () => `text ${random.below(60)}`));
    return new ValueList([...[...texts].map(text), { type: "int", value: 7n }]);
  });
  for (let question = 0; question < 50; question++) {
    const [set, plain] = [new TagValueSet(), new TagValueSet()];
    for (const dictionary of dictionaries) {
      const places = Array.from({ length: dictionary.size }, (_, index) => index);
      const indexes = places.filter(() => random.below(3) === 0);
      known.addCoded(set, dictionary, indexes);
      for (const index of indexes) plain.add(dictionary.at(index));
    }
    expect(set.list(ALL)).toEqual(plain.list(ALL));
  }
});

test("a large dictionary is not numbered", () => {
  const values = Array.from({ length: 40_000 }, (_, at) => text(`${at}`));
  const known = new KnownTags(1 << 20);
  const set = new TagValueSet();
  known.addCoded(set, new ValueList(values), [0, 39_999]);
  expect(set.list(ALL)).toEqual([values[0], values[39_999]]);
});
