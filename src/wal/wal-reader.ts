/**
 * Reads the records of one segment through a window of fixed size.
 *
 *   file     ····|rrrr|rrrrrrrr|??????|rrrrr|··   limit
 *                 ▲    ▲        ▲      ▲
 *   window       [│────┼────────┼──]   └ the next header that fits: found by looking at every
 *                 │    │        │        eighth byte; what lies between is damage
 *                 │    next()   at
 *                 first
 *
 * Invariants:
 * (1) The window holds the file's bytes [first, filled), from its own first byte on. `first` and
 *     every record's offset are multiples of 8, so words are aligned in both.
 * (2) A record is handed out only when its header fits its place, the segment's salt and its crc,
 *     and all its bytes fit their crc. Of a covered one the bytes are not looked at.
 * (3) Only a record of this very segment can have the salt: it never leaves the disk. So a payload
 *     that contains a forged record is not mistaken for one, at any offset, nor is what the file
 *     held before it became this segment. Without a salt it could be: FORMAT.md.
 * (4) Nothing at or behind `limit` is read.
 *
 * Bytes that the disk cannot read (EIO) count as zeros, so as damage, 4 KiB at a time.
 */
import { assert } from "../base/assert.ts";
import { KiB, MiB } from "../base/bytes.ts";
import { errorCode, WalError } from "./wal-error.ts";
import { retried, type WalFile } from "./wal-file.ts";
import {
  payloadOffset,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  type RecordHeader,
  readRecordHeader,
} from "./wal-format.ts";

/** One read; large enough that the call does not count, small enough to stay in the cache. */
const READ_BYTES = MiB;

/** The unit in which a disk fails. */
const SECTOR_BYTES = 4 * KiB;

/** All views point into the window and are valid until the next record is asked for. */
export interface WalRecord {
  readonly position: number;
  /** The position behind it. */
  readonly end: number;
  readonly receivedMs: number;
  readonly tenant: Uint8Array;
  readonly payload: Uint8Array;
  /** Where `payload` begins in the window; a multiple of 8. */
  readonly payloadOffset: number;
  /** The whole record as it lies on disk. */
  readonly record: Uint8Array;
}

/** Bytes that should hold records and do not. */
export interface WalDamage {
  readonly position: number;
  readonly bytes: number;
}

/** True when the caller has this record already, so that it need not be read. */
export type WalCovered = (position: number, tenant: Uint8Array) => boolean;

export interface SegmentReaderOptions {
  readonly file: WalFile;
  /** Position of the file's first byte. */
  readonly start: number;
  /** Where the first record begins in the file. */
  readonly first: number;
  /** Bytes of the file that count. */
  readonly limit: number;
  /** Undefined: the salt of the first record that fits its own. */
  readonly salt: number | undefined;
  /** Its start lies on a multiple of 8. A record that is larger than it cannot be read. */
  readonly window: Uint8Array;
  readonly covered: WalCovered;
}

export class SegmentReader {
  /** In order; complete once next() has returned undefined. */
  readonly damages: WalDamage[] = [];
  coveredRecords = 0;
  /** Bytes at the end behind which nothing is valid. */
  tailBytes = 0;
  /** Of these, what a record of this segment claims that begins there and is not whole. */
  tornBytes = 0;
  /** Bytes that could not be read. */
  unreadableBytes = 0;
  /** File offset behind the last good record. */
  goodEnd: number;
  salt: number | undefined;
  readonly #file: WalFile;
  readonly #start: number;
  readonly #limit: number;
  readonly #covered: WalCovered;
  readonly #window: Uint8Array;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  #first = 0;
  #filled = 0;
  #at: number;

  constructor(options: SegmentReaderOptions) {
    const window = options.window;
    assert(window.byteOffset % RECORD_ALIGNMENT === 0, "wal: window is not aligned");
    assert(window.byteLength >= SECTOR_BYTES, "wal: window under 4 KiB");
    this.salt = options.salt;
    this.goodEnd = options.first;
    this.#at = options.first;
    this.#file = options.file;
    this.#start = options.start;
    this.#limit = options.limit;
    this.#covered = options.covered;
    this.#window = window;
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength);
    this.#words = new Uint32Array(window.buffer, window.byteOffset, window.byteLength >>> 2);
  }

  /** The next record that is good and not covered; undefined at the end. */
  next(): WalRecord | undefined {
    while (this.#at < this.#limit) {
      const at = this.#at;
      const header = this.#headerAt(at);
      const known = this.salt !== undefined; // without it, only the body proves the header
      const covered = header !== undefined && known && this.#isCovered(at, header);
      if (header && (covered || this.#bodyFits(at, header))) {
        const skipped = covered || (!known && this.#isCovered(at, header));
        this.salt = header.salt;
        this.#at += header.bytes;
        this.goodEnd = this.#at;
        if (!skipped) return this.#recordAt(at, header);
        this.coveredRecords++;
        continue;
      }
      const next = this.#findRecord(at + RECORD_ALIGNMENT);
      if (next === undefined) {
        this.tailBytes = this.#limit - at;
        this.tornBytes = this.#claimedAt(at);
        this.#at = this.#limit;
      } else {
        this.damages.push({ position: this.#start + at, bytes: next - at });
        this.#at = next;
      }
    }
    return undefined;
  }

  /** The header at file offset `at`, if the whole record lies below the limit. */
  #headerAt(at: number): RecordHeader | undefined {
    if (at + RECORD_HEADER_BYTES > this.#limit) return undefined;
    const offset = this.#hold(at, RECORD_HEADER_BYTES);
    const position = this.#start + at;
    const header = readRecordHeader(this.#view, offset, { position, salt: this.salt });
    return header && at + header.bytes <= this.#limit ? header : undefined;
  }

  /** Bytes below the limit that belong to a record whose header is good, whatever its body is. */
  #claimedAt(at: number): number {
    if (at + RECORD_HEADER_BYTES > this.#limit) return 0;
    const offset = this.#hold(at, RECORD_HEADER_BYTES);
    const expected = { position: this.#start + at, salt: this.salt };
    const header = readRecordHeader(this.#view, offset, expected);
    return header === undefined ? 0 : Math.min(header.bytes, this.#limit - at);
  }

  #isCovered(at: number, header: RecordHeader): boolean {
    const tenantEnd = RECORD_HEADER_BYTES + header.tenantBytes;
    if (tenantEnd > this.#window.byteLength) return false;
    const offset = this.#hold(at, tenantEnd);
    const tenant = this.#window.subarray(offset + RECORD_HEADER_BYTES, offset + tenantEnd);
    return this.#covered(this.#start + at, tenant);
  }

  #bodyFits(at: number, header: RecordHeader): boolean {
    if (header.bytes > this.#window.byteLength) {
      // Leaving it out would lose it for ever; a larger window gets it.
      const what = `record of ${header.bytes} bytes at ${this.#start + at}`;
      throw new WalError("failed", `log: ${what} is over the ${this.#window.byteLength} of replay`);
    }
    const offset = this.#hold(at, header.bytes);
    const body = this.#window.subarray(offset + RECORD_HEADER_BYTES, offset + header.bytes);
    return Bun.hash.crc32(body) === header.bodyCrc;
  }

  #recordAt(at: number, header: RecordHeader): WalRecord {
    const offset = this.#hold(at, header.bytes);
    const tenantAt = offset + RECORD_HEADER_BYTES;
    const payloadAt = offset + payloadOffset(header.tenantBytes);
    return {
      position: this.#start + at,
      end: this.#start + at + header.bytes,
      receivedMs: header.receivedMs,
      tenant: this.#window.subarray(tenantAt, tenantAt + header.tenantBytes),
      payload: this.#window.subarray(payloadAt, payloadAt + header.payloadBytes),
      payloadOffset: payloadAt,
      record: this.#window.subarray(offset, offset + header.bytes),
    };
  }

  /** File offset of the next good record from `from` on; undefined when there is none. */
  #findRecord(from: number): number | undefined {
    let at = from;
    while (at + RECORD_HEADER_BYTES <= this.#limit) {
      this.#hold(at, RECORD_HEADER_BYTES);
      const last = Math.min(this.#filled, this.#limit) - RECORD_HEADER_BYTES;
      at = this.#findMagic(at, last);
      if (at > last) continue;
      const header = this.#headerAt(at);
      if (header && this.#bodyFits(at, header)) return at;
      at += RECORD_ALIGNMENT;
    }
    return undefined;
  }

  /** The first file offset in [at, last] that begins as a record does, or one behind `last`. */
  #findMagic(at: number, last: number): number {
    const words = this.#words;
    const stop = (last - this.#first) >>> 2;
    let word = (at - this.#first) >>> 2;
    while (word <= stop && words[word] !== RECORD_MAGIC) word += RECORD_ALIGNMENT / 4;
    return this.#first + word * 4;
  }

  /** Makes the window hold the file's [at, at + bytes). Returns where `at` lies in it. */
  #hold(at: number, bytes: number): number {
    if (at >= this.#first && at + bytes <= this.#filled) return at - this.#first;
    assert(bytes <= this.#window.byteLength, "wal: more asked for than the window holds");
    assert(at + bytes <= this.#limit, "wal: read past the limit");
    const kept = at >= this.#first && at < this.#filled ? this.#filled - at : 0;
    if (kept > 0) this.#window.copyWithin(0, at - this.#first, this.#filled - this.#first);
    const wanted = Math.max(bytes, Math.min(READ_BYTES, this.#window.byteLength));
    const end = Math.min(at + Math.max(wanted, kept), this.#limit);
    this.#first = at;
    this.#filled = end;
    this.#read(this.#window.subarray(kept, end - at), at + kept);
    return 0;
  }

  #read(into: Uint8Array, at: number): void {
    if (into.byteLength === 0) return;
    try {
      let done = 0;
      while (done < into.byteLength) {
        const rest = into.subarray(done);
        const read = retried(() => this.#file.read(rest, at + done));
        if (read === 0) break;
        done += read;
      }
      into.fill(0, done); // the file became shorter: the window must not show older bytes
    } catch (error) {
      if (errorCode(error) !== "EIO") throw error;
      this.#readSectors(into, at);
    }
  }

  #readSectors(into: Uint8Array, at: number): void {
    if (into.byteLength > SECTOR_BYTES) {
      for (let done = 0; done < into.byteLength; done += SECTOR_BYTES) {
        this.#read(into.subarray(done, done + SECTOR_BYTES), at + done);
      }
      return;
    }
    into.fill(0);
    this.unreadableBytes += into.byteLength;
  }
}
