/** One page of a column chunk: header, checksum, decompression. The bytes may be damaged. */
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";
import { blockCorrupt } from "./block-error.ts";
import type { ColumnChunk } from "./parquet-footer-read.ts";
import { CHECKSUM_FIELD } from "./parquet-thrift.ts";
import { ThriftReader } from "./parquet-thrift-read.ts";

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
/** More events than fit into a request that is accepted. */
const PAGE_VALUES_MAX = 2 ** 24;

interface PageHeader {
  type: number;
  plainBytes: number;
  storedBytes: number;
  crc32: number | undefined;
  values: number;
  encoding: number;
  isChecked: boolean;
  /** What has no checksum fits. */
  fits: boolean;
}

/** `stored` begins with the page's header and holds all of it. */
export function openPage(
  stored: Uint8Array,
  column: ColumnChunk,
  isDictionary: boolean,
): OpenedPage {
  const reader = new ThriftReader(stored);
  const header = readHeader(reader);
  const { values, encoding, plainBytes, storedBytes, crc32 } = header;
  const { isChecked } = header;
  const headerBytes = reader.at;
  if (!header.fits) throw corrupt(column, "header crc");
  if (header.type !== (isDictionary ? DICTIONARY_PAGE : DATA_PAGE)) throw corrupt(column, "type");
  if (!(plainBytes >= 0 && plainBytes <= PAGE_BYTES_MAX)) throw corrupt(column, "size");
  if (!(values >= 0 && values <= PAGE_VALUES_MAX)) throw corrupt(column, "number of values");
  if (!(storedBytes >= 0 && storedBytes <= stored.length - reader.at)) {
    throw corrupt(column, "cut off");
  }
  const body = stored.subarray(reader.at, reader.at + storedBytes);
  if (crc32 !== undefined && Bun.hash.crc32(body) !== crc32 >>> 0) throw corrupt(column, "crc");
  if (!column.zstd) {
    if (storedBytes !== plainBytes) throw corrupt(column, "size");
    return { values, encoding, bytes: body, headerBytes, storedBytes, isChecked };
  }
  const bytes = inflate(body, plainBytes, column);
  return { values, encoding, bytes, headerBytes, storedBytes, isChecked };
}

function readHeader(reader: ThriftReader): PageHeader {
  const header: PageHeader = {
    ...{ type: -1, plainBytes: -1, storedBytes: -1, crc32: undefined, values: -1, encoding: -1 },
    ...{ isChecked: false, fits: true },
  };
  reader.struct((id) => {
    if (id === 1) header.type = reader.integer();
    else if (id === 2) header.plainBytes = reader.integer();
    else if (id === 3) header.storedBytes = reader.integer();
    else if (id === 4) header.crc32 = reader.integer();
    else if (id === 5 || id === 7) readCounts(reader, header);
    else if (id === CHECKSUM_FIELD) {
      header.fits = reader.checksum().fits;
      header.isChecked = header.crc32 !== undefined;
    } else return false;
    return true;
  });
  return header;
}

/** Of a data page as of a dictionary page: they begin alike. */
function readCounts(reader: ThriftReader, header: PageHeader): void {
  reader.struct((id) => {
    if (id === 1) header.values = reader.integer();
    else if (id === 2) header.encoding = reader.integer();
    else return false;
    return true;
  });
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

const FRAME_MAGIC = 0xfd2fb528;

/** What all frames of a page claim to hold; -1 when one has no claim, or is none. */
function contentSizes(body: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < body.length; ) {
    const frame = frameAt(body, at);
    if (frame === undefined) return -1;
    sum += frame.content;
    at = frame.end;
  }
  return sum;
}

/** Of a zstd frame (RFC 8878, 3.1.1): Frame_Content_Size, and where it ends. */
function frameAt(body: Uint8Array, from: number): { content: number; end: number } | undefined {
  const byte = (at: number) => (at < body.length ? body[at] : 0);
  const word = (at: number) =>
    (byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24)) >>> 0;
  if (word(from) !== FRAME_MAGIC) return undefined;
  const descriptor = byte(from + 4);
  const isSingle = (descriptor & 32) !== 0;
  const sizeAt = from + 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3];
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6];
  if (sizeBytes === 0) return undefined;
  let content = sizeBytes === 1 ? byte(sizeAt) : word(sizeAt);
  if (sizeBytes === 2) content = (content & 0xffff) + 256;
  if (sizeBytes === 8) content += word(sizeAt + 4) * 2 ** 32;
  let at = sizeAt + sizeBytes;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > body.length) return undefined;
    const header = word(at) & 0xffffff;
    isLast = (header & 1) === 1;
    // A block of one byte that is repeated has only that one.
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  const end = at + ((descriptor & 4) === 0 ? 0 : 4);
  return end > body.length ? undefined : { content, end };
}

function corrupt(column: ColumnChunk, what: string) {
  return blockCorrupt(`page of column ${column.path.join(".")}: ${what}`);
}
