/** Blocks at the edges: full halves, a thousand columns, one row, values of many megabytes. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { parquetReadObjects } from "hyparquet";
import { afterAll, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { KeyValue } from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { CutKernel } from "../support/cut-kernel.ts";

const kernel = new CutKernel();
const folder = mkdtempSync(join(tmpdir(), "vivace-block-"));
const store = new DiskStore(folder);
const random = prng(11);
let cuts = 0;

afterAll(() => rmSync(folder, { recursive: true }));

type Attributes = Record<string, bigint | string>;

function keyValues(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: {
      value:
        typeof value === "string" ? { case: "stringValue", value } : { case: "intValue", value },
    },
  })) as KeyValue[];
}

/** Spans of one request; `attributes` says what the i-th has. */
function request(spans: number, attributes: (i: number) => Attributes): Uint8Array {
  const traceId = random.bytes(16);
  return toBinary(
    TraceSchema,
    create(TraceSchema, {
      resourceSpans: [
        {
          resource: { attributes: keyValues({ "service.name": "large" }) },
          scopeSpans: [
            {
              spans: Array.from({ length: spans }, (_, i) => ({
                traceId,
                spanId: random.bytes(8).fill(1, 0, 1),
                name: `span ${i % 100}`,
                startTimeUnixNano: 1_000_000_000_000_000_000n + BigInt(i),
                endTimeUnixNano: 1_000_000_000_000_001_000n + BigInt(i * 2),
                attributes: keyValues(attributes(i)),
              })),
            },
          ],
        },
      ],
    }),
  );
}

function cut(): BlockMeta[] {
  cuts++;
  return kernel.cut(store, [cuts, cuts + 1]);
}

async function read(meta: BlockMeta, columns: string[]): Promise<Record<string, unknown>[]> {
  const bytes = readFileSync(join(store.folderOf(meta), "data.parquet"));
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const compressors = { ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)) };
  return await parquetReadObjects({ file, compressors, columns, utf8: false });
}

test("a full half of several tenants: large ones apart, the others together", async () => {
  const tenants = ["big", "middle", "small-1", "small-2"];
  const shares = [498, 20, 3, 3];
  kernel.begin();
  const sums = tenants.map(() => 0n);
  for (const [t, tenant] of tenants.entries()) {
    for (let i = 0; i < shares[t]; i++) {
      const bytes = request(500, (row) => ({
        n: BigInt(row * 7919 * (i + 1)),
        unique: `${tenant}-${i}-${row}`,
        // Not in every row, nor in every tenant.
        ...(t === 0 && row % 97 === 0 ? { rare: "here" } : {}),
      }));
      kernel.add(bytes, tenant);
      for (let row = 0; row < 500; row++) sums[t] += BigInt(row * 7919 * (i + 1));
    }
  }
  const metas = cut();
  expect(metas.map(({ shared, spans }) => [shared, spans])).toEqual([
    [true, 3000],
    [false, 249_000],
    [false, 10_000],
  ]);
  const rows = await read(metas[1], ["span.n:int", "span.unique", "span.rare", "duration_nano"]);
  expect(rows.length).toBe(249_000);
  expect(rows.reduce((sum, row) => sum + (row["span.n:int"] as bigint), 0n)).toBe(sums[0]);
  expect(new Set(rows.map((row) => row["span.unique"])).size).toBe(249_000);
  expect(rows.filter((row) => row["span.rare"] === "here").length).toBe(498 * 6);
  await expect(read(metas[2], ["span.rare"])).rejects.toThrow();
  const shared = await read(metas[0], ["tenant", "span.n:int"]);
  const small = shared.filter((row) => row["tenant"] === "small-2");
  expect(small.reduce((sum, row) => sum + (row["span.n:int"] as bigint), 0n)).toBe(sums[3]);
  expect(metas[0].tenants.map(({ name, rowFirst }) => [name, rowFirst])).toEqual([
    ["small-1", 0],
    ["small-2", 1500],
  ]);
});

test("a cut done again finds its blocks and leaves them alone", () => {
  kernel.begin();
  kernel.add(
    request(3, () => ({ a: 1n })),
    "again",
  );
  const first = cut();
  cuts--;
  expect(cut()).toEqual(first);
});

test("a thousand attribute columns, and more keys in the residual", async () => {
  kernel.begin();
  const bytes = request(30, (i) =>
    Object.fromEntries(Array.from({ length: 40 }, (_, k) => [`key-${i * 40 + k}`, BigInt(k)])),
  );
  // The last columns are for keys that were seen 256 times.
  for (let i = 0; i < 260; i++) kernel.add(bytes, "wide");
  const [meta] = cut();
  const rows = await read(meta, ["span.key-0:int", "span.key-999:int", "residual"]);
  const found = (name: string) => rows.filter((row) => row[name] != null).length;
  expect(found("span.key-0:int")).toBe(260);
  expect(found("span.key-999:int")).toBe(5);
  expect(found("residual")).toBeGreaterThan(5 * 260);
});

test("one row, and a value of sixteen megabytes", async () => {
  kernel.begin();
  const text = "0123456789abcdef".repeat(1 << 20);
  kernel.add(
    request(1, () => ({ text, none: "" })),
    "one",
  );
  const [meta] = cut();
  const rows = await read(meta, ["span.text", "span.none", "nested_left", "nested_parent"]);
  expect(rows.length).toBe(1);
  expect(rows[0]["span.text"] === text).toBe(true);
  expect(rows[0]).toMatchObject({ "span.none": "", nested_left: 1, nested_parent: -1 });
});
