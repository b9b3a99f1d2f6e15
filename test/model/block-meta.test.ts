import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { type BlockMeta, blockPath, readBlockMeta } from "../../src/model/block-meta.ts";

const meta: BlockMeta = {
  version: 1,
  id: "0123456789abcdef0123456789abcdef",
  tenants: [
    { name: "a", rowFirst: 0, rows: 3, traces: 1 },
    { name: "ü/..", rowFirst: 3, rows: 4, traces: 2 },
  ],
  shared: true,
  spans: 7,
  traces: 3,
  startUnixNano: "0",
  endUnixNano: "18446744073709551615",
  retainFromMs: 1,
  dataBytes: 100,
  sidecarBytes: 0,
  footerBytes: 50,
  wal: { node: "n", from: 5, to: 6 },
  createdMs: 3,
};
const merged = { replaces: [], siblings: [], level: 1 };
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

test("a meta comes back from its text", () => {
  expect(readBlockMeta(bytes(meta))).toEqual(meta);
});

test("a tenant's folder is one path element, whatever the tenant's name", () => {
  const path = (name: string) => {
    return blockPath({ ...meta, shared: false, tenants: [{ ...meta.tenants[0], name }] });
  };
  expect(blockPath(meta)).toBe(`shared/${meta.id}`);
  expect(path("team-a_1.x")).toBe(`single/team-a_1.x/${meta.id}`);
  expect(path("..")).toBe(`single/%2E%2E/${meta.id}`);
  expect(path("a/b\0")).toBe(`single/a%2Fb%00/${meta.id}`);
});

describe("a damaged meta is refused with its reason", () => {
  const cases: [unknown, RegExp][] = [
    [[meta], /not an object/],
    [{ ...meta, version: 4 }, /version 4 is unknown/],
    [{ ...meta, version: 2 }, /merged is/],
    [{ ...meta, version: 2, merged: { ...merged, ends: [{ node: "n" }] } }, /merged is/],
    [{ ...meta, version: 2, merged: { ...merged, ends: "n" } }, /merged is/],
    [{ ...meta, id: "0123" }, /id is/],
    [{ ...meta, id: meta.id.toUpperCase() }, /id is/],
    [{ ...meta, tenants: [] }, /tenants is/],
    [{ ...meta, tenants: [{ ...meta.tenants[0], rows: "3" }] }, /tenants is/],
    [{ ...meta, tenants: [{ ...meta.tenants[0], name: "\ud800" }] }, /tenants is/],
    [{ ...meta, tenants: [...meta.tenants].reverse() }, /do not follow/],
    [{ ...meta, spans: 8 }, /not all spans/],
    [{ ...meta, traces: 2 }, /not all traces/],
    [{ ...meta, shared: false }, /several tenants/],
    [{ ...meta, startUnixNano: "18446744073709551616" }, /startUnixNano is/],
    [{ ...meta, endUnixNano: 5 }, /endUnixNano is/],
    [{ ...meta, dataBytes: -1 }, /dataBytes is/],
    [{ ...meta, footerBytes: 101 }, /footer is longer/],
    [{ ...meta, wal: { node: "n", from: 7, to: 6 } }, /ends before/],
    [{ ...meta, wal: { from: 5, to: 6 } }, /wal is/],
    [{ ...meta, createdMs: undefined }, /createdMs is/],
    [{ ...meta, distinct: false }, /distinct is/],
  ];
  for (const [value, reason] of cases) {
    test(`${reason}`, () => {
      expect(() => readBlockMeta(bytes(value))).toThrow(reason);
    });
  }
});

test("random damage is read or refused, in words", () => {
  const random = prng(3);
  let refused = 0;
  for (let round = 0; round < 4000; round++) {
    const damaged = bytes(meta);
    for (let n = random.below(4); n >= 0; n--)
      damaged[random.below(damaged.length)] ^= 1 << random.below(8);
    try {
      readBlockMeta(damaged.subarray(0, damaged.length - random.below(3)));
    } catch (error) {
      if (!(error instanceof EngineError)) throw new Error(`round ${round}`, { cause: error });
      expect(error.code).toBe("block_corrupt");
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(3000);
});
