/** Merged blocks hold what their inputs held: the same spans, whole, once, in their order. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { MergeInput } from "../../src/compact/merge-options.ts";
import { type BlockMeta, logEnds, readBlockMeta } from "../../src/model/block-meta.ts";
import { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { expected, fill, freshReader, type Sent, shown } from "../block/read-stored.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { contentOf, MergeKernel } from "./merge-kernel.ts";
import { shopRequest, shopTraces } from "./shop-spans.ts";

const cutter = new CutKernel();
const merger = new MergeKernel();
const roots: string[] = [];

afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true });
});

function freshStore(): DiskStore {
  const root = mkdtempSync(join(tmpdir(), "vivace-merge-"));
  roots.push(root);
  return new DiskStore(root);
}

/** The half's blocks, as inputs of a merge. */
function cut(store: DiskStore, place: number): MergeInput[] {
  const metas = cutter.cut(store, [place, place + 1]);
  return metas.map((meta) => ({ meta, folder: store.folderOf(meta) }));
}

interface Filled {
  readonly store: DiskStore;
  readonly inputs: MergeInput[];
  readonly sent: Sent[];
  readonly requests: { readonly request: Uint8Array; readonly tenant: string }[];
}

/** Blocks whose traces are those of one pool, so that many are split. */
function fillBlocks(seeds: readonly number[], tenants: readonly string[]): Filled {
  const store = freshStore();
  const pool = prng(seeds[0]);
  const ids = Array.from({ length: 40 }, () => Uint8Array.from(pool.bytes(16)));
  const filled: Filled = { store, inputs: [], sent: [], requests: [] };
  for (const [place, seed] of seeds.entries()) {
    const options = { random: prng(seed), tenants, requests: 120, traces: 0, ids };
    const onRequest = (request: Uint8Array, tenant: string) => {
      filled.requests.push({ request, tenant });
    };
    filled.sent.push(...fill(cutter, { ...options, onRequest }));
    filled.inputs.push(...cut(store, place));
  }
  return filled;
}

function keyOf({ tenant, traceId, span }: Sent): string {
  const { spanId, kind } = fromBinary(SpanSchema, Buffer.from(span, "hex"));
  return [
    tenant,
    Buffer.from(traceId).toString("hex"),
    Buffer.from(spanId).toString("hex"),
    kind,
  ].join();
}

/** Those that no earlier one has the key of. */
function firstOnes(sent: readonly Sent[]): Sent[] {
  const seen = new Set<string>();
  return sent.filter((each) => {
    const key = keyOf(each);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function expectTraces(store: DiskStore, metas: readonly MergeInput[], sent: readonly Sent[]): void {
  const { reader } = freshReader();
  const first = firstOnes(sent);
  const traces = new Map(first.map((each) => [`${each.tenant} ${each.traceId}`, each]));
  for (const { tenant, traceId } of traces.values()) {
    const rows = metas.flatMap(({ meta }) => {
      if (!meta.tenants.some(({ name }) => name === tenant)) return [];
      const block = { meta, folder: store.folderOf(meta) };
      return [...(reader.rows(block, tenant, traceId) ?? [])].map((row) => shown(row, traceId));
    });
    expect(rows).toEqual(expected(first, tenant, traceId));
  }
  expect(metas.reduce((sum, { meta }) => sum + meta.spans, 0)).toBe(first.length);
}

const asInputs = (store: DiskStore, metas: readonly MergeInput["meta"][]): MergeInput[] =>
  metas.map((meta) => ({ meta, folder: store.folderOf(meta) }));

describe("a merge", () => {
  for (const seed of [10, 20, 30, 40]) {
    test(`gives back all spans, doubles once, seed ${seed}`, () => {
      // The first one came again.
      const { store, inputs, sent } = fillBlocks([seed, seed + 1, seed, seed + 2], ["one"]);
      const { outputs, doubles } = merger.merge(store, inputs);
      expect(outputs.length).toBe(1);
      expect(doubles).toBe(sent.length - firstOnes(sent).length);
      expectTraces(store, asInputs(store, outputs), sent);
      expect(outputs[0].merged?.replaces).toEqual(inputs.map(({ meta }) => meta.id));
      expect(store.find(outputs[0])).toEqual(outputs[0]);
    });

    test(`of shared blocks keeps tenants apart, seed ${seed}`, () => {
      const tenants = ["a", "b", "ц"];
      const { store, inputs, sent } = fillBlocks([seed, seed + 1, seed], tenants);
      const { outputs } = merger.merge(store, inputs);
      expect(outputs.map(({ shared }) => shared)).toEqual([true]);
      expectTraces(store, asInputs(store, outputs), sent);
      const again = merger.merge(store, asInputs(store, outputs));
      expectTraces(store, asInputs(store, again.outputs), sent);
      expect(again.outputs[0].merged?.level).toBe(2);
    });

    test(`is column by column what one cut of all would be, seed ${seed}`, () => {
      for (const tenants of [["one"], ["a", "b"]]) {
        const random = prng(seed);
        const store = freshStore();
        const traces = new Map(tenants.map((tenant) => [tenant, shopTraces(random, 50)]));
        const requests: { tenant: string; request: Uint8Array }[] = [];
        const inputs: MergeInput[] = [];
        for (let place = 0; place < 3; place++) {
          cutter.begin();
          for (let i = 0; i < 40; i++) {
            const tenant = tenants[random.below(tenants.length)];
            const request = shopRequest(random, traces.get(tenant) ?? [], 60);
            requests.push({ tenant, request });
            cutter.add(request, tenant);
          }
          inputs.push(...cut(store, place));
        }
        const { outputs, doubles } = merger.merge(store, inputs);
        expect([outputs.length, doubles]).toEqual([1, 0]);
        cutter.begin();
        for (const { request, tenant } of requests) cutter.add(request, tenant);
        const [whole] = cut(store, 9);
        const found = contentOf(store.folderOf(outputs[0]));
        const wanted = contentOf(whole.folder);
        expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
        for (const [name, rows] of wanted) expect([name, found.get(name)]).toEqual([name, rows]);
        const { startUnixNano, endUnixNano, spans, traces: count, tenants: ranges } = whole.meta;
        const same = { startUnixNano, endUnixNano, spans, traces: count, tenants: ranges };
        expect(outputs[0]).toMatchObject(same);
      }
    });
  }

  test("gives the same block when it is done again", () => {
    const { store, inputs } = fillBlocks([50, 51], ["one"]);
    const first = merger.merge(store, inputs).outputs;
    expect(merger.merge(store, inputs).outputs).toEqual(first);
    expect(readBlockMeta(new TextEncoder().encode(JSON.stringify(first[0])))).toEqual(first[0]);
  });
});

test("blocks of several nodes say where the log of each ends, however often merged", () => {
  const { store, inputs } = fillBlocks([21, 22, 23, 24], ["a"]);
  const of = (input: MergeInput, node: string): MergeInput => ({
    ...input,
    meta: { ...input.meta, wal: { ...input.meta.wal, node } },
  });
  const [zeroth, first, second, third] = inputs;
  const ends = (metas: readonly BlockMeta[]) => metas.map((meta) => [meta.wal.node, logEnds(meta)]);
  const own = merger.merge(store, [of(zeroth, "one"), of(first, "one")]).outputs;
  expect(ends(own)).toEqual([["one", [{ node: "one", to: first.meta.wal.to }]]]);
  const mixed = merger.merge(store, [of(first, "one"), of(second, "two")]).outputs;
  const both = [
    { node: "one", to: first.meta.wal.to },
    { node: "two", to: second.meta.wal.to },
  ];
  expect(ends(mixed)).toEqual([["", both]]);
  const [meta] = mixed;
  const again = { meta, folder: store.folderOf(meta) };
  const all = merger.merge(store, [again, of(third, "one")]).outputs;
  const later = [{ node: "one", to: third.meta.wal.to }, both[1]];
  expect(ends(all)).toEqual([["", later]]);
  for (const one of all) expect(readBlockMeta(Buffer.from(JSON.stringify(one)))).toEqual(one);
});
