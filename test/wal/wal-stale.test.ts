/**
 * What a file held before it became a segment, when a sender chose it: payloads full of records
 * that are forged for the very place in which they will lie.
 *
 * The forger knows the file's next position (a first run with the same sizes tells it), but not
 * its salt, so each of his records carries another one.
 */
import { describe, expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import {
  payloadOffset,
  recordPosition,
  sealRecord,
  segmentStart,
} from "../../src/wal/wal-format.ts";
import { EMPTY_TAIL } from "../../src/wal/wal-replay.ts";
import type { WalWriter } from "../../src/wal/wal-writer.ts";
import { CrashDisk, type Loss } from "./crash-disk.ts";
import { idOf, payloadOf, record, replayAll, writerOf } from "./records.ts";

const EVIL = "evil";
const OLD_RECORDS = 6;
const NEW_RECORDS = 8;

interface Run {
  readonly disk: CrashDisk;
  readonly wal: WalWriter;
  /** Start of the segment that each old record lies in, and of the one that inherits the file. */
  readonly places: { readonly start: number; readonly position: number }[];
}

function open(seed: number): { disk: CrashDisk; wal: WalWriter; random: Prng } {
  const random = prng(seed);
  const disk = new CrashDisk(prng(seed + 1));
  const salts = prng(seed + 2);
  const limits = { segmentBytesMax: 2048, sparesMax: 2, random: () => salts.below(2 ** 32) };
  return { disk, wal: writerOf({ disk, tail: EMPTY_TAIL, ...limits }), random };
}

/** Segments full of what the sender wants; nothing is released yet. */
function fill(seed: number, payload: (at: number, bytes: number) => Uint8Array): Run {
  const { disk, wal, random } = open(seed);
  const places = [];
  for (let at = 0; at < OLD_RECORDS; at++) {
    const bytes = record("sender", payload(at, 480 + 8 * random.below(60)));
    wal.append([bytes]);
    wal.sync();
    const position = recordPosition(bytes);
    const starts = disk.list().map((name) => segmentStart(name) ?? -1);
    places.push({ position, start: Math.max(...starts.filter((start) => start < position)) });
  }
  return { disk, wal, places };
}

/** Releases what there is and writes on; `acked` is called with each id that was promised. */
function goOn({ wal }: Run, seed: number, acked: (id: number) => void): void {
  const random = prng(seed + 3);
  wal.releaseThrough(wal.end - 1);
  for (let id = 1; id <= NEW_RECORDS; id++) {
    wal.append([record("tenant", payloadOf(id, random.below(900)))]);
    wal.sync();
    acked(id);
    if (id % 4 === 0) wal.releaseThrough(wal.end);
  }
}

/** A payload in which every 48th byte begins a record that lies where it says. */
function forged(position: number, bytes: number, random: Prng): Uint8Array {
  const payload = new Uint8Array(bytes);
  for (let at = 0; at + 48 <= bytes; at += 48) {
    const one = record(EVIL, new Uint8Array(0));
    sealRecord(one, position + at, 1 + random.below(2 ** 32 - 1));
    payload.set(one, at);
  }
  return payload;
}

/** Which new segment begins in the file of which old one, in a run without a crash. */
function heirs(seed: number): Map<number, number> {
  const run = fill(seed, (_, bytes) => new Uint8Array(bytes));
  const olds = new Map(run.disk.list().map((name) => [run.disk.identity(name), name]));
  const found = new Map<number, number>();
  goOn(run, seed, () => {
    for (const name of run.disk.list()) {
      const old = segmentStart(olds.get(run.disk.identity(name)) ?? "");
      const start = segmentStart(name);
      if (old !== undefined && start !== undefined && start !== old && !found.has(old)) {
        found.set(old, start);
      }
    }
  });
  return found;
}

/** The first run, with every old record's payload forged for the heir of its file. */
function evilRun(seed: number): Run {
  const heir = heirs(seed);
  expect(heir.size).toBeGreaterThan(0);
  const { places } = fill(seed, (_, bytes) => new Uint8Array(bytes));
  const random = prng(seed + 4);
  return fill(seed, (at, bytes) => {
    const { start, position } = places[at];
    const offset = position - start + payloadOffset("sender".length);
    return forged((heir.get(start) ?? 0) + offset, bytes, random);
  });
}

class Crash extends Error {}

describe("records forged for the place where they lie", () => {
  test.each(Array.from({ length: 8 }, (_, index) => 1000 * (index + 1)))(
    "seed %d: none comes back, whenever the power fails",
    (seed) => {
      for (let calls = 0, ended = false; !ended; calls++) {
        for (const loss of ["none", "suffix", "some", "all"] as Loss[]) {
          const run = evilRun(seed);
          let left = calls;
          run.disk.fault = () => {
            if (left-- === 0) throw new Crash();
            return undefined;
          };
          const acked: number[] = [];
          try {
            goOn(run, seed, (id) => acked.push(id));
            ended = true;
          } catch (error) {
            if (!(error instanceof Crash)) throw error;
          }
          run.disk.fault = () => undefined;
          run.disk.losePower(loss);
          const { records, replay } = replayAll(run.disk);
          expect(records.filter(({ tenant }) => tenant === EVIL)).toEqual([]);
          // Of what was not synced any part may be missing, of a fresh file its header too.
          const sound = { damagedHeaders: 0, damages: 0, gaps: 0 };
          if (loss !== "some") expect(replay.stats).toMatchObject(sound);
          const back = records.filter(({ tenant }) => tenant === "tenant");
          const newest = back.map(({ payload }) => idOf(payload));
          const released = acked.length - (acked.length % 4);
          expect(newest.filter((id) => id > released).slice(0, acked.length - released)).toEqual(
            acked.slice(released),
          );
        }
      }
    },
  );

  test("do not come back in a segment whose header is damaged later", () => {
    const run = evilRun(1000);
    const acked: number[] = [];
    goOn(run, 1000, (id) => acked.push(id));
    wreckHeaders(run.disk);
    const { records } = replayAll(run.disk);
    expect(records.filter(({ tenant }) => tenant === EVIL)).toEqual([]);
  });
});

function wreckHeaders(disk: CrashDisk): void {
  for (const name of disk.list()) {
    if (name.endsWith(".wal")) disk.content(name).fill(0xee, 8, 32);
  }
}
