/**
 * Random requests through the kernel into blocks, read back by three foreign readers: what was
 * sent is what they find, and they agree with each other.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { parquetReadObjects } from "hyparquet";
import { afterAll, describe, expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { readSidecarHeader } from "../../src/block/block-format.ts";
import { bloomBlock, bloomHas, tenantSeed, traceHash } from "../../src/block/trace-hash.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type {
  AnyValue,
  KeyValue,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import type { Trace } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { encodedTrace, randomTrace } from "../query/random-trace.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { PYTHON_TIMEOUT_MS, runPython } from "../support/python.ts";

const kernel = new CutKernel();
const folders: string[] = [];
const reader = join(import.meta.dirname, "read-parquet.py");

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function freshStore(): DiskStore {
  const folder = mkdtempSync(join(tmpdir(), "vivace-block-"));
  folders.push(folder);
  return new DiskStore(folder);
}

/** Doubles that JSON cannot say, and JSON, which one reader parses and others show. */
const UNCOMPARED = /:double|^(resource|events|links)$/;

type Row = Record<string, unknown>;

interface Sent {
  readonly tenant: string;
  readonly span: Span;
}

/** Values as the Python reader shows them, so that all readers compare as JSON. */
function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]));
  }
  return value === undefined ? null : value;
}

/** Trace ids from a small pool, so that traces have several spans. */
function randomRequest(random: Prng, ids: readonly Uint8Array[]): Trace {
  const trace = randomTrace(random);
  for (const span of spansOf(trace)) {
    span.traceId = ids[random.below(ids.length)];
    span.spanId[0] |= 1;
    if (span.parentSpanId.length > 0) span.parentSpanId[0] |= 1;
  }
  return trace;
}

function spansOf(trace: Trace): Span[] {
  return trace.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

function sorted(sent: readonly Sent[]): Sent[] {
  const key = ({ span }: Sent) => Buffer.from(span.traceId);
  const byTenant = (a: Sent, b: Sent) =>
    Buffer.compare(Buffer.from(a.tenant), Buffer.from(b.tenant));
  return sent.toSorted((a, b) => byTenant(a, b) || Buffer.compare(key(a), key(b)));
}

/** The typed columns that these attributes have, by name. */
function attributeColumns(prefix: string, attributes: readonly KeyValue[]): Row {
  const columns: Row = {};
  for (const { key, value } of attributes) {
    // Encoders leave an empty key out; such a pair is kept in the residual.
    const typed = key !== "" && value && typedValue(value, prefix === "span.");
    if (!typed) continue;
    const isMarked = typed.suffix === "" && /:(string|int|double|bool)(\[\])?$/.test(key);
    const name = `${prefix}${key}${isMarked ? ":string" : typed.suffix}`;
    columns[name] ??= typed.value;
  }
  return columns;
}

function typedValue(
  value: AnyValue,
  lists: boolean,
): { suffix: string; value: unknown } | undefined {
  const { case: kind, value: content } = value.value;
  if (kind === "stringValue") return { suffix: "", value: content };
  if (kind === "intValue") return { suffix: ":int", value: content };
  if (kind === "doubleValue") return { suffix: ":double", value: content };
  if (kind === "boolValue") return { suffix: ":bool", value: content };
  if (kind !== "arrayValue" || !lists || content.values.length === 0) return undefined;
  const kinds = new Set(content.values.map((item) => item.value.case));
  const suffixes: Record<string, string> = {
    ...{ stringValue: ":string[]", intValue: ":int[]" },
    ...{ doubleValue: ":double[]", boolValue: ":bool[]" },
  };
  const [only] = [...kinds];
  if (kinds.size > 1 || only === undefined || !(only in suffixes)) return undefined;
  return { suffix: suffixes[only], value: content.values.map((item) => item.value.value) };
}

const signed = (value: bigint) => BigInt.asIntN(64, value);
const unlessZero = (value: number) => (value === 0 ? null : value);
const unlessEmpty = <T extends { length: number }>(value: T) => (value.length === 0 ? null : value);

function expectedRow({ span }: Sent): Row {
  return {
    trace_id: span.traceId,
    span_id: span.spanId,
    parent_span_id: unlessEmpty(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    start_unix_nano: signed(span.startTimeUnixNano),
    duration_nano: signed(span.endTimeUnixNano - span.startTimeUnixNano),
    status_code: span.status?.code ?? 0,
    status_message: unlessEmpty(span.status?.message ?? ""),
    trace_state: unlessEmpty(span.traceState),
    flags: span.flags,
    dropped_attributes_count: unlessZero(span.droppedAttributesCount),
    dropped_events_count: unlessZero(span.droppedEventsCount),
    dropped_links_count: unlessZero(span.droppedLinksCount),
    ...attributeColumns("span.", span.attributes),
    events: span.events.map((event) => ({
      time_unix_nano: signed(event.timeUnixNano),
      name: event.name,
      dropped_attributes_count: unlessZero(event.droppedAttributesCount),
      ...attributeColumns("event.", event.attributes),
    })),
    links: span.links.map((link) => ({
      trace_id: link.traceId,
      span_id: link.spanId,
      trace_state: unlessEmpty(link.traceState),
      flags: unlessZero(link.flags),
      dropped_attributes_count: unlessZero(link.droppedAttributesCount),
      ...attributeColumns("link.", link.attributes),
    })),
  };
}

/** Columns that other tests compare; the rest must be exactly the expected ones. */
const OTHERS = new RegExp(
  "^(tenant|service_name|resource.*|scope_.*|attribute_order|residual|span_otlp|nested_.*|" +
    "child_count)$",
);

function plainColumns(row: Row): Row {
  const keep = Object.entries(row).filter(([key, value]) => !OTHERS.test(key) && value !== null);
  const items = (value: unknown) => (value as Row[]).map(plainColumns);
  return Object.fromEntries(
    keep.map(([key, value]) => [key, /^(events|links)$/.test(key) ? items(value) : value]),
  );
}

function withoutNulls(row: Row): Row {
  return plainColumns(shown(row) as Row);
}

async function readHere(path: string): Promise<Row[]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const compressors = { ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)) };
  const rows = await parquetReadObjects({ file, compressors, utf8: false });
  return rows.map((row) => shown(row) as Row);
}

function dataPath(store: DiskStore, meta: BlockMeta): string {
  return join(store.folderOf(meta), "data.parquet");
}

function fill(seed: number, tenants: readonly string[], requests: number): Sent[] {
  const random = prng(seed);
  const ids = Array.from({ length: 40 }, () => random.bytes(16));
  const sent: Sent[] = [];
  kernel.begin();
  for (let i = 0; i < requests; i++) {
    const tenant = tenants[random.below(tenants.length)];
    const request = randomRequest(random, ids);
    kernel.add(encodedTrace(request), tenant);
    for (const span of spansOf(request)) sent.push({ tenant, span });
  }
  return sorted(sent);
}

describe("a block", () => {
  for (const seed of [1, 2, 3]) {
    test(`holds what was sent, seed ${seed}`, async () => {
      const sent = fill(seed, ["one"], 150);
      const store = freshStore();
      const [meta, ...others] = kernel.cut(store);
      expect(others).toEqual([]);
      expect(meta.spans).toBe(sent.length);
      const rows = await readHere(dataPath(store, meta));
      expect(rows.map(plainColumns)).toEqual(sent.map((each) => withoutNulls(expectedRow(each))));
    });
  }

  test(
    "reads the same in pyarrow, DuckDB and hyparquet",
    async () => {
      const sent = fill(4, ["one"], 60);
      const store = freshStore();
      const [meta] = kernel.cut(store);
      const path = dataPath(store, meta);
      const sums = "SELECT count(*), sum(duration_nano), sum(len(events)), sum(kind) FROM FILE";
      const found = JSON.parse(withoutNaN(runPython(reader, path, sums))) as {
        pyarrow: Row[];
        duckdb: Row[];
        chunks: { offsetIndex: boolean }[];
        queries: unknown[];
      };
      const here = await readHere(path);
      const names = Object.keys(here[0]).filter((name) => !UNCOMPARED.test(name));
      expect(names.length).toBeGreaterThan(40);
      const pick = (row: Row) => JSON.stringify(names.map((name) => asText(row[name])));
      expect(found.pyarrow.map(pick)).toEqual(here.map(pick));
      // DuckDB renames columns whose names differ in case alone; the fixed ones never do.
      const fixed = names.filter((name) => !name.startsWith("span."));
      const pickFixed = (row: Row) => JSON.stringify(fixed.map((name) => asText(row[name])));
      expect(fixed.length).toBeGreaterThan(20);
      expect(found.duckdb.map(pickFixed)).toEqual(here.map(pickFixed));
      expect(found.chunks.every(({ offsetIndex }) => offsetIndex)).toBe(true);
      const total = (of: (span: Span) => bigint) =>
        sent.reduce((sum, { span }) => sum + of(span), 0n).toString();
      expect(found.queries[0]).toEqual([
        [
          String(sent.length),
          total((span) => signed(span.endTimeUnixNano - span.startTimeUnixNano)),
          total((span) => BigInt(span.events.length)),
          total((span) => BigInt(span.kind)),
        ],
      ]);
    },
    PYTHON_TIMEOUT_MS,
  );

  test("of several tenants is shared, sorted by tenant, with a row range for each", async () => {
    const sent = fill(5, ["b", "a", "c"], 100);
    const store = freshStore();
    const metas = kernel.cut(store);
    expect(metas.length).toBe(1);
    expect(metas[0].shared).toBe(true);
    const rows = await readHere(dataPath(store, metas[0]));
    expect(rows.map((row) => row["tenant"])).toEqual(sent.map(({ tenant }) => tenant));
    for (const { name, rowFirst, rows: count } of metas[0].tenants) {
      expect(sent.slice(rowFirst, rowFirst + count).every(({ tenant }) => tenant === name)).toBe(
        true,
      );
    }
    expectSidecar(store, metas[0], sent);
  });
});

/** Python writes numbers that JSON has not. */
function withoutNaN(json: string): string {
  return json.replaceAll(/([:[,] ?)(?:-?Infinity|NaN)(?=[,}\]])/g, "$1null");
}

/** The readers' values in one form: numbers of all widths as text, null for absent. */
function asText(value: unknown): unknown {
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return value.map(asText);
  return value ?? null;
}

function expectSidecar(store: DiskStore, meta: BlockMeta, sent: readonly Sent[]): void {
  const bytes = readFileSync(join(store.folderOf(meta), "sidecar.bin"));
  const header = readSidecarHeader(bytes);
  if (header === undefined) throw new Error("no sidecar header");
  const words = new Uint32Array(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  );
  const entries = new Map<number, number[]>();
  for (let i = 0; i < header.indexEntries; i++) {
    const at = header.indexOffset / 4 + i * 2;
    entries.set(words[at], [...(entries.get(words[at]) ?? []), words[at + 1]]);
    if (i > 0) expect(words[at]).toBeGreaterThanOrEqual(words[at - 2]);
  }
  for (const [row, { tenant, span }] of sent.entries()) {
    const hash = traceHash(tenantSeed(tenant), span.traceId);
    const block = header.bloomOffset / 4 + bloomBlock(hash, header.bloomBlocks) * 8;
    expect(bloomHas(hash, words.subarray(block, block + 8))).toBe(true);
    const isFirst =
      row === 0 ||
      sent[row - 1].tenant !== tenant ||
      Buffer.compare(sent[row - 1].span.traceId, span.traceId) !== 0;
    if (isFirst) expect(entries.get(hash.high)).toContain(row);
  }
}
