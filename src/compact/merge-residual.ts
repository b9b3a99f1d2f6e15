/**
 * The residual of an input some of whose attribute columns have no place in the output: their
 * values join it, each where the attribute order has it. This is for keys beyond the cap, of which
 * there are few values each, so it goes by objects, some thousand rows at a time.
 */
import { SCOPE_EVENT, SCOPE_SPAN } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import { arrayMessage } from "../block/array-message.ts";
import { readColumns, Scratch } from "../block/block-columns-read.ts";
import { blockCorrupt } from "../block/block-error.ts";
import { type AttributeColumn, layoutOf } from "../block/block-layout.ts";
import { ValueCache } from "../block/file-cache.ts";
import type { ColumnRows, ColumnValue } from "../block/parquet-decode.ts";
import { ByteReader, ByteWriter } from "../block/resource-bytes.ts";
import type { MergeColumn, MergeColumns } from "./merge-columns.ts";
import type { InputFile, InputPage, InputPages } from "./merge-pages.ts";

const WINDOW_ROWS = 4096;
// Fields of KeyValue and AnyValue, with their wire type.
const FIELD = 0x0a;
const KEY = 0x0a;
const VALUE = 0x12;
const STRING = 0x0a;
const BOOL = 0x10;
const INT = 0x18;
const DOUBLE = 0x21;
const ARRAY = 0x2a;

/** Whether the residual `column` of this input takes up values of others. */
export function hasDemoted(column: MergeColumn, { demoted }: MergeColumns, input: number): boolean {
  if (!column.path.endsWith("residual") || column.isAttribute) return false;
  return demoted.some(({ scope, places }) => scope === column.scope && places[input] >= 0);
}

export interface ResidualRequest {
  readonly column: MergeColumn;
  readonly input: InputFile;
  readonly demoted: readonly MergeColumn[];
  readonly skip: (rowFirst: number, rows: number) => boolean;
}

interface ResidualParts {
  readonly pages: InputPages;
  readonly memory: Uint8Array;
  readonly inputs: readonly InputFile[];
  readonly kernel: { inPage(): number };
}

/** As pages of PLAIN values, which lie in the kernel's memory like those of the input. */
export function* residualPages(
  parts: ResidualParts,
  { column, input, demoted, skip }: ResidualRequest,
): Generator<InputPage> {
  const { pages, memory, kernel } = parts;
  const { file, path } = input;
  const layout = layoutOf(file);
  const scope = [layout.span, layout.event, layout.link][column.scope];
  const place = parts.inputs.indexOf(input);
  const moved = new Set(demoted.map(({ places }) => places[place]));
  const order = scope.places.get("attribute_order" as never);
  const residual = scope.places.get("residual" as never);
  const dictionaries = new ValueCache<never>(0);
  const caches = { files: pages.files, dictionaries, scratch: new Scratch(), touched: undefined };
  // Events and links are told by a column that all of them have.
  const first = column.scope === SCOPE_EVENT ? "time_unix_nano" : "span_id";
  const lists = column.scope === SCOPE_SPAN ? undefined : scope.places.get(first as never);
  const wanted = [order, residual, lists, ...moved].filter(
    (one): one is number => one !== undefined && one >= 0,
  );
  for (let rowFirst = 0; rowFirst < file.rows; rowFirst += WINDOW_ROWS) {
    const rows = Math.min(WINDOW_ROWS, file.rows - rowFirst);
    if (skip(rowFirst, rows)) continue;
    const range = { first: rowFirst, end: rowFirst + rows };
    const read = readColumns(caches, { path, file }, { columns: wanted, rows: range });
    const at = (column: number | undefined) =>
      column === undefined ? undefined : read.get(column);
    const source = { order: at(order), residual: at(residual), read };
    const shape = at(lists);
    const entries = shape === undefined ? rows : shape.values.length;
    const values = Array.from({ length: entries }, (_, entry) =>
      residualOf(source, { attributes: scope.attributes, moved, entry }),
    );
    const bytes = pageOf(values, shape);
    memory.set(bytes, kernel.inPage() >>> 0);
    const from = kernel.inPage() >>> 0;
    yield { at: from, end: from + bytes.length, encoding: 0, values: entries, rowFirst, rows };
  }
}

interface ResidualSource {
  readonly order: ColumnRows | undefined;
  readonly residual: ColumnRows | undefined;
  readonly read: ReadonlyMap<number, ColumnRows>;
}

/** undefined: no entries. */
function residualOf(
  { order, residual, read }: ResidualSource,
  of: {
    readonly attributes: readonly AttributeColumn[];
    readonly moved: ReadonlySet<number>;
    readonly entry: number;
  },
): Uint8Array | undefined {
  const { attributes, moved, entry } = of;
  const numbers = order?.values[entry];
  if (!(numbers instanceof Uint8Array)) return undefined;
  const own = residual?.values[entry];
  const rest = new ByteReader(own instanceof Uint8Array ? own : new Uint8Array(0));
  const out = new ByteWriter();
  let count = 0;
  for (const reader = new ByteReader(numbers); !reader.atEnd(); ) {
    const number = Number(reader.varint());
    if (number === 0) {
      if (rest.tag() !== FIELD) throw blockCorrupt("residual is not of attributes");
      out.bytes(FIELD, rest.bytes());
    } else {
      const attribute = attributes[number - 1];
      if (attribute === undefined) throw blockCorrupt("attribute order names no column");
      if (!moved.has(attribute.column)) continue;
      out.bytes(FIELD, keyValue(attribute, read.get(attribute.column), entry));
    }
    count++;
  }
  if (!rest.atEnd()) throw blockCorrupt("residual has more than its order");
  return count === 0 ? undefined : out.finish();
}

function keyValue(
  { key, type, isArray }: AttributeColumn,
  rows: ColumnRows | undefined,
  entry: number,
): Uint8Array {
  assert(rows !== undefined, "merge: a column was not read");
  const value = new ByteWriter();
  if (isArray) value.bytes(ARRAY, arrayMessage(rows, entry, type));
  else putValue(value, rows.values[entry]);
  const out = new ByteWriter();
  out.bytes(KEY, key);
  out.bytes(VALUE, value.finish());
  return out.finish();
}

function putValue(out: ByteWriter, value: ColumnValue | undefined): void {
  if (value instanceof Uint8Array) out.bytes(STRING, value);
  else if (typeof value === "bigint") out.varint(INT, value);
  else if (typeof value === "number") out.double(DOUBLE, value);
  else if (typeof value === "boolean") out.varint(BOOL, value ? 1n : 0n);
  else throw blockCorrupt("attribute that its column does not have");
}

/** A page body of version 1 of optional byte arrays; in lists when there is `shape`. */
function pageOf(
  values: readonly (Uint8Array | undefined)[],
  shape: ColumnRows | undefined,
): Uint8Array {
  const parts: Uint8Array[] = [];
  if (shape !== undefined) {
    const starts = new Set(shape.starts);
    parts.push(
      levels(
        values.map((_, entry) => (starts.has(entry) ? 0 : 1)),
        1,
      ),
    );
    const isThere = (entry: number) => shape.definitions[entry] > 0;
    const level = (value: Uint8Array | undefined, entry: number) =>
      isThere(entry) ? (value === undefined ? 1 : 2) : 0;
    parts.push(levels(values.map(level), 2));
  } else
    parts.push(
      levels(
        values.map((value) => (value === undefined ? 0 : 1)),
        1,
      ),
    );
  for (const value of values) {
    if (value === undefined) continue;
    parts.push(word(value.length), value);
  }
  return Buffer.concat(parts);
}

/** Runs of one each: simple, and read at once. */
function levels(list: readonly number[], width: number): Uint8Array {
  assert(width <= 8, "merge: width of levels");
  const runs = new Uint8Array(list.length * 2);
  for (const [i, level] of list.entries()) {
    runs[i * 2] = 2;
    runs[i * 2 + 1] = level;
  }
  return Buffer.concat([word(runs.length), runs]);
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
