/**
 * What a merge of blocks calls of the kernel, before the exports of encode-kernel.ts: native/src/
 * merge-*.ts. Rows and traces of inputs are counted over all of them.
 */
export interface MergeExports {
  /** Returns the bytes left for texts; 0: the scratch is too small. */
  openMerge(
    scratch: number,
    end: number,
    rowCap: number,
    traceCap: number,
    eventCap: number,
    linkCap: number,
  ): number;
  /** To be called when the memory of merges, which they clean by themselves, served for others. */
  soilScratch(scratch: number): void;
  /** Where pages of inputs are put: 64 MiB. */
  inPage(): number;
  /** Where they are put as they are stored, header and all: STORED_BYTES_MAX. */
  storedPages(): number;
  /**
   * Reads the header at `from` of what is stored up to `end`; returns 0, and what it says is in
   * STORED_FIELDS words at storedFields(), or else what is wrong: its place in STORED_WRONGS.
   */
  openStored(from: number, end: number, isDictionary: number, isZstd: number): number;
  storedFields(): number;
  /** Writes the header of a page, to storedHeader(); returns its bytes. */
  putStored(
    isDictionary: number,
    plainBytes: number,
    storedBytes: number,
    crc32: number,
    values: number,
    encoding: number,
  ): number;
  storedHeader(): number;

  // ---- the order
  beginOrder(): void;
  /** 0: the page does not hold what it should. */
  addIdPage(from: number, end: number, count: number, ids: number, idCount: number): number;
  /** Room for 2 MiB of them. */
  mappedTable(): number;
  addIdRows(skip: number, count: number, fresh: number, tracesMax: number): number;
  inputTraces(): number;
  addSpanIds(from: number, count: number, rowFirst: number): void;
  /** PAGE_*; while the column of kinds is open. */
  readKinds(from: number, end: number, encoding: number, count: number, rowFirst: number): number;
  /** Pairs of u32: first trace and end of each part. */
  mergeParts(): number;
  /** A byte a trace of the inputs: 0, past its time, else the output's part, from 1. */
  keptTraces(): number;
  /** u32 a trace of the inputs: its first row; one more at the end. */
  firstRows(): number;
  /** Opens columns as if the inputs, behind each other, were the output. */
  placeAsIs(): void;
  /** While starts are open as they are; returns how many traces the parts have together. */
  joinMerged(parts: number): number;
  /** u32 a trace of the inputs: which one of these it is. */
  joinedOf(): number;
  /** u64 each: the smallest start. */
  joinedStarts(): number;
  /** u32 each. */
  joinedRows(): number;
  mergeTenant(parts: number, partOfOutput: number): void;
  mergedRows(): number;
  mergedTraces(): number;
  droppedDoubles(): number;
  placeSpans(): void;
  /** While the parents' ids are the open column. */
  keepParents(): void;
  /** After keepParents(): numbers these traces of the output; in order, from 0 on. */
  numberMerged(first: number, end: number): void;
  /** Instead of openNestedLeft() after numberMerged(); the three others follow it. */
  openNumberedLeft(): void;
  /** Ids of all spans, 8 bytes each, in the order of the output. */
  mergedSpanIds(): number;
  /**
   * After numberMerged(): begins the chunk of these traces' parents as codes; returns how many
   * ids at otherParents() are of none of their spans.
   */
  codeParents(traceFirst: number, traces: number, pageRows: number, headWords: number): number;
  otherParents(): number;
  /** Rows of inputs that lie in a range of the output. */
  rowsInside(rowFirst: number, rows: number, placeFirst: number, places: number): number;

  // ---- a column
  beginMergeColumn(
    kind: number,
    scope: number,
    required: number,
    lists: number,
    onlyLevels: number,
  ): void;
  setPiece(first: number, count: number, intern: number): void;
  beginInput(rowBase: number, definitionMax: number): void;
  /** u16 a number of the input's attribute orders; 0: the column is none. */
  setOrderNumbers(at: number, count: number): void;
  /** PAGE_*. */
  mergeDictionary(from: number, end: number, count: number): number;
  mergePage(
    from: number,
    end: number,
    encoding: number,
    entries: number,
    rowFirst: number,
    rows: number,
  ): number;
  skipRows(rowFirst: number, rows: number): void;
  /** Instead of skipRows() of all rows of an input that have so many events, or links. */
  skipChildren(count: number): void;
  entryOf(from: number, bytes: number): number;
  fillEntry(rowFirst: number, rows: number, entry: number): void;
  /** 1: some of these rows, or their events or links, have a value in the open column. */
  hasValue(scope: number, rowFirst: number, rowEnd: number): number;

  // ---- events and links
  beginChildren(scope: number): void;
  countChildren(from: number, end: number, entries: number, rowFirst: number, rows: number): number;
  noChildren(rowFirst: number, rows: number): void;
  sumChildren(rowFirst: number, rows: number): number;
  placeMerged(scope: number, rows: number, total: number): void;
  /** In the open column's scope. */
  childOfRow(row: number): number;

  keepStarts(): void;
  mergedTimes(rowFirst: number, rows: number): void;
}

/** What a page of an input was. */
export const PAGE_GOOD = 0;
export const PAGE_BAD = 1;
/** No more room for texts. */
export const PAGE_FULL = 2;

export const STORED_BYTES_MAX = 64 * 1024 * 1024 + 64 * 1024;
export const STORED_FIELDS = 7;
export const STORED_WRONGS = [
  "",
  "header",
  "header crc",
  "type",
  "size",
  "number of values",
  "frame claims another size",
] as const;
