import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { type BlockMeta, blockPath } from "../../src/model/block-meta.ts";
import type { BlockDisk } from "../../src/store/block-disk.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { CrashTree, type Loss, Stopped } from "./crash-tree.ts";

const sidecar = new Uint8Array(100).fill(7);
const data = new Uint8Array(700_000).map((_, i) => i * 31);

function metaOf(id: number, names = ["tenant-a"]): BlockMeta {
  const tenants = names.map((name, i) => ({ name, rowFirst: 5 * i, rows: 5, traces: 2 }));
  return {
    version: 1,
    id: id.toString(16).padStart(32, "0"),
    tenants,
    shared: names.length > 1,
    spans: 5 * names.length,
    traces: 2 * names.length,
    startUnixNano: "1700000000000000000",
    endUnixNano: "1700000001000000000",
    retainFromMs: 1_700_000_001_000,
    dataBytes: data.length,
    sidecarBytes: sidecar.length,
    footerBytes: 500,
    wal: { node: "node", from: 10, to: 20 },
    createdMs: 1_700_000_002_000,
  };
}

/** As the writer of blocks does it; pieces shorter and longer than the store's buffer. */
function publish(store: DiskStore, meta: BlockMeta): void {
  const draft = store.begin(meta);
  try {
    draft.data.append(data.subarray(0, 1000));
    draft.data.append(data.subarray(1000, 400_000));
    draft.data.append(data.subarray(400_000, 500_000));
    draft.data.append(data.subarray(500_000));
    draft.sidecar.append(sidecar);
    draft.publish(meta);
  } catch (error) {
    if (error instanceof Stopped) throw error;
    try {
      draft.abandon();
    } catch (second) {
      if (second instanceof Stopped) throw second;
    }
    throw error;
  }
}

/** Runs until the disk stops the process. */
function untilStopped(run: () => void): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return true;
  }
}

/** What the next process finds: whole blocks, and nothing of others. */
function restart(tree: CrashTree): { store: DiskStore; metas: BlockMeta[] } {
  tree.stopAt = Number.POSITIVE_INFINITY;
  tree.fails = [];
  const store = new DiskStore("/blocks", tree);
  store.sweep();
  const metas = store.list();
  expect(store.damaged).toEqual([]);
  for (const meta of metas) expectWhole(tree, meta);
  return { store, metas };
}

function expectWhole(disk: BlockDisk, meta: BlockMeta): void {
  const folder = blockPath(meta);
  expect(disk.list(folder)).toEqual(["data.parquet", "meta.json", "sidecar.bin"]);
  expect(Buffer.compare(disk.read(`${folder}/data.parquet`) ?? sidecar, data)).toBe(0);
  expect(Buffer.compare(disk.read(`${folder}/sidecar.bin`) ?? data, sidecar)).toBe(0);
}

const losses: readonly Loss[] = ["all", "some", "some", "some", "none"];

describe("a stop at any call", () => {
  const older = metaOf(1);
  const meta = metaOf(2, ["a", "b"]);
  const fresh = (seed: number) => {
    const tree = new CrashTree(prng(seed));
    publish(new DiskStore("/blocks", tree), older);
    tree.calls = [];
    return tree;
  };

  test("of publish leaves no block or a whole one, and is repeatable", () => {
    let stop = 0;
    for (let stopped = true; stopped; stop++) {
      for (const [seed, loss] of [undefined, ...losses].entries()) {
        const tree = fresh(seed);
        tree.stopAt = stop;
        stopped = untilStopped(() => publish(new DiskStore("/blocks", tree), meta));
        if (loss !== undefined) tree.losePower(loss);
        const { store, metas } = restart(tree);
        expect(metas).toContainEqual(older);
        if (!stopped) expect(metas).toContainEqual(meta);
        // What was listed is durable, though the process that wrote it is gone.
        tree.losePower("all");
        expect(restart(tree).metas).toEqual(metas);
        const found = store.find(meta);
        expect(found).toEqual(metas.find(({ id }) => id === meta.id));
        if (found === undefined) publish(store, meta);
        tree.losePower("all");
        expect(restart(tree).metas).toEqual([meta, older]);
      }
    }
    expect(stop).toBeGreaterThan(15);
  });

  test("of remove leaves no block or a whole one, and is repeatable", () => {
    let stop = 0;
    for (let stopped = true; stopped; stop++) {
      for (const [seed, loss] of [undefined, ...losses].entries()) {
        const tree = fresh(seed);
        const store = new DiskStore("/blocks", tree);
        publish(store, meta);
        tree.calls = [];
        tree.stopAt = stop;
        stopped = untilStopped(() => store.remove(meta));
        if (loss !== undefined) tree.losePower(loss);
        const after = restart(tree);
        expect(after.metas).toContainEqual(older);
        if (!stopped) expect(after.metas).toEqual([older]);
        after.store.remove(meta);
        after.store.remove(meta);
        expect(restart(tree).metas).toEqual([older]);
        expect(tree.list("shared")).toEqual([]);
      }
    }
    expect(stop).toBeGreaterThan(4);
  });
});

for (const count of [1, 2, 3]) {
  test(`after any ${count} calls that fail the block is written anew, and then durable`, () => {
    const meta = metaOf(3);
    let first = 0;
    for (let failed = true; failed; first++) {
      const tree = new CrashTree(prng(first));
      const store = new DiskStore("/blocks", tree);
      tree.fails = [first, first + 1, first + 2].slice(0, count);
      failed = false;
      // Each failure ends one publish, or the clearing up after it.
      for (let attempt = 0; attempt <= count; attempt++) {
        try {
          expect(store.find(meta)).toBe(undefined);
          publish(store, meta);
          break;
        } catch (error) {
          expect(error).toMatchObject({ code: "EIO" });
          failed = true;
        }
      }
      tree.fails = [];
      expect(store.find(meta)).toEqual(meta);
      tree.losePower("all");
      expect(restart(tree).metas).toEqual([meta]);
    }
    expect(first).toBeGreaterThan(15);
  });
}

describe("a damaged block", () => {
  const meta = metaOf(4);
  const folder = blockPath(meta);
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const cases: [string, (tree: CrashTree) => void, RegExp][] = [
    ["no JSON", (tree) => tree.put(`${folder}/meta.json`, sidecar), /not JSON/],
    ["nothing", (tree) => tree.put(`${folder}/meta.json`, new Uint8Array(0)), /not JSON/],
    ["another's meta", (tree) => tree.put(`${folder}/meta.json`, text(metaOf(5))), /of another/],
    ["short data", (tree) => tree.put(`${folder}/data.parquet`, sidecar), /100 bytes instead of/],
    ["no sidecar", (tree) => tree.unlink(`${folder}/sidecar.bin`), /sidecar.bin has no bytes/],
  ];
  for (const [name, damage, reason] of cases) {
    test(`(${name}) is told, skipped, kept, and moved aside for a new one`, () => {
      const tree = new CrashTree(prng(1));
      const store = new DiskStore("/blocks", tree);
      publish(store, meta);
      publish(store, metaOf(6));
      damage(tree);
      const files = tree.list(folder);
      store.sweep();
      expect(store.list()).toEqual([metaOf(6)]);
      expect(store.damaged.map((error) => error.code)).toEqual(["block_corrupt"]);
      expect(store.damaged[0].message).toMatch(reason);
      expect(store.damaged[0].message).toContain(folder);
      expect(store.find(meta)).toBe(undefined);
      expect(tree.list(folder)).toEqual(files);
      publish(store, meta);
      store.sweep();
      expect(store.list()).toEqual([meta, metaOf(6)]);
      expect(store.damaged).toEqual([]);
      expect(tree.list(`${folder}.damaged-1`)).toEqual(files);
    });
  }
});

describe("on a real disk", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });
  const makeFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), "vivace-store-"));
    folders.push(folder);
    return join(folder, "deep", "blocks");
  };

  test("blocks are published, listed, found and removed", () => {
    const root = makeFolder();
    const store = new DiskStore(root);
    expect(store.list()).toEqual([]);
    store.sweep();
    const [own, shared, odd] = [metaOf(1, ["a.b"]), metaOf(2, ["a", "b"]), metaOf(3, [".."])];
    for (const meta of [own, shared, odd]) publish(store, meta);
    expect(new DiskStore(root).list()).toEqual([shared, odd, own]);
    expect(store.folderOf(own)).toBe(join(root, "single", "a.b", own.id));
    expect(store.folderOf(odd)).toBe(join(root, "single", "%2E%2E", odd.id));
    expect(readFileSync(join(store.folderOf(own), "data.parquet")).equals(data)).toBe(true);
    expect(JSON.parse(readFileSync(join(store.folderOf(own), "meta.json"), "utf8"))).toEqual(own);
    expect(() => store.begin(own)).toThrow("is there already");
    store.remove(shared);
    expect(store.find(shared)).toBe(undefined);
    expect(store.find(own)).toEqual(own);
    expect(new DiskStore(root).list()).toEqual([odd, own]);
  });

  test("unfinished folders are swept, strange ones are left alone", () => {
    const root = makeFolder();
    const store = new DiskStore(root);
    const meta = metaOf(9);
    store.begin(meta).data.append(data);
    const strange = metaOf(10);
    mkdirSync(join(root, "shared", strange.id), { recursive: true });
    writeFileSync(join(root, "shared", strange.id, "notes.txt"), "mine");
    mkdirSync(join(root, "single", "a", "lost+found"), { recursive: true });
    writeFileSync(join(root, "single", "file"), "");
    new DiskStore(root).sweep();
    expect(existsSync(store.folderOf(meta))).toBe(false);
    expect(readdirSync(join(root, "shared", strange.id))).toEqual(["notes.txt"]);
    expect(readdirSync(join(root, "single", "a"))).toEqual(["lost+found"]);
    expect(new DiskStore(root).list()).toEqual([]);
  });

  test("an abandoned draft leaves nothing, and the block can be begun again", () => {
    const root = makeFolder();
    const store = new DiskStore(root);
    const meta = metaOf(11);
    const draft = store.begin(meta);
    draft.data.append(data);
    draft.abandon();
    expect(existsSync(store.folderOf(meta))).toBe(false);
    publish(store, meta);
    expect(store.list()).toEqual([meta]);
  });
});
