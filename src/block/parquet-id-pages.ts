/**
 * Ids of eight bytes that are pages of one column and, with the headers of these pages, the values
 * of another column's dictionary: who refers to an id by its place has not to say it again.
 *
 *   dictionary header · page · page · … · page of others?       page := header of 64 bytes · ids
 *
 * Both columns are stored as they are, so a dictionary's values are these bytes, eight at a time:
 * headers among them are values that nobody refers to. The page of others holds ids of no row.
 */
import { assert } from "../base/assert.ts";
import type { PageHead } from "./parquet-footer.ts";
import { PAGE_HEADER_BYTES_MAX, writePageHeader } from "./parquet-page-header.ts";

export const ID_BYTES = 8;
export const ID_PAGE_ROWS = 20_480;
/** Of a header, in values of the dictionary. */
export const ID_HEAD_WORDS = 8;

export interface IdPage {
  readonly header: Uint8Array;
  readonly ids: Uint8Array;
}

export interface IdPages {
  /** Of the dictionary page that all others are. */
  readonly header: Uint8Array;
  readonly pages: readonly IdPage[];
  readonly others: IdPage | undefined;
}

/** Both are ids behind each other; what is returned are views of them. */
export function layIdPages(ids: Uint8Array, others: Uint8Array): IdPages {
  assert(ids.length > 0 && ids.length % ID_BYTES === 0, "parquet: ids that are none");
  const pages: IdPage[] = [];
  for (let at = 0; at < ids.length; at += ID_PAGE_ROWS * ID_BYTES) {
    pages.push(idPage(ids.subarray(at, at + ID_PAGE_ROWS * ID_BYTES)));
  }
  const last = others.length > 0 ? idPage(others) : undefined;
  const all = last === undefined ? pages : [...pages, last];
  let bytes = 0;
  let crc32 = 0;
  for (const { header, ids: own } of all) {
    bytes += header.length + own.length;
    crc32 = Bun.hash.crc32(own, Bun.hash.crc32(header, crc32));
  }
  const sizes = { plainBytes: bytes, storedBytes: bytes, values: bytes / ID_BYTES };
  const header = headerOf({ kind: "dictionary", encoding: "PLAIN", crc32, ...sizes }, 0);
  return { header, pages, others: last };
}

function idPage(ids: Uint8Array): IdPage {
  const { length } = ids;
  const sizes = { plainBytes: length, storedBytes: length, values: length / ID_BYTES };
  const head = { kind: "data", encoding: "PLAIN", crc32: Bun.hash.crc32(ids), ...sizes } as const;
  return { header: headerOf(head, ID_HEAD_WORDS * ID_BYTES), ids };
}

function headerOf(head: PageHead, bytes: number): Uint8Array {
  const room = new Uint8Array(PAGE_HEADER_BYTES_MAX);
  return room.subarray(0, writePageHeader(head, room, bytes));
}
