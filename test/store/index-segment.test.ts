import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import {
  INDEX_BLOCKS_MAX,
  INDEX_BLOCKS_MIN,
  type KnownSegment,
  planIndex,
} from "../../src/store/index-plan.ts";
import {
  INDEX_PREFACE_BYTES,
  indexHeaderBytes,
  indexSegment,
  readIndexHeader,
} from "../../src/store/index-segment.ts";
import { idOf, metaOf } from "./block-metas.ts";

describe("a segment of the index", () => {
  const blocks = [1, 2, 3].map((number) => ({
    meta: metaOf(number),
    filter: new Uint8Array(number * 32).fill(number),
  }));
  const bytes = indexSegment(blocks);

  test("says what was put into it", () => {
    const end = INDEX_PREFACE_BYTES + indexHeaderBytes(bytes);
    const entries = readIndexHeader(bytes.slice(0, end), bytes.length);
    expect(entries.map(({ meta }) => meta)).toEqual(blocks.map(({ meta }) => meta));
    for (const [i, { offset, bytes: length, crc }] of entries.entries()) {
      const filter = bytes.slice(offset, offset + length);
      expect(filter).toEqual(Buffer.from(blocks[i].filter));
      expect(Bun.hash.crc32(filter)).toBe(crc);
    }
  });

  test.each([1, 2, 3])("damaged is refused, seed %d", (seed) => {
    const random = prng(seed);
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const damaged = new Uint8Array(bytes);
      const at = random.below(bytes.length);
      damaged[at] ^= 1 << random.below(8);
      const cut = random.below(4) === 0 ? damaged.slice(0, at) : damaged;
      try {
        const entries = readIndexHeader(cut, cut.length);
        // What it lets pass is the truth: only filters have their own checksum.
        expect(entries.map(({ meta }) => meta)).toEqual(blocks.map(({ meta }) => meta));
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});

describe("the plan of the index", () => {
  const range = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => idOf(from + i));
  const segment = (key: string, from: number, to: number): KnownSegment => ({
    key,
    ids: range(from, to),
  });

  test("writes nothing for a few blocks", () => {
    const live = new Set(range(0, INDEX_BLOCKS_MIN - 1));
    expect(planIndex(live, [])).toEqual({ write: [], remove: [] });
  });

  test("takes small segments up into larger ones", () => {
    const live = new Set(range(0, 2 * INDEX_BLOCKS_MIN));
    const plan = planIndex(live, [segment("a", 0, INDEX_BLOCKS_MIN)]);
    expect(plan.remove).toEqual(["a"]);
    expect(plan.write.map((ids) => ids.toSorted())).toEqual([[...live].toSorted()]);
  });

  test("leaves full ones, and lets go of those without a block of their own", () => {
    const full = segment("full", 0, INDEX_BLOCKS_MAX);
    const live = new Set(range(0, INDEX_BLOCKS_MAX));
    const plan = planIndex(live, [full, segment("again", 5, 20), segment("old", 9000, 9050)]);
    expect(plan).toEqual({ write: [], remove: ["again", "old"] });
  });

  /** However blocks come and go: all are found, in a bounded number of segments. */
  test.each([1, 2])("keeps the index small, seed %d", (seed) => {
    const random = prng(seed);
    let segments: KnownSegment[] = [];
    const live = new Set<string>();
    let next = 0;
    let written = 0;
    for (let round = 0; round < 300; round++) {
      for (let i = random.below(60); i > 0; i--) live.add(idOf(next++));
      for (const id of live) if (random.below(100) === 0) live.delete(id);
      const plan = planIndex(live, segments);
      written += plan.write.length;
      segments = segments.filter(({ key }) => !plan.remove.includes(key));
      segments.push(...plan.write.map((ids, i) => ({ key: `${round}-${i}`, ids })));
      const found = new Set(segments.flatMap(({ ids }) => ids));
      const missing = [...live].filter((id) => !found.has(id));
      expect(missing.length).toBeLessThan(INDEX_BLOCKS_MIN);
      expect(segments.length).toBeLessThan((2 * live.size) / INDEX_BLOCKS_MAX + 12);
    }
    expect(written).toBeLessThan(next / 20);
  });
});
