/** A flipped bit in what counts of the log is found, and named by its segment. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { Finding } from "../../src/inspect/finding.ts";
import { type VerifiedLog, verifyLog } from "../../src/inspect/verify-log.ts";
import { walFolder } from "../../src/wal/wal-file.ts";
import { EMPTY_TAIL } from "../../src/wal/wal-replay.ts";
import { payloadOf, record, writerOf } from "../wal/records.ts";

const RECORDS = 20;
const FLIPS = 300;

const path = mkdtempSync(join(tmpdir(), "vivace-log-"));
afterAll(() => rmSync(path, { recursive: true }));

function verified(isInUse = false): { found: Finding[]; log: VerifiedLog } {
  const found: Finding[] = [];
  const findings = { add: (one: Finding) => found.push(one) };
  const log = verifyLog({ path, isInUse, findings, onBytes: () => {} });
  return { found, log };
}

/** What verify finds with that bit of a segment the other way round. */
function flipped(name: string, bit: number, isInUse = false): Finding[] {
  const whole = readFileSync(join(path, name));
  const damaged = Uint8Array.from(whole);
  damaged[bit >>> 3] ^= 1 << (bit & 7);
  writeFileSync(join(path, name), damaged);
  try {
    return verified(isInUse).found;
  } finally {
    writeFileSync(join(path, name), whole);
  }
}

describe("verify of a log", () => {
  let names: string[] = [];

  beforeAll(() => {
    const random = prng(4);
    const disk = walFolder(path);
    const wal = writerOf({ disk, tail: EMPTY_TAIL, segmentBytesMax: 4096 });
    for (let id = 1; id <= RECORDS; id++) {
      wal.append([record("tenant", payloadOf(id, 300 + random.below(500)))]);
      wal.sync();
    }
    wal.close();
    names = readdirSync(path).sort();
    expect(names.length).toBeGreaterThan(2);
  });

  test("finds nothing in a whole one, and changes nothing", () => {
    const before = names.map((name) => readFileSync(join(path, name)));
    expect(verified()).toEqual({ found: [], log: { segments: names.length, records: RECORDS } });
    expect(readdirSync(path).sort()).toEqual(names);
    expect(names.map((name) => readFileSync(join(path, name)))).toEqual(before);
  });

  test("finds each flipped bit of records, seed 5", () => {
    const random = prng(5);
    for (let i = 0; i < FLIPS; i++) {
      const name = names[random.below(names.length)];
      const bit = 64 * 8 + random.below((statSync(join(path, name)).size - 64) * 8);
      const found = flipped(name, bit);
      expect([name, bit, found.map(({ object }) => object)]).toEqual([
        ...[name, bit, [join(path, name)]],
      ]);
    }
  });

  test("finds each flipped bit of headers", () => {
    for (const name of names) {
      for (let bit = 0; bit < 64 * 8; bit += 3) {
        const [first] = flipped(name, bit);
        expect([name, bit, first?.object.startsWith(path)]).toEqual([name, bit, true]);
        expect(`${first.object} ${first.reason}`).toContain(name);
      }
    }
  });

  test("does not judge the end while a server writes, and the rest it does", () => {
    const [oldest] = names;
    const newest = names[names.length - 1];
    const end = statSync(join(path, newest)).size;
    expect(flipped(newest, (end - 9) * 8).length).toBe(1);
    expect(flipped(newest, (end - 9) * 8, true)).toEqual([]);
    expect(flipped(oldest, 200 * 8, true).length).toBe(1);
  });

  test("says which segment is missing", () => {
    const whole = readFileSync(join(path, names[1]));
    rmSync(join(path, names[1]));
    const { found } = verified();
    writeFileSync(join(path, names[1]), whole);
    expect(found.map(({ reason }) => reason)).toEqual([expect.stringMatching(/is missing/)]);
  });

  test("of a folder that is not there is of nothing", () => {
    const findings = { add: () => expect.unreachable() };
    const none = { path: join(path, "none"), isInUse: false, findings, onBytes: () => {} };
    expect(verifyLog(none)).toEqual({ segments: 0, records: 0 });
  });
});
