/**
 * Appends groups of records and makes them durable.
 *
 *   append() ─▶ seal records in place ─▶ writev from where they lie ─▶ sync() ─▶ acknowledged
 *
 * One group is all that was appended since the last successful sync(). It counts as a whole or not
 * at all: when append() or sync() throws a WalError of kind "full" or "failed", none of it counts,
 * and the next append() starts over. Kind "bound" is a refusal that changes nothing.
 *
 *   failed write   the file is cut back to its last acknowledged end, and the cut is synced
 *   failed sync    the kernel may have dropped the pages and forgotten it: the file is never
 *                  written, cut or synced again. A new segment states where it ended, and each
 *                  one after it too while that file is there (FORMAT.md)
 *
 * Invariants:
 * (1) Positions are never used twice, except those cut off durably before anything followed.
 * (2) `#acked` names the newest segment with a completed sync and its end at that moment. All that
 *     was ever acknowledged lies at or below it.
 * (3) Before a segment's first record counts, its entry in the folder and its header are durable.
 *     The header is in the same file as the records, so one fdatasync makes both so.
 * (4) Once a successor was begun, a segment is never written again: the successor states its end.
 * (5) The newest segment with a completed sync is never removed: a folder that once held a
 *     position always knows it. In which order the others go: wal-sealed.ts.
 *
 * Threads: one, which blocks while the disk works.
 */
import { assert } from "../base/assert.ts";
import { alignUp } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { errorCode, WalError, walError } from "./wal-error.ts";
import { type WalDisk, type WalFile, writeFully } from "./wal-file.ts";
import {
  RECORD_ALIGNMENT,
  RECORD_BYTES_MAX,
  SEGMENT_BYTES_MAX_DEFAULT,
  SEGMENT_CUTS_MAX,
  SEGMENT_HEADER_BYTES,
  type SegmentLink,
  sealRecord,
  segmentHeaderBytes,
  segmentName,
  writeSegmentHeader,
} from "./wal-format.ts";
import type { WalTail } from "./wal-replay.ts";
import { FREE_BYTES, WalSealed } from "./wal-sealed.ts";
import { SPARES_MAX } from "./wal-spares.ts";

/**
 * Files of failed groups that could not be removed. A folder that keeps more than these refuses
 * everything, and so must we, or each attempt would leave another.
 */
const VOID_SEGMENTS_MAX = 16;

export interface WalWriterOptions {
  readonly disk: WalDisk;
  /** What replay returned, or EMPTY_TAIL for an empty folder. */
  readonly tail: WalTail;
  readonly clock: Clock;
  /** All segments together; an append that would pass it is refused. */
  readonly bytesMax: number;
  readonly segmentBytesMax?: number;
  /** Files that are kept to be written again. */
  readonly sparesMax?: number;
  /**
   * Positions below it are taken, whatever the folder says: where the newest published block ends,
   * 0 without blocks. If the folder lost what a block holds (records that were replayed, cut into
   * it, and never synced), it would give their positions away again, and the next replay would
   * take new records for those in the block.
   */
  readonly startAtLeast: number;
  /** A random u32; the system's by default. */
  readonly random?: () => number;
}

/** From the first byte of the first record to behind the last one. */
export interface WalRange {
  readonly from: number;
  readonly to: number;
}

export interface WalWriterStats {
  appendedRecords: number;
  appendedBytes: number;
  syncs: number;
  segmentsCreated: number;
  /** Of these, in the file of an older one. */
  segmentsRecycled: number;
  /** Groups that were lost to the disk. */
  failures: number;
  /** Segments given up after a failure. */
  abandoned: number;
}

interface Active {
  readonly start: number;
  readonly salt: number;
  readonly file: WalFile;
  /** Position of the first record. */
  readonly first: number;
  /** Position behind the last record that was written whole. */
  end: number;
  /** Position up to which a write was tried. */
  touched: number;
  /** Bytes of the file; with what it inherited, more than were written. */
  bytes: number;
  /** What a completed sync covers; `start` when there was none. */
  synced: number;
  /** False while a sync runs, and for ever after a failed one. */
  trusted: boolean;
}

export class WalWriter {
  readonly stats: WalWriterStats = {
    appendedRecords: 0,
    appendedBytes: 0,
    syncs: 0,
    segmentsCreated: 0,
    segmentsRecycled: 0,
    failures: 0,
    abandoned: 0,
  };
  readonly #disk: WalDisk;
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #segmentBytesMax: number;
  readonly #random: () => number;
  readonly #sealed: WalSealed;
  #active: Active | undefined;
  #acked: SegmentLink | undefined;
  /** What the next segment names as the one before it: `#acked`, or sealed in this group. */
  #tip: SegmentLink | undefined;
  #nextStart: number;
  #failure: WalError | undefined;
  #closed = false;

  /** Touches nothing: the first segment is created by the first append(). */
  constructor(options: WalWriterOptions) {
    const segmentBytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX_DEFAULT;
    assert(segmentBytesMax > SEGMENT_HEADER_BYTES, "wal: segmentBytesMax too small");
    this.#disk = options.disk;
    this.#clock = options.clock;
    this.#bytesMax = options.bytesMax;
    this.#segmentBytesMax = segmentBytesMax;
    this.#random = options.random ?? randomU32;
    this.#sealed = new WalSealed({
      disk: options.disk,
      segments: options.tail.segments,
      spares: options.tail.spares,
      sparesMax: options.sparesMax ?? SPARES_MAX,
      spareBytesMin: segmentBytesMax / 2,
    });
    this.#acked = options.tail.last;
    this.#tip = options.tail.last;
    const start = Math.max(options.tail.nextStart, options.startAtLeast);
    this.#nextStart = alignUp(start, RECORD_ALIGNMENT);
  }

  /** Segments that releaseThrough() removed, and unlinks that the disk refused. */
  get released(): { readonly segments: number; readonly refused: number } {
    return { segments: this.#sealed.released, refused: this.#sealed.refused };
  }

  /** Bytes of all files on disk. */
  get bytes(): number {
    return this.#sealed.bytes + this.#sealed.spareBytes + (this.#active?.bytes ?? 0);
  }

  /** Bytes of the log itself: without spares, and what the newest file has behind its end. */
  get liveBytes(): number {
    const active = this.#active;
    return this.#sealed.bytes + (active ? active.touched - active.start : 0);
  }

  /** Nothing before this position is on disk any more. */
  get oldest(): number {
    return this.#sealed.oldest ?? this.#active?.start ?? this.#nextStart;
  }

  /** Segments on disk. */
  get segments(): number {
    return this.#sealed.count + (this.#active ? 1 : 0);
  }

  /** The position behind all that was written. */
  get end(): number {
    return this.#active?.end ?? this.#nextStart;
  }

  /** Why the last append() or sync() failed; undefined after one that succeeded. */
  get failure(): WalError | undefined {
    return this.#failure;
  }

  /**
   * Writes `records` behind what is there. Each begins with a header of which the producer has
   * filled its part (writeRequestFields), on a multiple of 8; the rest is filled in place, the
   * position (recordPosition) among it. Durable only after sync().
   */
  append(records: readonly Uint8Array[]): WalRange {
    assert(!this.#closed, "wal: append after close");
    assert(records.length > 0, "wal: empty group");
    this.#refuseOverBound(records);
    try {
      const range = this.#write(records);
      this.stats.appendedRecords += records.length;
      this.stats.appendedBytes += records.reduce((sum, record) => sum + record.byteLength, 0);
      return range;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Makes all that was appended durable. After it, and only after it, it may be acknowledged. */
  sync(): void {
    assert(!this.#closed, "wal: sync after close");
    const active = this.#active;
    if (!active || !this.#pending) return;
    try {
      this.#syncActive(active);
    } catch (error) {
      throw this.#fail(error);
    }
    this.#acknowledge(active);
    this.#failure = undefined;
  }

  /**
   * Removes the segments all of whose records lie below `position`. A disk that refuses is asked
   * again next time. The segment in use goes too, once it is covered whole: it is replaced, for
   * which the log may pass its bound by one segment header.
   */
  releaseThrough(position: number): void {
    assert(!this.#closed, "wal: release after close");
    this.#sealed.release(position, this.#acked);
    const active = this.#active;
    if (!active || this.#pending || active.end > position) return;
    if (active.end === active.first) return;
    try {
      this.#seal(active);
      const fresh = this.#create();
      this.#syncActive(fresh);
      this.#acknowledge(fresh);
    } catch (error) {
      const failure = this.#failure;
      this.#fail(error);
      this.#failure = failure; // no record was refused, so the log as such still works
    }
    this.#sealed.release(position, this.#acked);
  }

  /**
   * Frees some of the disk that released segments held; takes about 1.3 ms. False when nothing is
   * left to free. To be called between groups, while nobody waits.
   */
  freeSome(): boolean {
    return this.#sealed.freeSome();
  }

  /** Gives the disk what the log holds for later only; others need the room more. */
  dropSpares(): void {
    while (this.#sealed.dropSpare());
  }

  /** Syncs what is pending and lets go of the files; throws WalError like sync(). */
  close(): void {
    if (this.#closed) return;
    this.sync();
    this.#closed = true;
    while (this.#sealed.freeSome());
    if (this.#active) closeQuietly(this.#active.file);
  }

  /** True when something was appended and not synced. */
  get #pending(): boolean {
    const active = this.#active;
    if (!active) return false;
    return this.#acked?.start !== active.start || this.#acked.end !== active.end;
  }

  #refuseOverBound(records: readonly Uint8Array[]): void {
    const header = segmentHeaderBytes(this.#sealed.cuts().length);
    const active = this.#active;
    // What the file has behind its end is there already.
    let bytes = active ? active.touched - active.start - active.bytes : 0;
    let segmentBytes = active ? active.end - active.start : header;
    let empty = active === undefined || active.end === active.first;
    if (!active) bytes += header;
    for (const record of records) {
      assert(record.byteOffset % RECORD_ALIGNMENT === 0, "wal: record is not aligned");
      assert(record.byteLength <= RECORD_BYTES_MAX, "wal: record over RECORD_BYTES_MAX");
      if (!empty && segmentBytes + record.byteLength > this.#segmentBytesMax) {
        bytes = Math.max(0, bytes) + header;
        segmentBytes = header;
      }
      bytes += record.byteLength;
      segmentBytes += record.byteLength;
      empty = false;
    }
    while (this.bytes + bytes > this.#bytesMax) {
      if (!this.#sealed.freeSome() && !this.#sealed.dropSpare()) break;
    }
    if (this.bytes + bytes <= this.#bytesMax) return;
    const sizes = `${this.bytes} bytes, ${bytes} more are over its bound of ${this.#bytesMax}`;
    throw new WalError("bound", `log: holds ${sizes}`);
  }

  /** A record is never split; one that is larger than a segment gets one of its own. */
  #write(records: readonly Uint8Array[]): WalRange {
    let active = this.#active ?? this.#create();
    let end = active.end;
    let from = -1;
    let first = 0;
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      const size = end - active.start + record.byteLength;
      if (end > active.first && size > this.#segmentBytesMax) {
        this.#writeTo(active, records.slice(first, index), end);
        this.#seal(active);
        active = this.#create();
        end = active.end;
        first = index;
      }
      if (from < 0) from = end;
      sealRecord(record, end, active.salt);
      end += record.byteLength;
    }
    this.#writeTo(active, first === 0 ? records : records.slice(first), end);
    return { from, to: end };
  }

  #writeTo(active: Active, records: readonly Uint8Array[], end: number): void {
    assert(active.trusted, "wal: write to a file whose sync failed");
    if (end === active.end) return;
    active.touched = end;
    active.bytes = Math.max(active.bytes, end - active.start);
    writeFully(active.file, records, active.end - active.start);
    active.end = end;
  }

  #create(): Active {
    assert(this.#active === undefined, "wal: a segment is open already");
    this.#sealed.removeVoid(this.#acked, VOID_SEGMENTS_MAX);
    const cuts = this.#sealed.cuts();
    if (cuts.length > SEGMENT_CUTS_MAX) {
      throw new WalError("failed", `log: ${cuts.length} segments wait that the disk failed on`);
    }
    const start = this.#nextStart;
    this.#nextStart = start + SEGMENT_HEADER_BYTES; // a name is never tried twice
    const salt = nonZero(this.#random);
    const previous = this.#tip;
    const createdMs = this.#clock.nowMs();
    const header = (inherited: number) =>
      writeSegmentHeader({ start, salt, inherited, createdMs, previous, cuts });
    const name = segmentName(start);
    const spare = this.#sealed.takeSpare(name, header);
    const file = spare?.file ?? this.#disk.create(name);
    const end = start + segmentHeaderBytes(cuts.length);
    const at = { first: end, end, touched: end, bytes: spare?.bytes ?? end - start, synced: start };
    const active = { start, salt, file, ...at, trusted: true };
    this.#active = active;
    this.stats.segmentsCreated++;
    if (spare) this.stats.segmentsRecycled++;
    else writeFully(file, [header(0)], 0);
    return active;
  }

  #syncActive(active: Active): void {
    assert(active.trusted, "wal: sync of a file whose sync failed");
    active.trusted = false;
    if (active.synced === active.start) this.#disk.syncFolder();
    active.file.syncData();
    active.trusted = true;
    active.synced = active.end;
    this.stats.syncs++;
  }

  #acknowledge(active: Active): void {
    assert(active.trusted && active.synced === active.end, "wal: acknowledged before its sync");
    this.#acked = { start: active.start, end: active.end, salt: active.salt };
    this.#tip = this.#acked;
  }

  /** Ends the active segment. What it holds is durable afterwards, but not yet acknowledged. */
  #seal(active: Active): void {
    this.#cutInherited(active);
    if (active.synced !== active.end) this.#syncActive(active);
    this.#tip = { start: active.start, end: active.end, salt: active.salt };
    this.#retire(active, active.end);
  }

  /**
   * So that a segment ends where its records do. It need not succeed, nor be durable: replay reads
   * what is left behind the end as what it cannot know to be clean, and has the next header cut it.
   */
  #cutInherited(active: Active): void {
    assert(active.touched === active.end, "wal: a segment is sealed after a failed write");
    const bytes = active.end - active.start;
    if (active.bytes === bytes || active.bytes - bytes > FREE_BYTES) return;
    try {
      active.file.truncate(bytes);
      active.bytes = bytes;
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
    }
  }

  /** Moves the active segment to the sealed ones. */
  #retire(active: Active, goodEnd: number): void {
    const { start, touched, bytes } = active;
    closeQuietly(active.file);
    this.#active = undefined;
    this.#nextStart = Math.max(this.#nextStart, touched);
    // What it inherited needs no cut: it does not come back.
    this.#sealed.push({ start, bytes, goodEnd, dirty: touched > goodEnd });
  }

  /** Takes back the group after an error of the disk. Other errors are bugs and pass through. */
  #fail(error: unknown): WalError {
    this.#failure = walError(error);
    this.stats.failures++;
    const active = this.#active;
    if (active && !this.#cutBack(active)) {
      this.stats.abandoned++;
      this.#retire(active, active.start);
    }
    this.#sealed.takeBack(this.#acked);
    this.#tip = this.#acked;
    // Blocks and the log need the room more than the next segment does.
    if (this.#failure.kind === "full") this.dropSpares();
    return this.#failure;
  }

  /** True when the active segment ends, durably, where its acknowledged records do. */
  #cutBack(active: Active): boolean {
    const acked = this.#acked;
    if (!active.trusted || acked?.start !== active.start) return false;
    try {
      active.trusted = false;
      active.file.truncate(acked.end - active.start);
      active.file.syncData();
      active.trusted = true;
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return false;
    }
    active.end = acked.end;
    active.touched = acked.end;
    active.bytes = acked.end - active.start;
    active.synced = acked.end;
    return true;
  }
}

/** A file that was synced, or is given up, has nothing to lose in its close. */
function closeQuietly(file: WalFile): void {
  try {
    file.close();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
}

function randomU32(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/** 0 stands for a salt that is not known. */
function nonZero(random: () => number): number {
  for (;;) {
    const value = random() >>> 0;
    if (value !== 0) return value;
  }
}
