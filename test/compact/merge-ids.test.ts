/** Parents of merged blocks that refer to span ids: every reader sees the ids that were sent. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { FileCache } from "../../src/block/file-cache.ts";
import { chunkPlace, readDataFile } from "../../src/block/parquet-footer-read.ts";
import type { MergeInput } from "../../src/compact/merge-options.ts";
import { verifyBlock } from "../../src/inspect/verify-block.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { ExportTraceServiceRequestSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { freshReader } from "../block/read-stored.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { PYTHON_TIMEOUT_MS, runPython } from "../support/python.ts";
import { contentOf, MergeKernel } from "./merge-kernel.ts";

const cutter = new CutKernel();
const merger = new MergeKernel();
const root = mkdtempSync(join(tmpdir(), "vivace-ids-"));
const reader = join(import.meta.dirname, "..", "block", "read-parquet.py");
const TENANT = "one";
const BATCH = 5000;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
let stores = 0;

afterAll(() => rmSync(root, { recursive: true }));

/** What read-parquet.py says. */
interface Foreign {
  readonly pyarrow: readonly ForeignRow[];
  readonly duckdb: readonly ForeignRow[];
  readonly queries: readonly string[][][];
}

interface ForeignRow {
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id: string | null;
}

interface Span {
  readonly trace: Uint8Array;
  readonly id: Uint8Array;
  readonly parent: Uint8Array | undefined;
  readonly kind?: 2 | 3;
}

/** Blocks of the spans, one each. */
function blocksOf(lists: readonly (readonly Span[])[]): { store: DiskStore; inputs: MergeInput[] } {
  const store = new DiskStore(join(root, String(stores++)));
  const inputs = lists.flatMap((spans, place) => {
    cutter.begin();
    for (let at = 0; at < spans.length; at += BATCH) {
      cutter.add(requestOf(spans.slice(at, at + BATCH)), TENANT);
    }
    const metas = cutter.cut(store, [place, place + 1]);
    return metas.map((meta) => ({ meta, folder: store.folderOf(meta) }));
  });
  return { store, inputs };
}

function requestOf(spans: readonly Span[]): Uint8Array {
  const all = spans.map(
    ({ trace, id, parent, kind = 2 }): MessageInitShape<typeof SpanSchema> => ({
      ...{ traceId: Uint8Array.from(trace), spanId: Uint8Array.from(id), name: "a", kind },
      ...(parent === undefined ? {} : { parentSpanId: Uint8Array.from(parent) }),
      ...{ startTimeUnixNano: 1_700_000_000_000_000_000n, endTimeUnixNano: 2n ** 62n },
    }),
  );
  const resourceSpans = [{ resource: {}, scopeSpans: [{ spans: all }] }];
  return toBinary(
    ExportTraceServiceRequestSchema,
    create(ExportTraceServiceRequestSchema, { resourceSpans }),
  );
}

/** Traces of parents of all sorts: `strangers` in a hundred are of no span. */
function someSpans(random: Prng, traces: number, strangers: number): Span[] {
  return Array.from({ length: traces }, () => random.bytes(16)).flatMap((trace) => {
    const ids: Uint8Array[] = [];
    const stranger = random.bytes(8);
    return Array.from({ length: 1 + random.below(30) }, (): Span => {
      const id = random.bytes(8);
      const known = ids.length > 0 && random.below(5) > 0 ? ids[random.below(ids.length)] : id;
      ids.push(id);
      const other = random.below(2) === 0 ? stranger : random.bytes(8);
      const parent = random.below(100) < strangers ? other : known;
      // The first half of them are roots; of the others some name themselves.
      return { trace, id, parent: parent === id && random.below(2) === 0 ? undefined : parent };
    });
  });
}

/** Parent by trace and span. */
function parentsOf(spans: readonly Span[]): Map<string, string> {
  return new Map(
    spans.map(({ trace, id, parent }) => [
      `${hex(trace)} ${hex(id)}`,
      parent === undefined ? "" : hex(parent),
    ]),
  );
}

function foundIn(folder: string): Map<string, string> {
  const content = contentOf(folder);
  const column = (name: string) =>
    (content.get(name) ?? []).map((row) => {
      const [value] = row as (string | undefined)[];
      return value === undefined ? "" : Buffer.from(value, "latin1").toString("hex");
    });
  const [traces, ids, parents] = ["trace_id", "span_id", "parent_span_id"].map(column);
  return new Map(traces.map((trace, row) => [`${trace} ${ids[row]}`, parents[row]]));
}

function chunksOf(folder: string) {
  const files = new FileCache(1);
  const { columns } = readDataFile(files, join(folder, "data.parquet"));
  files.forget("");
  const named = (name: string) => {
    const found = columns.find(({ path }) => path.join(".") === name);
    if (found === undefined) throw new Error(`test: no column ${name}`);
    return found;
  };
  return { ids: named("span_id"), parents: named("parent_span_id") };
}

function findingsOf(folder: string, meta: BlockMeta): string[] {
  const found: string[] = [];
  const block = { folder, meta, nameOf: (file: string) => file };
  verifyBlock(block, { add: ({ reason }) => found.push(reason) }, () => {});
  return found;
}

describe("parents of a merged block", () => {
  for (const [seed, strangers, refers] of [
    [1, 0, true],
    [2, 5, true],
    [3, 25, true],
    [4, 90, false],
  ] as const) {
    test(`are those sent, ${strangers} % of no span, seed ${seed}`, () => {
      const random = prng(seed);
      const spans = someSpans(random, 1500, strangers);
      // Every other span comes later: traces and their parents lie in both blocks.
      const halves = [0, 1].map((half) => spans.filter((_, i) => i % 2 === half));
      const { store, inputs } = blocksOf(halves);
      const [output] = merger.merge(store, inputs).outputs;
      const folder = store.folderOf(output);
      expect(foundIn(folder)).toEqual(parentsOf(spans));
      expect(chunksOf(folder).parents.references !== undefined).toBe(refers);
      expect(findingsOf(folder, output)).toEqual([]);
      // By the trace's id, where the pages of its rows are read alone.
      const { reader: blocks } = freshReader();
      for (const { trace } of spans.slice(0, 100)) {
        const rows = [...(blocks.rows({ meta: output, folder }, TENANT, trace) ?? [])];
        const wanted = parentsOf(spans.filter((span) => hex(span.trace) === hex(trace)));
        const found = rows.map(({ spanId, parentSpanId }) => [
          `${hex(trace)} ${hex(spanId)}`,
          parentSpanId === undefined ? "" : hex(parentSpanId),
        ]);
        expect(new Map(found as [string, string][])).toEqual(wanted);
      }
      // Merged again with spans that came later, some of them twice.
      const more = [...someSpans(random, 100, strangers), ...spans.slice(0, 50)];
      cutter.begin();
      cutter.add(requestOf(more), TENANT);
      const later = cutter
        .cut(store, [9, 10])
        .map((meta) => ({ meta, folder: store.folderOf(meta) }));
      const again = merger.merge(store, [{ meta: output, folder }, ...later]);
      expect(again.doubles).toBe(50);
      const whole = store.folderOf(again.outputs[0]);
      expect(foundIn(whole)).toEqual(parentsOf([...spans, ...more]));
      expect(findingsOf(whole, again.outputs[0])).toEqual([]);
    });
  }

  test("lie in other pages of a trace that is longer than one", () => {
    const random = prng(5);
    const trace = random.bytes(16);
    const ids = Array.from({ length: 50_000 }, () => random.bytes(8));
    const spans = ids.map((id, i): Span => {
      const parent = i === 0 ? undefined : ids[i % 3 === 0 ? 0 : random.below(ids.length)];
      return { trace, id, parent };
    });
    const { store, inputs } = blocksOf([spans.slice(0, 30_000), spans.slice(30_000)]);
    const [output] = merger.merge(store, inputs).outputs;
    const folder = store.folderOf(output);
    expect(chunksOf(folder).parents.references).toBeDefined();
    expect(foundIn(folder)).toEqual(parentsOf(spans));
  });

  test("of spans with one id are that id", () => {
    const random = prng(6);
    const trace = random.bytes(16);
    const [id, child] = [random.bytes(8), random.bytes(8)];
    const spans: Span[] = [
      { trace, id, parent: undefined, kind: 3 },
      { trace, id, parent: id, kind: 2 },
      { trace, id: child, parent: id, kind: 3 },
    ];
    const { store, inputs } = blocksOf([spans.slice(0, 1), spans.slice(1)]);
    const [output] = merger.merge(store, inputs).outputs;
    const parents = (contentOf(store.folderOf(output)).get("parent_span_id") ?? []) as string[][];
    expect(parents.map(([one]) => one && hex(Buffer.from(one, "latin1")))).toEqual([
      undefined,
      hex(id),
      hex(id),
    ]);
  });

  test(
    "are what pyarrow and DuckDB read",
    () => {
      const spans = someSpans(prng(7), 1600, 10);
      const { store, inputs } = blocksOf([spans.slice(0, 15_000), spans.slice(15_000)]);
      const [output] = merger.merge(store, inputs).outputs;
      const folder = store.folderOf(output);
      const path = join(folder, "data.parquet");
      expect(chunksOf(folder).parents.references).toBeDefined();
      // Alone, too: then its chunk is all that is read.
      const alone = "select count(distinct parent_span_id), count(parent_span_id) from FILE";
      const { pyarrow, duckdb, queries } = JSON.parse(runPython(reader, path, alone)) as Foreign;
      const wanted = parentsOf(spans);
      const bytes = (value: string | null) => value?.slice(2) ?? "";
      for (const rows of [pyarrow, duckdb]) {
        const found = rows.map(({ trace_id, span_id, parent_span_id }): [string, string] => [
          `${bytes(trace_id)} ${bytes(span_id)}`,
          bytes(parent_span_id),
        ]);
        expect(new Map(found)).toEqual(wanted);
      }
      const named = [...wanted.values()].filter((parent) => parent !== "");
      expect(queries[0]).toEqual([[String(new Set(named).size), String(named.length)]]);
    },
    PYTHON_TIMEOUT_MS,
  );

  test("are refused when a bit of them, or of what they refer to, is another", () => {
    const random = prng(8);
    const spans = someSpans(random, 200, 10);
    const { store, inputs } = blocksOf([spans.slice(0, 1500), spans.slice(1500)]);
    const [output] = merger.merge(store, inputs).outputs;
    const folder = store.folderOf(output);
    const path = join(folder, "data.parquet");
    const whole = readFileSync(path);
    const { at, end } = chunkPlace(chunksOf(folder).parents);
    const { ids } = chunksOf(folder);
    // Its header, that of ids, ids, the first and last of others, and anywhere.
    const known = [at + 3, ids.dataAt + 20, ids.dataAt + 50, ids.dataAt + 900, ids.dataEnd + 9];
    const places = [...known, ...Array.from({ length: 40 }, () => at + random.below(end - at))];
    for (const place of places) {
      const bytes = Uint8Array.from(whole);
      bytes[place] ^= 1 << random.below(8);
      writeFileSync(path, bytes);
      expect([place, findingsOf(folder, output).length > 0]).toEqual([place, true]);
      expect(() =>
        merger.merge(new DiskStore(join(root, "none")), [{ meta: output, folder }]),
      ).toThrow();
      let found: Map<string, string> | undefined;
      try {
        found = foundIn(folder);
      } catch {
        continue;
      }
      // Only the header of the dictionary, which these rows do without.
      expect(place).toBeLessThan(ids.dataAt);
      expect(found).toEqual(parentsOf(spans));
    }
    writeFileSync(path, whole);
    expect(findingsOf(folder, output)).toEqual([]);
  });
});
