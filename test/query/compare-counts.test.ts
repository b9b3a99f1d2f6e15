import { describe, expect, test } from "vitest";
import {
  addCodeCounts,
  addValueCounts,
  type CompareCounts,
  emptyCounts,
  frequentHashes,
  HashPlaces,
  mergeCounts,
} from "../../src/query/compare-counts.ts";
import { valueHash } from "../../src/query/value-hash.ts";

const hashOf = (n: number) => valueHash({ type: "int", value: BigInt(n) });

function counted(numbers: Iterable<number>, count: (n: number) => number): CompareCounts {
  const counts = emptyCounts();
  for (const n of numbers) {
    addValueCounts(counts, hashOf(n), { selection: 0, baseline: count(n) });
  }
  return counts;
}

function found(counts: CompareCounts, top: number, tiesMax = 0): number[] {
  const places = new HashPlaces(frequentHashes(counts, { top, tiesMax }));
  return Array.from({ length: 10_000 }, (_, n) => n).filter(
    (n) => places.placeOf(...hashOf(n)) >= 0,
  );
}

describe("counts of many values", () => {
  test("find the most frequent ones of each side, and those that are tied with the last", () => {
    const counts = counted([1, 2, 3, 4, 5], (n) => (n < 4 ? n : 1));
    addValueCounts(counts, hashOf(9), { selection: 4, baseline: 0 });
    expect(found(counts, 1)).toEqual([3, 9]);
    expect(found(counts, 3)).toHaveLength(4);
    expect(found(counts, 3, 10)).toEqual([1, 2, 3, 4, 5, 9]);
  });

  test("add up, code by code and table by table", () => {
    const hashes = Uint32Array.from([0, 0, ...hashOf(1), ...hashOf(2)]);
    const one = emptyCounts();
    addCodeCounts(one, hashes, Uint32Array.from([7, 7, 1, 0, 0, 2]));
    addCodeCounts(one, hashes, Uint32Array.from([0, 0, 1, 0, 0, 0]));
    const other = emptyCounts();
    addCodeCounts(other, hashes, Uint32Array.from([0, 0, 5, 1, 0, 0]));
    const sum = mergeCounts(one, other);
    const at = (n: number) => {
      const [high, low] = hashOf(n);
      const place = sum.hashes.findIndex((word, i) => {
        return i % 2 === 0 && word === high && sum.hashes[i + 1] === low;
      });
      return [sum.counts[place], sum.counts[place + 1]];
    };
    expect([at(1), at(2), sum.used]).toEqual([[1, 7], [2, 0], 2]);
  });

  test("add up the same whichever has more, and stay where no number is larger", () => {
    const few = () => {
      const counts = emptyCounts();
      addValueCounts(counts, hashOf(1), { selection: 3_000_000_000, baseline: 1 });
      return counts;
    };
    const many = () => {
      const counts = few();
      for (let n = 2; n < 5000; n++)
        addValueCounts(counts, hashOf(n), { selection: n, baseline: 0 });
      return counts;
    };
    for (const sum of [mergeCounts(few(), many()), mergeCounts(many(), few())]) {
      expect(sum.used).toBe(4999);
      expect(found(sum, 3)).toEqual([1, 4998, 4999]);
      const most = sum.counts.indexOf(4_294_967_295);
      expect(sum.counts[most + 1]).toBe(2);
      expect(sum.hashes.slice(most, most + 2)).toEqual(Uint32Array.from(hashOf(1)));
    }
  });

  test("forget what is rare when there is too much, and say so", () => {
    const counts = emptyCounts();
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 100_000; n++) {
        const rare = [Math.imul(n, 2_654_435_761) >>> 0, round * 1_000_000 + 2 * n + 1] as const;
        addValueCounts(counts, rare, { selection: 0, baseline: 1 });
      }
      for (let n = 0; n < 10; n++) {
        addValueCounts(counts, hashOf(n), { selection: 0, baseline: 50 });
      }
    }
    expect(counts.isCut).toBe(true);
    expect(counts.hashes.length).toBeLessThanOrEqual(2 * 262_144);
    expect(found(counts, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("tell equal texts and numbers apart by their type alone", () => {
    expect(valueHash({ type: "string", value: "1" })).not.toEqual(hashOf(1));
    expect(valueHash({ type: "float", value: 1 })).not.toEqual(hashOf(1));
    expect(valueHash({ type: "float", value: -0 })).toEqual(valueHash({ type: "float", value: 0 }));
  });
});
