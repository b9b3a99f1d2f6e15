import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import type { ColumnChunk, SchemaElement } from "hyparquet";
import { parquetMetadata, parquetReadObjects, readColumnIndex, readOffsetIndex } from "hyparquet";
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { ParquetFile } from "../../src/block/parquet-file.ts";
import { leavesOf, listOf, type SchemaNode } from "../../src/block/parquet-schema.ts";
import { PYTHON_TIMEOUT_MS, runPython } from "../support/python.ts";
import type { Entry, PlainValue } from "./plain-pages.ts";
import * as pages from "./plain-pages.ts";

const ROWS = 100;
const PAGE_ROWS = 30;

class Collected {
  readonly parts: Uint8Array[] = [];

  append(bytes: Uint8Array): void {
    this.parts.push(new Uint8Array(bytes)); // slice() of a Buffer copies nothing
  }

  get file(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(Buffer.concat(this.parts));
  }
}

const schema: SchemaNode[] = [
  { name: "id", repetition: "required", type: "FIXED", fixedBytes: 16 },
  { name: "number", repetition: "required", type: "INT32" },
  { name: "time", repetition: "required", type: "INT64" },
  { name: "ratio", repetition: "optional", type: "DOUBLE" },
  { name: "count", repetition: "optional", type: "INT32", logical: "UINT_32" },
  { name: "flag", repetition: "optional", type: "BOOLEAN" },
  { name: "span.http.url", repetition: "optional", type: "BYTE_ARRAY", logical: "STRING" },
  { name: "nothing", repetition: "optional", type: "BYTE_ARRAY", logical: "STRING" },
  { name: "raw", repetition: "optional", type: "BYTE_ARRAY" },
  { name: "resource", repetition: "required", type: "BYTE_ARRAY", logical: "JSON" },
  listOf("span.tags:string[]", "optional", {
    name: "element",
    repetition: "required",
    type: "BYTE_ARRAY",
    logical: "STRING",
  }),
  listOf("events", "required", {
    name: "element",
    repetition: "required",
    children: [
      { name: "time_unix_nano", repetition: "required", type: "INT64" },
      { name: "name", repetition: "required", type: "BYTE_ARRAY", logical: "STRING" },
      { name: "code", repetition: "optional", type: "INT32" },
    ],
  }),
];

interface Event {
  readonly time_unix_nano: bigint;
  readonly name: string;
  readonly code: number | undefined;
}

interface Row {
  readonly [column: string]: PlainValue | undefined | readonly string[] | readonly Event[];
}

const RESOURCES = ['{"service.name":"cart"}', '{"service.name":"front","pid":7}'];
const random = prng(7);
const rows = Array.from({ length: ROWS }, (_, i): Row => {
  const id = new Uint8Array(16).fill(i >> 2);
  const events = Array.from({ length: i % 4 }, (_, k): Event => {
    const code = k === 1 ? undefined : i * 10 + k;
    return { time_unix_nano: 1_700_000_000_000_000_000n + BigInt(i), name: `event ${k}`, code };
  });
  return {
    id,
    number: i - 50,
    time: 9_007_199_254_740_993n - BigInt(i),
    ratio: i % 3 === 0 ? undefined : (i - 50) * 0.37 + 0.011,
    count: i % 7 === 0 ? 4_294_967_295 - i : undefined,
    flag: i % 5 === 0 ? undefined : i % 2 === 0,
    "span.http.url": i < PAGE_ROWS ? undefined : `https://héllo.example/${"x".repeat(70)}/${i}`,
    nothing: undefined,
    raw: i % 2 === 0 ? random.bytes(200) : undefined,
    resource: RESOURCES[i % 2],
    "span.tags:string[]": i % 3 === 0 ? undefined : ["a", "b", `tag ${i}`].slice(0, i % 3),
    events,
  };
});

/** A row's entries in one column. */
function shredded(row: Row, path: readonly string[]): Entry[] {
  const value = row[path[0]];
  if (path[0] === "events") {
    const events = value as readonly Event[];
    if (events.length === 0) return [{ repetition: 0, definition: 0 }];
    return events.map((event, i) => {
      const field = event[path[3] as keyof Event];
      const repetition = i === 0 ? 0 : 1;
      if (field === undefined) return { repetition, definition: 1 };
      return { repetition, definition: path[3] === "code" ? 2 : 1, value: field };
    });
  }
  if (path.length > 1) {
    if (value === undefined) return [{ repetition: 0, definition: 0 }];
    const list = value as readonly string[];
    return list.map((item, i) => ({ repetition: i === 0 ? 0 : 1, definition: 2, value: item }));
  }
  const leaf = leaves.find((shape) => shape.path[0] === path[0]);
  if (!leaf) throw new Error("test: no such column");
  return pages.flat([value as PlainValue | undefined], leaf);
}

const leaves = leavesOf(schema);

function write(sink = new Collected()): { file: Uint8Array<ArrayBuffer>; footerBytes: number } {
  const file = new ParquetFile(sink, {
    createdBy: "vivace version 0.0.0 (build test)",
    rows: ROWS,
    schema,
    sortingColumns: [{ column: 0, descending: false, nullsFirst: false }],
    keyValues: { "vivace.format": "1" },
  });
  // Memory that is written again for the next page, as the kernel's is.
  const reused = new Uint8Array(new SharedArrayBuffer(1 << 20));
  const put = (bytes: Uint8Array): Uint8Array => {
    reused.fill(0xee);
    reused.set(bytes);
    return reused.subarray(0, bytes.length);
  };
  leaves.forEach((shape, leaf) => {
    file.beginColumn(leaf);
    const isDictionary = shape.path[0] === "resource";
    if (isDictionary) file.dictionaryPage(put(pages.plain(RESOURCES, shape)), RESOURCES.length);
    for (let from = 0; from < ROWS; from += PAGE_ROWS) {
      const some = rows.slice(from, from + PAGE_ROWS);
      const entries = some.flatMap((row) => shredded(row, shape.path));
      const values = entries.flatMap((entry) => (entry.value === undefined ? [] : [entry.value]));
      const sorted = values.toSorted(ordered).map((value) => pages.valueBytes(value, shape));
      const body = isDictionary
        ? pages.codeBody(values.map((value) => RESOURCES.indexOf(value as string)))
        : pages.pageBody(entries, shape);
      file.dataPage(put(body), {
        values: entries.length,
        rows: some.length,
        nulls: entries.length - values.length,
        encoding: isDictionary ? "RLE_DICTIONARY" : "PLAIN",
        ...(sorted.length > 0 ? { min: sorted[0], max: sorted[sorted.length - 1] } : {}),
      });
    }
    file.endColumn();
  });
  const { bytes, footerBytes } = file.finish();
  const whole = sink.file;
  expect(bytes).toBe(whole.length);
  return { file: whole, footerBytes };
}

function ordered(a: PlainValue, b: PlainValue): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** As read-parquet.py prints a value. */
function shown(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  if (typeof value === "bigint" || Number.isInteger(value)) return String(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]));
}

const compressors = {
  ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)),
};

async function readByHyparquet(file: Uint8Array<ArrayBuffer>): Promise<unknown[]> {
  return parquetReadObjects({ file: file.buffer, compressors, utf8: false });
}

describe("a Parquet file", () => {
  const { file, footerBytes } = write();
  const metadata = parquetMetadata(file.buffer);
  const chunks = metadata.row_groups[0].columns;

  test("begins and ends as the format says", () => {
    const text = Buffer.from(file).toString("latin1");
    expect(text.slice(0, 4)).toBe("PAR1");
    expect(text.slice(-4)).toBe("PAR1");
    expect(Buffer.from(file).readUInt32LE(file.length - 8)).toBe(footerBytes);
    expect(metadata.version).toBe(2);
    expect(metadata.key_value_metadata).toEqual([{ key: "vivace.format", value: "1" }]);
    expect(metadata.row_groups[0].sorting_columns).toEqual([
      { column_idx: 0, descending: false, nulls_first: false },
    ]);
  });

  test("comes back from hyparquet", async () => {
    const json = rows.map((row) => ({ ...row, resource: JSON.parse(row["resource"] as string) }));
    expect((await readByHyparquet(file)).map(shown)).toEqual(json.map(shown));
  });

  test(
    "comes back from pyarrow and from DuckDB, which also use its bounds",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "vivace-parquet-"));
      try {
        const path = join(folder, "data.parquet");
        writeFileSync(path, file);
        const script = join(import.meta.dirname, "read-parquet.py");
        const seen = JSON.parse(
          runPython(
            script,
            path,
            `SELECT count(*) FROM FILE WHERE "span.http.url" LIKE '%/77'`,
            "SELECT count(*) FROM FILE WHERE number >= 40 AND ratio > 10",
            "SELECT sum(number), min(time), max(count) FROM FILE",
            "SELECT count(*) FROM FILE, unnest(events) AS e(event) WHERE event.name = 'event 2'",
            `SELECT count(*) FROM FILE WHERE "span.http.url" > 'https://héllo.example/xz'`,
          ),
        );
        expect(seen.pyarrow).toEqual(rows.map(shown));
        expect(seen.duckdb).toEqual(rows.map(shown));
        expect(seen.createdBy).toBe("vivace version 0.0.0 (build test)");
        expect(seen.rows).toBe(ROWS);
        expect(seen.sorting).toEqual([[0, false, false]]);
        expect(seen.queries).toEqual([
          [["1"]],
          [
            [
              String(
                rows.filter((row) => Number(row["number"]) >= 40 && Number(row["ratio"]) > 10)
                  .length,
              ),
            ],
          ],
          [["-50", "9007199254740894", "4294967295"]],
          [["25"]],
          [["0"]],
        ]);
        for (const chunk of seen.chunks) {
          expect(chunk).toMatchObject({ offsetIndex: true, columnIndex: true });
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    PYTHON_TIMEOUT_MS,
  );

  test("has a page index that agrees with the pages and with the chunk", () => {
    for (const [leaf, chunk] of chunks.entries()) comparePageIndex(file, chunk, leaf);
  });

  test("has one codec a chunk: zstd where it saves something", () => {
    const codecs = chunks.map((chunk) => chunk.meta_data?.codec);
    const named = (name: string) => codecs[leaves.findIndex((leaf) => leaf.path[0] === name)];
    expect(named("raw")).toBe("UNCOMPRESSED"); // random bytes
    expect(named("nothing")).toBe("UNCOMPRESSED"); // tiny pages
    expect(named("resource")).toBe("UNCOMPRESSED"); // two short texts
    expect(named("span.http.url")).toBe("ZSTD"); // although the first page has only nulls
    expect(named("id")).toBe("ZSTD");
  });

  test("adds up: sizes and offsets of chunks cover the file without a gap", () => {
    let offset = 4;
    for (const { meta_data: meta } of chunks) {
      const first = meta?.dictionary_page_offset ?? meta?.data_page_offset;
      expect(Number(first)).toBe(offset);
      offset += Number(meta?.total_compressed_size);
    }
    const group = metadata.row_groups[0];
    expect(Number(group.total_compressed_size)).toBe(offset - 4);
    const plain = chunks.reduce((n, { meta_data }) => {
      return n + Number(meta_data?.total_uncompressed_size);
    }, 0);
    expect(Number(group.total_byte_size)).toBe(plain);
    for (const chunk of chunks) {
      expect(Number(chunk.column_index_offset)).toBe(offset);
      offset += chunk.column_index_length ?? 0;
    }
    for (const chunk of chunks) {
      expect(Number(chunk.offset_index_offset)).toBe(offset);
      offset += chunk.offset_index_length ?? 0;
    }
    expect(offset).toBe(file.length - footerBytes - 8);
  });
});

/** A file of one BYTE_ARRAY column, of pages that are given whole. */
function oneColumn(dictionary: Uint8Array[], dataPages: Uint8Array[][]): Uint8Array<ArrayBuffer> {
  const leaf = { name: "x", repetition: "required", type: "BYTE_ARRAY" } as const;
  const [shape] = leavesOf([leaf]);
  const sink = new Collected();
  const count = dataPages.reduce((n, page) => n + page.length, 0);
  const options = { createdBy: "vivace", rows: count, schema: [leaf], sortingColumns: [] };
  const file = new ParquetFile(sink, options);
  file.beginColumn(0);
  if (dictionary.length > 0) {
    file.dictionaryPage(pages.plain(dictionary, shape), dictionary.length);
  }
  for (const values of dataPages) {
    const encoding = dictionary.length > 0 ? "RLE_DICTIONARY" : "PLAIN";
    const body =
      dictionary.length > 0
        ? pages.codeBody(values.map((value) => dictionary.indexOf(value)))
        : pages.pageBody(pages.flat(values, shape), shape);
    const sorted = values.toSorted(Buffer.compare);
    const bounds = { min: sorted[0], max: sorted[sorted.length - 1] };
    const counts = { values: values.length, rows: values.length, nulls: 0 };
    file.dataPage(body, { ...counts, encoding, ...bounds });
  }
  file.endColumn();
  file.finish();
  return sink.file;
}

describe("a column chunk", () => {
  const noise = Array.from({ length: 100 }, () => random.bytes(400));
  const zeros = Array.from({ length: 200 }, () => new Uint8Array(40));
  const cases = [
    { name: "noise", dictionary: [], data: [noise], codec: "UNCOMPRESSED" },
    {
      name: "noise, then zeros: the first page decides",
      dictionary: [],
      data: [noise, zeros],
      codec: "UNCOMPRESSED",
    },
    {
      name: "a little noise, then zeros",
      dictionary: [],
      data: [noise.slice(0, 9), zeros],
      codec: "ZSTD",
    },
    { name: "zeros, then noise", dictionary: [], data: [zeros, noise], codec: "ZSTD" },
    {
      name: "noise in the dictionary, codes that shrink",
      dictionary: noise,
      data: [Array.from({ length: 900 }, (_, i) => noise[i % 2])],
      codec: "ZSTD",
    },
    {
      name: "a dictionary that shrinks, one code",
      dictionary: [zeros[0], ...zeros.slice(0, 9)],
      data: [[zeros[0], zeros[0]]],
      codec: "ZSTD",
    },
    {
      name: "noise in the dictionary, one code",
      dictionary: noise,
      data: [[noise[3], noise[3]]],
      codec: "UNCOMPRESSED",
    },
  ];
  for (const { name, dictionary, data, codec } of cases) {
    test(`of ${name}: ${codec}`, async () => {
      const file = oneColumn(dictionary, data);
      const chunk = parquetMetadata(file.buffer).row_groups[0].columns[0];
      expect(chunk.meta_data?.codec).toBe(codec);
      const seen = (await readByHyparquet(file)).map(shown);
      expect(seen).toEqual(data.flat().map((x) => shown({ x })));
    });
  }

  test("has inexact bounds when they were cut, and none when nothing is above", () => {
    const long = [new Uint8Array(80).fill(1), new Uint8Array(80).fill(2)];
    const cut = parquetMetadata(oneColumn([], [long]).buffer).row_groups[0].columns[0];
    expect(cut.meta_data?.statistics).toMatchObject({
      is_min_value_exact: false,
      is_max_value_exact: false,
    });
    expect(cut.column_index_offset).toBeDefined();
    const top = [new Uint8Array(80).fill(1), new Uint8Array(80).fill(255)];
    const open = parquetMetadata(oneColumn([], [top, long]).buffer).row_groups[0].columns[0];
    expect(open.meta_data?.statistics?.max_value).toBe(undefined);
    expect(open.meta_data?.statistics?.min_value).toBeDefined();
    expect(open.column_index_offset).toBe(undefined);
    expect(open.offset_index_offset).toBeDefined();
  });

  test("must have every row, and every column must be there", () => {
    const leaf = { name: "x", repetition: "required", type: "INT32" } as const;
    const options = { createdBy: "vivace", rows: 2, schema: [leaf], sortingColumns: [] };
    const file = new ParquetFile(new Collected(), options);
    expect(() => file.finish()).toThrow("a column is missing");
    file.beginColumn(0);
    file.dataPage(new Uint8Array(4), { values: 1, rows: 1, nulls: 0, encoding: "PLAIN" });
    expect(() => file.endColumn()).toThrow("has not all rows");
    expect(() => file.beginColumn(0)).toThrow("not ended");
  });
});

function comparePageIndex(file: Uint8Array, chunk: ColumnChunk, leaf: number): void {
  const meta = chunk.meta_data;
  if (!meta) throw new Error("test: no metadata");
  const read = (offset: bigint | undefined) => {
    return { view: new DataView(file.buffer, Number(offset)), offset: 0 };
  };
  // Without a type, bounds come back as the bytes that they are.
  const raw = { name: "raw", type: "BYTE_ARRAY" } as SchemaElement;
  const bytes = { stringFromBytes: (value: Uint8Array) => value };
  const index = readColumnIndex(read(chunk.column_index_offset), raw, bytes as never);
  const locations = readOffsetIndex(read(chunk.offset_index_offset)).page_locations;
  expect(locations.map((page) => Number(page.first_row_index))).toEqual([0, 30, 60, 90]);
  expect(Number(locations[0].offset)).toBe(Number(meta.data_page_offset));
  const end = Number(meta.data_page_offset) + Number(meta.total_compressed_size);
  for (const [i, page] of locations.entries()) {
    const next = locations[i + 1]?.offset;
    const pageEnd = Number(page.offset) + page.compressed_page_size;
    if (next !== undefined) expect(Number(next)).toBe(pageEnd);
    else if (meta.dictionary_page_offset === undefined) expect(pageEnd).toBe(end);
  }
  const shape = leaves[leaf];
  const order = { id: "ASCENDING", time: "DESCENDING", raw: "UNORDERED" }[shape.path[0]];
  if (order !== undefined) expect(index.boundary_order).toBe(order);
  const inPages = [0, 30, 60, 90].map((from) =>
    rows.slice(from, from + 30).flatMap((row) => shredded(row, shape.path)),
  );
  const nulls = inPages.map((page) => page.filter((entry) => entry.value === undefined).length);
  expect(index.null_counts?.map(Number)).toEqual(nulls);
  expect(index.null_pages).toEqual(inPages.map((page, i) => page.length === nulls[i]));
  expect(Number(meta.statistics?.null_count)).toBe(nulls.reduce((a, b) => a + b));
}
