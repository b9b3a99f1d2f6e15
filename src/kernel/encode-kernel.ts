/**
 * What the block thread calls of the kernel, in the order of the calls: native/src/encode.ts.
 * Addresses and counts are unsigned; results of 2^31 and more must pass through `>>> 0`.
 */
export interface EncodeExports {
  /** 0: the scratch is too small for halves of these capacities. */
  openCut(half: number, scratch: number, end: number): number;
  /** Fills tenantTable(); returns how many tenants there are. */
  listTenants(): number;
  /** Sorts by the tenants' places, which the caller wrote into tenantTable(), and trace id. */
  sortCut(): void;
  /** Takes the ends of the files from fileEnds(). */
  setFiles(count: number): void;
  /** Fills fileFlags() for a sparse column of the half. */
  markFiles(index: number): void;
  /** Smallest start and largest end of a range of sorted rows, at times(). */
  findTimes(rowFirst: number, rows: number): void;

  // ---- tables that are read or filled between calls
  tenantTable(): number;
  traceRowTable(): number;
  groupTable(): number;
  groupValues(): number;
  derivedEntries(): number;
  columnOrdinals(): number;
  textRoom(): number;
  textRoomEnd(): number;
  fileEnds(): number;
  fileFlags(): number;
  times(): number;

  // ---- one of these opens a column of the whole cut
  openTenant(): void;
  openTraceId(): void;
  openSpanId(): void;
  openParentSpanId(): void;
  openName(): void;
  openKind(): void;
  openStatus(): void;
  openFlags(): void;
  openStart(): void;
  openDuration(): void;
  openOrder(): void;
  /** Numbers the traces; the three others follow it. */
  openNestedLeft(): void;
  openNestedRight(): void;
  openNestedParent(): void;
  openChildCount(): void;
  /** Spans of the cut that are there twice, after openNestedLeft(). */
  doublesInCut(): number;
  openEventTime(): void;
  openEventName(): void;
  openEventOrder(): void;
  openLinkTraceId(): void;
  openLinkSpanId(): void;
  openLinkOrder(): void;
  /** A sparse column of the half, by its index. */
  openColumn(index: number): void;
  /** Groups rows by resource (0) or scope (1); returns the number of groups in groupTable(). */
  groupRows(ofScope: number): number;
  /** A column that follows from the group, through groupValues() and derivedEntries(). */
  openDerived(isRequired: number): void;

  // ---- one file's chunk of the open column
  /** 1: no dictionaries of texts, until it is 0 again. */
  setPlainTexts(plain: number): void;
  /** Returns how many values are present. */
  beginChunk(rowFirst: number, rows: number): number;
  /** Parquet's number: 0 PLAIN, 5 DELTA_BINARY_PACKED, 8 RLE_DICTIONARY. */
  chunkEncoding(): number;
  /** As beginChunk() returned it. */
  chunkValues(): number;
  dictionaryPageAt(): number;
  dictionaryPageBytes(): number;
  dictionaryPageValues(): number;
  beginPages(): void;
  /** 1: the chunk has another way to write its pages, for a merge. */
  hasOther(): number;
  /** 1: that one, until it is 0 again. */
  setOther(other: number): void;
  /** Of the pages: chunkEncoding(), or 9 BYTE_STREAM_SPLIT. */
  pageEncoding(): number;
  /** Writes the next page; its bytes, or 0 after the last. */
  nextPage(): number;
  pageBytesAt(): number;
  pageRows(): number;
  /** Levels: rows of a flat column, more of a list. */
  pageEntries(): number;
  pageNulls(): number;
  /** Levels come first in the page. */
  pageLevelBytes(): number;
  /** 1 when the page has bounds: PLAIN bytes without a length at the addresses below. */
  hasBounds(): number;
  minimumAt(): number;
  minimumBytes(): number;
  maximumAt(): number;
  maximumBytes(): number;

  // ---- the sidecar of a file
  beginSidecar(blocks: number): void;
  addTraces(first: number, count: number, seed: number, fileRowFirst: number): void;
  finishSidecar(): void;
  bloomAt(): number;
  traceIndexAt(): number;
}
