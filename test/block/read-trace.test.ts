/** Traces out of blocks as the kernel writes them: what was sent comes back, in its order. */
import { rmSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { prng } from "../../src/base/prng.ts";
import { tenantSeed, traceHash } from "../../src/block/trace-hash.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { cutToDisk, expected, fill, freshReader, type Sent, shown } from "./read-stored.ts";

const kernel = new CutKernel();
const roots: string[] = [];

afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true });
});

function cut(): ReturnType<typeof cutToDisk> {
  const made = cutToDisk(kernel);
  roots.push(made.root);
  return made;
}

/** Each (tenant, trace id) that was sent, once. */
function traces(sent: readonly Sent[]): Sent[] {
  const first = new Map<string, Sent>();
  for (const each of sent) {
    const key = `${each.tenant} ${Buffer.from(each.traceId).toString("hex")}`;
    if (!first.has(key)) first.set(key, each);
  }
  return [...first.values()];
}

describe("a trace read from its block", () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`is what was sent, seed ${seed}`, () => {
      const options = { random: prng(seed), tenants: ["one"], requests: 300, traces: 60 };
      const sent = fill(kernel, options);
      const [block] = cut().blocks;
      const { reader } = freshReader();
      for (const { tenant, traceId } of traces(sent)) {
        const rows = [...(reader.rows(block, tenant, traceId) ?? [])];
        const found = rows.map((row) => shown(row, traceId));
        expect(found).toEqual(expected(sent, tenant, traceId));
      }
    });
  }

  test("is the tenant's own in a shared block", () => {
    const tenants = ["a", "b", "ц"];
    const sent = fill(kernel, { random: prng(9), tenants, requests: 300, traces: 20 });
    const { blocks } = cut();
    expect(blocks.length).toBe(1);
    const { reader } = freshReader();
    for (const { traceId } of traces(sent)) {
      for (const tenant of tenants) {
        const rows = [...(reader.rows(blocks[0], tenant, traceId) ?? [])];
        const found = rows.map((row) => shown(row, traceId));
        expect(found).toEqual(expected(sent, tenant, traceId));
      }
    }
    expect(reader.rows(blocks[0], "d", sent[0].traceId)).toBeUndefined();
  });

  test("may be longer than a page, and asked for in part", () => {
    const traceId = prng(6).bytes(16);
    const spans = 30_000;
    kernel.begin();
    for (const id of [prng(7).bytes(16), traceId, prng(8).bytes(16)]) {
      for (let from = 0; from < spans; from += 5000) kernel.add(longRequest(id, from, 5000), "one");
    }
    const [block] = cut().blocks;
    const { reader } = freshReader();
    const rows = () => reader.rows(block, "one", traceId) ?? [];
    const bytesOf = (read: () => void) => {
      const before = reader.inspectedBytes;
      read();
      return reader.inspectedBytes - before;
    };
    let row = 0;
    for (const span of rows()) {
      const isNext = span.startUnixNano === BigInt(row) && span.name.length === row % 7;
      if (!isNext || span.attributes.length !== row % 2) expect(row).toBe(-1);
      row++;
    }
    expect(row).toBe(spans);
    const whole = bytesOf(() => expect([...rows()].length).toBe(spans));
    const part = bytesOf(() => expect(rows()[Symbol.iterator]().next().done).toBe(false));
    expect(part * 3).toBeLessThan(whole);
  });

  test("is not there when it is not, also where the filter is wrong", () => {
    const sent = fill(kernel, { random: prng(10), tenants: ["one"], requests: 300, traces: 60 });
    const [block] = cut().blocks;
    const { reader } = freshReader();
    const random = prng(11);
    for (let i = 0; i < 5000; i++) {
      expect(reader.rows(block, "one", random.bytes(16))).toBeUndefined();
    }
    expect(reader.rows(block, "two", sent[0].traceId)).toBeUndefined();
  });

  test("is found although clients chose ids whose hashes lie close together", () => {
    const random = prng(13);
    const seed = tenantSeed("one");
    const ids: Uint8Array[] = [];
    while (ids.length < 400) {
      const id = random.bytes(16);
      if (traceHash(seed, id).high < 2 ** 26) ids.push(id);
    }
    kernel.begin();
    for (const [i, id] of ids.entries()) kernel.add(longRequest(id, i, 1), "one");
    const [block] = cut().blocks;
    const { reader } = freshReader();
    for (const [i, id] of ids.entries()) {
      const rows = [...(reader.rows(block, "one", id) ?? [])];
      expect(rows.map(({ startUnixNano }) => startUnixNano)).toEqual([BigInt(i)]);
    }
  });

  test("is the same whether caches hold all, little or nothing", () => {
    const sent = fill(kernel, { random: prng(12), tenants: ["one"], requests: 200, traces: 30 });
    const [block] = cut().blocks;
    for (const bytesMax of [0, 20_000, 8 * MiB]) {
      const { reader, caches } = freshReader(bytesMax);
      for (let round = 0; round < 2; round++) {
        for (const { tenant, traceId } of traces(sent)) {
          const found = [...(reader.rows(block, tenant, traceId) ?? [])];
          expect(found.map((row) => shown(row, traceId))).toEqual(expected(sent, tenant, traceId));
        }
      }
      for (const cache of [caches.blocks, caches.dictionaries, caches.sidecars]) {
        expect(cache.heldBytes).toBeLessThanOrEqual(bytesMax / 2);
      }
      caches.forget(block.folder);
      expect(caches.dictionaries.heldBytes + caches.blocks.heldBytes).toBe(0);
    }
  });
});

/** Spans that tell their place in the trace. */
function longRequest(traceId: Uint8Array, from: number, count: number): Uint8Array {
  const spans = Array.from({ length: count }, (_, i) => {
    const row = from + i;
    const spanId = new Uint8Array(8);
    new DataView(spanId.buffer).setUint32(0, row + 1);
    const attributes =
      row % 2 === 0
        ? []
        : [{ key: "row", value: { value: { case: "intValue" as const, value: 1n } } }];
    const times = { startTimeUnixNano: BigInt(row), endTimeUnixNano: BigInt(row + 1) };
    return { traceId, spanId, name: "x".repeat(row % 7), ...times, attributes };
  });
  return toBinary(
    TraceSchema,
    create(TraceSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] }),
  );
}
