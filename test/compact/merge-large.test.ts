/** Merges at the edges: texts beyond the memory, tenants that grow, other engines as readers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { MergeInput } from "../../src/compact/merge-options.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { PYTHON_TIMEOUT_MS, runPython } from "../support/python.ts";
import { contentOf, MergeKernel } from "./merge-kernel.ts";
import { shopRequest, shopTraces } from "./shop-spans.ts";

const cutter = new CutKernel();
const merger = new MergeKernel();
const root = mkdtempSync(join(tmpdir(), "vivace-merge-"));
const store = new DiskStore(root);
const reader = join(import.meta.dirname, "..", "block", "read-parquet.py");
let cuts = 0;

afterAll(() => rmSync(root, { recursive: true }));

function cut(): MergeInput[] {
  const metas = cutter.cut(store, [cuts, ++cuts]);
  return metas.map((meta) => ({ meta, folder: store.folderOf(meta) }));
}

test("a tenant that has enough gets a block of its own, the others go on sharing", () => {
  const random = prng(1);
  const rows = { large: 5000, small: 300, tiny: 10 };
  const traces = new Map(Object.keys(rows).map((tenant) => [tenant, shopTraces(random, 80)]));
  const inputs: MergeInput[] = [];
  for (let i = 0; i < 2; i++) {
    cutter.begin();
    for (const [tenant, count] of Object.entries(rows)) {
      cutter.add(shopRequest(random, traces.get(tenant) ?? [], count), tenant);
    }
    inputs.push(...cut());
  }
  expect(inputs.map(({ meta }) => meta.shared)).toEqual([true, true]);
  const { outputs } = merger.merge(store, inputs);
  const shape = outputs.map(({ shared, tenants }) => [shared, tenants.map(({ name }) => name)]);
  expect(shape).toEqual([
    [true, ["small", "tiny"]],
    [false, ["large"]],
  ]);
  for (const { merged } of outputs) {
    expect(merged?.siblings).toEqual(outputs.map(({ id }) => id));
  }
  // The rows of each are those of the inputs, in their order within a trace.
  for (const output of outputs) {
    const found = contentOf(store.folderOf(output));
    for (const { name, rowFirst, rows: count } of output.tenants) {
      const at = (content: Map<string, unknown[]>, first: number, length: number) =>
        (content.get("span_id") ?? []).slice(first, first + length).map(String);
      const wanted = inputs.flatMap(({ folder, meta }) => {
        const tenant = meta.tenants.find((own) => own.name === name);
        return at(contentOf(folder), tenant?.rowFirst ?? 0, tenant?.rows ?? 0);
      });
      expect(at(found, rowFirst, count).sort()).toEqual(wanted.sort());
    }
  }
}, 60_000);

test("texts may be more than the memory holds", () => {
  const random = prng(2);
  const inputs: MergeInput[] = [];
  const traces = Array.from({ length: 40 }, () => Uint8Array.from(random.bytes(16)));
  const noise = () => Buffer.from(random.bytes(60_000)).toString("base64");
  for (let i = 0; i < 4; i++) {
    cutter.begin();
    for (let request = 0; request < 4; request++) {
      const spans = Array.from({ length: 60 }, (_, k) => ({
        traceId: traces[random.below(traces.length)],
        spanId: Uint8Array.from(random.bytes(8)).fill(1, 0, 1),
        name: `span ${k}`,
        attributes: [{ key: "stack", value: { value: { case: "stringValue", value: noise() } } }],
        events: [
          {
            name: "failed",
            attributes: [
              { key: "stack", value: { value: { case: "stringValue", value: `${k} ${noise()}` } } },
            ],
          },
        ],
      }));
      const message = { resourceSpans: [{ scopeSpans: [{ spans }] }] };
      cutter.add(toBinary(TraceSchema, create(TraceSchema, message as never)), "one");
    }
    inputs.push(...cut());
  }
  const sum = inputs.reduce((all, { meta }) => all + meta.dataBytes, 0);
  expect(sum).toBeGreaterThan(90 * 2 ** 20);
  const [output] = merger.merge(store, inputs).outputs;
  const found = contentOf(store.folderOf(output));
  const all = inputs.map(({ folder }) => contentOf(folder));
  const place = (content: Map<string, unknown[]>) =>
    new Map((content.get("span_id") ?? []).map((id, row) => [String(id), row]));
  const places = place(found);
  for (const content of all) {
    for (const [id, row] of place(content)) {
      for (const name of ["span.stack", "events.list.element.event.stack", "name"]) {
        const value = found.get(name)?.[places.get(id) ?? -1];
        expect([id, name, value]).toEqual([id, name, content.get(name)?.[row]]);
      }
    }
  }
}, 60_000);

test(
  "other engines read what they read of a cut",
  () => {
    const random = prng(3);
    const traces = shopTraces(random, 30);
    const inputs: MergeInput[] = [];
    const requests: Uint8Array[] = [];
    for (let i = 0; i < 2; i++) {
      cutter.begin();
      for (let k = 0; k < 5; k++) {
        requests.push(shopRequest(random, traces, 400));
        cutter.add(requests[requests.length - 1], "one");
      }
      inputs.push(...cut());
    }
    const [output] = merger.merge(store, inputs).outputs;
    cutter.begin();
    for (const request of requests) cutter.add(request, "one");
    const [whole] = cut();
    const read = (folder: string) => {
      const json = JSON.parse(runPython(reader, join(folder, "data.parquet")));
      const rows = (list: readonly Record<string, unknown>[]) =>
        list.map(({ attribute_order: _, ...row }) => JSON.stringify(withoutOrders(row)));
      const encodings = json.chunks.flatMap((chunk: { encodings: string[] }) => chunk.encodings);
      return {
        pyarrow: rows(json.pyarrow),
        duckdb: rows(json.duckdb),
        encodings: new Set(encodings),
      };
    };
    const found = read(store.folderOf(output));
    const wanted = read(whole.folder);
    expect(found.encodings.has("BYTE_STREAM_SPLIT")).toBe(true);
    expect(found.pyarrow.length).toBe(4000);
    expect(found.pyarrow).toEqual(wanted.pyarrow);
    expect(found.duckdb).toEqual(wanted.duckdb);
  },
  PYTHON_TIMEOUT_MS,
);

/** Sorted by name, and without the attribute orders, whose numbers are each file's own. */
function withoutOrders(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOrders);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== "attribute_order");
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, own]) => [name, withoutOrders(own)]));
}
