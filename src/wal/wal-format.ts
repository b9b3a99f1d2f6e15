/**
 * Bytes of a log segment, shared by writer and reader. Prose and reasons: FORMAT.md.
 *
 *   segment := header · cut[cuts] · record*
 *   cut     := start position u64 · good end u64
 *   record  := header · tenant · padding · payload · padding        (paddings: zeros, up to 8)
 *
 *   segment header (64)                      record header (40)
 *    0 magic u32                              0 magic u32
 *    4 version u16 · 6 cuts u16               4 crc u32 of bytes 8..40, continued from the salt
 *    8 start position u64                     8 position u64
 *   16 salt u32 · 20 inherited bytes u32     16 received f64, Unix ms
 *   24 created f64, Unix ms                  24 payload bytes u32
 *   32 previous segment's start u64          28 tenant bytes u16 · 30 version u16
 *   40 previous segment's good end u64       32 crc u32 of all after the header
 *   48 previous segment's salt u32           36 salt u32
 *   52 zero u64 · 60 crc u32 of 0..60, then of the cuts
 *
 * Little-endian. The crc is CRC-32 as in zlib; "continued from the salt" is zlib's crc32(salt, …).
 */
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";

export const SEGMENT_MAGIC = 0x4c41_5756; // "VWAL"
export const RECORD_MAGIC = 0xc352_9f56; // not ASCII, so that text never looks like a record
export const VERSION = 1;
export const SEGMENT_HEADER_BYTES = 64;
export const RECORD_HEADER_BYTES = 40;
const CUT_BYTES = 16;
/** Each is a failed sync whose segment no block covers yet. Keeps the largest header at 16 KiB. */
export const SEGMENT_CUTS_MAX = 1000;
/** Records start on this, so that a reader who lost its way tries only every eighth byte. */
export const RECORD_ALIGNMENT = 8;

/**
 * A record above this is damage, not data: it keeps a reader from believing a broken length. Twice
 * the largest request.
 */
export const RECORD_BYTES_MAX = 64 * MiB;

/** Large enough that creating files does not count, small enough that disk comes back in steps. */
export const SEGMENT_BYTES_MAX_DEFAULT = 64 * MiB;

// ---- fields of a record header

const RECORD_CRC = 4;
const RECORD_POSITION = 8;
/** The producer fills from here … */
export const RECORD_RECEIVED_MS = 16;
export const RECORD_PAYLOAD_BYTES = 24;
export const RECORD_TENANT_BYTES = 28;
/** … up to here; the writer the rest. */
const RECORD_VERSION = 30;
const RECORD_BODY_CRC = 32;
const RECORD_SALT = 36;

/** Bytes of a record on disk, and of its place in a ring. A multiple of 8. */
export function recordBytes(tenantBytes: number, payloadBytes: number): number {
  return RECORD_HEADER_BYTES + padded(tenantBytes) + padded(payloadBytes);
}

/** Where the payload lies in a record. */
export function payloadOffset(tenantBytes: number): number {
  return RECORD_HEADER_BYTES + padded(tenantBytes);
}

export interface RequestFields {
  readonly receivedMs: number;
  readonly payloadBytes: number;
  readonly tenantBytes: number;
}

/** The producer's part of a record header. `at` is where the record begins in `memory`. */
export function writeRequestFields(memory: DataView, at: number, fields: RequestFields): void {
  assert(fields.tenantBytes <= 0xffff, "wal: tenant too long");
  memory.setFloat64(at + RECORD_RECEIVED_MS, fields.receivedMs, true);
  memory.setUint32(at + RECORD_PAYLOAD_BYTES, fields.payloadBytes, true);
  memory.setUint16(at + RECORD_TENANT_BYTES, fields.tenantBytes, true);
}

/** A request became shorter where it lies; the writer has not seen it yet. */
export function setPayloadBytes(memory: DataView, at: number, payloadBytes: number): void {
  memory.setUint32(at + RECORD_PAYLOAD_BYTES, payloadBytes, true);
}

/** The writer's part; after it the record is ready for the disk. */
export function sealRecord(record: Uint8Array, position: number, salt: number): void {
  const view = viewOf(record);
  const size = recordBytes(
    view.getUint16(RECORD_TENANT_BYTES, true),
    view.getUint32(RECORD_PAYLOAD_BYTES, true),
  );
  assert(size === record.byteLength, "wal: record's lengths do not match its bytes");
  view.setUint32(0, RECORD_MAGIC, true);
  writeU64(view, RECORD_POSITION, position);
  view.setUint16(RECORD_VERSION, VERSION, true);
  view.setUint32(RECORD_BODY_CRC, Bun.hash.crc32(record.subarray(RECORD_HEADER_BYTES)), true);
  view.setUint32(RECORD_SALT, salt, true);
  const crc = Bun.hash.crc32(record.subarray(RECORD_POSITION, RECORD_HEADER_BYTES), salt);
  view.setUint32(RECORD_CRC, crc, true);
}

/** The position that append() gave to a record; only valid after it. */
export function recordPosition(record: Uint8Array): number {
  return readU64(viewOf(record), RECORD_POSITION);
}

/** A record header that was found good. */
export interface RecordHeader {
  readonly receivedMs: number;
  readonly tenantBytes: number;
  readonly payloadBytes: number;
  /** All of the record, header and paddings included. */
  readonly bytes: number;
  readonly bodyCrc: number;
  readonly salt: number;
}

/**
 * The header of a record at `at`, or undefined when there is none that is good and says of itself
 * that it lies at `position`. Without a salt it must fit the salt that it carries itself.
 */
export function readRecordHeader(
  window: DataView,
  at: number,
  expected: { readonly position: number; readonly salt: number | undefined },
): RecordHeader | undefined {
  if (window.getUint32(at, true) !== RECORD_MAGIC) return undefined;
  if (readU64(window, at + RECORD_POSITION) !== expected.position) return undefined;
  const salt = window.getUint32(at + RECORD_SALT, true);
  if (salt === 0 || salt !== (expected.salt ?? salt)) return undefined;
  if (window.getUint16(at + RECORD_VERSION, true) !== VERSION) return undefined;
  const covered = new Uint8Array(
    window.buffer,
    window.byteOffset + at + RECORD_POSITION,
    RECORD_HEADER_BYTES - RECORD_POSITION,
  );
  if (window.getUint32(at + RECORD_CRC, true) !== Bun.hash.crc32(covered, salt)) return undefined;
  const tenantBytes = window.getUint16(at + RECORD_TENANT_BYTES, true);
  const payloadBytes = window.getUint32(at + RECORD_PAYLOAD_BYTES, true);
  const bytes = recordBytes(tenantBytes, payloadBytes);
  if (bytes > RECORD_BYTES_MAX) return undefined;
  return {
    receivedMs: window.getFloat64(at + RECORD_RECEIVED_MS, true),
    tenantBytes,
    payloadBytes,
    bytes,
    bodyCrc: window.getUint32(at + RECORD_BODY_CRC, true),
    salt,
  };
}

// ---- segments

/** What a segment says of the one before it. */
export interface SegmentLink {
  readonly start: number;
  /** What counts of the file ends here. Bytes behind it were never acknowledged. */
  readonly end: number;
  /** 0 when it is not known. */
  readonly salt: number;
}

/** An older file of which only what lies below `end` counts. */
export interface SegmentCut {
  readonly start: number;
  /** Equal to `start` when nothing in it counts. */
  readonly end: number;
}

export interface SegmentHeader {
  readonly start: number;
  readonly salt: number;
  /** The file had so many bytes of an older segment when this one was begun in it. */
  readonly inherited: number;
  readonly createdMs: number;
  /** Undefined when nothing before this segment counts. */
  readonly previous: SegmentLink | undefined;
  readonly cuts: readonly SegmentCut[];
}

/** Where the first record begins in a segment whose header holds `cuts` cuts. */
export function segmentHeaderBytes(cuts: number): number {
  return SEGMENT_HEADER_BYTES + cuts * CUT_BYTES;
}

/** How many bytes the header claims to have, from its first SEGMENT_HEADER_BYTES. */
export function claimedHeaderBytes(bytes: Uint8Array): number {
  if (bytes.byteLength < SEGMENT_HEADER_BYTES) return SEGMENT_HEADER_BYTES;
  return segmentHeaderBytes(Math.min(viewOf(bytes).getUint16(6, true), SEGMENT_CUTS_MAX));
}

export function writeSegmentHeader(header: SegmentHeader): Uint8Array {
  assert(header.start % RECORD_ALIGNMENT === 0, "wal: segment start is not aligned");
  assert(header.salt !== 0, "wal: a salt of 0 means unknown");
  const previous = header.previous ?? { start: header.start, end: header.start, salt: 0 };
  assert(previous.end <= header.start, "wal: segments overlap");
  assert(header.cuts.length <= SEGMENT_CUTS_MAX, "wal: too many cuts");
  const bytes = new Uint8Array(segmentHeaderBytes(header.cuts.length));
  const view = viewOf(bytes);
  view.setUint32(0, SEGMENT_MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, header.cuts.length, true);
  writeU64(view, 8, header.start);
  view.setUint32(16, header.salt, true);
  view.setUint32(20, header.inherited, true);
  view.setFloat64(24, header.createdMs, true);
  writeU64(view, 32, previous.start);
  writeU64(view, 40, previous.end);
  view.setUint32(48, previous.salt, true);
  for (const [index, cut] of header.cuts.entries()) {
    writeU64(view, segmentHeaderBytes(index), cut.start);
    writeU64(view, segmentHeaderBytes(index) + 8, cut.end);
  }
  view.setUint32(60, segmentCrc(bytes), true);
  return bytes;
}

/**
 * The header that `bytes` are (claimedHeaderBytes of them), `"damaged"`, or the version that a
 * program newer than this one wrote.
 */
export function readSegmentHeader(
  bytes: Uint8Array,
  start: number,
): SegmentHeader | "damaged" | { readonly version: number } {
  if (bytes.byteLength < SEGMENT_HEADER_BYTES) return "damaged";
  const view = viewOf(bytes);
  const cutCount = view.getUint16(6, true);
  if (view.getUint32(0, true) !== SEGMENT_MAGIC) return "damaged";
  if (bytes.byteLength !== segmentHeaderBytes(cutCount)) return "damaged";
  if (view.getUint32(60, true) !== segmentCrc(bytes)) return "damaged";
  const version = view.getUint16(4, true);
  if (version !== VERSION) return { version };
  const salt = view.getUint32(16, true);
  const previous = {
    start: readU64(view, 32),
    end: readU64(view, 40),
    salt: view.getUint32(48, true),
  };
  const cuts = Array.from({ length: cutCount }, (_, index) => ({
    start: readU64(view, segmentHeaderBytes(index)),
    end: readU64(view, segmentHeaderBytes(index) + 8),
  }));
  const ordered = [previous, ...cuts].every((one) => one.start <= one.end && one.end <= start);
  if (readU64(view, 8) !== start || salt === 0 || !ordered) return "damaged";
  return {
    start,
    salt,
    inherited: view.getUint32(20, true),
    createdMs: view.getFloat64(24, true),
    previous: previous.start === start ? undefined : previous,
    cuts,
  };
}

function segmentCrc(header: Uint8Array): number {
  const fixed = Bun.hash.crc32(header.subarray(0, 60));
  return Bun.hash.crc32(header.subarray(SEGMENT_HEADER_BYTES), fixed);
}

// ---- file names

const NAME = /^[0-9a-f]{16}\.wal$/;
const SPARE = /^[0-9a-f]{16}\.spare$/;

/** 16 hex digits, so that the order of names is the order of positions. */
export function segmentName(start: number): string {
  return `${start.toString(16).padStart(16, "0")}.wal`;
}

/** A file that waits to become a segment; the name is that of the segment it was, so it is free. */
export function spareName(start: number): string {
  return segmentName(start).replace(/wal$/, "spare");
}

export function isSpare(name: string): boolean {
  return SPARE.test(name);
}

/** The start that a name states; undefined for files that are not segments. */
export function segmentStart(name: string): number | undefined {
  if (!NAME.test(name)) return undefined;
  const start = Number.parseInt(name.slice(0, 16), 16);
  return Number.isSafeInteger(start) && start % RECORD_ALIGNMENT === 0 ? start : undefined;
}

// ---- words

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

function writeU64(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, "wal: position out of range");
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Above 2^53 it is no longer exact, and equals no position. */
function readU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
