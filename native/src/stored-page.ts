/**
 * A stored page of a column chunk: its header, read and written, and what its zstd frames claim to
 * hold. Bytes that are read may be damaged: nothing is read behind their end for a decision.
 *
 * The same as src/block/parquet-page-header.ts and parquet-page-read.ts do, for a merge: a thread
 * that opens and writes two thousand pages and ends has no time to compile that.
 */
import { IN_ENTRIES_MAX, storedAt, storedFieldsAt } from "./cut";

// What openStored() says.
const GOOD: u32 = 0;
const BAD_THRIFT: u32 = 1;
const BAD_CHECKSUM: u32 = 2;
const BAD_TYPE: u32 = 3;
const BAD_SIZE: u32 = 4;
const BAD_VALUES: u32 = 5;
const BAD_FRAMES: u32 = 6;

// Types of Thrift's compact protocol.
const FALSE: u32 = 2;
const BYTE: u32 = 3;
const I16: u32 = 4;
const I32: u32 = 5;
const I64: u32 = 6;
const DOUBLE: u32 = 7;
const BINARY: u32 = 8;
const STRUCT: u32 = 12;

const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const DATA_HEADER: i64 = 5;
const DICTIONARY_HEADER: i64 = 7;
/** As Parquet numbers it: levels are written so. */
const RLE: u32 = 3;
/** The field that holds crc32 of the header before it; see src/block/FORMAT.md. */
const CHECKSUM_FIELD: i64 = 32767;

const PLAIN_BYTES_MAX: i64 = 64 << 20;
/** Parquet's own headers nest two deep. */
const DEPTH_MAX: u32 = 8;
const INTEGER_MAX: u64 = (1 << 53) - 1;
const FRAME_MAGIC: u32 = 0xfd2fb528;

// the header at hand
let at: u32 = 0;
let stop: u32 = 0;
let isBad: bool = false;
let pageType: i64 = -1;
let plainBytes: i64 = -1;
let storedBytes: i64 = -1;
let values: i64 = -1;
let encoding: i64 = -1;
let crc: i64 = 0;
let hasCrc: bool = false;
let fits: bool = true;

/** Where stored pages are put that openStored() is asked about. */
export function storedPages(): u32 {
  return storedAt;
}

/** u32 each: where the body is, its bytes, those of the page, values, encoding, crc32, has one. */
export function storedFields(): u32 {
  return storedFieldsAt;
}

/** Reads the header at `from` and fills storedFields(); returns 0, or what is wrong. */
export function openStored(from: u32, end: u32, isDictionary: bool, isZstd: bool): u32 {
  if (!readHeader(from, end)) return BAD_THRIFT;
  if (!fits) return BAD_CHECKSUM;
  if (pageType != (isDictionary ? DICTIONARY_PAGE : DATA_PAGE)) return BAD_TYPE;
  if (plainBytes < 0 || plainBytes > PLAIN_BYTES_MAX) return BAD_SIZE;
  if (values < 0 || values > <i64>IN_ENTRIES_MAX) return BAD_VALUES;
  if (storedBytes < 0 || storedBytes > <i64>(end - at)) return BAD_SIZE;
  const body = at;
  if (!isZstd && storedBytes != plainBytes) return BAD_SIZE;
  if (isZstd && framesHold(body, body + <u32>storedBytes) != plainBytes) return BAD_FRAMES;
  store<u32>(storedFieldsAt, body);
  store<u32>(storedFieldsAt, <u32>storedBytes, 4);
  store<u32>(storedFieldsAt, <u32>plainBytes, 8);
  store<u32>(storedFieldsAt, <u32>values, 12);
  store<u32>(storedFieldsAt, <u32>encoding, 16);
  store<u32>(storedFieldsAt, <u32>crc, 20);
  store<u32>(storedFieldsAt, u32(hasCrc), 24);
  return GOOD;
}

function readHeader(from: u32, end: u32): bool {
  at = from;
  stop = end;
  isBad = false;
  pageType = -1;
  plainBytes = -1;
  storedBytes = -1;
  values = -1;
  encoding = -1;
  hasCrc = false;
  fits = true;
  // Of the structs around the one at hand, the fields that they are, where a header is written.
  const outer = storedHeader();
  let depth: u32 = 0;
  let id: i64 = 0;
  while (true) {
    const fieldAt = at;
    if (at >= stop) return false;
    const head: u32 = load<u8>(at++);
    if (head == 0) {
      if (depth == 0) return true;
      depth -= 1;
      id = load<i64>(outer + depth * 8);
      continue;
    }
    const type = head & 15;
    if (head >> 4) id += head >> 4;
    else id = readInteger();
    if (isBad) return false;
    if (type == I16 || type == I32 || type == I64) {
      const value = readInteger();
      if (isBad) return false;
      if (depth == 0) putField(id, value);
      else if (depth == 1) putCount(load<i64>(outer), id, value);
    } else if (type == STRUCT) {
      if (depth == DEPTH_MAX) return false;
      store<i64>(outer + depth * 8, id);
      depth += 1;
      id = 0;
    } else if (!passValue(type, depth == 0 && id == CHECKSUM_FIELD, from, fieldAt)) {
      return false;
    }
  }
}

/** Any other field; the checksum is compared. */
function passValue(type: u32, isChecksum: bool, from: u32, fieldAt: u32): bool {
  if (type == BINARY) {
    const length = readVarint();
    if (isBad || length > <u64>(stop - at)) return false;
    if (isChecksum) fits = length == 4 && load<u32>(at) == crcOf(from, fieldAt);
    at += <u32>length;
    return true;
  }
  if (type == BYTE) at += 1;
  else if (type == DOUBLE) at += 8;
  else return type == 1 || type == FALSE;
  return at <= stop;
}

function putField(id: i64, value: i64): void {
  if (id == 1) pageType = value;
  else if (id == 2) plainBytes = value;
  else if (id == 3) storedBytes = value;
  else if (id == 4) {
    crc = value;
    hasCrc = true;
  }
}

/** Of a data page as of a dictionary page: they begin alike. */
function putCount(struct: i64, id: i64, value: i64): void {
  if (struct != DATA_HEADER && struct != DICTIONARY_HEADER) return;
  if (id == 1) values = value;
  else if (id == 2) encoding = value;
}

function readInteger(): i64 {
  const zigzag = readVarint();
  return <i64>(zigzag >> 1) ^ -<i64>(zigzag & 1);
}

/** Of 53 bits; sets isBad for a longer one, or one that is cut off. */
function readVarint(): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 56; shift += 7) {
    if (at >= stop) break;
    const byte: u64 = load<u8>(at++);
    value |= (byte & 127) << shift;
    if (byte < 128) {
      if (value > INTEGER_MAX) break;
      return value;
    }
  }
  isBad = true;
  return 0;
}

/** Of headers, which are short: without a table. */
function crcOf(from: u32, end: u32): u32 {
  let sum: u32 = 0xffffffff;
  for (let p = from; p < end; p++) {
    sum ^= load<u8>(p);
    for (let bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ (0xedb88320 & (0 - (sum & 1)));
  }
  return ~sum;
}

/** What all frames in [from, end) claim to hold (RFC 8878, 3.1.1); -1: one claims nothing. */
function framesHold(from: u32, end: u32): i64 {
  let sum: i64 = 0;
  for (let p = from; p < end; ) {
    if (end - p < 9 || load<u32>(p) != FRAME_MAGIC) return -1;
    const descriptor: u32 = load<u8>(p, 4);
    const isSingle = (descriptor & 32) != 0;
    const idBytes: u32 = (descriptor & 3) == 3 ? 4 : descriptor & 3;
    const sizeAt = p + 5 + u32(!isSingle) + idBytes;
    const flag = descriptor >> 6;
    const sizeBytes: u32 = flag == 0 ? u32(isSingle) : 1 << flag;
    if (sizeBytes == 0 || sizeAt + sizeBytes > end) return -1;
    sum += contentSize(sizeAt, sizeBytes);
    if (sum > PLAIN_BYTES_MAX) return -1;
    p = sizeAt + sizeBytes;
    for (let isLast = false; !isLast; ) {
      if (p > end || end - p < 3) return -1;
      const block: u32 = <u32>load<u16>(p) | (<u32>load<u8>(p, 2) << 16);
      isLast = (block & 1) != 0;
      // A block of one byte that is repeated has only that one.
      p += 3 + (((block >> 1) & 3) == 1 ? 1 : block >> 3);
    }
    p += descriptor & 4;
    if (p > end) return -1;
  }
  return sum;
}

function contentSize(from: u32, bytes: u32): i64 {
  if (bytes == 1) return <i64>load<u8>(from);
  if (bytes == 2) return <i64>load<u16>(from) + 256;
  if (bytes == 4) return <i64>load<u32>(from);
  return <i64>min<u64>(load<u64>(from), <u64>PLAIN_BYTES_MAX + 1);
}

/** Where putStored() writes. */
export function storedHeader(): u32 {
  return storedFieldsAt + 64;
}

/** Writes the header of a page to storedHeader(), with a checksum of itself; returns its bytes. */
export function putStored(isDictionary: bool, plain: u32, stored: u32, checksum: u32, count: u32,
                          encodingOfPage: u32): u32 {
  const to = storedFieldsAt + 64;
  let p = putInteger(to, isDictionary ? <u32>DICTIONARY_PAGE : <u32>DATA_PAGE);
  p = putInteger(p, plain);
  p = putInteger(p, stored);
  p = putInteger(p, checksum);
  // Field ids count from the one before, which is 4.
  const struct = isDictionary ? DICTIONARY_HEADER : DATA_HEADER;
  store<u8>(p++, (<u32>(struct - 4) << 4) | STRUCT);
  p = putInteger(p, count);
  p = putInteger(p, encodingOfPage);
  if (!isDictionary) p = putInteger(putInteger(p, RLE), RLE);
  store<u8>(p++, 0);
  const sum = crcOf(to, p);
  store<u8>(p++, BINARY);
  p = putVarint(p, <u32>CHECKSUM_FIELD << 1);
  store<u8>(p++, 4);
  store<u32>(p, sum);
  store<u8>(p, 0, 4);
  return p + 5 - to;
}

/** The next field, of 32 bits. */
function putInteger(to: u32, value: u32): u32 {
  store<u8>(to, (1 << 4) | I32);
  return putVarint(to + 1, (value << 1) ^ <u32>(<i32>value >> 31));
}

function putVarint(to: u32, value: u32): u32 {
  let p = to;
  let left = value;
  for (; left >= 128; left >>= 7) store<u8>(p++, (left & 127) | 128);
  store<u8>(p++, left);
  return p;
}
