/**
 * A page's header, in Thrift's compact protocol (see parquet-thrift.ts), written and read in one
 * go each.
 *
 * A merge writes and reads some two thousand of them in a thread that lives as long. By the calls
 * with which other messages are made, the runtime spends more time on compiling these calls than
 * all headers take: a tenth of a merge's CPU (bench/compact.bench.ts).
 */
import { assert } from "../base/assert.ts";
import { blockCorrupt } from "./block-error.ts";
import type { PageHead } from "./parquet-footer.ts";
import { encodings } from "./parquet-schema.ts";
import { CHECKSUM_BYTES, CHECKSUM_FIELD } from "./parquet-thrift.ts";
import { BINARY, BYTE, DOUBLE, FALSE, I16, I32, I64, STRUCT, TRUE } from "./thrift-types.ts";

/** Room that any header has enough of. */
export const PAGE_HEADER_BYTES_MAX = 96;

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const DATA_HEADER = 5;
const DICTIONARY_HEADER = 7;

/** A field of bytes that say nothing, for headers that must have a length; see FORMAT.md. */
const FILLING_FIELD = CHECKSUM_FIELD - 1;
/** Of the filling without its bytes, and of the checksum with all behind it. */
const FILLING_BYTES = 5;
const TAIL_BYTES = 10;

/** Writes the header to the beginning of `to`; returns its bytes: `length`, where there is one. */
export function writePageHeader(page: PageHead, to: Uint8Array, length = 0): number {
  const isData = page.kind === "data";
  const type = isData ? DATA_PAGE : DICTIONARY_PAGE;
  let at = putIntegers(to, 0, [type, page.plainBytes, page.storedBytes, page.crc32]);
  // Field ids count from the one before, which is 4.
  to[at++] = (((isData ? DATA_HEADER : DICTIONARY_HEADER) - 4) << 4) | STRUCT;
  const encoding = encodings[page.encoding];
  const levels = isData ? [encodings.RLE, encodings.RLE] : [];
  at = putIntegers(to, at, [page.values, encoding, ...levels]);
  to[at++] = 0;
  if (length > 0) {
    const left = length - TAIL_BYTES - FILLING_BYTES - at;
    assert(left >= 0, "parquet: a header longer than it may be");
    to[at++] = BINARY;
    at = putVarint(to, at, FILLING_FIELD * 2);
    to[at++] = left;
    to.fill(0, at, at + left);
    at += left;
  }
  const crc32 = Bun.hash.crc32(to.subarray(0, at));
  to[at++] = BINARY;
  at = putVarint(to, at, CHECKSUM_FIELD * 2);
  to[at++] = CHECKSUM_BYTES;
  for (let shift = 0; shift < 32; shift += 8) to[at++] = crc32 >>> shift;
  to[at++] = 0;
  return at;
}

/** Fields 1, 2 … of 32 bits each; returns where they end. */
function putIntegers(to: Uint8Array, from: number, values: readonly number[]): number {
  let at = from;
  for (const value of values) {
    const word = value | 0;
    to[at++] = (1 << 4) | I32;
    at = putVarint(to, at, (word << 1) ^ (word >> 31));
  }
  return at;
}

/** `value` as 32 bits without a sign; returns where it ends. */
function putVarint(to: Uint8Array, from: number, value: number): number {
  let at = from;
  let left = value >>> 0;
  for (; left >= 128; left >>>= 7) to[at++] = (left & 127) | 128;
  to[at++] = left;
  return at;
}

/** What is missing is -1. */
export interface ReadPageHeader {
  /** Format number. */
  type: number;
  plainBytes: number;
  storedBytes: number;
  crc32: number | undefined;
  values: number;
  encoding: number;
  /** Whether it has a checksum of its own, and a page has one. */
  isChecked: boolean;
  /** False: the checksum is there, and of other bytes. */
  fits: boolean;
  headerBytes: number;
}

/** Parquet's own headers nest two deep. */
const DEPTH_MAX = 8;

/** Reads the header that `bytes` begin with; they may be damaged, which throws block_corrupt. */
export function readPageHeader(bytes: Uint8Array): ReadPageHeader {
  const header: ReadPageHeader = {
    ...{ type: -1, plainBytes: -1, storedBytes: -1, crc32: undefined, values: -1, encoding: -1 },
    ...{ isChecked: false, fits: true, headerBytes: 0 },
  };
  /** Of the structs around the one at hand, the fields that they are. */
  const outer: number[] = [];
  let id = 0;
  for (let at = 0; ; ) {
    const fieldAt = at;
    if (at >= bytes.length) throw cutOff();
    const head = bytes[at++];
    const type = head & 15;
    if (head === 0) {
      const above = outer.pop();
      if (above === undefined) {
        header.headerBytes = at;
        header.isChecked &&= header.crc32 !== undefined;
        return header;
      }
      id = above;
      continue;
    }
    if (head >> 4 > 0) id += head >> 4;
    else {
      id = integerOf(varint(bytes, at));
      at = varintEnd;
    }
    if (type === I32 || type === I64 || type === I16) {
      const value = integerOf(varint(bytes, at));
      at = varintEnd;
      if (outer.length === 0) putField(header, id, value);
      else if (outer.length === 1) putCount(header, outer[0], { id, value });
    } else if (type === STRUCT) {
      if (outer.push(id) > DEPTH_MAX) throw blockCorrupt("thrift nested too deep");
      id = 0;
    } else if (type === BINARY) {
      const length = varint(bytes, at);
      at = varintEnd + length;
      if (at > bytes.length) throw cutOff();
      if (outer.length === 0 && id === CHECKSUM_FIELD) {
        header.isChecked = true;
        header.fits = length === CHECKSUM_BYTES && fitsBefore(bytes, fieldAt, at - length);
      }
    } else if (type === BYTE) at += 1;
    else if (type === DOUBLE) at += 8;
    else if (type !== TRUE && type !== FALSE) throw blockCorrupt("thrift type unknown");
  }
}

function putField(header: ReadPageHeader, id: number, value: number): void {
  if (id === 1) header.type = value;
  else if (id === 2) header.plainBytes = value;
  else if (id === 3) header.storedBytes = value;
  else if (id === 4) header.crc32 = value;
}

/** Of a data page as of a dictionary page: they begin alike. */
function putCount(
  header: ReadPageHeader,
  struct: number,
  { id, value }: { readonly id: number; readonly value: number },
): void {
  if (struct !== DATA_HEADER && struct !== DICTIONARY_HEADER) return;
  if (id === 1) header.values = value;
  else if (id === 2) header.encoding = value;
}

function fitsBefore(bytes: Uint8Array, end: number, wordAt: number): boolean {
  const crc32 = Bun.hash.crc32(bytes.subarray(0, end));
  let word = 0;
  for (let i = 3; i >= 0; i--) word = (word << 8) | bytes[wordAt + i];
  return crc32 === word >>> 0;
}

/** Behind the number that varint() read last: two results without an object. */
let varintEnd = 0;

function varint(bytes: Uint8Array, from: number): number {
  let value = 0;
  let scale = 1;
  for (let at = from; at < from + 8; at++) {
    if (at >= bytes.length) throw cutOff();
    const byte = bytes[at];
    value += (byte & 127) * scale;
    if (byte < 128) {
      if (value > Number.MAX_SAFE_INTEGER) break;
      varintEnd = at + 1;
      return value;
    }
    scale *= 128;
  }
  throw blockCorrupt("thrift integer too long");
}

function integerOf(zigzag: number): number {
  const half = Math.floor(zigzag / 2);
  return zigzag % 2 === 0 ? half : -half - 1;
}

function cutOff() {
  return blockCorrupt("thrift cut off");
}
