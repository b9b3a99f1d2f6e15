/** One page of a column chunk: header, checksum, decompression. The bytes may be damaged. */
import { MiB } from "../base/bytes.ts";
import { freeBytes } from "../base/free-bytes.ts";
import { GarbageCount } from "../base/garbage.ts";
import { blockCorrupt } from "./block-error.ts";
import type { ColumnChunk } from "./parquet-footer-read.ts";
import { readPageHeader } from "./parquet-page-header.ts";

export interface Page {
  /** Level entries of a data page, values of a dictionary. */
  readonly values: number;
  /** Format number. */
  readonly encoding: number;
  /** Levels and values, not compressed. */
  readonly bytes: Uint8Array;
}

export interface OpenedPage extends Page {
  readonly headerBytes: number;
  /** Behind the header. */
  readonly storedBytes: number;
  /** Whether header and stored bytes had a checksum each. Of blocks before there was one: false. */
  readonly isChecked: boolean;
}

export const PLAIN = 0;
/** The old number for dictionary and references to it; other writers still use it. */
export const PLAIN_DICTIONARY = 2;
export const DELTA_BINARY_PACKED = 5;
export const RLE_DICTIONARY = 8;
export const BYTE_STREAM_SPLIT = 9;

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
/** What the writer allows itself at the most. */
const PAGE_BYTES_MAX = 64 * MiB;
/** More than a page can have of rows, and of events or links of them. */
const PAGE_VALUES_MAX = 2 ** 23;

/** `stored` begins with the page's header and holds all of it. */
export function openPage(
  stored: Uint8Array,
  column: ColumnChunk,
  isDictionary: boolean,
): OpenedPage {
  const header = readPageHeader(stored);
  const { values, encoding, plainBytes, storedBytes, crc32, headerBytes, isChecked } = header;
  if (!header.fits) throw corrupt(column, "header crc");
  if (header.type !== (isDictionary ? DICTIONARY_PAGE : DATA_PAGE)) throw corrupt(column, "type");
  if (!(plainBytes >= 0 && plainBytes <= PAGE_BYTES_MAX)) throw corrupt(column, "size");
  if (!(values >= 0 && values <= PAGE_VALUES_MAX)) throw corrupt(column, "number of values");
  if (!(storedBytes >= 0 && storedBytes <= stored.length - headerBytes)) {
    throw corrupt(column, "cut off");
  }
  const body = stored.subarray(headerBytes, headerBytes + storedBytes);
  if (crc32 !== undefined && Bun.hash.crc32(body) !== crc32 >>> 0) throw corrupt(column, "crc");
  if (!column.zstd) {
    if (storedBytes !== plainBytes) throw corrupt(column, "size");
    return { values, encoding, bytes: body, headerBytes, storedBytes, isChecked };
  }
  const bytes = inflate(body, plainBytes, column);
  return { values, encoding, bytes, headerBytes, storedBytes, isChecked };
}

/**
 * The decompressor makes room for what the frame claims, so the claim is held against the page's
 * own first, which has a limit. A frame without a claim is none that a block's writer makes.
 */
function inflate(body: Uint8Array, plainBytes: number, column: ColumnChunk): Uint8Array {
  if (contentSizes(body) !== plainBytes) throw corrupt(column, "frame claims another size");
  if (plainBytes === 0) return new Uint8Array(0);
  let plain: Uint8Array;
  try {
    plain = Bun.zstdDecompressSync(body as Uint8Array<ArrayBuffer>);
  } catch {
    throw corrupt(column, "frame");
  }
  if (plain.length !== plainBytes) throw corrupt(column, "size of its frame");
  garbage.note(plainBytes);
  // Not a Buffer: the loops that read pages see one kind of array.
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
}

/**
 * Opened pages, and what was made of them, lie about until they are collected: 1,009 MB resident
 * after all columns of 3 million spans were read once, with this 620.
 */
const GARBAGE_BYTES_MAX = 16 * MiB;
const garbage = new GarbageCount(GARBAGE_BYTES_MAX);

/** Of a page that was opened out of `stored`, and that nobody has a view of any more. */
export function closePage({ bytes }: Page, stored: Uint8Array): void {
  if (bytes.buffer !== stored.buffer) garbage.freed(freeBytes(bytes));
}

const FRAME_MAGIC = 0xfd2fb528;

/** What all frames of a page claim to hold; -1 when one has no claim, or is none. */
function contentSizes(body: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < body.length; at = frameEnd) {
    const content = frameContent(body, at);
    if (content < 0) return -1;
    sum += content;
  }
  return sum;
}

/** Behind the frame that frameContent() looked at last: two results without an object. */
let frameEnd = 0;

/** Of a zstd frame (RFC 8878, 3.1.1): Frame_Content_Size, or -1. */
function frameContent(body: Uint8Array, from: number): number {
  if (wordAt(body, from) !== FRAME_MAGIC || from + 5 > body.length) return -1;
  const descriptor = body[from + 4];
  const isSingle = (descriptor & 32) !== 0;
  const sizeAt = from + 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3];
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6];
  if (sizeBytes === 0) return -1;
  let content = wordAt(body, sizeAt);
  if (sizeBytes === 1) content &= 0xff;
  else if (sizeBytes === 2) content = (content & 0xffff) + 256;
  else if (sizeBytes === 8) content += wordAt(body, sizeAt + 4) * 2 ** 32;
  let at = sizeAt + sizeBytes;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > body.length) return -1;
    const header = wordAt(body, at) & 0xffffff;
    isLast = (header & 1) === 1;
    // A block of one byte that is repeated has only that one.
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  frameEnd = at + ((descriptor & 4) === 0 ? 0 : 4);
  return frameEnd > body.length ? -1 : content;
}

/** Four bytes, zeros behind the end. */
function wordAt(bytes: Uint8Array, at: number): number {
  let word = 0;
  for (let i = Math.min(3, bytes.length - at - 1); i >= 0; i--) {
    word |= bytes[at + i] << (i * 8);
  }
  return word >>> 0;
}

function corrupt(column: ColumnChunk, what: string) {
  return blockCorrupt(`page of column ${column.path.join(".")}: ${what}`);
}
