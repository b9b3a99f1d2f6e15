/**
 * Inputs that a disk has damaged: a merge refuses them with an error, or, where the damage changes
 * nothing that it reads, is as if there were none. It never publishes a part.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import type { MergeInput, MergeResult } from "../../src/compact/merge-options.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { contentOf, MergeKernel } from "./merge-kernel.ts";
import { shopRequest, shopTraces } from "./shop-spans.ts";

const root = mkdtempSync(join(tmpdir(), "vivace-damaged-"));
const merger = new MergeKernel();
const inputs = makeInputs();
const ROUNDS = 60;

afterAll(() => rmSync(root, { recursive: true }));

function makeInputs(): MergeInput[] {
  const random = prng(1);
  const cutter = new CutKernel();
  const store = new DiskStore(join(root, "inputs"));
  const traces = shopTraces(random, 20);
  return [0, 1].flatMap((place) => {
    cutter.begin();
    for (const tenant of ["a", "b"]) cutter.add(shopRequest(random, traces, 150), tenant);
    const metas = cutter.cut(store, [place, place + 1]);
    return metas.map((meta) => ({ meta, folder: store.folderOf(meta) }));
  });
}

/** A copy of the first input with some bytes changed, or its end cut off. */
function damaged(random: Prng): MergeInput[] {
  const [{ meta, folder }, ...others] = inputs;
  const copy = mkdtempSync(join(root, "copy-"));
  mkdirSync(copy, { recursive: true });
  copyFileSync(join(folder, "sidecar.bin"), join(copy, "sidecar.bin"));
  const bytes = new Uint8Array(readFileSync(join(folder, "data.parquet")));
  // The footer has no checksum: half of the damage is done there.
  const tail = Math.min(bytes.length, meta.footerBytes + 8);
  for (let i = 0; i < 1 + random.below(4); i++) {
    const isTail = random.below(2) === 0;
    const at = isTail ? bytes.length - 1 - random.below(tail) : random.below(bytes.length);
    bytes[at] ^= 1 + random.below(255);
  }
  const length = random.below(10) === 0 ? random.below(bytes.length) : bytes.length;
  writeFileSync(join(copy, "data.parquet"), bytes.subarray(0, length));
  return [{ meta, folder: copy }, ...others];
}

function attempt(store: DiskStore, from: readonly MergeInput[]): MergeResult | EngineError {
  try {
    return merger.merge(store, from);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
}

test("damage is refused, or changes nothing", () => {
  const whole = new DiskStore(join(root, "whole"));
  const [wanted] = merger.merge(whole, inputs).outputs;
  const content = contentOf(whole.folderOf(wanted));
  let refused = 0;
  for (let seed = 0; seed < ROUNDS; seed++) {
    const store = new DiskStore(join(root, `store-${seed}`));
    const result = attempt(store, damaged(prng(seed)));
    if (result instanceof EngineError) {
      refused++;
      expect([seed, result.code]).toEqual([seed, "block_corrupt"]);
      expect(store.list()).toEqual([]);
      continue;
    }
    const found = contentOf(store.folderOf(result.outputs[0]));
    for (const [name, rows] of content)
      expect([seed, name, found.get(name)]).toEqual([seed, name, rows]);
  }
  expect(refused).toBeGreaterThan(ROUNDS / 2);
  // What it left behind in the memory of the kernel is of no harm.
  const [again] = merger.merge(new DiskStore(join(root, "again")), inputs).outputs;
  expect(again).toEqual({ ...wanted });
}, 120_000);
