/** Segments that are written into the files of released ones. */
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { EMPTY_TAIL } from "../../src/wal/wal-replay.ts";
import type { WalWriter, WalWriterOptions } from "../../src/wal/wal-writer.ts";
import { CrashDisk } from "./crash-disk.ts";
import { idOf, ids, payloadOf, record, replayAll, writerOf } from "./records.ts";

const SEGMENT = 1024;

function start(options: Partial<WalWriterOptions> = {}): { disk: CrashDisk; wal: WalWriter } {
  const disk = new CrashDisk(prng(3));
  const limits = { segmentBytesMax: SEGMENT, sparesMax: 2 };
  return { disk, wal: writerOf({ disk, tail: EMPTY_TAIL, ...limits, ...options }) };
}

let id = 0;

/** Appends and syncs one record of `bytes`; returns its id. */
function put(wal: WalWriter, bytes = 300): number {
  wal.append([record("tenant", payloadOf(++id, bytes))]);
  wal.sync();
  return id;
}

/** Fills three segments and releases all that can be. */
function withSpares(options: Partial<WalWriterOptions> = {}) {
  const { disk, wal } = start(options);
  for (let i = 0; i < 9; i++) put(wal);
  const sizes = disk.list().map((name) => disk.content(name).byteLength);
  wal.releaseThrough(wal.end);
  return { disk, wal, sizes };
}

const spares = (disk: CrashDisk) => disk.list().filter((name) => name.endsWith(".spare"));

describe("a released segment", () => {
  test("becomes the next one, with its old bytes behind the new", () => {
    const { disk, wal, sizes } = withSpares();
    expect(sizes.length).toBeGreaterThan(2);
    const waiting = spares(disk).length;
    expect(waiting).toBe(1); // the other was taken by the segment that is open now
    const before = disk.bytes;
    const kept = Array.from({ length: 3 }, () => put(wal));
    expect(wal.stats.segmentsRecycled).toBe(2);
    expect(disk.bytes).toBe(before);
    expect(wal.bytes).toBe(disk.bytes);
    expect(wal.liveBytes).toBeLessThan(disk.bytes);
    for (const loss of ["none", "all"] as const) {
      disk.losePower(loss);
      const { records, replay } = replayAll(disk);
      expect(records.map(({ payload }) => idOf(payload))).toEqual(kept);
      expect(replay.stats).toMatchObject({ tornBytes: 0, damages: 0, foreignFiles: 0, gaps: 0 });
    }
  });

  test("does not count as the log", () => {
    const { disk, wal } = withSpares();
    expect(wal.liveBytes).toBe(64);
    expect(wal.bytes).toBe(disk.bytes);
    expect(disk.bytes).toBeGreaterThan(SEGMENT);
    wal.append([record("tenant", payloadOf(++id, 100))]);
    expect(wal.liveBytes).toBe(64 + record("tenant", payloadOf(id, 100)).byteLength);
  });

  test("is removed when there are enough, or it is small", () => {
    const { disk } = withSpares({ sparesMax: 0 });
    expect(spares(disk)).toEqual([]);
    expect(disk.list().length).toBe(1);
    const small = withSpares({ segmentBytesMax: 10 * SEGMENT });
    expect(spares(small.disk)).toEqual([]);
  });

  test("is left for the next process", () => {
    const { disk } = withSpares();
    disk.kill();
    const { tail } = replayAll(disk);
    expect(tail.spares).toHaveLength(1);
    const wal = writerOf({ disk, tail, segmentBytesMax: SEGMENT, sparesMax: 2 });
    expect(wal.bytes).toBe(disk.bytes);
    put(wal);
    expect(wal.stats.segmentsRecycled).toBe(1);
    expect(spares(disk)).toEqual([]);
  });
});

describe("a file that is written again", () => {
  test("has lost its old name durably before, and has its header durably with its new one", () => {
    const { disk, wal } = start();
    for (let i = 0; i < 6; i++) put(wal);
    disk.calls.length = 0;
    wal.releaseThrough(wal.end - 1); // two go, the third is in use
    expect(disk.calls).toEqual(["rename", "rename"]);
    disk.calls.length = 0;
    put(wal);
    expect(disk.calls).toEqual([
      ...["syncFolder", "open", "writev", "syncData", "rename"],
      ...["writev", "syncFolder", "syncData"],
    ]);
    disk.calls.length = 0;
    for (let i = 0; i < 3; i++) put(wal); // the second spare's name is durable already
    expect(disk.calls.filter((call) => call === "syncFolder")).toHaveLength(1);
  });

  test("is cut where it ends when it is succeeded", () => {
    const { disk, wal } = start();
    const kept: number[] = [];
    for (const bytes of [300, 300, 300, 200, 200, 200, 100, 100]) put(wal, bytes);
    wal.releaseThrough(wal.end);
    for (const bytes of [200, 100, 260, 200, 100, 100, 200, 100, 100, 200, 100]) {
      kept.push(put(wal, bytes));
    }
    expect(wal.stats.segmentsRecycled).toBeGreaterThan(1);
    expect(wal.segments).toBeGreaterThan(2);
    for (const loss of ["none", "suffix", "all"] as const) {
      disk.losePower(loss); // even if the cut is not durable, only the newest may be longer
      const replayed = replayAll(disk);
      expect(ids(replayed)).toEqual(kept);
      expect(replayed.replay.stats).toMatchObject({ tornBytes: 0, damages: 0 });
      expect(replayed.tail.segments.filter(({ dirty }) => dirty)).toEqual([]);
    }
  });

  test("is void and no more when the disk gives it up", () => {
    const { disk, wal } = withSpares();
    const kept = put(wal);
    const recycled = wal.stats.segmentsRecycled;
    wal.append([record("tenant", payloadOf(++id, 800))]); // in the next segment
    expect(wal.stats.segmentsRecycled).toBe(recycled + 1);
    disk.fault = (call) => {
      if (call === "unlink") return "EROFS";
      return call === "syncData" ? "EIO" : undefined;
    };
    expect(() => wal.sync()).toThrow();
    disk.fault = (call) => (call === "unlink" ? "EROFS" : undefined);
    const last = put(wal);
    disk.losePower("all");
    disk.fault = () => undefined;
    const { records, replay, tail } = replayAll(disk);
    expect(records.map(({ payload }) => idOf(payload))).toEqual([kept, last]);
    expect(replay.stats).toMatchObject({ voidSegments: 1, tornBytes: 0, damages: 0 });
    // Neither it nor what it was becomes a spare.
    const next = writerOf({ disk, tail, segmentBytesMax: SEGMENT, sparesMax: 2 });
    put(next);
    next.releaseThrough(next.end);
    put(next);
    expect(next.stats.segmentsRecycled).toBe(0);
  });

  test("stays as long as it is when it cannot be cut", () => {
    const { disk, wal } = withSpares();
    const kept = [put(wal), put(wal, 100)];
    disk.fault = (call) => (call === "truncate" ? "EIO" : undefined);
    kept.push(put(wal, 900));
    disk.fault = () => undefined;
    kept.push(put(wal));
    expect(wal.bytes).toBe(disk.bytes);
    disk.losePower("all");
    const replayed = replayAll(disk);
    expect(ids(replayed)).toEqual(kept);
    expect(replayed.replay.stats).toMatchObject({ tornBytes: 0, damages: 0 });
  });

  test("is torn where a record of its own is cut off, and nowhere else", () => {
    const { disk, wal } = withSpares();
    const kept = put(wal);
    const torn = record("tenant", payloadOf(++id, 200));
    wal.append([torn]);
    const [name] = disk.list().filter((file) => file.endsWith(".wal"));
    const content = disk.content(name).slice();
    // The end of the record did not reach the disk.
    const end = wal.end - Number.parseInt(name, 16);
    content.fill(0xaa, end - 8, end);
    disk.kill();
    disk.put(name, content);
    const replayed = replayAll(disk);
    expect(ids(replayed)).toEqual([kept]);
    expect(replayed.replay.stats).toMatchObject({ tornBytes: torn.byteLength, damages: 0 });
  });

  test("brings back nothing of before at any length of what reached the disk", () => {
    const { disk, wal } = withSpares();
    const kept = [put(wal), put(wal, 100)];
    const [name] = disk.list().filter((file) => file.endsWith(".wal"));
    const written = disk.content(name).slice();
    const other = new CrashDisk(prng(4));
    // As it was before the segment was begun in it: another segment's bytes.
    const old = oldContent(written.byteLength);
    for (let length = 0; length <= written.byteLength; length += 7) {
      const mixed = old.slice();
      mixed.set(written.subarray(0, length));
      other.put(name, mixed);
      const found = ids(replayAll(other));
      expect(kept.slice(0, found.length)).toEqual(found);
    }
  });
});

/** A segment that was full of good records under another name. */
function oldContent(bytes: number): Uint8Array {
  const { disk, wal } = start({ sparesMax: 0 });
  for (let i = 0; i < 3; i++) put(wal);
  const content = new Uint8Array(bytes);
  content.set(disk.content(disk.list()[0]).subarray(0, bytes));
  return content;
}

describe("the disk", () => {
  test("full: spares give their room back", () => {
    const { disk, wal } = withSpares();
    expect(spares(disk)).toHaveLength(1);
    disk.capacity = disk.bytes;
    expect(() => put(wal, 3000)).toThrow();
    expect(spares(disk)).toEqual([]);
    put(wal);
  });

  test("needed by others: spares go when they are told to", () => {
    const { disk, wal } = withSpares();
    expect(spares(disk)).toHaveLength(1);
    wal.dropSpares();
    expect(spares(disk)).toEqual([]);
    while (wal.freeSome());
    expect(wal.bytes).toBe(disk.bytes);
    put(wal);
  });

  test("the bound holds with spares, which go for it", () => {
    const { disk, wal } = withSpares({ bytesMax: 6 * SEGMENT });
    let refused = 0;
    for (let i = 0; i < 40; i++) {
      try {
        put(wal);
      } catch {
        refused++;
      }
      expect(disk.bytes).toBeLessThanOrEqual(6 * SEGMENT);
      expect(wal.bytes).toBe(disk.bytes);
    }
    expect(refused).toBeGreaterThan(0);
    expect(wal.liveBytes).toBeGreaterThan(4 * SEGMENT);
  });

  test.each(["rename", "open", "syncFolder", "writev", "syncData"] as const)(
    "fails at %s: a fresh file is taken",
    (call) => {
      const { disk, wal } = start();
      for (let i = 0; i < 5; i++) put(wal);
      wal.releaseThrough(wal.end - 1);
      const last = put(wal);
      let failed = 0;
      disk.fault = (made) => {
        if (made !== call || failed > 0) return undefined;
        failed++;
        return "EIO";
      };
      const recycled = wal.stats.segmentsRecycled;
      put(wal);
      disk.fault = () => undefined;
      expect([failed, wal.stats.segmentsRecycled - recycled]).toEqual([1, 0]);
      expect(spares(disk)).toHaveLength(1); // the one it failed on is gone
      expect(wal.bytes).toBe(disk.bytes);
      expect(wal.stats.failures).toBe(0);
      disk.kill();
      expect(ids(replayAll(disk))).toEqual([last - 1, last, last + 1]);
    },
  );
});
