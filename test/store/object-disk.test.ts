/** The store of objects on a disk: the contract, and what a killed process leaves. */
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { DiskObjects } from "../../src/store/object-disk.ts";
import { bytes, codeOf, contract, keysOf, listed } from "./object-store-contract.ts";

contract({ afterAll, beforeAll, describe, expect, test }, "objects on a disk", () => {
  const folder = mkdtempSync(join(tmpdir(), "vivace-disk-objects-"));
  const close = async () => rmSync(folder, { recursive: true, force: true });
  return Promise.resolve({ store: new DiskObjects(join(folder, "made", "here")), close });
});

test("what a killed process was writing is no object, and is swept when it is old", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vivace-disk-objects-"));
  try {
    const store = new DiskObjects(folder);
    await store.put("a/one", bytes(10));
    const unfinished = join(folder, ".unfinished");
    for (const name of ["old", "new"]) writeFileSync(join(unfinished, name), "x");
    const hourAgo = Date.now() / 1_000 - 3_600;
    utimesSync(join(unfinished, "old"), hourAgo, hourAgo);
    expect(await keysOf(store, "")).toEqual(["a/one"]);
    expect(await store.sweep(1_800_000)).toBe(1);
    expect(readdirSync(unfinished)).toEqual(["new"]);
    expect(await store.sweep(0)).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("nothing stays behind: no temporary file, no empty folder", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vivace-disk-objects-"));
  try {
    const store = new DiskObjects(folder);
    // Folders are made and removed under each other's feet.
    const lane = async (at: number) => {
      for (let round = 0; round < 100; round++) {
        const key = `blocks/${at % 2}/${at}`;
        await store.put(key, bytes(10));
        expect(await store.putIfAbsent(key, bytes(10))).toBe(false);
        expect(await codeOf(store.putFile(key, join(folder, "none")))).toBe("disk_failed");
        await store.delete([key]);
      }
    };
    await Promise.all([0, 1, 2, 3, 4, 5].map(lane));
    expect(readdirSync(folder)).toEqual([".unfinished"]);
    expect(readdirSync(join(folder, ".unfinished"))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a process killed at any moment, ten times: every object is whole", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vivace-disk-objects-"));
  const script = join(import.meta.dirname, "..", "fault", "disk-objects-child.ts");
  const random = prng(7);
  try {
    let found = 0;
    for (let round = 0; round < 10; round++) {
      const cmd = [process.execPath, script, folder, String(round)];
      const child = Bun.spawn({ cmd, stdout: "pipe", stderr: "inherit" });
      const reader = child.stdout.getReader();
      await reader.read();
      await Bun.sleep(random.below(120));
      child.kill("SIGKILL");
      await child.exited;
      const store = new DiskObjects(join(folder, "objects"));
      for (const { key, bytes: size } of (await listed(store, "")).flat()) {
        const content = await store.get(key);
        expect(content?.length).toBe(size);
        expect(content?.[0]).toBeGreaterThan(0);
        expect(content?.every((byte) => byte === content[0])).toBe(true);
        found++;
      }
      await store.sweep(0);
      expect(readdirSync(join(folder, "objects", ".unfinished"))).toEqual([]);
    }
    expect(found).toBeGreaterThan(20);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
