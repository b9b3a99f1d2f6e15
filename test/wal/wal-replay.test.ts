import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { WalError } from "../../src/wal/wal-error.ts";
import {
  recordPosition,
  sealRecord,
  segmentName,
  segmentStart,
  writeSegmentHeader,
} from "../../src/wal/wal-format.ts";
import { EMPTY_TAIL } from "../../src/wal/wal-replay.ts";
import { CrashDisk } from "./crash-disk.ts";
import {
  clock,
  idOf,
  ids,
  payloadOf,
  type Replayed,
  record,
  replayAll,
  writerOf,
} from "./records.ts";

interface Known {
  readonly id: number;
  readonly position: number;
  readonly end: number;
}

/** A log of `groups` groups of three records, and what lies in it. */
function log(groups: number, segmentBytesMax = 2 ** 20): { disk: CrashDisk; known: Known[] } {
  const disk = new CrashDisk(prng(groups));
  const wal = writerOf({ disk, tail: EMPTY_TAIL, segmentBytesMax });
  const known: Known[] = [];
  for (let at = 0; at < groups; at++) {
    const records = [0, 1, 2].map((n) => record("acme", payloadOf(at * 3 + n, 7 + at * 11 + n)));
    wal.append(records);
    wal.sync();
    for (const [n, bytes] of records.entries()) {
      const position = recordPosition(bytes);
      known.push({ id: at * 3 + n, position, end: position + bytes.byteLength });
    }
  }
  wal.close();
  return { disk, known };
}

/** The same files, some changed, on another disk. */
function copy(
  disk: CrashDisk,
  change: (name: string, bytes: Uint8Array) => Uint8Array | undefined,
) {
  const other = new CrashDisk(prng(1));
  for (const name of disk.list()) {
    const bytes = change(name, disk.content(name).slice());
    if (bytes) other.put(name, bytes);
  }
  return other;
}

function damaged(replayed: Replayed): boolean {
  const { damages, tornBytes, damagedHeaders, gaps } = replayed.replay.stats;
  return damages + tornBytes + damagedHeaders + gaps > 0;
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe("a torn log", () => {
  test("cut at every byte: exactly the records before, and the rest is cut off", () => {
    const { disk, known } = log(8);
    const name = segmentName(0);
    const size = disk.content(name).byteLength;
    for (let cut = 0; cut <= size; cut++) {
      const torn = copy(disk, (_, bytes) => bytes.subarray(0, cut));
      const whole = known.filter((one) => one.end <= cut);
      const replayed = replayAll(torn);
      expect(ids(replayed)).toEqual(whole.map((one) => one.id));
      const goodEnd = whole.at(-1)?.end ?? 64;
      expect(replayed.replay.stats.tornBytes).toBe(cut < 64 ? cut : cut - goodEnd);
      expect(replayed.replay.stats.damages).toBe(0);
      if (cut >= 64) expect(torn.content(name).byteLength).toBe(goodEnd);
      const again = replayAll(torn);
      expect(ids(again)).toEqual(whole.map((one) => one.id));
      if (cut >= 64) expect(damaged(again)).toBe(false);
    }
  });

  test("cut at every byte of several segments: goes on behind it, and loses nothing after", () => {
    const { disk, known } = log(6, 512);
    const names = disk.list();
    expect(names.length).toBeGreaterThan(2);
    for (const [index, last] of names.entries()) {
      const start = segmentStart(last) ?? 0;
      for (let cut = 0; cut <= disk.content(last).byteLength; cut += 3) {
        const torn = copy(disk, (name, bytes) => {
          const at = names.indexOf(name);
          return at > index ? undefined : at === index ? bytes.subarray(0, cut) : bytes;
        });
        const before = known.filter((one) => one.end <= start + cut).map((one) => one.id);
        const replayed = replayAll(torn);
        expect(ids(replayed)).toEqual(before);
        const wal = writerOf({ disk: torn, tail: replayed.tail });
        wal.append([record("acme", payloadOf(99, 10))]);
        wal.close();
        torn.losePower("all");
        const again = replayAll(torn);
        expect(ids(again)).toEqual([...before, 99]);
        expect(again.replay.stats.damages).toBe(0);
      }
    }
  });

  test("the end that the next segment states counts, whatever valid bytes follow it", () => {
    const { disk } = log(2);
    const bytes = disk.content(segmentName(0)).slice();
    const first = record("acme", payloadOf(0, 7)).byteLength;
    const previous = { start: 0, end: 64 + first, salt: 0 };
    const header = { start: 4096, salt: 77, inherited: 0, createdMs: 0, previous, cuts: [] };
    const other = new CrashDisk(prng(1));
    other.put(segmentName(0), bytes);
    other.put(segmentName(4096), writeSegmentHeader(header));
    const replayed = replayAll(other);
    expect(ids(replayed)).toEqual([0]);
    expect(replayed.replay.stats.tornBytes).toBe(bytes.byteLength - 64 - first);
    expect(replayed.tail.segments[0]).toMatchObject({ goodEnd: 64 + first, dirty: true });
  });
});

describe("a damaged log", () => {
  test("every bit: noticed, and only the record it lies in is lost", () => {
    const { disk, known } = log(4, 400);
    const names = disk.list();
    expect(names.length).toBeGreaterThan(1);
    for (const flipped of names) {
      const start = segmentStart(flipped) ?? 0;
      for (let bit = 0; bit < disk.content(flipped).byteLength * 8; bit++) {
        const broken = copy(disk, (name, bytes) => {
          if (name === flipped) bytes[bit >>> 3] ^= 1 << (bit & 7);
          return bytes;
        });
        const at = start + (bit >>> 3);
        const hit = known.find((one) => one.position <= at && at < one.end);
        const replayed = replayAll(broken);
        expect(ids(replayed)).toEqual(known.filter((one) => one !== hit).map((one) => one.id));
        expect(damaged(replayed)).toBe(true);
        if (hit && hit !== known.at(-1)) {
          const lost = { position: hit.position, bytes: hit.end - hit.position };
          expect(replayed.replay.damages).toEqual([lost]);
        }
      }
    }
  });

  test.each([1, 2, 3, 4])("holes of any size, seed %d: what is whole comes back", (seed) => {
    const random = prng(seed);
    const { disk, known } = log(8, 900);
    for (let round = 0; round < 300; round++) {
      const holes: { from: number; to: number }[] = [];
      const broken = copy(disk, (name, bytes) => {
        const start = segmentStart(name) ?? 0;
        const from = 64 + random.below(bytes.byteLength - 64);
        const to = Math.min(bytes.byteLength, from + 1 + random.below(400));
        bytes.set(
          random.below(2) === 0 ? random.bytes(to - from) : new Uint8Array(to - from),
          from,
        );
        holes.push({ from: start + from, to: start + to });
        return bytes;
      });
      const whole = known.filter((one) =>
        holes.every((hole) => one.end <= hole.from || hole.to <= one.position),
      );
      const found = ids(replayAll(broken));
      expect(found.filter((id) => whole.some((one) => one.id === id))).toEqual(
        whole.map((one) => one.id),
      );
    }
  });

  test("a missing segment is reported, the others are read", () => {
    const { disk, known } = log(6, 512);
    const names = disk.list();
    const gone = names[1];
    const from = segmentStart(gone) ?? 0;
    const to = segmentStart(names[2]) ?? 0;
    const replayed = replayAll(copy(disk, (name, bytes) => (name === gone ? undefined : bytes)));
    expect(replayed.replay.gaps).toEqual([{ from, to }]);
    const left = known.filter((one) => one.end <= from || one.position >= to);
    expect(ids(replayed)).toEqual(left.map((one) => one.id));
    const released = replayAll(copy(disk, (name, bytes) => (name < names[2] ? undefined : bytes)));
    expect(released.replay.gaps).toEqual([]);
  });

  test("a segment shorter than its successor says is damage, not a torn tail", () => {
    const { disk } = log(6, 512);
    const short = disk.list()[0];
    const broken = copy(disk, (name, bytes) => (name === short ? bytes.subarray(0, -50) : bytes));
    const { stats } = replayAll(broken).replay;
    expect(stats.tornBytes).toBe(0);
    expect(stats.damages).toBe(1);
    expect(stats.damagedBytes).toBeGreaterThanOrEqual(50);
  });

  test.each([
    { name: "in the middle", from: 8192, to: 12288 },
    { name: "in the header", from: 0, to: 4096 },
    { name: "at the end", from: 40_000, to: 99_999 },
  ])("sectors that cannot be read $name cost the records in them, and cut nothing", (bad) => {
    const disk = new CrashDisk(prng(3));
    const wal = writerOf({ disk, tail: EMPTY_TAIL });
    const made = Array.from({ length: 40 }, (_, id) => record("acme", payloadOf(id, 1000)));
    wal.append(made);
    wal.close();
    const size = disk.content(segmentName(0)).byteLength;
    const open = disk.open.bind(disk);
    disk.open = (name, mode) => {
      const file = open(name, mode);
      return {
        ...file,
        read: (into, at) => {
          if (at < bad.to && at + into.byteLength > bad.from) throw failure("EIO");
          return file.read(into, at);
        },
      };
    };
    const whole = made.filter((one) => {
      const position = recordPosition(one);
      // a read starts on any multiple of 8, so a piece of 4 KiB may reach into the bad ones
      return position + one.byteLength + 4096 <= bad.from || position >= bad.to + 4096;
    });
    const found = ids(replayAll(disk));
    expect(whole.length).toBeGreaterThan(20);
    for (const one of whole) expect(found).toContain(made.indexOf(one));
    expect(found.length).toBeLessThan(40);
    expect(disk.content(segmentName(0)).byteLength).toBe(size);
  });
});

describe("forgery", () => {
  /** A log of one outer record whose payload holds a record that fits its place. */
  function forged(salt: number): CrashDisk {
    const disk = new CrashDisk(prng(1));
    const wal = writerOf({ disk, tail: EMPTY_TAIL, random: () => 0xcafe });
    const inner = record("acme", payloadOf(666, 20));
    sealRecord(inner, 64 + 48 + 8, salt);
    const payload = new Uint8Array(8 + inner.byteLength);
    payload.set(inner, 8);
    wal.append([record("acme", payload), record("acme", payloadOf(2, 20))]);
    wal.close();
    return disk;
  }

  test("a record inside a payload is not one, also when the outer one is damaged", () => {
    const disk = forged(0xbeef);
    expect(replayAll(disk).records.length).toBe(2);
    disk.content(segmentName(0))[64 + 16] ^= 1;
    expect(ids(replayAll(disk))).toEqual([2]);
    const known = forged(0xcafe); // the test can find it: only the salt protects
    known.content(segmentName(0))[64 + 16] ^= 1;
    expect(ids(replayAll(known))).toEqual([666, 2]);
  });

  test("nor when the segment's header is gone too: the next segment knows the salt", () => {
    const disk = forged(0xbeef);
    const wal = writerOf({ disk, tail: replayAll(disk).tail });
    wal.append([record("acme", payloadOf(3, 20))]);
    wal.close();
    const bytes = disk.content(segmentName(0));
    bytes[64 + 16] ^= 1;
    bytes[16] ^= 1;
    const replayed = replayAll(disk);
    expect(ids(replayed)).toEqual([2, 3]);
    expect(replayed.replay.stats.damagedHeaders).toBe(1);
  });
});

describe("replay", () => {
  test("covered records are left out, and their segments known as not needed", () => {
    const { disk, known } = log(6, 512);
    const middle = known[9].position;
    const tenants = new Set<string>();
    const replayed = replayAll(disk, (position, tenant) => {
      tenants.add(new TextDecoder().decode(tenant));
      return position < middle;
    });
    expect([...tenants]).toEqual(["acme"]);
    expect(ids(replayed)).toEqual(known.slice(9).map((one) => one.id));
    expect(replayed.replay.stats.coveredRecords).toBe(9);
    expect(replayed.tail.firstNeeded).toBe(middle);
    for (const segment of replayed.tail.segments) {
      expect(segment.needed).toBe(segment.goodEnd > middle);
    }
    const wal = writerOf({ disk, tail: replayed.tail });
    wal.releaseThrough(replayed.tail.firstNeeded);
    const { records } = replayAll(disk, (position) => position < middle);
    expect(records.map((read) => idOf(read.payload))).toEqual(ids(replayed));
    expect(wal.segments).toBe(replayed.tail.segments.filter((segment) => segment.needed).length);
  });

  test("what was shown stays: it is durable when replay ends", () => {
    const disk = new CrashDisk(prng(1));
    writerOf({ disk, tail: EMPTY_TAIL }).append([record("acme", payloadOf(1, 10))]);
    disk.kill();
    expect(ids(replayAll(disk))).toEqual([1]);
    disk.losePower("all");
    expect(ids(replayAll(disk))).toEqual([1]);
  });

  test("covered records are left out of a segment whose header is damaged, too", () => {
    const { disk, known } = log(2);
    disk.content(segmentName(0))[16] ^= 1;
    const replayed = replayAll(disk, (position) => position < known[2].position);
    expect(ids(replayed)).toEqual([2, 3, 4, 5]);
    expect(replayed.replay.stats.coveredRecords).toBe(2);
  });

  test("a segment under another's name holds nothing that fits its place", () => {
    const { disk } = log(2);
    const other = new CrashDisk(prng(1));
    other.put(segmentName(8), disk.content(segmentName(0)));
    other.put(segmentName(80_000), disk.content(segmentName(0)));
    const replayed = replayAll(other);
    expect(replayed.records).toEqual([]);
    expect(replayed.tail.last).toBe(undefined);
    expect(replayed.tail.nextStart).toBeGreaterThan(80_000);
  });

  test("foreign files are counted and left alone", () => {
    const { disk, known } = log(2);
    const strange = [
      "LOCK",
      "0.wal",
      "00000000000000FF.wal",
      "0000000000000001.wal",
      "x".repeat(99),
    ];
    for (const name of strange) disk.put(name, new Uint8Array(100));
    const replayed = replayAll(disk);
    expect(replayed.replay.stats.foreignFiles).toBe(strange.length);
    expect(ids(replayed)).toEqual(known.map((one) => one.id));
    for (const name of strange) expect(disk.content(name).byteLength).toBe(100);
  });

  test("reads a log through any window that holds its largest record", () => {
    const { disk, known } = log(40, 30_000);
    expect(disk.bytes).toBeGreaterThan(25_000);
    for (const bytes of [4096, 4104, 5000, 65536]) {
      const memory = new SharedArrayBuffer(bytes + 8);
      const window = new Uint8Array(memory, 8, bytes);
      const replayed = replayAll(disk, () => false, window);
      expect(ids(replayed)).toEqual(known.map((one) => one.id));
      for (const read of replayed.records) {
        expect(read.payload).toEqual(payloadOf(idOf(read.payload), read.payload.byteLength - 4));
      }
    }
  });

  test("says so when a record does not fit the window, rather than losing it", () => {
    const disk = new CrashDisk(prng(1));
    const wal = writerOf({ disk, tail: EMPTY_TAIL });
    wal.append([record("acme", payloadOf(1, 5000))]);
    wal.close();
    expect(() => replayAll(disk, () => false, new Uint8Array(4096))).toThrow(/is over the 4096/);
  });

  test("refuses a segment of a version that it does not know", () => {
    const { disk } = log(1);
    const header = disk.content(segmentName(0)).subarray(0, 64);
    const view = new DataView(header.buffer);
    view.setUint16(4, 2, true);
    view.setUint32(60, Bun.hash.crc32(header.subarray(0, 60)), true);
    expect(() => replayAll(disk)).toThrow(/version 2/);
  });

  test("a disk that does not let the tail be cut: replayed the same way again", () => {
    const { disk, known } = log(3);
    const torn = copy(disk, (_, bytes) => bytes.subarray(0, -9));
    torn.fault = (call) => (call === "truncate" ? "EROFS" : undefined);
    const expected = known.slice(0, -1).map((one) => one.id);
    const { tail } = replayAll(torn);
    expect(tail.segments[0].dirty).toBe(true);
    expect(ids(replayAll(torn))).toEqual(expected);
    const wal = writerOf({ disk: torn, tail });
    expect(wal.append([record("acme", payloadOf(50, 1))]).from).toBeGreaterThan(tail.nextStart);
    wal.sync();
    expect(ids(replayAll(torn))).toEqual([...expected, 50]);
  });
});

describe("hostile bytes", () => {
  test.each([1, 2, 3, 4, 5, 6])("random files, seed %d", (seed) => {
    const random = prng(seed);
    for (let round = 0; round < 60; round++) {
      const disk = new CrashDisk(random);
      for (let file = random.below(4); file >= 0; file--) {
        const bytes = random.bytes(random.below(3000));
        for (let at = 0; at + 64 <= bytes.byteLength; at += 8) {
          if (random.below(3) === 0) bytes.set([0x56, 0x9f, 0x52, 0xc3], at); // a record's magic
        }
        disk.put(segmentName(random.below(1000) * 8), bytes);
      }
      const replayed = replayAll(disk);
      expect(replayed.records).toEqual([]);
      const wal = writerOf({ disk, tail: replayed.tail });
      wal.append([record("acme", payloadOf(1, 10))]);
      wal.sync();
      expect(ids(replayAll(disk))).toEqual([1]);
    }
  });

  test.each([1, 2, 3, 4, 5, 6])("a log that was cut up and sewn together, seed %d", (seed) => {
    const random = prng(seed);
    const { disk, known } = log(6, 600);
    const all = new Map(known.map((one) => [one.position, one.id]));
    for (let round = 0; round < 200; round++) {
      const broken = copy(disk, (_, bytes) => {
        for (let cuts = random.below(4); cuts > 0; cuts--) {
          const from = random.below(bytes.byteLength);
          const to = random.below(bytes.byteLength);
          const length = random.below(200);
          if (random.below(2) === 0) bytes.copyWithin(to, from, from + length);
          else bytes[from] = random.below(256);
        }
        return random.below(20) === 0 ? undefined : bytes;
      });
      for (const read of replayAll(broken).records) {
        const id = idOf(read.payload);
        expect(all.get(read.position)).toBe(id);
        expect(read.payload).toEqual(payloadOf(id, read.payload.byteLength - 4));
      }
    }
  });
});

test("an error of the disk is a WalError with its cause", () => {
  const disk = new CrashDisk(prng(1));
  disk.put(
    segmentName(0),
    writeSegmentHeader({
      start: 0,
      salt: 1,
      inherited: 0,
      createdMs: clock.nowMs(),
      previous: undefined,
      cuts: [],
    }),
  );
  disk.fault = (call) => (call === "open" ? "EACCES" : undefined);
  expect(() => replayAll(disk)).toThrow(WalError);
});
