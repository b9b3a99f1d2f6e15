import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { WalError, type WalErrorKind } from "../../src/wal/wal-error.ts";
import {
  readSegmentHeader,
  recordPosition,
  segmentName,
  segmentStart,
} from "../../src/wal/wal-format.ts";
import { EMPTY_TAIL } from "../../src/wal/wal-replay.ts";
import type { WalWriter, WalWriterOptions } from "../../src/wal/wal-writer.ts";
import { type Call, CrashDisk } from "./crash-disk.ts";
import { ids, payloadOf, record, replayAll, writerOf } from "./records.ts";

function start(options: Partial<WalWriterOptions> = {}): { disk: CrashDisk; wal: WalWriter } {
  const disk = new CrashDisk(prng(1));
  return { disk, wal: writerOf({ disk, tail: EMPTY_TAIL, ...options }) };
}

function group(...idsOfGroup: number[]): Uint8Array[] {
  return idsOfGroup.map((id) => record("tenant", payloadOf(id, 100)));
}

/** Fails the next call of a kind, once. */
function failOnce(disk: CrashDisk, call: Call, code: string): void {
  disk.fault = (made) => {
    if (made !== call) return undefined;
    disk.fault = () => undefined;
    return code;
  };
}

function kindOf(call: () => void): WalErrorKind | "no error" {
  try {
    call();
  } catch (error) {
    if (error instanceof WalError) return error.kind;
    throw error;
  }
  return "no error";
}

describe("WalWriter", () => {
  test("makes folder, header and records durable before sync() returns", () => {
    const { disk, wal } = start();
    const records = group(1, 2);
    const range = wal.append(records);
    expect(range).toEqual({ from: 64, to: wal.end });
    expect(recordPosition(records[0])).toBe(64);
    expect(recordPosition(records[1])).toBe(64 + records[0].byteLength);
    expect(disk.calls).toEqual(["create", "writev", "writev"]);
    wal.sync();
    expect(disk.calls.slice(3)).toEqual(["syncFolder", "syncData"]);
    wal.append(group(3));
    wal.sync();
    expect(disk.calls.slice(5)).toEqual(["writev", "syncData"]);
    disk.losePower("all");
    expect(ids(replayAll(disk))).toEqual([1, 2, 3]);
  });

  test("gives back tenant, time and payload of every length", () => {
    const { disk, wal } = start();
    const lengths = Array.from({ length: 40 }, (_, length) => length);
    wal.append(lengths.map((n) => record("ü".repeat(n % 9), payloadOf(n, n), n + 0.25)));
    wal.close();
    const { records, replay } = replayAll(disk);
    expect(records.map((read) => read.payload)).toEqual(lengths.map((n) => payloadOf(n, n)));
    expect(records.map((read) => read.tenant)).toEqual(lengths.map((n) => "ü".repeat(n % 9)));
    expect(records.map((read) => read.receivedMs)).toEqual(lengths.map((n) => n + 0.25));
    expect(replay.stats).toMatchObject({ segments: 1, records: 40, tornBytes: 0, damages: 0 });
  });

  test("rotates without splitting a record; one over the size gets a segment of its own", () => {
    const { disk, wal } = start({ segmentBytesMax: 1024 });
    wal.append(group(1, 2, 3, 4, 5, 6, 7, 8));
    wal.append([record("", payloadOf(9, 5000))]);
    wal.append(group(10));
    wal.sync();
    const sizes = disk.list().map((name) => disk.content(name).byteLength);
    expect(sizes.length).toBe(4);
    expect(sizes.filter((size) => size > 1024).length).toBe(1);
    let next = 0;
    for (const name of disk.list()) {
      expect(name).toBe(segmentName(next));
      next += disk.content(name).byteLength;
    }
    expect(wal.bytes).toBe(disk.bytes);
    disk.losePower("all");
    expect(ids(replayAll(disk))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("writes a group of more buffers than one call takes, in short pieces", () => {
    const { disk, wal } = start();
    const random = prng(7);
    disk.shorten = (bytes) => 1 + random.below(bytes);
    const all = Array.from({ length: 1300 }, (_, id) => id);
    wal.append(group(...all));
    wal.close();
    expect(ids(replayAll(disk))).toEqual(all);
  });

  test("a full disk: kind full, cut back durably, goes on by itself", () => {
    const { disk, wal } = start();
    wal.append(group(1));
    wal.sync();
    disk.capacity = disk.bytes + 200;
    expect(kindOf(() => wal.append(group(2, 3, 4)))).toBe("full");
    expect(wal.failure?.kind).toBe("full");
    expect(wal.failure?.face.http).toBe(503);
    expect(disk.calls.slice(-2)).toEqual(["truncate", "syncData"]);
    expect(disk.bytes).toBe(wal.bytes);
    disk.capacity = Number.POSITIVE_INFINITY;
    wal.append(group(5));
    wal.sync();
    expect(wal.failure).toBe(undefined);
    disk.losePower("none");
    expect(ids(replayAll(disk))).toEqual([1, 5]);
    expect(disk.list().length).toBe(1);
  });

  test("a write that fails and a cut that fails: the file is given up", () => {
    const { disk, wal } = start();
    wal.append(group(1));
    wal.sync();
    disk.fault = (call) => (call === "writev" || call === "truncate" ? "EIO" : undefined);
    expect(kindOf(() => wal.append(group(2)))).toBe("failed");
    disk.fault = () => undefined;
    wal.append(group(3));
    wal.sync();
    expect(disk.list().length).toBe(2);
    disk.losePower("none");
    expect(ids(replayAll(disk))).toEqual([1, 3]);
  });

  test("a failed sync: never again on this file, and its records never come back", () => {
    const { disk, wal } = start();
    wal.append(group(1));
    wal.sync();
    wal.append(group(2, 3));
    failOnce(disk, "syncData", "EIO");
    expect(kindOf(() => wal.sync())).toBe("failed");
    const content = disk.content(segmentName(0)).slice();
    wal.append(group(4));
    wal.sync();
    expect(disk.content(segmentName(0))).toEqual(content); // 2 and 3 are there, and valid
    disk.kill();
    const replayed = replayAll(disk);
    expect(ids(replayed)).toEqual([1, 4]);
    expect(replayed.replay.stats.tornBytes).toBe(2 * group(2)[0].byteLength);
    expect(replayed.replay.stats.damages).toBe(0);
  });

  test("nor do they through the loss of the header that said so: each later one repeats it", () => {
    const { disk, wal } = start({ segmentBytesMax: 400 });
    wal.append(group(1));
    wal.sync();
    wal.append(group(2));
    failOnce(disk, "syncData", "EIO");
    expect(kindOf(() => wal.sync())).toBe("failed");
    for (const id of [3, 4, 5, 6, 7]) {
      wal.append(group(id));
      wal.sync();
    }
    const [, second, third, newest] = disk.list();
    for (const name of [second, third]) disk.content(name).fill(0, 0, 64);
    const replayed = replayAll(disk);
    expect(newest).toBeDefined();
    expect(replayed.replay.stats.damagedHeaders).toBe(2);
    expect(ids(replayed)).toEqual([1, 3, 4, 5, 6, 7]);
  });

  test("a failed sync before the first good one leaves no file", () => {
    const { disk, wal } = start();
    for (const call of ["syncFolder", "syncData"] as const) {
      wal.append(group(1));
      failOnce(disk, call, "EIO");
      expect(kindOf(() => wal.sync())).toBe("failed");
      expect(disk.list()).toEqual([]);
      expect(wal.bytes).toBe(0);
    }
    wal.append(group(2));
    wal.sync();
    disk.losePower("some");
    expect(ids(replayAll(disk))).toEqual([2]);
  });

  test("a group over two segments that fails in the second counts in neither", () => {
    const { disk, wal } = start({ segmentBytesMax: 1024 });
    wal.append(group(1));
    wal.sync();
    let writes = 0;
    disk.fault = (call) => (call === "writev" && ++writes === 3 ? "EIO" : undefined);
    expect(kindOf(() => wal.append(group(2, 3, 4, 5, 6, 7, 8)))).toBe("failed");
    disk.fault = () => undefined;
    wal.append(group(9));
    wal.sync();
    const first = disk.content(segmentName(0)).byteLength; // what was cut off included
    expect(first).toBeGreaterThan(64 + group(1)[0].byteLength);
    const name = disk.list()[1];
    const end = 64 + group(1)[0].byteLength;
    expect(
      readSegmentHeader(disk.content(name).slice(0, 80), segmentStart(name) ?? 0),
    ).toMatchObject({ previous: { start: 0, end }, cuts: [{ start: 0, end }] });
    disk.losePower("none");
    expect(ids(replayAll(disk))).toEqual([1, 9]);
  });

  test("a name that is taken is left alone", () => {
    const { disk, wal } = start();
    const stranger = new Uint8Array(10);
    disk.put(segmentName(0), stranger);
    expect(kindOf(() => wal.append(group(1)))).toBe("failed");
    wal.append(group(2));
    wal.sync();
    expect(disk.content(segmentName(0))).toEqual(stranger);
    expect(ids(replayAll(disk))).toEqual([2]);
  });

  test("no new segment can be created: refused, and tried anew each time", () => {
    const { disk, wal } = start();
    for (const code of ["ENOSPC", "EMFILE", "EDQUOT"]) {
      failOnce(disk, "create", code);
      expect(kindOf(() => wal.append(group(1)))).toBe(code === "EMFILE" ? "failed" : "full");
    }
    disk.capacity = 10; // the header does not fit
    expect(kindOf(() => wal.append(group(1)))).toBe("full");
    expect(disk.list()).toEqual([]);
    disk.capacity = Number.POSITIVE_INFINITY;
    wal.append(group(2));
    wal.close();
    expect(ids(replayAll(disk))).toEqual([2]);
  });

  test("files that cannot be removed do not pile up", () => {
    const { disk, wal } = start();
    disk.fault = (call) => (call === "syncData" || call === "unlink" ? "EIO" : undefined);
    for (let round = 0; round < 50; round++) {
      const attempt = () => {
        wal.append(group(1));
        wal.sync();
      };
      expect(kindOf(attempt)).toBe("failed");
    }
    expect(disk.list().length).toBe(16);
    disk.fault = () => undefined;
    wal.append(group(2));
    wal.sync();
    expect(disk.list().length).toBe(1);
    expect(wal.released.refused).toBeGreaterThan(16);
  });

  test("the bound refuses exactly, and changes nothing", () => {
    const bytes = group(1)[0].byteLength;
    const { disk, wal } = start({ bytesMax: 64 + 3 * bytes });
    wal.append(group(1, 2));
    expect(kindOf(() => wal.append(group(3, 4)))).toBe("bound");
    wal.append(group(5));
    expect(kindOf(() => wal.append(group(6)))).toBe("bound");
    wal.sync();
    expect(wal.bytes).toBe(64 + 3 * bytes);
    expect(ids(replayAll(disk))).toEqual([1, 2, 5]);
  });
});

describe("releaseThrough", () => {
  test("removes whole segments from the oldest on, and replaces the one in use", () => {
    const { disk, wal } = start({ segmentBytesMax: 1024 });
    const records = group(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
    wal.append(records);
    wal.sync();
    expect(wal.segments).toBe(3);
    const second = 64 + 6 * records[0].byteLength; // 6 records and a header fill a segment
    wal.releaseThrough(second - 8);
    expect(wal.segments).toBe(3);
    wal.releaseThrough(second);
    expect(disk.list().includes(segmentName(0))).toBe(false);
    expect(ids(replayAll(disk))).toEqual([7, 8, 9, 10, 11, 12, 13, 14]);
    wal.releaseThrough(wal.end);
    expect(wal.segments).toBe(1);
    expect(wal.bytes).toBe(64);
    expect(wal.released.segments).toBe(3);
    wal.releaseThrough(wal.end); // nothing left to replace
    expect(wal.segments).toBe(1);
  });

  test("never what is pending", () => {
    const { disk, wal } = start();
    wal.append(group(1));
    wal.sync();
    wal.append(group(2));
    wal.releaseThrough(wal.end);
    wal.sync();
    expect(ids(replayAll(disk))).toEqual([1, 2]);
  });

  test("positions go on over restarts, also of a log that was released whole", () => {
    const disk = new CrashDisk(prng(1));
    let newest = -1;
    for (let round = 0; round < 5; round++) {
      const wal = writerOf({ disk, tail: replayAll(disk).tail });
      expect(wal.append(group(round)).from).toBeGreaterThan(newest);
      wal.sync();
      newest = wal.end;
      wal.releaseThrough(wal.end);
      disk.losePower("all");
      expect(replayAll(disk).tail.nextStart).toBeGreaterThanOrEqual(newest);
    }
    const { wal } = start({ startAtLeast: 1001 });
    expect(wal.append(group(1)).from).toBe(1008 + 64);
  });

  test("a file that must not come back is gone for good before its successor", () => {
    const { disk, wal } = start({ segmentBytesMax: 1024 });
    wal.append(group(1));
    wal.sync();
    wal.append(group(2));
    failOnce(disk, "syncData", "EIO");
    expect(kindOf(() => wal.sync())).toBe("failed");
    wal.append(group(3, 4, 5, 6, 7, 8, 9, 10, 11));
    wal.sync();
    const before = disk.calls.length;
    wal.releaseThrough(wal.end - 8);
    expect(disk.calls.slice(before)).toEqual(["unlink", "syncFolder", "unlink"]);
  });

  test("never the newest that was synced, though it was given up and is covered", () => {
    const { disk, wal } = start();
    wal.append(group(1));
    wal.sync();
    wal.append(group(2));
    failOnce(disk, "syncData", "EIO");
    expect(kindOf(() => wal.sync())).toBe("failed");
    wal.releaseThrough(wal.end);
    expect(disk.list()).toEqual([segmentName(0)]);
    wal.append(group(3));
    wal.sync();
    wal.releaseThrough(wal.end);
    expect(disk.list().includes(segmentName(0))).toBe(false);
  });

  test("a replacement that fails changes nothing, and is no failure of the log", () => {
    for (const call of ["create", "writev", "syncFolder", "syncData"] as const) {
      const { disk, wal } = start();
      wal.append(group(1));
      wal.sync();
      failOnce(disk, call, "ENOSPC");
      wal.releaseThrough(wal.end);
      expect(wal.failure).toBe(undefined);
      expect(disk.list()).toEqual([segmentName(0)]);
      wal.append(group(2));
      wal.sync();
      disk.losePower("all");
      expect(ids(replayAll(disk))).toEqual([1, 2]);
    }
  });

  test("large files lose their name at once and their bytes in steps, or when it must be", () => {
    const MiB = 2 ** 20;
    const { disk, wal } = start({ segmentBytesMax: 20 * MiB, bytesMax: 45 * MiB });
    const large = record("acme", new Uint8Array(19 * MiB));
    for (let round = 0; round < 2; round++) {
      wal.append([large]);
      wal.sync();
    }
    wal.releaseThrough(wal.end);
    expect(disk.list().length).toBe(1);
    expect(disk.namelessBytes).toBeGreaterThan(38 * MiB);
    expect(wal.bytes).toBe(disk.bytes + disk.namelessBytes);
    const before = wal.bytes;
    expect(wal.freeSome()).toBe(true);
    expect(wal.bytes).toBe(before - 4 * MiB);
    expect(wal.bytes).toBe(disk.bytes + disk.namelessBytes);
    wal.append([large]);
    expect(wal.bytes).toBeGreaterThan(39 * MiB);
    expect(wal.bytes).toBeLessThanOrEqual(45 * MiB);
    while (wal.freeSome());
    expect(disk.namelessBytes).toBe(0);
    expect(wal.bytes).toBe(disk.bytes);
  });

  test("a disk that does not remove is asked again", () => {
    const { disk, wal } = start({ segmentBytesMax: 1024 });
    wal.append(group(1, 2, 3, 4, 5, 6, 7, 8));
    wal.sync();
    failOnce(disk, "unlink", "EBUSY");
    wal.releaseThrough(1100);
    expect(wal.segments).toBe(2);
    wal.releaseThrough(1100);
    expect(wal.segments).toBe(1);
  });
});
