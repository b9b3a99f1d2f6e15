/** Nested-set numbers against a plain recursive count over objects, on random forests. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { parquetReadObjects } from "hyparquet";
import { afterAll, expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { CutKernel } from "../support/cut-kernel.ts";

const SERVER = 2;
const CLIENT = 3;
const kernel = new CutKernel();
const folder = mkdtempSync(join(tmpdir(), "vivace-nested-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Node {
  readonly id: number;
  /** 0: none. */
  readonly parent: number;
  readonly kind: number;
}

type Numbers = readonly [left: number, right: number, parent: number, children: number];

function expected(nodes: readonly Node[]): Numbers[] {
  const withId = (id: number) => nodes.filter((node) => node.id === id);
  const isNumbered = !nodes.some(({ id }) => withId(id).length > 2);
  const parentOf = (node: Node): Node | undefined => {
    const found = withId(node.parent).filter((other) => other !== node);
    const wanted = node.kind === SERVER ? CLIENT : SERVER;
    const self = node.parent === node.id ? node : undefined;
    return found.find(({ kind }) => kind === wanted) ?? found[0] ?? self;
  };
  const children = new Map(nodes.map((node): [Node, Node[]] => [node, []]));
  for (const node of nodes) {
    const parent = node.parent === 0 ? undefined : parentOf(node);
    if (parent !== undefined) children.get(parent)?.push(node);
  }
  const numbers = new Map<Node, Numbers>();
  let counter = 1;
  const visit = (node: Node, parentLeft: number): void => {
    const left = counter++;
    const below = children.get(node) ?? [];
    for (const child of below) visit(child, left);
    numbers.set(node, [left, counter++, parentLeft, below.length]);
  };
  if (isNumbered) for (const node of nodes) if (node.parent === 0) visit(node, -1);
  return nodes.map((node) => numbers.get(node) ?? [0, 0, 0, children.get(node)?.length ?? 0]);
}

function randomForest(random: Prng): Node[] {
  const count = 1 + random.below(12);
  const ids = 1 + random.below(count * 2);
  return Array.from({ length: count }, (_, i) => ({
    id: random.below(4) === 0 ? 1 + random.below(ids) : i + 1,
    parent: random.below(3) === 0 ? 0 : 1 + random.below(ids),
    kind: random.below(6),
  }));
}

function spanId(id: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(4, id);
  return bytes;
}

function traceBytes(traceId: Uint8Array, nodes: readonly Node[]): Uint8Array {
  const spans = nodes.map(({ id, parent, kind }) =>
    create(SpanSchema, {
      traceId,
      spanId: spanId(id),
      parentSpanId: parent === 0 ? new Uint8Array(0) : spanId(parent),
      kind: kind as Span["kind"],
    }),
  );
  const trace = { resourceSpans: [{ scopeSpans: [{ spans }] }] };
  return toBinary(TraceSchema, create(TraceSchema, trace));
}

test("random forests", async () => {
  const random = prng(21);
  const forests = Array.from({ length: 400 }, () => randomForest(random));
  kernel.begin();
  for (const [i, nodes] of forests.entries()) {
    const traceId = new Uint8Array(16).fill(1);
    new DataView(traceId.buffer).setUint32(0, i);
    kernel.add(traceBytes(traceId, nodes), "one");
  }
  const store = new DiskStore(folder);
  const bytes = readFileSync(join(store.folderOf(kernel.cut(store)[0]), "data.parquet"));
  const rows = await parquetReadObjects({
    file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    columns: ["nested_left", "nested_right", "nested_parent", "child_count"],
    compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
  });
  const found = rows.map((row) => Object.values(row));
  expect(found).toEqual(forests.flatMap(expected));
});

test("a span that comes twice is known of", () => {
  const store = new DiskStore(folder);
  const cut = (nodes: readonly Node[], at: number) => {
    kernel.begin();
    kernel.add(traceBytes(new Uint8Array(16).fill(7), nodes), "two");
    return kernel.cut(store, [at, at + 1])[0].distinct;
  };
  const node = { id: 5, parent: 0, kind: CLIENT };
  expect(cut([node, { ...node, kind: SERVER }, { ...node, id: 6 }], 10)).toBe(true);
  expect(cut([node, { ...node, kind: SERVER }, { ...node, parent: 6 }], 20)).toBeUndefined();
  expect(cut([node], 30)).toBe(true);
});
