/** Blocks whose data file another writer made: all encodings, page sizes and level forms. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import {
  BLOOM_BLOCK_BYTES,
  SIDECAR_HEADER_BYTES,
  writeSidecarHeader,
} from "../../src/block/block-format.ts";
import { tenantSeed, traceHash } from "../../src/block/trace-hash.ts";
import type { AttributeValue, EventRow, SpanRow } from "../../src/model/span-row.ts";
import { ArrayValueSchema } from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { PYTHON_TIMEOUT_MS, runPython } from "../support/python.ts";
import { freshReader } from "./read-stored.ts";

const root = mkdtempSync(join(tmpdir(), "vivace-foreign-"));
const writer = join(import.meta.dirname, "write-block.py");

afterAll(() => rmSync(root, { recursive: true }));

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type JsonRow = Record<string, Json>;

const utf8 = new TextDecoder();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** A filter that lets all pass, and the index. */
function sidecar(traceIds: readonly Uint8Array[]): Uint8Array {
  const entries: [hash: number, row: number][] = [];
  for (const [row, id] of traceIds.entries()) {
    if (row > 0 && hex(traceIds[row - 1]) === hex(id)) continue;
    entries.push([traceHash(tenantSeed("one"), id).high, row]);
  }
  entries.sort((a, b) => a[0] - b[0]);
  const bloom = new Uint8Array(BLOOM_BLOCK_BYTES).fill(255);
  const index = new Uint8Array(Uint32Array.from(entries.flat()).buffer);
  const header = writeSidecarHeader({
    ...{ bloomOffset: SIDECAR_HEADER_BYTES, bloomBlocks: 1, bloomCrc: Bun.hash.crc32(bloom) },
    ...{ indexOffset: SIDECAR_HEADER_BYTES + bloom.length, indexEntries: entries.length },
    indexCrc: Bun.hash.crc32(index),
  });
  return new Uint8Array(Buffer.concat([header, bloom, index]));
}

function attributeJson(attribute: AttributeValue): [string, Json] {
  if (attribute.type === "raw") throw new Error("unexpected residual");
  const key = utf8.decode(attribute.key);
  if (attribute.type === "string") return [key, utf8.decode(attribute.value)];
  if (attribute.type === "int") return [`${key}:int`, attribute.value.toString()];
  if (attribute.type !== "array") return [`${key}:${attribute.type}`, attribute.value];
  const { values } = fromBinary(ArrayValueSchema, attribute.value);
  const items = values.map(({ value: { value } }) => String(value));
  const isInts = values.every(({ value }) => value.case === "intValue");
  return [`${key}:${isInts && values.length > 0 ? "int" : "string"}[]`, items];
}

function eventJson(event: EventRow): JsonRow {
  const [number] = event.attributes.map(attributeJson);
  return {
    time_unix_nano: BigInt.asIntN(64, event.timeUnixNano).toString(),
    name: utf8.decode(event.name),
    dropped_attributes_count: event.droppedAttributes ? String(event.droppedAttributes) : null,
    "event.n:int": number?.[1] ?? null,
  };
}

function rowJson(row: SpanRow): JsonRow {
  return {
    span_id: hex(row.spanId),
    parent_span_id: row.parentSpanId ? hex(row.parentSpanId) : null,
    name: utf8.decode(row.name),
    kind: String(row.kind),
    start_unix_nano: BigInt.asIntN(64, row.startUnixNano).toString(),
    duration_nano: row.durationNano.toString(),
    status_code: String(row.statusCode),
    status_message: utf8.decode(row.statusMessage) || null,
    attributes: row.attributes.map(attributeJson),
    events: row.events.map(eventJson),
  };
}

/** What the file's writer says, in the form of rowJson(). */
function expectedJson(row: JsonRow): JsonRow {
  const keys = Object.keys(row).filter((name) => name.startsWith("span."));
  const order = Buffer.from((row["attribute_order"] ?? "") as string, "hex");
  const attributes = [...order].map((number): Json => {
    const name = keys[number - 1];
    const value = row[name];
    // An empty array does not tell its type.
    const isEmpty = Array.isArray(value) && value.length === 0;
    return [isEmpty ? name.slice(5).replace("int[]", "string[]") : name.slice(5), value];
  });
  const events = (row["events"] as JsonRow[]).map(({ attribute_order: _, ...event }) => event);
  const names = ["span_id", "parent_span_id", "name", "kind", "start_unix_nano", "duration_nano"];
  const plain = [...names, "status_code", "status_message"].map((name) => [name, row[name]]);
  return { ...Object.fromEntries(plain), attributes, events };
}

interface Case {
  readonly rows: number;
  readonly mode: "dictionary" | "plain";
  readonly codec: "zstd" | "none";
  readonly pageBytes: number;
  readonly version: "1.0" | "2.6";
}

const cases: readonly Case[] = [
  { rows: 3000, mode: "dictionary", codec: "zstd", pageBytes: 2000, version: "2.6" },
  { rows: 3000, mode: "plain", codec: "zstd", pageBytes: 2000, version: "2.6" },
  { rows: 2000, mode: "plain", codec: "none", pageBytes: 1 << 20, version: "2.6" },
  { rows: 2000, mode: "dictionary", codec: "none", pageBytes: 1 << 20, version: "1.0" },
  { rows: 1, mode: "dictionary", codec: "zstd", pageBytes: 1 << 20, version: "2.6" },
];

describe("a data file by pyarrow", () => {
  for (const [seed, it] of cases.entries()) {
    test(
      `is read row by row: ${Object.values(it).join(", ")}`,
      () => {
        const folder = join(root, String(seed));
        mkdirSync(folder);
        const path = join(folder, "data.parquet");
        const args = [seed, it.rows, it.mode, it.codec, it.pageBytes, it.version].map(String);
        const all = JSON.parse(runPython(writer, path, ...args)) as JsonRow[];
        const ids = all.map((row) => new Uint8Array(Buffer.from(row["trace_id"] as string, "hex")));
        writeFileSync(join(folder, "sidecar.bin"), sidecar(ids));
        const tenants = [{ name: "one", rowFirst: 0, rows: it.rows, traces: 1 }];
        const { reader } = freshReader();
        let row = 0;
        for (const [i, id] of ids.entries()) {
          if (i > 0 && hex(ids[i - 1]) === hex(id)) continue;
          for (const found of reader.rows({ folder, meta: { tenants } }, "one", id) ?? []) {
            expect(rowJson(found)).toEqual(expectedJson(all[row]));
            row++;
          }
        }
        expect(row).toBe(it.rows);
      },
      PYTHON_TIMEOUT_MS,
    );
  }
});
