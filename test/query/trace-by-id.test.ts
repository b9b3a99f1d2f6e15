import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { SpanRow } from "../../src/model/span-row.ts";
import type { BlockView, HeadHalf, HeadView, ListedBlock } from "../../src/query/trace-by-id.ts";
import { TraceById } from "../../src/query/trace-by-id.ts";
import { namesOf, plainSpan, rowOf, TRACE_ID } from "./span-rows.ts";

const NODE = "node-1";

/** Rows of one part of a log, in the head, in a block, or in both. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly rows: ReadonlyMap<string, readonly SpanRow[]>;
  readonly node?: string;
}

const row = (id: number, name: string) => rowOf(plainSpan(id, { name }));

const onDamaged = () => {};

function partOf(from: number, to: number, rows: Record<string, readonly SpanRow[]>): Part {
  return { from, to, rows: new Map(Object.entries(rows)) };
}

/** Head and blocks in memory, which watch the order of what is asked of them. */
class Parts implements HeadView, BlockView {
  readonly asked: string[] = [];
  /** Happens between the reading of the head and the list of blocks. */
  between = () => {};
  head: Part[] = [];
  stored: Part[] = [];
  inspectedBytes = 0;
  rowsGiven = 0;
  #isPinned = false;

  pin(): readonly HeadHalf[] {
    this.asked.push("pin");
    this.#isPinned = true;
    return this.head.map(({ from, to }, base) => ({ base, epoch: 0, walFrom: from, walTo: to }));
  }

  unpin(): void {
    this.asked.push("unpin");
    this.#isPinned = false;
  }

  async blocks(tenant: string, start?: number, end?: number): Promise<readonly ListedBlock[]> {
    expect(this.#isPinned).toBe(false);
    this.asked.push(["blocks", tenant, start, end].filter((part) => part !== undefined).join(" "));
    const between = this.between;
    this.between = () => {};
    between();
    await Promise.resolve();
    return this.stored
      .filter(({ rows }) => rows.has(tenant))
      .map(({ from, to, node = NODE }) => listedBlock(from, to, node));
  }

  rows(place: HeadHalf | ListedBlock, tenant: string): Iterable<SpanRow> {
    if ("base" in place) {
      expect(this.#isPinned).toBe(true);
      return this.#given(this.head[place.base], tenant);
    }
    const { from, node } = place.meta.wal;
    const part = this.stored.find((it) => it.from === from && (it.node ?? NODE) === node);
    if (part === undefined) throw new Error("no such block");
    this.inspectedBytes += 1000;
    return this.#given(part, tenant);
  }

  *#given({ rows }: Part, tenant: string): Generator<SpanRow> {
    for (const each of rows.get(tenant) ?? []) {
      this.rowsGiven++;
      yield each;
    }
  }
}

function listedBlock(from: number, to: number, node: string): ListedBlock {
  const meta: BlockMeta = {
    ...{ version: 1, id: `${from}`.padStart(32, "0"), tenants: [], shared: false },
    ...{ spans: 0, traces: 0, startUnixNano: "0", endUnixNano: "0", retainFromMs: 0 },
    ...{ dataBytes: 0, sidecarBytes: 0, footerBytes: 0, wal: { node, from, to }, createdMs: 0 },
  };
  return { meta, folder: `block ${from}` };
}

function ask(parts: Parts, more: { tenants?: string[]; bytesMax?: number } = {}) {
  const { tenants = ["a"], bytesMax = 2 ** 30 } = more;
  const traces = new TraceById({ head: parts, blocks: parts, nodeId: NODE, onDamaged });
  return traces.find({ tenants, traceId: TRACE_ID, bytesMax });
}

async function names(parts: Parts, tenants?: string[]): Promise<string[]> {
  return namesOf((await ask(parts, tenants && { tenants })).trace);
}

describe("a trace by id", () => {
  test("is put together from blocks by their place in the log, and then the head", async () => {
    const parts = new Parts();
    parts.stored = [partOf(5, 9, { a: [row(2, "two")] }), partOf(0, 5, { a: [row(1, "one")] })];
    parts.head = [partOf(12, 15, { a: [row(4, "four")] }), partOf(9, 12, { a: [row(3, "three")] })];
    expect(await names(parts)).toEqual(["one", "two", "three", "four"]);
  });

  test("has of a span that came twice the first one", async () => {
    const parts = new Parts();
    parts.stored = [partOf(5, 9, { a: [row(1, "later")] }), partOf(0, 5, { a: [row(1, "first")] })];
    parts.head = [partOf(9, 12, { a: [row(1, "last"), row(2, "other")] })];
    expect(await names(parts)).toEqual(["first", "other"]);
  });

  test("reads the head before the list of blocks, and holds no pin meanwhile", async () => {
    const parts = new Parts();
    const traces = new TraceById({ head: parts, blocks: parts, nodeId: NODE, onDamaged });
    const times = { startSeconds: 3, endSeconds: 7 };
    const ids = { tenants: ["a", "b"], traceId: TRACE_ID };
    await traces.find({ ...ids, ...times, bytesMax: 1000 });
    expect(parts.asked).toEqual(["pin", "unpin", "blocks a 3 7", "blocks b 3 7"]);
  });

  test("loses nothing when a half is published and emptied in between", async () => {
    const parts = new Parts();
    const half = partOf(0, 9, { a: [row(1, "one"), row(2, "two")] });
    parts.head = [half];
    parts.between = () => {
      parts.stored = [half];
      parts.head = [partOf(9, 10, {})];
    };
    expect(await names(parts)).toEqual(["one", "two"]);
  });

  test("takes a half whose block is there from the block alone", async () => {
    const parts = new Parts();
    // Told apart by what they hold; in truth both hold the same.
    parts.head = [partOf(0, 9, { a: [row(1, "of the head")], b: [row(2, "b")] })];
    parts.stored = [partOf(0, 9, { a: [row(3, "of the block")] })];
    expect(await names(parts)).toEqual(["of the block"]);
    // This tenant's rows are in no block yet.
    expect(await names(parts, ["b"])).toEqual(["b"]);
    parts.stored = [{ ...partOf(0, 9, { a: [row(3, "of another node")] }), node: "node-2" }];
    expect(await names(parts)).toEqual(["of another node", "of the head"]);
    for (const [from, to] of [
      [0, 8],
      [1, 9],
    ]) {
      parts.stored = [partOf(from, to, { a: [row(3, "less")] })];
      expect(await names(parts)).toEqual(["less", "of the head"]);
    }
  });

  test("takes a half that does not know its part of the log for one of its own", async () => {
    const parts = new Parts();
    parts.head = [partOf(0, 0, { a: [row(1, "early")] })];
    parts.stored = [partOf(0, 9, { a: [row(2, "stored")] })];
    expect(await names(parts)).toEqual(["stored", "early"]);
  });

  test("gives pins back when reading the head fails", async () => {
    const parts = new Parts();
    parts.head = [partOf(0, 9, {})];
    const failing = {
      pin: () => parts.pin(),
      unpin: () => parts.unpin(),
      rows: () => {
        throw new Error("no rows");
      },
    };
    const traces = new TraceById({ head: failing, blocks: parts, nodeId: NODE, onDamaged });
    const question = { tenants: ["a"], traceId: TRACE_ID, bytesMax: 1000 };
    await expect(traces.find(question)).rejects.toThrow("no rows");
    expect(parts.asked).toEqual(["pin", "unpin"]);
  });

  test("is empty when nobody has it", async () => {
    const found = await ask(new Parts());
    expect(found).toEqual({
      ...{
        trace: new Uint8Array(),
        spans: 0,
        partial: false,
        damagedBlocks: [],
        inspectedBytes: 0,
      },
    });
  });

  test("says what was read", async () => {
    const parts = new Parts();
    parts.stored = [partOf(0, 5, { a: [row(1, "one")] }), partOf(5, 6, { a: [] })];
    expect((await ask(parts)).inspectedBytes).toBe(2000);
    parts.head = [partOf(6, 7, { a: [row(2, "two")] })];
    const { inspectedBytes, spans } = await ask(parts);
    expect(spans).toBe(2);
    expect(inspectedBytes).toBeGreaterThan(2000);
    expect(inspectedBytes).toBeLessThan(2200);
  });

  test("counts spans that came again as others", async () => {
    const parts = new Parts();
    parts.stored = [partOf(0, 5, { a: [row(1, "one"), row(2, "two")] })];
    parts.head = [partOf(5, 6, { a: [row(1, "another"), row(2, "two")] })];
    const traces = new TraceById({ head: parts, blocks: parts, nodeId: NODE, onDamaged });
    const question = { tenants: ["a"], traceId: TRACE_ID, bytesMax: 1000 };
    for (const count of [1, 2]) {
      await traces.find(question);
      expect(traces.differingSpans).toBe(count);
    }
  });
});

describe("several tenants", () => {
  const parts = new Parts();
  parts.stored = [partOf(0, 5, { a: [row(1, "a1")], b: [row(2, "b1")] })];
  parts.head = [partOf(5, 6, { a: [row(3, "a2")], b: [row(4, "b2")], c: [row(5, "c")] })];

  test("each have their own", async () => {
    expect(await names(parts, ["a"])).toEqual(["a1", "a2"]);
    expect(await names(parts, ["b"])).toEqual(["b1", "b2"]);
  });

  test("are put together in their order", async () => {
    expect(await names(parts, ["b", "a"])).toEqual(["b1", "b2", "a1", "a2"]);
  });
});

describe("a trace above bytesMax", () => {
  const many = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => row(from + i, `${from + i}`));

  test("is partial, wherever its spans lie, and no more is read than is given", async () => {
    for (const place of ["head", "stored"] as const) {
      const parts = new Parts();
      parts[place] = [partOf(0, 1, { a: many(1, 20_000) }), partOf(1, 2, { a: many(30_000, 10) })];
      const found = await ask(parts, { bytesMax: 20_000 });
      expect(found.partial).toBe(true);
      expect(found.trace.length).toBeLessThanOrEqual(20_000);
      expect(found.trace.length).toBeGreaterThan(19_000);
      expect(namesOf(found.trace).length).toBe(found.spans);
      if (place === "stored") expect(parts.rowsGiven).toBe(found.spans + 1);
      expect(parts.rowsGiven).toBeLessThan(1000);
    }
  });

  test("is partial when not even its first span is given", async () => {
    for (const place of ["head", "stored"] as const) {
      const parts = new Parts();
      parts[place] = [partOf(0, 1, { a: [row(1, "x".repeat(500))] })];
      const found = await ask(parts, { bytesMax: 400 });
      expect(found).toMatchObject({ partial: true, spans: 0, trace: new Uint8Array() });
    }
  });

  test("is not when its spans are there several times", async () => {
    const parts = new Parts();
    const rows = many(1, 200);
    const { length } = (await ask(headOf(rows))).trace;
    parts.stored = [partOf(0, 1, { a: rows }), partOf(1, 2, { a: rows })];
    parts.head = [partOf(2, 3, { a: rows }), partOf(3, 4, { a: rows })];
    const found = await ask(parts, { bytesMax: length + 100 });
    expect(found).toMatchObject({ spans: 200, partial: false });
  });

  test("takes of the head no more than that for all tenants", async () => {
    const parts = new Parts();
    const tenants = Array.from({ length: 50 }, (_, i) => `tenant-${i}`);
    parts.head = [
      partOf(0, 1, Object.fromEntries(tenants.map((name, i) => [name, many(1 + i * 100, 100)]))),
    ];
    expect((await ask(parts, { tenants, bytesMax: 10_000 })).partial).toBe(true);
    expect(parts.rowsGiven).toBeLessThan(500);
    const some = await ask(parts, { tenants: tenants.slice(0, 2), bytesMax: 6000 });
    expect(some.partial).toBe(true);
    expect(some.spans).toBeGreaterThan(100);
  });

  function headOf(rows: readonly SpanRow[]): Parts {
    const parts = new Parts();
    parts.head = [partOf(0, 1, { a: rows })];
    return parts;
  }
});

test("any spread of spans over blocks and halves gives the same trace", async () => {
  const random = prng(5);
  for (let i = 0; i < 100; i++) {
    const sent = Array.from({ length: random.below(60) }, (_, n) =>
      row(1 + random.below(40), `${n}`),
    );
    const parts = new Parts();
    let from = 0;
    let first = 0;
    while (first < sent.length) {
      const end = Math.min(sent.length, first + 1 + random.below(20));
      const part = partOf(from, from + 1, { a: sent.slice(first, end) });
      // The last two may be in the head, in a block, or in both.
      const isLate = end === sent.length || sent.length - end < 20;
      const place = isLate ? random.below(3) : 1;
      if (place !== 0) parts.stored.push(part);
      if (place !== 1) parts.head.push(part);
      from++;
      first = end;
    }
    if (parts.stored.some((it) => parts.head.some((half) => half.from < it.from))) continue;
    const seen = new Set<string>();
    const once = sent.filter(({ spanId }) => {
      const id = spanId.join();
      return !seen.has(id) && seen.add(id);
    });
    const expected = once.map(({ name }) => new TextDecoder().decode(name));
    expect(await names(parts)).toEqual(expected);
  }
});
