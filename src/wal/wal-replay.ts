/**
 * Reads the whole log, oldest record first, when a process starts.
 *
 *   list ─▶ headers ─▶ chain (wal-segments.ts) ─▶ one SegmentReader after the other ─▶ finish()
 *
 * Nothing that was acknowledged is left out, nothing that was given up comes back, and nothing
 * comes twice. The memory is the caller's window and a few words for each segment.
 *
 * finish() cuts what is torn off the newest segment and returns what a WalWriter goes on from. The
 * cut is a courtesy to the next replay: the writer's next segment states the good end anyway.
 */
import { assert } from "../base/assert.ts";
import { alignUp } from "../base/bytes.ts";
import type { Logger } from "../base/log.ts";
import { errorCode, walError } from "./wal-error.ts";
import type { WalDisk, WalFile } from "./wal-file.ts";
import {
  RECORD_ALIGNMENT,
  SEGMENT_HEADER_BYTES,
  type SegmentLink,
  segmentHeaderBytes,
} from "./wal-format.ts";
import { SegmentReader, type WalCovered, type WalDamage, type WalRecord } from "./wal-reader.ts";
import type { SealedSegment } from "./wal-sealed.ts";
import {
  type ChainPlace,
  listSegments,
  resolveChain,
  type SegmentFile,
  type WalGap,
} from "./wal-segments.ts";
import type { Spare } from "./wal-spares.ts";

/** Reports beyond these are counted, not kept: a broken disk must not fill the memory. */
const REPORTS_MAX = 100;

export interface WalReplayOptions {
  readonly disk: WalDisk;
  /** Records are read into it. On a multiple of 8; the caller keeps what it wants behind it. */
  readonly window: Uint8Array;
  readonly covered: WalCovered;
  readonly logger: Logger;
}

export interface WalReplayStats {
  segments: number;
  /** Files with nothing that counts. */
  voidSegments: number;
  /** Of all files, to show progress: `bytesDone` reaches it. */
  bytes: number;
  bytesDone: number;
  records: number;
  coveredRecords: number;
  /** Bytes that were written and never acknowledged: torn tails, given-up groups and files. */
  tornBytes: number;
  damages: number;
  damagedBytes: number;
  damagedHeaders: number;
  /** Missing segments. */
  gaps: number;
  unreadableBytes: number;
  foreignFiles: number;
}

export interface SegmentState extends SealedSegment {
  /** It holds records that are not covered. */
  readonly needed: boolean;
}

/** Where a log ends, for the writer that continues it. */
export interface WalTail {
  readonly segments: readonly SegmentState[];
  readonly spares: readonly Spare[];
  /** The newest segment that counts; undefined when there is none. */
  readonly last: SegmentLink | undefined;
  /** No byte at or above this position was ever used. */
  readonly nextStart: number;
  /** Position of the first record that was not covered; `nextStart` when there is none. */
  readonly firstNeeded: number;
}

/** The tail of a log that does not exist yet. */
export const EMPTY_TAIL: WalTail = {
  segments: [],
  spares: [],
  last: undefined,
  nextStart: 0,
  firstNeeded: 0,
};

export class WalReplay {
  readonly stats: WalReplayStats = {
    segments: 0,
    voidSegments: 0,
    bytes: 0,
    bytesDone: 0,
    records: 0,
    coveredRecords: 0,
    tornBytes: 0,
    damages: 0,
    damagedBytes: 0,
    damagedHeaders: 0,
    gaps: 0,
    unreadableBytes: 0,
    foreignFiles: 0,
  };
  /** The first hundred. */
  readonly damages: WalDamage[] = [];
  readonly gaps: readonly WalGap[];
  readonly #options: WalReplayOptions;
  readonly #places: readonly ChainPlace[];
  readonly #states: SegmentState[] = [];
  #index = 0;
  #open: { reader: SegmentReader; file: WalFile; needed: boolean } | undefined;
  #last: SegmentLink | undefined;
  #firstNeeded: number | undefined;
  /** Of the newest segment. */
  #torn = 0;
  readonly #spares: readonly Spare[];

  /** Lists the folder and reads all headers; throws WalError, as next() does. */
  constructor(options: WalReplayOptions) {
    this.#options = options;
    const { files, foreign, spares, places, gaps } = this.#survey();
    this.#spares = spares;
    for (const name of foreign.slice(0, REPORTS_MAX)) {
      options.logger.warn("file in the log's folder is no segment, ignored", { file: name });
    }
    this.#places = places;
    this.gaps = gaps;
    for (const gap of gaps) options.logger.error("segment of the log is missing", { ...gap });
    this.stats.foreignFiles = foreign.length;
    this.stats.gaps = gaps.length;
    this.stats.segments = files.length;
    this.stats.bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  }

  /** The next record that is not covered; undefined when there are no more. */
  next(): WalRecord | undefined {
    try {
      return this.#next();
    } catch (error) {
      throw walError(error);
    }
  }

  #next(): WalRecord | undefined {
    while (this.#index < this.#places.length) {
      const place = this.#places[this.#index];
      if (!place.counts) {
        this.#skipVoid(place.file);
        continue;
      }
      this.#open ??= this.#openSegment(place);
      const record = this.#open.reader.next();
      if (record) {
        this.#open.needed = true;
        this.#firstNeeded ??= record.position;
        this.stats.records++;
        return record;
      }
      this.#closeSegment(place);
    }
    return undefined;
  }

  /** Cuts the torn tail. To be called after next() has returned undefined. */
  finish(): WalTail {
    assert(this.#index === this.#places.length, "wal: finish() before the end of replay");
    const newest = this.#places.findIndex((place) => place.newest);
    if (newest >= 0) this.#settle(newest);
    const ends = this.#states.map((state) => state.start + Math.max(state.bytes, 1));
    const nextStart = alignUp(Math.max(0, this.#last?.end ?? 0, ...ends), RECORD_ALIGNMENT);
    return {
      segments: this.#states,
      spares: this.#spares,
      last: this.#last,
      nextStart,
      firstNeeded: this.#firstNeeded ?? nextStart,
    };
  }

  #survey() {
    try {
      const { files, foreign, spares } = listSegments(this.#options.disk);
      const chain = resolveChain(files, (file) => this.#hasRecords(file));
      return { files, foreign, spares, ...chain };
    } catch (error) {
      throw walError(error);
    }
  }

  #hasRecords(file: SegmentFile): boolean {
    const opened = this.#options.disk.open(file.name, "read");
    try {
      const { start, bytes: limit } = file;
      const { window } = this.#options;
      const first = SEGMENT_HEADER_BYTES;
      const source = { file: opened, start, first, limit, salt: undefined, window };
      return new SegmentReader({ ...source, covered: () => false }).next() !== undefined;
    } finally {
      opened.close();
    }
  }

  #skipVoid(file: SegmentFile): void {
    this.stats.voidSegments++;
    this.stats.tornBytes += Math.max(0, file.bytes - (file.header?.inherited ?? 0));
    this.stats.bytesDone += file.bytes;
    const state = { start: file.start, bytes: file.bytes, goodEnd: file.start };
    this.#states.push({ ...state, dirty: true, needed: false });
    this.#index++;
  }

  /** What counts of a segment ends at its stated end, at the next file, or with the file. */
  #limit(place: ChainPlace): number {
    const { start, bytes } = place.file;
    const next = this.#places[this.#index + 1]?.file.start ?? Number.POSITIVE_INFINITY;
    return Math.min(start + bytes, place.statedEnd ?? next) - start;
  }

  #openSegment(place: ChainPlace): { reader: SegmentReader; file: WalFile; needed: boolean } {
    const { name, start, header } = place.file;
    const { disk, window, covered, logger } = this.#options;
    if (!header) {
      this.stats.damagedHeaders++;
      logger.error("header of a log segment is damaged", { file: name });
    }
    const file = disk.open(name, "read");
    const limit = this.#limit(place);
    const first = segmentHeaderBytes(header?.cuts.length ?? 0);
    const { salt } = place;
    const reader = new SegmentReader({ file, start, first, limit, salt, window, covered });
    return { reader, file, needed: false };
  }

  #closeSegment(place: ChainPlace): void {
    assert(this.#open !== undefined, "wal: no segment is open");
    const { reader, file, needed } = this.#open;
    file.close();
    this.#open = undefined;
    const { start, bytes } = place.file;
    const limit = this.#limit(place);
    const goodEnd = start + Math.max(reader.goodEnd, (place.statedEnd ?? start) - start);
    for (const damage of reader.damages) this.#damage(damage);
    // Behind what was written lies what the file inherited, which is neither torn nor damaged.
    const inherited = Math.min(place.file.header?.inherited ?? 0, bytes);
    const written = Math.max(reader.tornBytes, limit - Math.max(reader.goodEnd, inherited), 0);
    if (place.newest) {
      this.#torn = written;
      this.stats.tornBytes += written;
    } else {
      const lost = place.statedEnd === undefined ? written : reader.tailBytes;
      const missing = Math.max(0, (place.statedEnd ?? start) - (start + bytes));
      this.#damage({ position: start + reader.goodEnd, bytes: lost + missing });
      this.stats.tornBytes += Math.max(0, bytes - Math.max(limit, inherited));
    }
    this.stats.coveredRecords += reader.coveredRecords;
    this.stats.unreadableBytes += reader.unreadableBytes;
    this.stats.bytesDone += bytes;
    this.#states.push({ start, bytes, goodEnd, dirty: start + bytes > goodEnd, needed });
    this.#last = { start, end: goodEnd, salt: reader.salt ?? 0 };
    this.#index++;
  }

  #damage(damage: WalDamage): void {
    if (damage.bytes === 0) return;
    this.stats.damages++;
    this.stats.damagedBytes += damage.bytes;
    if (this.damages.length >= REPORTS_MAX) return;
    this.damages.push(damage);
    this.#options.logger.error("log is damaged, skipped", { ...damage });
  }

  /**
   * Cuts the newest segment and makes it and the folder durable, so that what was replayed is as
   * safe as what will be acknowledged. When the disk refuses, the log is read the same way again.
   */
  #settle(index: number): void {
    const { disk, logger } = this.#options;
    const state = this.#states[index];
    const behind = state.start + state.bytes - state.goodEnd;
    try {
      const file = disk.open(this.#places[index].file.name, "write");
      try {
        if (behind > 0 && this.stats.unreadableBytes === 0) {
          file.truncate(Math.max(state.goodEnd - state.start, SEGMENT_HEADER_BYTES));
        }
        file.syncData();
        const bytes = file.size();
        this.#states[index] = { ...state, bytes, dirty: state.start + bytes > state.goodEnd };
      } finally {
        file.close();
      }
      disk.syncFolder();
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      this.#states[index] = { ...state, dirty: true }; // not to be touched again
      logger.warn("torn end of the log was not cut", { error: (error as Error).message });
    }
    const torn = this.#torn;
    if (torn > 0) logger.warn("log ends with a torn record", { position: state.goodEnd, torn });
  }
}
