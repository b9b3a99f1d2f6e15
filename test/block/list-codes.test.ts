/** Codes of lists say what the lists say that are read value by value. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { prng } from "../../src/base/prng.ts";
import { readColumns } from "../../src/block/block-columns-read.ts";
import { BlockCaches, openBlock } from "../../src/block/block-read.ts";
import { BlockVectors } from "../../src/block/block-vectors.ts";
import { instantiate, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import type { DataValue } from "../../src/model/data-value.ts";
import { listValues } from "../../src/query/block-values.ts";
import { blockDisk } from "../../src/store/block-disk.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { StepScratch } from "../../src/vector/step-scratch.ts";
import { VectorCache } from "../../src/vector/vector-cache.ts";
import { goldenBlocks } from "../golden/golden-blocks.ts";
import { ROOT } from "../support/checkout.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentValue } from "../support/sent-span.ts";

const SCRATCH = 256 * MiB;
const SPANS = 30_000;
const SEED = 7;

const folder = mkdtempSync(join(tmpdir(), "vivace-lists-"));
afterAll(() => rmSync(folder, { recursive: true }));

const memory = makeMemory(SCRATCH + 16 * MiB);
const wasm = readFileSync(join(ROOT, "native", "build", "kernel.wasm"));
const kernel = instantiate(new WebAssembly.Module(wasm), memory);
const scratch = new StepScratch(sharedBuffer(memory), { base: 0, bytes: SCRATCH });

type Lists = ReadonlyMap<string, readonly (DataValue | undefined)[] | undefined>;

/** By column: of each row what its list says, by codes and value by value. */
function listsOf(path: string, part: readonly [from: number, to: number]) {
  const caches = new BlockCaches({ filesMax: 8, bytesMax: 8 * MiB });
  const block = openBlock(caches, path);
  const all = block.file.rows;
  const rows = { first: Math.floor(all * part[0]), end: Math.ceil(all * part[1]) };
  const vectors = new VectorCache(SCRATCH, 16 * MiB);
  const of = { caches, scratch, kernel, source: block, rows, name: `${path}/`, vectors };
  const coded = new Map<string, readonly (DataValue | undefined)[] | undefined>();
  const read = new Map<string, readonly (DataValue | undefined)[]>();
  for (const { column, key, isArray } of block.layout.span.attributes) {
    if (!isArray) continue;
    scratch.reset();
    const name = `${new TextDecoder().decode(key)} ${column}`;
    const found = new BlockVectors(of).listCodes(column);
    const values = found && Array.from(found.codes, (code) => found.list[code - 1]);
    coded.set(name, values);
    const stored = readColumns(caches, block, { columns: [column], rows }).get(column);
    const shown = new Array<DataValue | undefined>(rows.end - rows.first).fill(undefined);
    if (stored !== undefined) for (const [row, value] of listValues(stored)) shown[row] = value;
    read.set(name, shown);
  }
  return { coded, read };
}

function check({ coded, read }: { readonly coded: Lists; readonly read: Lists }): number {
  let found = 0;
  for (const [name, values] of coded) {
    if (values === undefined) continue;
    found++;
    expect(values).toEqual(read.get(name) ?? []);
  }
  return found;
}

const PARTS = [
  [0, 1],
  [0.3, 0.7],
] as const;

test("of all golden blocks", () => {
  let found = 0;
  for (const [, blocks] of goldenBlocks()) {
    for (const one of blocks) found += check(listsOf(one.folder, [0.2, 1]));
  }
  expect(found).toBeGreaterThan(0);
});

/** Some rows have none, some an empty one, and some lists begin as others do. */
function attributesOf(span: number, random: (below: number) => number): [string, SentValue][] {
  const list = (one: () => SentValue): SentValue => {
    return ["array", Array.from({ length: random(5) }, one)];
  };
  const attributes: [string, SentValue][] = [];
  if (random(3) > 0) attributes.push(["tags", list(() => ["string", `tag ${random(9)}`])]);
  attributes.push(["own", list(() => ["string", `${span} ${"x".repeat(random(40))}`])]);
  if (random(2) > 0) attributes.push(["truths", list(() => ["bool", random(2) > 0])]);
  attributes.push(["numbers", list(() => ["int", String(random(4))])]);
  return attributes;
}

test("of texts and truths, few and many, in pages that begin anywhere; not of numbers", () => {
  const chance = prng(SEED);
  const random = (below: number) => chance.below(below);
  const spans = Array.from({ length: SPANS }, (_, i) =>
    spanOf({
      ...{ traceId: (i + 1).toString(16), spanId: (i + 1).toString(16) },
      attributes: attributesOf(i, random),
    }),
  );
  const cutter = new CutKernel();
  cutter.begin();
  for (let from = 0; from < SPANS; from += 5000) {
    cutter.add(requestOf(spans.slice(from, from + 5000)), "t");
  }
  const [meta] = cutter.cut(new DiskStore(folder, blockDisk(folder)));
  for (const part of PARTS) {
    const lists = listsOf(join(folder, "single", "t", meta.id), part);
    expect(check(lists)).toBe(3);
    const kinds = new Map([...lists.coded].map(([name, values]) => [name.split(" ")[0], values]));
    expect(kinds.get("numbers")).toBeUndefined();
    const sizes = ["tags", "own", "truths"].map((key) => new Set(kinds.get(key)?.values()).size);
    expect(Math.min(...sizes)).toBeGreaterThan(20);
  }
});
