/**
 * Foreign readers on blocks that the real server wrote: DuckDB, pyarrow and hyparquet find what
 * was sent, row by row in ten columns, and agree on counts and sums.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { python } from "../support/python.ts";
import { pythonSdk } from "../support/python-sdk.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentSpan, SentValue } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, run, titled } from "../support/tool-cache.ts";

const READ = join(import.meta.dirname, "read-blocks.py");
const SEED = 4711;
const BATCH = 500;
/** Of one block: more than a page of 20,480 rows holds, and a single request. */
const BLOCK_SPANS = [21_000, BATCH];

const STATUS = "http.response.status_code";
const COLUMNS = [
  ...["trace_id", "span_id", "parent_span_id", "name", "kind", "start_unix_nano"],
  ...["service_name", `span.${STATUS}:int`, "span.cart.total:double", "span.user.id"],
];

interface Seen {
  readonly rows: number;
  readonly durations: string;
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
}

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const random = prng(SEED);
const hex = (bytes: number) => Buffer.from(random.bytes(bytes)).toString("hex");

function randomSpan(traceIds: readonly string[]): SentSpan {
  const start = 1_700_000_000_000_000_000n + BigInt(random.below(3_600_000)) * 1_000_003n;
  const attributes: [string, SentValue][] = [];
  if (random.below(4) > 0) attributes.push([STATUS, ["int", `${random.below(5) * 100}`]]);
  if (random.below(3) === 0) attributes.push(["cart.total", ["double", random.unit() * 100]]);
  if (random.below(2) === 0) attributes.push(["user.id", ["string", `user ü-${hex(4)}`]]);
  return spanOf({
    traceId: traceIds[random.below(traceIds.length)],
    // Never all zeros.
    spanId: `1${hex(7)}`,
    parentSpanId: random.below(5) === 0 ? "" : hex(8),
    name: `GET /${random.below(300)}`,
    kind: random.below(6),
    start: String(start),
    // Now and then the clocks went backwards.
    end: String(start + BigInt(random.below(1_000_000_000) - 1_000_000)),
    attributes,
    resource: [["service.name", ["string", `service-${random.below(20)}`]]],
  });
}

/** Integers as digits and bytes as hex, as the Python reader prints them. */
function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "bigint") return String(value);
  return value ?? null;
}

/** What a reader has to see: by trace id, and within a trace in the order of arrival. */
function expected(spans: readonly SentSpan[]): Seen {
  const rows = spans.toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.traceId), Buffer.from(b.traceId)),
  );
  const attribute = (span: SentSpan, key: string) =>
    span.attributes.find(([name]) => name === key)?.[1][1] ?? null;
  const durations = rows.reduce((sum, { start, end }) => sum + BigInt(end) - BigInt(start), 0n);
  const read: ((span: SentSpan) => unknown)[] = [
    ({ traceId }) => traceId,
    ({ spanId }) => spanId,
    ({ parentSpanId }) => parentSpanId || null,
    ({ name }) => name,
    ({ kind }) => String(kind),
    ({ start }) => start,
    ({ resource }) => resource[0][1][1],
    (span) => attribute(span, STATUS),
    (span) => attribute(span, "cart.total"),
    (span) => attribute(span, "user.id"),
  ];
  return {
    rows: rows.length,
    durations: String(durations),
    columns: Object.fromEntries(COLUMNS.map((name, at) => [name, rows.map(read[at])])),
  };
}

async function byHyparquet(path: string): Promise<Seen> {
  const bytes = readFileSync(path);
  const rows = await parquetReadObjects({
    file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    columns: [...COLUMNS, "duration_nano"],
    compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
    utf8: false,
  });
  const integers = new Set(["kind"]);
  return {
    rows: rows.length,
    durations: String(rows.reduce((sum, row) => sum + BigInt(row["duration_nano"]), 0n)),
    columns: Object.fromEntries(
      COLUMNS.map((name) => [
        name,
        rows.map((row) => shown(integers.has(name) ? BigInt(row[name]) : row[name])),
      ]),
    ),
  };
}

/** In the order in which they were cut. */
function blockPaths(): string[] {
  return readdirSync(server.blocksFolder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("meta.json"))
    .map((path) => {
      const meta = join(server.blocksFolder, path);
      const { wal } = JSON.parse(readFileSync(meta, "utf8")) as { wal: { from: number } };
      return { from: wal.from, path: join(meta, "..", "data.parquet") };
    })
    .toSorted((a, b) => a.from - b.from)
    .map(({ path }) => path);
}

test.skipIf(leftOut(pythonSdk))(
  titled("three readers agree with each other and with the sender", pythonSdk),
  async () => {
    const sent: SentSpan[][] = [];
    for (const count of BLOCK_SPANS) {
      const traceIds = Array.from({ length: Math.ceil(count / 8) }, () => hex(16));
      const spans = Array.from({ length: count }, () => randomSpan(traceIds));
      for (let at = 0; at < count; at += BATCH) {
        const response = await server.send(arrivalOrder(spans, at));
        expect(response.status).toBe(200);
      }
      await server.flush();
      sent.push(spans);
    }
    const paths = blockPaths();
    expect(paths).toHaveLength(sent.length);
    const file = join(server.folder, "asked.json");
    writeFileSync(file, JSON.stringify({ paths, columns: COLUMNS }));
    const told = await run([python(), "-I", READ, file], server.folder);
    const foreign = JSON.parse(told) as { pyarrow: Seen; duckdb: Seen }[];
    for (const [at, path] of paths.entries()) {
      const want = expected(sent[at]);
      expect(await byHyparquet(path)).toEqual(want);
      expect(foreign[at].pyarrow).toEqual(want);
      expect(foreign[at].duckdb).toEqual(want);
    }
  },
  INSTALL_TIMEOUT_MS,
);

/** One request of the spans from `at`; grouping by resource changes who comes first. */
function arrivalOrder(spans: SentSpan[], at: number): Uint8Array<ArrayBuffer> {
  const batch = spans.slice(at, at + BATCH);
  const groups = Map.groupBy(batch, ({ resource }) => JSON.stringify(resource));
  spans.splice(at, batch.length, ...[...groups.values()].flat());
  return requestOf(batch);
}
