import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { WalError } from "../../src/wal/wal-error.ts";
import { sealRecord } from "../../src/wal/wal-format.ts";
import { WalQuarantine } from "../../src/wal/wal-quarantine.ts";
import { CrashDisk } from "./crash-disk.ts";
import { payloadOf, record } from "./records.ts";

function sealed(position: number, bytes = 100): Uint8Array {
  const made = record("acme", payloadOf(position, bytes));
  sealRecord(made, position, 99);
  return made;
}

describe("WalQuarantine", () => {
  test("the first trap is noted, the second takes the record out, with a copy", () => {
    const disk = new CrashDisk(prng(1));
    const poison = sealed(4096);
    expect(new WalQuarantine(disk).noteTrap(4096, poison)).toBe(1);
    disk.losePower("all");
    const second = new WalQuarantine(disk);
    expect(second.shouldSkip(4096)).toBe(false);
    expect(second.noteTrap(4096, poison)).toBe(2);
    disk.losePower("all");
    const third = new WalQuarantine(disk);
    expect(third.shouldSkip(4096)).toBe(true);
    expect(third.shouldSkip(4104)).toBe(false);
    const copy = "0000000000001000.record";
    expect(third.entries()).toEqual([{ position: 4096, traps: 2, copy }]);
    expect(disk.content(copy)).toEqual(new Uint8Array(poison));
    expect(third.noteTrap(4096, poison)).toBe(2);
  });

  test("the copy is durable before the note that lets replay leave the record out", () => {
    for (let fail = 0; fail < 12; fail++) {
      for (const loss of ["all", "some", "none"] as const) {
        const disk = new CrashDisk(prng(fail));
        new WalQuarantine(disk).noteTrap(8, sealed(8));
        let calls = 0;
        disk.fault = () => (calls++ >= fail ? "EIO" : undefined);
        try {
          new WalQuarantine(disk).noteTrap(8, sealed(8));
        } catch (error) {
          if (!(error instanceof WalError)) throw error;
        }
        disk.fault = () => undefined;
        disk.losePower(loss);
        const after = new WalQuarantine(disk);
        if (after.shouldSkip(8)) {
          expect(disk.content("0000000000000008.record")).toEqual(new Uint8Array(sealed(8)));
        }
        expect(after.noteTrap(8, sealed(8))).toBe(2);
        expect(after.shouldSkip(8)).toBe(true);
        expect(disk.content("0000000000000008.record")).toEqual(new Uint8Array(sealed(8)));
      }
    }
  });

  test("copies are bounded; without one the record is still left out, as entries() says", () => {
    const disk = new CrashDisk(prng(1));
    const quarantine = new WalQuarantine(disk, 1000);
    for (const position of [8, 16]) {
      quarantine.noteTrap(position, sealed(position, 600));
      quarantine.noteTrap(position, sealed(position, 600));
    }
    expect(quarantine.entries().map((entry) => entry.copy)).toEqual([
      "0000000000000008.record",
      undefined,
    ]);
    expect(quarantine.shouldSkip(16)).toBe(true);
  });

  test("notes go with their segments, copies stay, strange files are left alone", () => {
    const disk = new CrashDisk(prng(1));
    disk.put("README", new Uint8Array(3));
    const quarantine = new WalQuarantine(disk);
    quarantine.noteTrap(8, sealed(8));
    quarantine.noteTrap(16, sealed(16));
    quarantine.noteTrap(16, sealed(16));
    quarantine.noteTrap(24, sealed(24));
    quarantine.forgetBelow(24);
    const left = ["0000000000000010.record", "0000000000000018.1.trap", "README"];
    expect(disk.list().sort()).toEqual(left);
    expect(new WalQuarantine(disk).entries()).toEqual(quarantine.entries());
  });
});
