/**
 * One tenant's rows of a half as vectors in scratch memory, while the half may be written to.
 *
 * Rows come by trace, those of one trace in the order of their arrival. Nothing is read but what
 * rows below the committed count refer to. The caller has the half pinned as long as anything of
 * this is used: texts of dictionaries are read when they are asked for.
 *
 * Threads: any reader, with its own kernel instance and scratch.
 */
import {
  COL_ATTRIBUTE_FIRST,
  COL_EVENT_RESIDUAL,
  COL_LINK_RESIDUAL,
  COL_RESIDUAL,
  COL_STATUS_MESSAGE,
  COLUMN_FIRST,
  COLUMN_KEY,
  COLUMN_SCOPE,
  COLUMN_TYPE,
  HALF_COLUMNS,
  HALF_DURATION,
  HALF_EVENT_NAME,
  HALF_EVENT_ROW,
  HALF_EVENT_TIME,
  HALF_EVENTS,
  HALF_KIND,
  HALF_LINK_ROW,
  HALF_LINK_SPAN_ID,
  HALF_LINK_TRACE_ID,
  HALF_LINKS,
  HALF_NAME,
  HALF_PARENT_ID,
  HALF_RESOURCE,
  HALF_SCOPE,
  HALF_SPAN_ID,
  HALF_START,
  HALF_STATUS,
  HALF_STRINGS,
  HALF_TRACE_ID,
  SCOPE_EVENT,
  SCOPE_LINK,
  SCOPE_SPAN,
  TYPE_BOOL,
  TYPE_DOUBLE,
  TYPE_INT,
  TYPE_STRING,
} from "../../native/src/layout.ts";
import type { GatherExports } from "../kernel/scan-kernel.ts";
import type { DataValue } from "../model/data-value.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import {
  bitmapBytes,
  type CodesVector,
  type Dictionary,
  type NumbersVector,
  ValueList,
  type Vector,
} from "../vector/vector.ts";
import type { HalfView } from "./half-view.ts";
import type { HeadRows } from "./head-rows.ts";

export type HeadScope = "span" | "event" | "link";

export interface HeadVectorOptions {
  readonly kernel: GatherExports;
  readonly scratch: StepScratch;
  readonly view: HalfView;
  readonly rows: HeadRows;
  /** Of ArrayValue messages. */
  readonly readList: (message: Uint8Array) => DataValue;
}

/** Entries of a scope: which elements of the half's arrays they are. */
interface Entries {
  readonly order: number;
  readonly count: number;
  /** Elements of the half that may be looked at. */
  readonly below: number;
}

/** Resources or scopes: each one's number in the half, and its message. */
export interface HeadSources {
  readonly codes: CodesVector;
  readonly entries: Uint32Array;
  message(entry: number): Uint8Array;
}

interface HeadColumn {
  readonly at: number;
  readonly type: number;
  readonly key: string;
}

const SCOPES: Readonly<Record<HeadScope, number>> = {
  span: SCOPE_SPAN,
  event: SCOPE_EVENT,
  link: SCOPE_LINK,
};
const RESIDUALS: Readonly<Record<HeadScope, number>> = {
  span: COL_RESIDUAL,
  event: COL_EVENT_RESIDUAL,
  link: COL_LINK_RESIDUAL,
};
/** Which row each element is of, and how many there are. */
const ELEMENTS = {
  event: [HALF_EVENT_ROW, HALF_EVENTS],
  link: [HALF_LINK_ROW, HALF_LINKS],
} as const;
const KINDS = 128;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const BOOLS = new ValueList([
  { type: "bool", value: false },
  { type: "bool", value: true },
]);
const SMALL_NUMBERS = new ValueList(
  Array.from({ length: KINDS }, (_, value) => ({ type: "float", value })),
);

export class HeadVectors {
  readonly #options: HeadVectorOptions;
  readonly #view: HalfView;
  readonly #spans: Entries;

  constructor(options: HeadVectorOptions) {
    this.#options = options;
    this.#view = options.view;
    const { order, rows, below } = options.rows;
    this.#spans = { order, count: rows, below };
  }

  /** 16 bytes a trace. */
  traceIds(): number {
    const { kernel, scratch } = this.#options;
    const { traces, traceOf } = this.#options.rows;
    const at = scratch.keep(traces * 16);
    kernel.gather16(this.#view.header(HALF_TRACE_ID), traceOf, traces, at);
    return at;
  }

  spanIds(): number {
    return this.#longs(HALF_SPAN_ID, this.#spans);
  }

  parentIds(): number {
    return this.#longs(HALF_PARENT_ID, this.#spans);
  }

  start(): number {
    return this.#longs(HALF_START, this.#spans);
  }

  duration(): number {
    return this.#longs(HALF_DURATION, this.#spans);
  }

  kind(): CodesVector {
    return this.#smallNumbers(HALF_KIND);
  }

  status(): CodesVector {
    return this.#smallNumbers(HALF_STATUS);
  }

  name(): CodesVector {
    return this.#coded(this.#words(HALF_NAME, this.#spans), this.#spans, textOf);
  }

  statusMessage(): CodesVector {
    return this.#sparse(this.#view.column(COL_STATUS_MESSAGE), this.#spans, textOf);
  }

  resources(): HeadSources {
    return this.#sources(HALF_RESOURCE);
  }

  scopes(): HeadSources {
    return this.#sources(HALF_SCOPE);
  }

  /** u32: where each row's events (links) begin; rows + 1 of them. Undefined: there are none. */
  lists(
    scope: "event" | "link",
  ): { readonly starts: number; readonly entries: number } | undefined {
    const entries = this.#entries(scope);
    return entries && { starts: entries.starts, entries: entries.count };
  }

  eventName(): CodesVector {
    const entries = this.#needed("event");
    return this.#coded(this.#words(HALF_EVENT_NAME, entries), entries, textOf);
  }

  eventTime(): NumbersVector {
    return { kind: "longs", at: this.#longs(HALF_EVENT_TIME, this.#needed("event")), present: 0 };
  }

  /** Ids of links, 16 or 8 bytes each. */
  linkIds(which: "trace" | "span"): Uint8Array[] {
    const { order, count } = this.#needed("link");
    const { words } = this.#options.scratch;
    const [field, width] = which === "trace" ? [HALF_LINK_TRACE_ID, 16] : [HALF_LINK_SPAN_ID, 8];
    return Array.from({ length: count }, (_, i) =>
      this.#view.slice(field, words[order / 4 + i], width),
    );
  }

  attribute(scope: HeadScope, key: string): Vector[] {
    const entries = this.#entries(scope);
    if (entries === undefined) return [];
    return this.#columns(scope)
      .filter((column) => column.key === key)
      .map((column) => this.#vector(column, entries));
  }

  keys(scope: HeadScope): string[] {
    return this.#columns(scope).map(({ key }) => key);
  }

  /** Whether an entry with a bit has a value in a column of the key. */
  hasKey(scope: HeadScope, key: string, bits: number): boolean {
    const entries = this.#entries(scope);
    if (entries === undefined) return false;
    const { kernel } = this.#options;
    const { below } = entries;
    return this.#columns(scope)
      .filter((column) => column.key === key)
      .some(({ at }) => kernel.columnHas(at, below, this.#places(scope, entries), bits) !== 0);
  }

  /** Keys of which some entry has a value in a column; undefined: not all of the half is ours. */
  usedKeys(scope: HeadScope): ReadonlySet<string> | undefined {
    const { count, below } = this.#spans;
    if (count < below) return undefined;
    const { kernel } = this.#options;
    const elements = this.#elements(scope);
    const used = this.#columns(scope).filter(({ at }) => kernel.columnBegins(at, elements) !== 0);
    return new Set(used.map(({ key }) => key));
  }

  /** Elements of the half that may be looked at. */
  #elements(scope: HeadScope): number {
    const { below } = this.#spans;
    if (scope === "span") return below;
    const [rowOf, count] = ELEMENTS[scope].map((field) => this.#view.header(field));
    return this.#options.kernel.elementsBelow(rowOf, count, below) >>> 0;
  }

  readonly #placed = new Map<HeadScope, number>();

  #places(scope: HeadScope, { order, count, below }: Entries): number {
    const known = this.#placed.get(scope);
    if (known !== undefined) return known;
    const { kernel, scratch } = this.#options;
    const at = scratch.keep(below * 4);
    kernel.placesOf(order, count, below, at);
    this.#placed.set(scope, at);
    return at;
  }

  /** Entries that have attributes without a column, and their KeyValue fields. */
  *residuals(scope: HeadScope): Generator<readonly [entry: number, bytes: Uint8Array]> {
    const { kernel, scratch } = this.#options;
    const column = this.#view.column(RESIDUALS[scope]);
    if (kernel.columnBegins(column, this.#elements(scope)) === 0) return;
    const entries = this.#entries(scope);
    if (entries === undefined) return;
    const pairs = scratch.within(() => {
      const all = scratch.take(entries.count * 4);
      const out = scratch.take(entries.count * 8);
      scratch.within(() => this.#expand4(column, entries, all));
      const found = kernel.listWords(all, entries.count, out) >>> 0;
      return scratch.words.slice(out / 4, out / 4 + found * 2);
    });
    for (let i = 0; i < pairs.length; i += 2) yield [pairs[i], this.#view.entry(pairs[i + 1] - 1)];
  }

  readonly #listed = new Map<HeadScope, readonly HeadColumn[]>();

  #columns(scope: HeadScope): readonly HeadColumn[] {
    const known = this.#listed.get(scope);
    if (known !== undefined) return known;
    const view = this.#view;
    const columns: HeadColumn[] = [];
    this.#listed.set(scope, columns);
    for (let index = COL_ATTRIBUTE_FIRST; index < view.header(HALF_COLUMNS); index++) {
      const at = view.column(index);
      // Columns that were carried over from the half before may have no value yet.
      if (view.word(at + COLUMN_SCOPE) !== SCOPES[scope]) continue;
      if (view.atomicWord(at + COLUMN_FIRST) === 0) continue;
      const key = utf8.decode(view.key(view.word(at + COLUMN_KEY)).slice());
      columns.push({ at, type: view.word(at + COLUMN_TYPE), key });
    }
    return columns;
  }

  #vector({ at, type }: HeadColumn, entries: Entries): Vector {
    if (type === TYPE_INT || type === TYPE_DOUBLE) {
      return this.#numbers(at, type === TYPE_INT ? "longs" : "doubles", entries);
    }
    if (type === TYPE_STRING) return this.#sparse(at, entries, textOf);
    if (type === TYPE_BOOL) {
      const { scratch } = this.#options;
      const codes = scratch.keep(entries.count * 4);
      scratch.within(() => this.#expand4(at, entries, codes));
      return { kind: "codes", at: codes, width: 4, dictionary: BOOLS };
    }
    return this.#sparse(at, entries, this.#options.readList);
  }

  #numbers(column: number, kind: "longs" | "doubles", entries: Entries): NumbersVector {
    const { kernel, scratch } = this.#options;
    const { order, count, below } = entries;
    const at = scratch.keep(count * 8);
    const present = scratch.keep(bitmapBytes(count));
    scratch.within(() => {
      const values = scratch.take(below * 8);
      const there = scratch.take(below * 4);
      kernel.expand8(column, below, values, there);
      kernel.gather8(values, order, count, at);
      const words = scratch.take(count * 4);
      kernel.gather4(there, order, count, words);
      kernel.bitsOfWords(words, count, present);
    });
    return { kind, at, present };
  }

  #sparse(column: number, entries: Entries, read: (bytes: Uint8Array) => DataValue): CodesVector {
    const { scratch } = this.#options;
    const at = scratch.keep(entries.count * 4);
    scratch.within(() => this.#expand4(column, entries, at));
    return this.#numbered(at, entries, read);
  }

  #expand4(column: number, { order, count, below }: Entries, out: number): void {
    const { kernel, scratch } = this.#options;
    const values = scratch.take(below * 4);
    kernel.expand4(column, below, values);
    kernel.gather4(values, order, count, out);
  }

  #words(field: number, { order, count }: Entries): number {
    const { kernel, scratch } = this.#options;
    const at = scratch.keep(count * 4);
    kernel.gather4(this.#view.header(field), order, count, at);
    return at;
  }

  #longs(field: number, { order, count }: Entries): number {
    const { kernel, scratch } = this.#options;
    const at = scratch.keep(count * 8);
    kernel.gather8(this.#view.header(field), order, count, at);
    return at;
  }

  #smallNumbers(field: number): CodesVector {
    const { kernel, scratch } = this.#options;
    const { order, count } = this.#spans;
    const at = scratch.keep(count);
    kernel.gather1(this.#view.header(field), order, count, at);
    kernel.addOneByte(at, count);
    return { kind: "codes", at, width: 1, dictionary: SMALL_NUMBERS };
  }

  /** Entry numbers (all there) as codes. */
  #coded(at: number, entries: Entries, read: (bytes: Uint8Array) => DataValue): CodesVector {
    this.#options.kernel.addOne(at, entries.count);
    return this.#numbered(at, entries, read);
  }

  /** Entry numbers + 1, 0 for none, as codes. */
  #numbered(at: number, entries: Entries, read: (bytes: Uint8Array) => DataValue): CodesVector {
    const list = this.#renumber(at, entries);
    const dictionary = new EntryDictionary(this.#view, list, read);
    return { kind: "codes", at, width: 4, dictionary };
  }

  /** The entries that occur, by code - 1. */
  #renumber(at: number, { count }: Entries): Uint32Array {
    const { kernel, scratch } = this.#options;
    const most = this.#view.header(HALF_STRINGS);
    return scratch.within(() => {
      const table = scratch.take((most + 2) * 4);
      const list = scratch.take((count + 1) * 4);
      const found = kernel.renumber(at, count, most + 1, table, list) >>> 0;
      return scratch.words.slice(list / 4, list / 4 + found).map((entry) => entry - 1);
    });
  }

  #sources(field: number): HeadSources {
    const at = this.#words(field, this.#spans);
    this.#options.kernel.addOne(at, this.#spans.count);
    const entries = this.#renumber(at, this.#spans);
    const dictionary = new ValueList([]);
    return {
      codes: { kind: "codes", at, width: 4, dictionary },
      entries,
      // An entry of 8 bytes: the number of the message, and of its schema URL.
      message: (entry) => {
        const pair = this.#view.entry(entry);
        const message = pair[0] | (pair[1] << 8) | (pair[2] << 16) | (pair[3] << 24);
        return this.#view.entry(message >>> 0).slice();
      },
    };
  }

  #needed(scope: "event" | "link"): Entries {
    const entries = this.#entries(scope);
    return entries ?? { order: 0, count: 0, below: 0 };
  }

  readonly #lists = new Map<HeadScope, Entries & { readonly starts: number }>();

  #entries(scope: "span"): Entries;
  #entries(scope: "event" | "link"): (Entries & { readonly starts: number }) | undefined;
  #entries(scope: HeadScope): Entries | undefined;
  #entries(scope: HeadScope): Entries | undefined {
    if (scope === "span") return this.#spans;
    const known = this.#lists.get(scope);
    if (known !== undefined) return known.count === 0 ? undefined : known;
    const made = this.#order(scope);
    this.#lists.set(scope, made);
    return made.count === 0 ? undefined : made;
  }

  /** Elements come in the order of the half's rows; ours in the order of this segment's. */
  #order(scope: "event" | "link"): Entries & { readonly starts: number } {
    const { kernel, scratch } = this.#options;
    const { below, order: rowOrder, count: rows } = this.#spans;
    const rowOf = this.#view.header(ELEMENTS[scope][0]);
    const elements = this.#elements(scope);
    const starts = scratch.keep((rows + 1) * 4);
    const order = scratch.keep((elements + 1) * 4);
    const count = scratch.within(() => {
      const from = [rowOf, elements, below, rowOrder, rows] as const;
      return kernel.orderElements(...from, scratch.take((below + 1) * 4), starts, order) >>> 0;
    });
    return { order, count, below: elements, starts };
  }
}

/** Values of entries of the half, read when they are asked for. */
class EntryDictionary implements Dictionary {
  readonly #view: HalfView;
  readonly #entries: Uint32Array;
  readonly #read: (bytes: Uint8Array) => DataValue;
  readonly #known: DataValue[] = [];

  constructor(view: HalfView, entries: Uint32Array, read: (bytes: Uint8Array) => DataValue) {
    this.#view = view;
    this.#entries = entries;
    this.#read = read;
  }

  get size(): number {
    return this.#entries.length;
  }

  at(index: number): DataValue {
    const known = this.#known[index];
    if (known !== undefined) return known;
    // A copy: decoders do not take shared memory.
    const value = this.#read(this.#view.entry(this.#entries[index]).slice());
    this.#known[index] = value;
    return value;
  }
}

function textOf(bytes: Uint8Array): DataValue {
  return { type: "string", value: utf8.decode(bytes) };
}
