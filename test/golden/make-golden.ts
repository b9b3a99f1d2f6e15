/**
 * Makes golden blocks of the format as it is now, from requests that never change:
 *
 *   node_modules/.bin/bun test/golden/make-golden.ts NAME
 *
 * writes test/golden/NAME-cut (three blocks as cuts make them) and test/golden/NAME-merged (one
 * block that a merge made of the same three). To be run once, with the code of the version whose
 * format the blocks keep, before that format changes; the folders are then never written again.
 * All of them hold the same spans, so that all give the answers of answers.json.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prng } from "../../src/base/prng.ts";
import type { MergeInput } from "../../src/compact/merge-options.ts";
import { readBlockMeta } from "../../src/model/block-meta.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { MergeKernel } from "../compact/merge-kernel.ts";
import { shopRequest, shopTraces } from "../compact/shop-spans.ts";
import { CutKernel } from "../support/cut-kernel.ts";

const SEED = 20_261_129;
const BLOCKS = 3;
const REQUESTS = 6;
const SPANS = 40;
const TRACES = 60;
const TENANT = "single-tenant";

const name = process.argv[2];
if (!/^[a-z0-9-]+$/.test(name ?? "")) throw new Error("golden: say a name, such as checksums");
const target = (kind: string) => join(import.meta.dirname, `${name}-${kind}`);
if (existsSync(target("cut"))) throw new Error("golden: blocks of that name are there");

const root = mkdtempSync(join(tmpdir(), "vivace-golden-"));
try {
  const store = new DiskStore(join(root, "cut"));
  const inputs = cutBlocks(store);
  cpSync(join(root, "cut"), target("cut"), { recursive: true });
  const { outputs } = new MergeKernel().merge(store, inputs);
  for (const meta of outputs) {
    const from = store.folderOf(meta);
    // Alone, as after the inputs were removed.
    cpSync(from, from.replace(join(root, "cut"), target("merged")), { recursive: true });
    readBlockMeta(readFileSync(join(from, "meta.json")));
  }
} finally {
  rmSync(root, { recursive: true });
}

function cutBlocks(store: DiskStore): MergeInput[] {
  const random = prng(SEED);
  const traces = shopTraces(random, TRACES);
  const kernel = new CutKernel();
  const inputs: MergeInput[] = [];
  for (let place = 0; place < BLOCKS; place++) {
    kernel.begin();
    for (let i = 0; i < REQUESTS; i++) kernel.add(shopRequest(random, traces, SPANS), TENANT);
    const metas = kernel.cut(store, [place, place + 1]);
    inputs.push(...metas.map((meta) => ({ meta, folder: store.folderOf(meta) })));
  }
  return inputs;
}
