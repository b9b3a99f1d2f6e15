/**
 * Keeps a record that traps the kernel from ending the process again and again.
 *
 *   1st trap   0000000000012340.1.trap    an empty file: its name is the note
 *   2nd trap   0000000000012340.record    a copy of the record, whole, as it lies in the log
 *              0000000000012340.2.trap    from here on replay leaves the record out
 *
 * The note is durable before the process ends, so it is there when replay meets the record. The
 * copy is durable before the second note: a record is left out only when it is safe elsewhere (or
 * when the copies have reached their bound, which entries() tells). Copies stay until someone
 * removes them.
 *
 * The folder is one of its own, not the log's.
 */
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import { errorCode, walError } from "./wal-error.ts";
import { type WalDisk, writeFully } from "./wal-file.ts";
import { recordPosition } from "./wal-format.ts";

/** One trap may be a bit that flipped in memory; two are the record. */
const TRAPS_MAX = 2;

/** Room for a few of the largest records. A client that traps the kernel must not fill a disk. */
export const QUARANTINE_BYTES_MAX = 256 * MiB;

const NAME = /^([0-9a-f]{16})\.(?:([12])\.trap|record)$/;

export interface QuarantineEntry {
  readonly position: number;
  readonly traps: number;
  /** File name of the copy; undefined when there is none (yet). */
  readonly copy: string | undefined;
}

interface Entry {
  traps: number;
  copyBytes: number | undefined;
}

export class WalQuarantine {
  readonly #disk: WalDisk;
  readonly #bytesMax: number;
  readonly #entries = new Map<number, Entry>();

  /** Reads the folder's names; throws WalError. */
  constructor(disk: WalDisk, bytesMax = QUARANTINE_BYTES_MAX) {
    this.#disk = disk;
    this.#bytesMax = bytesMax;
    try {
      for (const name of disk.list()) this.#load(name);
    } catch (error) {
      throw walError(error);
    }
  }

  /** True when replay must leave the record at this position out. */
  shouldSkip(position: number): boolean {
    return (this.#entries.get(position)?.traps ?? 0) >= TRAPS_MAX;
  }

  /**
   * Notes, durably, that the record trapped, and returns how often it has. `record` is all of it,
   * sealed. Throws WalError when the disk refuses; the count is then as before.
   */
  noteTrap(position: number, record: Uint8Array): number {
    assert(recordPosition(record) === position, "wal: trap noted for another record");
    const entry = this.#entries.get(position) ?? { traps: 0, copyBytes: undefined };
    if (entry.traps >= TRAPS_MAX) return entry.traps;
    const traps = entry.traps + 1;
    try {
      if (traps === TRAPS_MAX) entry.copyBytes = this.#copy(position, record, entry);
      this.#write(`${hex(position)}.${traps}.trap`, []);
    } catch (error) {
      throw walError(error);
    }
    entry.traps = traps;
    this.#entries.set(position, entry);
    return traps;
  }

  /** By position. */
  entries(): QuarantineEntry[] {
    return [...this.#entries]
      .map(([position, { traps, copyBytes }]) => {
        const copy = copyBytes === undefined ? undefined : copyName(position);
        return { position, traps, copy };
      })
      .sort((a, b) => a.position - b.position);
  }

  /** Removes the notes, not the copies, of records that replay can no longer meet. */
  forgetBelow(position: number): void {
    for (const [at, entry] of this.#entries) {
      if (at >= position) continue;
      for (let traps = entry.traps; traps > 0; traps--) this.#remove(`${hex(at)}.${traps}.trap`);
      if (entry.copyBytes === undefined) this.#entries.delete(at);
      else entry.traps = 0;
    }
  }

  #load(name: string): void {
    const [, digits, traps] = NAME.exec(name) ?? [];
    if (digits === undefined) return;
    const position = Number.parseInt(digits, 16);
    const entry = this.#entries.get(position) ?? { traps: 0, copyBytes: undefined };
    if (traps !== undefined) entry.traps = Math.max(entry.traps, Number(traps));
    else entry.copyBytes = this.#sizeOf(name);
    this.#entries.set(position, entry);
  }

  #sizeOf(name: string): number {
    const file = this.#disk.open(name, "read");
    try {
      return file.size();
    } finally {
      file.close();
    }
  }

  /** Bytes of the copy, or undefined when there is no room for it. */
  #copy(position: number, record: Uint8Array, entry: Entry): number | undefined {
    if (entry.copyBytes !== undefined) this.#remove(copyName(position)); // of a note that failed
    let bytes = record.byteLength;
    for (const [at, other] of this.#entries) if (at !== position) bytes += other.copyBytes ?? 0;
    if (bytes > this.#bytesMax) return undefined;
    this.#write(copyName(position), [record]);
    return record.byteLength;
  }

  /** A whole file, or none, unless the process dies in between. */
  #write(name: string, content: readonly Uint8Array[]): void {
    const file = this.#disk.create(name);
    try {
      writeFully(file, content, 0);
      file.syncData();
      this.#disk.syncFolder();
    } catch (error) {
      this.#remove(name);
      throw error;
    } finally {
      file.close();
    }
  }

  #remove(name: string): void {
    try {
      this.#disk.unlink(name);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
    }
  }
}

function copyName(position: number): string {
  return `${hex(position)}.record`;
}

function hex(position: number): string {
  return position.toString(16).padStart(16, "0");
}
