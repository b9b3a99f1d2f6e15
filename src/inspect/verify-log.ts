/**
 * The log in a folder, every record of it: headers and checksums, as replay reads them, but nothing
 * is written, cut or locked. Beside a running server the end of the newest segment is not judged:
 * it is being written, and released segments may be gone.
 */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { alignUp, KiB, MiB } from "../base/bytes.ts";
import { errorCode, WalError } from "../wal/wal-error.ts";
import type { WalDisk, WalFile } from "../wal/wal-file.ts";
import { segmentHeaderBytes } from "../wal/wal-format.ts";
import { SegmentReader } from "../wal/wal-reader.ts";
import {
  type ChainPlace,
  listSegments,
  resolveChain,
  type SegmentFile,
} from "../wal/wal-segments.ts";
import type { Findings } from "./finding.ts";

/** The largest record, and a header. */
const WINDOW_BYTES_MAX = 65 * MiB;
const WINDOW_BYTES_MIN = 64 * KiB;

export interface LogWork {
  readonly path: string;
  /** A server writes to it. */
  readonly isInUse: boolean;
  readonly findings: Findings;
  readonly onBytes: (bytes: number) => void;
}

/** Segments, and records that were good. */
export interface VerifiedLog {
  readonly segments: number;
  readonly records: number;
}

export function verifyLog(work: LogWork): VerifiedLog {
  if (!existsSync(work.path)) return { segments: 0, records: 0 };
  return new LogCheck(work).run();
}

/** Bytes of its segments. */
export function logBytes(path: string): number {
  if (!existsSync(path)) return 0;
  const disk = readOnly(path);
  try {
    return listSegments(disk).files.reduce((sum, { bytes }) => sum + bytes, 0);
  } catch (error) {
    if (error instanceof WalError) return 0;
    throw error;
  }
}

class LogCheck {
  readonly #work: LogWork;
  readonly #disk: WalDisk;
  #window = new Uint8Array(0);
  #records = 0;

  constructor(work: LogWork) {
    this.#work = work;
    this.#disk = readOnly(work.path);
  }

  run(): VerifiedLog {
    let files: readonly SegmentFile[];
    try {
      files = listSegments(this.#disk).files;
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.#tell("", error.message);
      return { segments: 0, records: 0 };
    }
    // No record is larger than its file.
    const most = Math.max(WINDOW_BYTES_MIN, ...files.map(({ bytes }) => alignUp(bytes, 8)));
    this.#window = new Uint8Array(Math.min(most, WINDOW_BYTES_MAX));
    for (const { name, header, bytes } of files) {
      // One that is just being made has none yet.
      if (header === undefined && (bytes > 0 || !this.#work.isInUse)) {
        this.#tell(name, "segment header is damaged, or was never finished");
      }
    }
    const { places, gaps } = resolveChain(files, (file) => this.#hasRecords(file));
    for (const { from, to } of gaps) {
      if (!this.#work.isInUse) this.#tell("", `segment of positions ${from} to ${to} is missing`);
    }
    for (const [index, place] of places.entries()) {
      if (place.counts) this.#segment(place, places.at(index + 1));
      this.#work.onBytes(place.file.bytes);
    }
    return { segments: files.length, records: this.#records };
  }

  #hasRecords(file: SegmentFile): boolean {
    const end = file.bytes;
    const reader = this.#read(file, { first: segmentHeaderBytes(0), limit: end, salt: undefined });
    return reader !== undefined && reader.records > 0;
  }

  /** What counts of a segment ends at its stated end, at the next file, or with the file. */
  #segment(place: ChainPlace, next: ChainPlace | undefined): void {
    const { file, statedEnd, salt, newest } = place;
    const { start, bytes, header, name } = file;
    const end = statedEnd ?? next?.file.start ?? Number.POSITIVE_INFINITY;
    const limit = Math.min(start + bytes, end) - start;
    const first = segmentHeaderBytes(header?.cuts.length ?? 0);
    const found = this.#read(file, { first, limit, salt });
    if (found === undefined) return;
    const { reader } = found;
    this.#records += found.records;
    for (const { position, bytes: length } of reader.damages) {
      this.#tell(name, `${length} bytes at ${position - start} are no records`);
    }
    const inherited = Math.min(header?.inherited ?? 0, bytes);
    const written = Math.max(reader.tornBytes, limit - Math.max(reader.goodEnd, inherited), 0);
    if (newest) {
      if (written === 0 || this.#work.isInUse) return;
      const why = "damage, or a write that a stop cut off";
      this.#tell(name, `the last ${written} bytes, from ${reader.goodEnd}, are no record: ${why}`);
      return;
    }
    const lost = statedEnd === undefined ? written : reader.tailBytes;
    const missing = Math.max(0, (statedEnd ?? start) - (start + bytes));
    if (lost + missing > 0) {
      this.#tell(name, `${lost + missing} bytes at ${reader.goodEnd} are no records`);
    }
  }

  /** undefined: the file went away meanwhile. */
  #read(
    { name, start }: SegmentFile,
    place: { readonly first: number; readonly limit: number; readonly salt: number | undefined },
  ): { reader: SegmentReader; records: number } | undefined {
    let file: WalFile;
    try {
      file = this.#disk.open(name, "read");
    } catch (error) {
      if (this.#work.isInUse && errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
    try {
      const source = { file, start, ...place, window: this.#window };
      const reader = new SegmentReader({ ...source, covered: () => false });
      let records = 0;
      while (reader.next() !== undefined) records++;
      if (reader.unreadableBytes > 0) {
        this.#tell(name, `${reader.unreadableBytes} bytes cannot be read from the disk`);
      }
      return { reader, records };
    } finally {
      file.close();
    }
  }

  #tell(name: string, reason: string): void {
    this.#work.findings.add({ object: join(this.#work.path, name), reason });
  }
}

/** Of the disk's calls those that change nothing. */
function readOnly(path: string): WalDisk {
  const refuse = () => {
    throw new Error("inspect: nothing is written");
  };
  return {
    list: () =>
      readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name),
    open: (name) => {
      const fd = openSync(join(path, name), "r");
      return {
        size: () => fstatSync(fd).size,
        read: (into, at) => readSync(fd, into, 0, into.byteLength, at),
        writev: refuse,
        truncate: refuse,
        syncData: refuse,
        close: () => closeSync(fd),
      };
    },
    create: refuse,
    rename: refuse,
    unlink: refuse,
    syncFolder: refuse,
  };
}
