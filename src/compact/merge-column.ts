/**
 * One column of a merge: the pages of all inputs go to where their rows lie in the output, then
 * each file gets its chunk of it.
 *
 * Numbers of all rows fit into the kernel's memory, texts need not: what does not fit comes in
 * pieces of rows, for each of which the inputs' pages that touch it are read, and has no
 * dictionary then.
 */
import {
  KIND_LIST,
  KIND_ORDER,
  KIND_STRING,
  ORDER_RESIDUAL,
  SCOPE_EVENT,
  SCOPE_SPAN,
} from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import { blockCorrupt } from "../block/block-error.ts";
import { layoutOf } from "../block/block-layout.ts";
import type { ParquetFile } from "../block/parquet-file.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { PAGE_FULL, PAGE_GOOD } from "../kernel/merge-kernel.ts";
import { isOtherBetter, writePages } from "./merge-chunk.ts";
import type { MergeColumn, MergeColumns } from "./merge-columns.ts";
import type { MergedFile } from "./merge-order.ts";
import type { InputFile, InputPage, InputPages } from "./merge-pages.ts";
import { hasDemoted, residualPages } from "./merge-residual.ts";
import { MergeTooLarge } from "./merge-too-large.ts";

/** A file that is being written. */
export interface MergeFile {
  readonly plan: MergedFile;
  readonly parquet: ParquetFile;
  readonly columns: readonly MergeColumn[];
}

export interface MergeParts {
  readonly kernel: Kernel;
  readonly memory: Uint8Array;
  readonly pages: InputPages;
  readonly inputs: readonly InputFile[];
  readonly columns: MergeColumns;
  readonly rows: number;
  /** By scope and input: its events, or links, as placeChildren() found them. */
  readonly children: number[][];
  readonly yieldNow: () => void;
}

export interface Piece {
  readonly rowFirst: number;
  readonly rows: number;
  readonly onlyLevels?: boolean;
}

/** Stored bytes of texts beyond which they are not tried whole; they take three times as much. */
const WHOLE_BYTES_MAX = 48 * MiB;
const PIECE_BYTES = 16 * MiB;

/** Writes the column into each file that has it. */
export function writeColumn(
  parts: MergeParts,
  column: MergeColumn,
  files: readonly MergeFile[],
): void {
  const { kernel, rows } = parts;
  const isWhole = !isText(column) || storedBytes(parts, column) <= WHOLE_BYTES_MAX;
  const result = isWhole ? openColumn(parts, column, { rowFirst: 0, rows }) : PAGE_FULL;
  if (result === PAGE_GOOD) {
    writeOpenColumn(parts, column, files);
    return;
  }
  kernel.setPlainTexts(1);
  try {
    for (const file of files) writePieces(parts, column, file);
  } finally {
    kernel.setPlainTexts(0);
  }
}

/** Of a column that is open, with all rows. */
export function writeOpenColumn(
  parts: MergeParts,
  column: MergeColumn,
  files: readonly MergeFile[],
): void {
  for (const file of files) writeChunk(parts, column, file);
}

/** Opens a column of numbers with all rows. */
export function openNumbers(parts: MergeParts, column: MergeColumn): void {
  assert(!isText(column), "merge: texts need not fit");
  feed(parts, column, { rowFirst: 0, rows: parts.rows });
}

/** Opens it just to know where it has values. */
export function openLevels(parts: MergeParts, column: MergeColumn): void {
  feed(parts, column, { rowFirst: 0, rows: parts.rows, onlyLevels: true });
}

function isText({ kind }: MergeColumn): boolean {
  return kind <= 1 || kind === KIND_LIST || kind === KIND_ORDER;
}

function storedBytes({ inputs }: MergeParts, { places }: MergeColumn): number {
  return inputs.reduce((sum, { file }, i) => {
    const chunk = places[i] < 0 ? undefined : file.columns[places[i]];
    return sum + (chunk === undefined ? 0 : chunk.dataEnd - chunk.dataAt);
  }, 0);
}

function writeChunk(parts: MergeParts, column: MergeColumn, file: MergeFile): void {
  const { kernel, memory } = parts;
  const { plan, parquet } = file;
  if (column.kind === KIND_ORDER) numberColumns(parts, file, column.scope);
  kernel.beginChunk(plan.rowFirst, plan.rows);
  const other = isOtherBetter(kernel, memory);
  parquet.beginColumn(leafOf(file, column));
  writePages(kernel, memory, { parquet, other });
  parquet.endColumn();
}

function writePieces(parts: MergeParts, column: MergeColumn, file: MergeFile): void {
  const { kernel, memory } = parts;
  const { plan, parquet } = file;
  const end = plan.rowFirst + plan.rows;
  const share = PIECE_BYTES / Math.max(1, storedBytes(parts, column));
  let rows = Math.max(1, Math.min(plan.rows, Math.floor(parts.rows * share)));
  parquet.beginColumn(leafOf(file, column));
  for (let rowFirst = plan.rowFirst; rowFirst < end; ) {
    const piece = { rowFirst, rows: Math.min(rows, end - rowFirst) };
    if (openColumn(parts, column, piece) === PAGE_FULL) {
      // The longest value has room, so a piece of one row always fits.
      assert(piece.rows > 1, "merge: a row without room");
      rows = piece.rows >>> 1;
      continue;
    }
    if (column.kind === KIND_ORDER) numberColumns(parts, file, column.scope);
    kernel.beginChunk(piece.rowFirst, piece.rows);
    // Plain texts and lists have one way.
    writePages(kernel, memory, { parquet, other: false });
    rowFirst += piece.rows;
  }
  parquet.endColumn();
}

function leafOf({ columns }: MergeFile, column: MergeColumn): number {
  const leaf = columns.indexOf(column);
  assert(leaf >= 0, "merge: a column without a leaf");
  return leaf;
}

/** Columns that the order of rows gave already, or that follow from others. */
const openers: Readonly<Record<string, (kernel: Kernel) => void>> = {
  trace_id: (kernel) => kernel.openTraceId(),
  span_id: (kernel) => kernel.openSpanId(),
  kind: (kernel) => kernel.openKind(),
  nested_left: (kernel) => kernel.openNumberedLeft(),
  nested_right: (kernel) => kernel.openNestedRight(),
  nested_parent: (kernel) => kernel.openNestedParent(),
  child_count: (kernel) => kernel.openChildCount(),
};

/** PAGE_GOOD or PAGE_FULL. */
export function openColumn(parts: MergeParts, column: MergeColumn, piece: Piece): number {
  const { kernel } = parts;
  const opener = column.scope === SCOPE_SPAN ? openers[column.path] : undefined;
  if (opener !== undefined) {
    opener(kernel);
    return PAGE_GOOD;
  }
  const result = feed(parts, column, piece);
  if (column.path === "parent_span_id") kernel.keepParents();
  return result;
}

/** PAGE_GOOD or PAGE_FULL. */
function feed(parts: MergeParts, column: MergeColumn, piece: Piece): number {
  const { kernel, inputs } = parts;
  const { kind, scope, lists, places } = column;
  kernel.beginMergeColumn(kind, scope, column.required ? 1 : 0, lists, piece.onlyLevels ? 1 : 0);
  const place = (row: number) => (scope === SCOPE_SPAN ? row : kernel.childOfRow(row));
  const first = place(piece.rowFirst);
  const interns = kind === KIND_STRING || kind === KIND_ORDER;
  kernel.setPiece(first, place(piece.rowFirst + piece.rows) - first, interns ? 1 : 0);
  kernel.setOrderNumbers(0, 0);
  for (const [i, input] of inputs.entries()) {
    const result = feedInput(parts, { column, input, place: places[i], piece });
    if (result === PAGE_FULL) return PAGE_FULL;
    if (result !== PAGE_GOOD) throw blockCorrupt(`${input.path}: pages of column ${column.path}`);
  }
  return PAGE_GOOD;
}

interface Feed {
  readonly column: MergeColumn;
  readonly input: InputFile;
  /** The column's place in the input, or -1. */
  readonly place: number;
  readonly piece: Piece;
}

function feedInput(parts: MergeParts, feed: Feed): number {
  const { column, input, place, piece } = feed;
  const { kernel, pages, columns, yieldNow } = parts;
  if (hasDemoted(column, columns, parts.inputs.indexOf(input))) return feedResidual(parts, feed);
  if (isEmpty(input, place, column)) {
    kernel.beginInput(input.rowBase, 0);
    if (column.scope !== SCOPE_SPAN) {
      kernel.skipChildren(parts.children[column.scope][parts.inputs.indexOf(input)]);
    }
    // Events and links of which there are none need no columns.
    return column.required && column.scope === SCOPE_SPAN ? -1 : PAGE_GOOD;
  }
  kernel.beginInput(input.rowBase, input.file.columns[place].definitionMax);
  if (column.kind === KIND_ORDER) setOrderNumbers(parts, input, column.scope);
  pages.begin(input, place);
  if (pages.dictionary()) {
    const { at, end, values } = pages;
    const result = kernel.mergeDictionary(at, end, values);
    if (result !== PAGE_GOOD) return result;
  }
  const isPiece = piece.rows !== parts.rows;
  while (pages.next()) {
    if (isPiece && isOutside(kernel, pages, { input, piece })) continue;
    pages.open();
    const { at, end, encoding, values, rowFirst, rows } = pages;
    const result = kernel.mergePage(at, end, encoding, values, rowFirst, rows);
    if (result !== PAGE_GOOD) return result;
    yieldNow();
  }
  return PAGE_GOOD;
}

/** The residual of an input with attributes that join it. */
function feedResidual(parts: MergeParts, { column, input, piece }: Feed): number {
  const { kernel, columns, yieldNow } = parts;
  kernel.beginInput(input.rowBase, column.scope === SCOPE_SPAN ? 1 : 2);
  const isPiece = piece.rows !== parts.rows;
  const skip = (rowFirst: number, rows: number) =>
    isPiece && isOutside(kernel, { rowFirst, rows }, { input, piece });
  for (const page of residualPages(parts, { column, input, demoted: columns.demoted, skip })) {
    const { at, end, encoding, values, rowFirst, rows } = page;
    const result = kernel.mergePage(at, end, encoding, values, rowFirst, rows);
    if (result !== PAGE_GOOD) return result;
    yieldNow();
  }
  return PAGE_GOOD;
}

/** Passes a page over of which nothing lies in the piece. */
function isOutside(
  kernel: Kernel,
  { rowFirst, rows }: Pick<InputPage, "rowFirst" | "rows">,
  { input, piece }: Pick<Feed, "input" | "piece">,
): boolean {
  const from = input.rowBase + rowFirst;
  if (kernel.rowsInside(from, rows, piece.rowFirst, piece.rows) > 0) return false;
  kernel.skipRows(rowFirst, rows);
  return true;
}

/** Whether no page of the column need be read. Of lists, empty ones are none to the footer. */
function isEmpty({ file }: InputFile, place: number, { kind }: MergeColumn): boolean {
  return place < 0 || (kind !== KIND_LIST && hasNoValue(file, place));
}

/** As the footer says it, which is believed when it has a checksum. */
function hasNoValue({ checksums, columns }: InputFile["file"], place: number): boolean {
  const { entries, nulls } = columns[place];
  return checksums !== undefined && entries > 0 && entries === nulls;
}

/** Attributes of a scope in the order of the output, which is that of all files. */
function attributesOf({ columns }: Pick<MergeFile, "columns">, scope: number): MergeColumn[] {
  return columns.filter((column) => column.isAttribute && column.scope === scope);
}

/** The input's numbers as places among the merge's attributes of the scope; u16 each. */
function setOrderNumbers(parts: MergeParts, input: InputFile, scope: number): void {
  const { kernel, memory, columns, inputs } = parts;
  const layout = layoutOf(input.file);
  const own = [layout.span, layout.event, layout.link][scope].attributes;
  const place = inputs.indexOf(input);
  const places = new Map(
    attributesOf(columns, scope).map((column, i) => [column.places[place], i]),
  );
  const table = kernel.groupTable() >>> 0;
  const numbers = new Uint16Array(memory.buffer, table, own.length);
  for (const [i, { column }] of own.entries()) numbers[i] = places.get(column) ?? ORDER_RESIDUAL;
  kernel.setOrderNumbers(table, own.length);
}

/** The file's numbers of the merge's attributes, from 1. */
function numberColumns(
  { kernel, memory, columns }: MergeParts,
  file: MergeFile,
  scope: number,
): void {
  const all = attributesOf(columns, scope);
  const numbers = new Uint16Array(memory.buffer, kernel.columnOrdinals() >>> 0, all.length);
  const inFile = new Set(file.columns);
  let number = 0;
  for (const [i, column] of all.entries()) numbers[i] = inFile.has(column) ? ++number : 0;
}

/** Finds where the inputs' events (links) lie in the output; returns how many inputs have. */
export function placeChildren(parts: MergeParts, scope: number, most: number): void {
  const { kernel, pages, inputs, columns } = parts;
  const name = scope === SCOPE_EVENT ? "time_unix_nano" : "span_id";
  const column = columns.columns.find(
    ({ path, scope: own }) => own === scope && path.endsWith(name),
  );
  assert(column !== undefined, "merge: no column of events or links");
  kernel.beginChildren(scope);
  const counts = inputs.map(() => 0);
  parts.children[scope] = counts;
  for (const [i, input] of inputs.entries()) {
    const place = column.places[i];
    kernel.noChildren(input.rowBase, input.file.rows);
    if (place < 0 || hasNoValue(input.file, place)) continue;
    kernel.beginInput(input.rowBase, input.file.columns[place].definitionMax);
    pages.begin(input, place);
    while (pages.next()) {
      pages.open();
      const { at, end, values, rowFirst, rows } = pages;
      if (kernel.countChildren(at, end, values, input.rowBase + rowFirst, rows) === 0) {
        throw blockCorrupt(`${input.path}: pages of column ${column.path}`);
      }
    }
    counts[i] = kernel.sumChildren(input.rowBase, input.file.rows);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total > most) throw new MergeTooLarge("they have too many events or links");
  const rows = inputs.reduce((sum, { file }) => sum + file.rows, 0);
  kernel.placeMerged(scope, rows, total);
}
