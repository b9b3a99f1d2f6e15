/** The log on a real folder, and on one whose writer is killed. */
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { walFolder, writeFully } from "../../src/wal/wal-file.ts";
import { EMPTY_TAIL } from "../../src/wal/wal-replay.ts";
import { idOf, ids, payloadOf, record, replayAll, writerOf } from "./records.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "wal-test-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("a real folder", () => {
  test("append, sync, tear, replay, go on, release", () => {
    const disk = walFolder(join(root, "wal", "0"));
    const wal = writerOf({ disk, tail: EMPTY_TAIL, segmentBytesMax: 4096 });
    const all = Array.from({ length: 700 }, (_, id) => id);
    wal.append(all.map((id) => record("acme", payloadOf(id, id % 90))));
    wal.sync();
    wal.close();
    const names = readdirSync(join(root, "wal", "0")).sort();
    expect(names.length).toBe(wal.segments);
    const last = join(root, "wal", "0", names.at(-1) ?? "");
    truncateSync(last, disk.open(names.at(-1) ?? "", "read").size() - 1);
    const replayed = replayAll(disk);
    expect(ids(replayed)).toEqual(all.slice(0, -1));
    expect(replayed.replay.stats.tornBytes).toBeGreaterThan(0);
    const next = writerOf({ disk, tail: replayed.tail });
    next.append([record("acme", payloadOf(1000, 10))]);
    next.sync();
    expect(ids(replayAll(disk))).toEqual([...all.slice(0, -1), 1000]);
    next.releaseThrough(next.end);
    expect(readdirSync(join(root, "wal", "0")).length).toBe(1);
    next.close();
  });

  test("goes round a few files", () => {
    const disk = walFolder(root);
    const wal = writerOf({ disk, tail: EMPTY_TAIL, segmentBytesMax: 65536, sparesMax: 2 });
    const sizes: number[] = [];
    for (let id = 0; id < 200; id++) {
      wal.append([record("acme", payloadOf(id, 5000))]);
      wal.sync();
      if (id % 20 === 0) wal.releaseThrough(wal.end);
      expect(wal.bytes).toBe(bytesOf(root));
      sizes.push(wal.bytes);
    }
    expect(wal.stats.segmentsRecycled).toBeGreaterThan(15);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4 * 65536);
    wal.close();
    const replayed = replayAll(disk);
    expect(ids(replayed)).toEqual(Array.from({ length: 19 }, (_, at) => 181 + at));
    expect(replayed.replay.stats).toMatchObject({ tornBytes: 0, damages: 0, foreignFiles: 0 });
  });

  test("speaks the contract: exclusive create, positions, short reads, errors with codes", () => {
    const disk = walFolder(root);
    const file = disk.create("a");
    expect(() => disk.create("a")).toThrow(/EEXIST/);
    expect(() => disk.open("b", "read")).toThrow(/ENOENT/);
    const parts = Array.from({ length: 1500 }, (_, n) => new Uint8Array(3).fill(n));
    writeFully(file, parts, 10);
    expect(file.size()).toBe(4510);
    file.syncData();
    disk.syncFolder();
    file.truncate(4000);
    file.close();
    const read = disk.open("a", "read");
    const shared = new Uint8Array(new SharedArrayBuffer(5000));
    expect(read.read(shared, 0)).toBe(4000);
    expect(shared[10 + 3 * 1000]).toBe(1000 & 255);
    expect(read.read(shared, 4000)).toBe(0);
    read.close();
    expect(() => file.truncate(0)).toThrow(/EBADF/);
    writeFileSync(join(root, "c"), "");
    expect(disk.list().sort()).toEqual(["a", "c"]);
    disk.rename("a", "d");
    expect(disk.list().sort()).toEqual(["c", "d"]);
    expect(() => disk.rename("a", "e")).toThrow(/ENOENT/);
    disk.unlink("d");
    expect(disk.list()).toEqual(["c"]);
  });
});

describe("kill -9", () => {
  test("whatever the writer had acknowledged when it died is there, once", async () => {
    const acked = new Set<number>();
    const program = join(import.meta.dirname, "wal-kill-child.ts");
    for (const lines of [1, 3, 10, 40, 90]) {
      const child = Bun.spawn([process.execPath, program, root], { stdout: "pipe" });
      let seen = 0;
      for (const id of await killedAfter(child, lines)) {
        acked.add(id);
        seen++;
      }
      expect(seen).toBeGreaterThanOrEqual(lines);
      const found = ids(replayAll(walFolder(root)));
      const unique = new Set(found);
      expect(unique.size).toBe(found.length);
      expect([...acked].filter((id) => !unique.has(id))).toEqual([]);
    }
    for (const read of replayAll(walFolder(root)).records) {
      const id = idOf(read.payload);
      expect(read.payload).toEqual(payloadOf(id, id % 3000));
    }
  });

  test("also while it writes into released files", async () => {
    const program = join(import.meta.dirname, "wal-kill-child.ts");
    const acked = new Set<number>();
    let kept = 0;
    for (const lines of [5, 60, 90, 120]) {
      const child = Bun.spawn([process.execPath, program, root, "20"], { stdout: "pipe" });
      for (const id of await killedAfter(child, lines, (id) => (kept = id))) acked.add(id);
      const { records, replay } = replayAll(walFolder(root));
      const found = records.map(({ payload }) => idOf(payload));
      expect(new Set(found).size).toBe(found.length);
      expect([...acked].filter((id) => id >= kept && !found.includes(id))).toEqual([]);
      expect(replay.stats).toMatchObject({ damages: 0, damagedHeaders: 0, gaps: 0 });
      for (const { payload } of records) {
        const id = idOf(payload);
        expect(Buffer.compare(payload, payloadOf(id, id % 3000))).toBe(0);
      }
    }
    expect(kept).toBeGreaterThan(200);
  });
});

function bytesOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Kills the child after it has acknowledged `lines` groups; returns all that it acknowledged. */
async function killedAfter(
  child: Bun.Subprocess<"ignore", "pipe", "inherit">,
  lines: number,
  keeps: (id: number) => void = () => undefined,
): Promise<number[]> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (text.split("\n").length > lines) child.kill("SIGKILL");
  }
  await child.exited;
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  for (const [, id] of text.matchAll(/keep (\d+)\n/g)) keeps(Number(id));
  return whole
    .replaceAll(/keep .*/g, "")
    .split(/\s+/)
    .filter(Boolean)
    .map(Number);
}
