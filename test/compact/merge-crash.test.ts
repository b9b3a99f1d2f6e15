/**
 * A merge and the removal of what it replaced, stopped before each call of the disk, with the power
 * lost: afterwards either all inputs count or all outputs, and never both or a part.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { liveBlocks } from "../../src/compact/live-blocks.ts";
import type { MergeInput } from "../../src/compact/merge-options.ts";
import { type BlockMeta, blockPath } from "../../src/model/block-meta.ts";
import { DATA_FILE, META_FILE, SIDECAR_FILE } from "../../src/store/block-draft.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { CrashTree, type Loss, Stopped } from "../store/crash-tree.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { MergeKernel } from "./merge-kernel.ts";
import { shopRequest, shopTraces } from "./shop-spans.ts";

const root = mkdtempSync(join(tmpdir(), "vivace-crash-"));
const merger = new MergeKernel();
const inputs = makeInputs();
const LOSSES: readonly Loss[] = ["all", "some", "none"];

afterAll(() => rmSync(root, { recursive: true }));

/** Two shared blocks of which a tenant has enough for one of its own: the merge has two outputs. */
function makeInputs(): MergeInput[] {
  const random = prng(1);
  const cutter = new CutKernel();
  const store = new DiskStore(root);
  const traces = shopTraces(random, 100);
  return [0, 1].flatMap((place) => {
    cutter.begin();
    cutter.add(shopRequest(random, traces, 4200), "large");
    cutter.add(shopRequest(random, traces, 50), "small");
    cutter.add(shopRequest(random, traces, 50), "tiny");
    const metas = cutter.cut(store, [place, place + 1]);
    return metas.map((meta) => ({ meta, folder: store.folderOf(meta) }));
  });
}

function treeOf(seed: number): CrashTree {
  const tree = new CrashTree(prng(seed));
  for (const { meta, folder } of inputs) {
    const path = blockPath(meta);
    for (const [i] of path.split("/").entries()) {
      tree.makeFolder(
        path
          .split("/")
          .slice(0, i + 1)
          .join("/"),
      );
    }
    for (const name of [DATA_FILE, SIDECAR_FILE, META_FILE]) {
      tree.put(`${path}/${name}`, new Uint8Array(readFileSync(join(folder, name))));
    }
  }
  tree.losePower("none");
  tree.calls = [];
  return tree;
}

/** What the compactor does, one thing after the other. */
function mergeAndRemove(tree: CrashTree): void {
  const store = new DiskStore("", tree);
  const { live } = liveBlocks(store.list());
  const left = inputs.filter(({ meta }) => live.some(({ id }) => id === meta.id));
  if (left.length > 0) merger.merge(store, left);
  const { replaced, orphans } = liveBlocks(store.list());
  for (const meta of [...orphans, ...replaced]) store.remove(meta);
}

/** As a process does at its start. */
function restart(tree: CrashTree): readonly BlockMeta[] {
  const store = new DiskStore("", tree);
  store.sweep();
  const { live, replaced, orphans } = liveBlocks(store.list());
  for (const meta of [...orphans, ...replaced]) store.remove(meta);
  return live;
}

const idsOf = (metas: readonly BlockMeta[]) => metas.map(({ id }) => id).sort();

test("spans are there once wherever it stops", () => {
  const whole = treeOf(1);
  mergeAndRemove(whole);
  const calls = whole.calls.length;
  const outputs = idsOf(restart(whole));
  const before = idsOf(inputs.map(({ meta }) => meta));
  expect(outputs.length).toBe(2);
  expect(calls).toBeGreaterThan(20);
  const seen = new Set<string>();
  for (let stopAt = 0; stopAt < calls; stopAt++) {
    // One write of a file is like the next.
    if (whole.calls[stopAt] === "write" && stopAt % 5 > 0) continue;
    const tree = treeOf(stopAt);
    tree.stopAt = stopAt;
    expect(() => mergeAndRemove(tree)).toThrow(Stopped);
    tree.losePower(LOSSES[stopAt % LOSSES.length]);
    // The restart is stopped as well, somewhere.
    tree.stopAt = tree.calls.length + (stopAt % 7);
    try {
      restart(tree);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      tree.losePower(LOSSES[(stopAt + 1) % LOSSES.length]);
    }
    tree.stopAt = Number.POSITIVE_INFINITY;
    const live = idsOf(restart(tree));
    expect([before, outputs]).toContainEqual(live);
    seen.add(String(live));
    // Nothing is left that a later start could take for a block.
    expect(idsOf(new DiskStore("", tree).list())).toEqual(live);
    mergeAndRemove(tree);
    expect(idsOf(restart(tree))).toEqual(outputs);
  }
  expect(seen.size).toBe(2);
}, 240_000);
