/**
 * One tenant's rows of a block as a segment. Cheap to make: what it reads is kept by others.
 *
 * Threads: one; addresses hold for the step.
 */

import { assert } from "../base/assert.ts";
import type { AheadRange } from "../block/block-ahead.ts";
import { type RowRange, readColumns } from "../block/block-columns-read.ts";
import { blockCorrupt } from "../block/block-error.ts";
import { type OpenBlock, openBlock } from "../block/block-read.ts";
import { BlockVectors } from "../block/block-vectors.ts";
import type { ColumnRows } from "../block/parquet-decode.ts";
import type { Field } from "../traceql/ast.ts";
import { codedValues, codeValues, keepCodes } from "../vector/code-values.ts";
import { codeNumbers } from "../vector/coded-numbers.ts";
import { type Keeper, StepKeeper } from "../vector/keeper.ts";
import type { CodesVector, NumbersVector, PackedCodes, Vector } from "../vector/vector.ts";
import { type BlockNames, blockNames, NESTED_COLUMNS } from "./block-names.ts";
import { type ReadSource, readBlockResource, readBlockScope } from "./block-sources.ts";
import { codesIn, hexValues, listValues } from "./block-values.ts";
import { hasValues, isEmptyColumn, isFullColumn, valuesIn } from "./column-statistics.ts";
import { aheadOfRows, areHere, bringRows, rowsAlone } from "./cut-out.ts";
import { someHave } from "./key-presence.ts";
import { nestedNumbers } from "./nested-numbers.ts";
import { asLongs, codesOfKind } from "./number-vectors.ts";
import { ResidualIndex } from "./residual.ts";
import type {
  Entries,
  LateSpan,
  ListScope,
  Lists,
  NestedName,
  Segment,
  Sources,
  TraceSpans,
  TraceStarts,
  TraceTimes,
} from "./segment.ts";
import {
  type FamilyTools,
  findDoubles,
  findDurationClasses,
  findDurationPowers,
  findFirstStarts,
  findLastStarts,
  findNewestFirst,
  findParents,
  findRoots,
  findTimes,
  findTraceOf,
  findTraceStarts,
  findZeros,
} from "./segment-family.ts";
import type { SegmentTools, TenantBlock } from "./segment-tools.ts";
import { combineSources, sourcesOfDictionary } from "./source-codes.ts";
import { StepMemo } from "./step-memo.ts";
import { findTraceRows, type TraceRows } from "./trace-rows.ts";
import { type FarRows, farSpans, isFar, isFew, knownSpans, lateSpan } from "./trace-spans.ts";

/** Of one in so many rows parents are looked up one by one. */
const FEW = 8;

interface SegmentKeepers {
  readonly columns?: Keeper | undefined;
  /** Where its traces begin, when that is known; once. */
  readonly traceRows?: () => TraceRows;
}

export class BlockSegment implements Segment {
  readonly rows: number;
  readonly #tools: SegmentTools;
  readonly #of: TenantBlock;
  readonly #columns: Keeper;
  readonly #name: string;
  readonly #block: OpenBlock;
  readonly #first: number;
  readonly #isDistinct: boolean;
  readonly #findTraceRows: () => TraceRows;
  readonly #names: BlockNames;
  readonly #vectors: BlockVectors;
  readonly #family: FamilyTools;
  readonly #memo = new StepMemo();
  /** Asked for trace by trace. A segment lives for one step, and so does this. */
  #known: TraceRows | undefined;
  #times: TraceTimes | undefined;

  /** `columns` keeps what is read of them. */
  constructor(
    tools: SegmentTools,
    of: TenantBlock,
    { columns = tools.vectors, traceRows }: SegmentKeepers = {},
  ) {
    const { folder, meta, tenant } = of;
    this.#tools = tools;
    this.#of = of;
    this.#columns = columns;
    this.#findTraceRows = traceRows ?? (() => this.#readTraceRows());
    this.#name = `${folder}/${tenant.rowFirst}+${tenant.rows}/`;
    this.#block = openBlock(tools.caches, folder);
    this.#names = blockNames(this.#block);
    this.rows = tenant.rows;
    this.#first = tenant.rowFirst;
    this.#isDistinct = meta.distinct === true || meta.merged !== undefined;
    const kept = { vectors: columns, source: this.#block, rows: this.#all, name: this.#name };
    this.#vectors = new BlockVectors({ ...tools, ...kept });
    const { kernel, scratch } = tools;
    this.#family = { keeper: columns, scratch, kernel, name: this.#name };
  }

  get traces(): number {
    return this.#of.tenant.traces;
  }

  get starts(): number {
    return this.#traceRows().starts;
  }

  get traceIds(): number {
    return this.#traceRows().ids;
  }

  doubles(): number {
    if (this.#isDistinct) return 0;
    return this.#memo.get("doubles", () => findDoubles(this, this.#family));
  }

  traceOf(): number {
    return findTraceOf(this, this.#family);
  }

  times(): TraceTimes {
    this.#times ??= findTimes(this, this.#family);
    return this.#times;
  }

  traceStarts(): TraceStarts {
    return findTraceStarts(this, this.#family);
  }

  isFar(): boolean {
    return isFar(this.#farRows());
  }

  isHere(fields: readonly Field[]): boolean {
    return areHere(this.#tools.caches, this.#block, { names: this.#names, fields });
  }

  latestStarts(): number {
    const { first, last } = this.traceStarts();
    return this.#isDistinct ? first : last;
  }

  bring(among: number, fields: readonly Field[]): void {
    const of = { names: this.#names, rows: this.#all, fields, ofSpans: !isFew(among) };
    bringRows(this.#tools.caches, this.#block, of);
  }

  showing(traces: readonly number[]): AheadRange[] {
    if (traces.length === 0 || !this.isFar()) return [];
    const few = isFew(traces.length) ? traces.map((trace) => this.#rowsOf(trace)) : [this.#all];
    const of = { names: this.#names, fields: [], ofSpans: true };
    return few.flatMap((rows) => aheadOfRows(this.#tools.caches, this.#block, { ...of, rows }));
  }

  get #all(): RowRange {
    return { first: this.#first, end: this.#first + this.rows };
  }

  /** Of the file. */
  #rowsOf(trace: number): RowRange {
    const { words } = this.#tools.scratch;
    const at = this.starts / 4 + trace;
    return { first: this.#first + words[at], end: this.#first + words[at + 1] };
  }

  cutOut(trace: number, fields: readonly Field[]): BlockSegment {
    const { scratch } = this.#tools;
    const rows = this.#rowsOf(trace);
    const count = rows.end - rows.first;
    const of = { names: this.#names, rows, fields, ofSpans: true };
    bringRows(this.#tools.caches, this.#block, of);
    const tools = { ...this.#tools, caches: this.#tools.caches.unnoticed };
    const { name } = this.#of.tenant;
    const tenant = { name, rowFirst: rows.first, rows: count, traces: 1 };
    const columns = new StepKeeper(scratch);
    const traceRows = rowsAlone(scratch, this.traceIds + trace * 16, count);
    return new BlockSegment(tools, { ...this.#of, tenant }, { columns, traceRows });
  }

  #farRows(): FarRows {
    const { caches } = this.#tools;
    return { caches, block: this.#block, columns: this.#names.flat, rowFirst: this.#first };
  }

  spansOf(trace: number, among: number): TraceSpans {
    const { scratch } = this.#tools;
    const far = this.#farRows();
    const mayBeFar = isFew(among) && this.#isDistinct && isFar(far);
    if (!mayBeFar) return knownSpans(this, scratch, trace);
    return farSpans(this, scratch, { ...far, trace });
  }

  roots(): number {
    return findRoots(this, this.#family);
  }

  firstStarts(): number {
    return findFirstStarts(this, this.#family);
  }

  lastStarts(): number {
    return findLastStarts(this, this.#family);
  }

  newestFirst(): number {
    return this.#memo.get("newestFirst", () => findNewestFirst(this, this.#family));
  }

  parents(): number {
    return findParents(this, this.#family);
  }

  spanIds(): number {
    return this.#memo.get("spanIds", () => this.#numbers("span_id").at);
  }

  parentIds(): number {
    if (!this.#names.flat.has("parent_span_id")) return findZeros(this, this.#family);
    return this.#numbers("parent_span_id").at;
  }

  orphans(): number | undefined {
    const column = this.#names.flat.get("parent_span_id");
    return column === undefined ? undefined : this.#vectors.absent(column);
  }

  parentIdsOf(rows: number, count: number): number | undefined {
    const column = this.#names.flat.get("parent_span_id");
    if (column === undefined || count * FEW > this.rows) return undefined;
    return this.#vectors.someIds(column, { at: rows, count });
  }

  start(): number {
    return this.#memo.get("start", () => this.#numbers("start_unix_nano").at);
  }

  duration(): number {
    return this.#memo.get("duration", () => this.#numbers("duration_nano").at);
  }

  durationClasses(): number {
    return this.#memo.get("durationClasses", () => findDurationClasses(this, this.#family));
  }

  durationPowers(): number {
    return findDurationPowers(this, this.#family);
  }

  late(row: number): LateSpan | undefined {
    if (!this.#tools.vectors.isShort || this.isFar()) return undefined;
    return lateSpan(this.#of, this.#farRows(), row);
  }

  kind(): CodesVector {
    return this.#kindCodes("kind");
  }

  status(): CodesVector {
    return this.#memo.get("status", () => this.#kindCodes("status_code"));
  }

  name(): CodesVector {
    return this.#memo.get("name", () => codesIn(this.#flat("name")));
  }

  statusMessage(): CodesVector | undefined {
    return this.#names.flat.has("status_message")
      ? codesIn(this.#flat("status_message"))
      : undefined;
  }

  nested(which: NestedName): NumbersVector {
    // The block's own numbers count every row.
    if (this.doubles() !== 0) return nestedNumbers(this, this.#family)[which];
    return asLongs(this.#flat(NESTED_COLUMNS[which]), this.#coding(which, "span"));
  }

  childCount(): Vector {
    return this.doubles() === 0 ? this.#flat("child_count") : this.nested("span:childCount");
  }

  resources(): Sources {
    const of = ["resource", "resource_otlp"] as const;
    return this.#memo.get("resources", () => this.#sources("resources", of, readBlockResource));
  }

  scopes(): Sources {
    const of = ["scope_name", "scope_version", "scope_otlp"] as const;
    return this.#sources("scopes", of, readBlockScope);
  }

  hasScopeAttributes(): boolean {
    // Of a scope without its message the columns say all.
    return !isEmptyColumn(this.#block.file, this.#names.flat.get("scope_otlp"));
  }

  lists(scope: ListScope): Lists | undefined {
    const { required } = this.#names[scope];
    if (required === undefined) return undefined;
    const { at, entries } = this.#vectors.starts(required);
    return { starts: at, entries };
  }

  eventName(): CodesVector {
    return codesIn(this.#listed("event", "name"));
  }

  eventTime(): NumbersVector {
    const vector = this.#listed("event", "time_unix_nano");
    const { scratch } = this.#tools;
    const keeper = this.#columns;
    const entries = this.#entries("event");
    return asLongs(vector, { keeper, scratch, name: `${this.#name}eventTime`, entries });
  }

  linkTraceId(): CodesVector {
    return this.#hex("trace_id");
  }

  linkSpanId(): CodesVector {
    return this.#hex("span_id");
  }

  attribute(scope: "span" | ListScope, key: string): readonly Vector[] {
    const entries = this.#entries(scope);
    const vectors: Vector[] = [];
    for (const { column, isArray } of this.#names[scope].keys.get(key) ?? []) {
      vectors.push(isArray ? this.#lists(column) : this.#vectors.vector(column, entries));
    }
    const residual = this.#residual(scope)?.get(key);
    if (residual !== undefined) {
      const to = this.#coding(`residual/${scope}/${key}`, scope);
      vectors.push(codeValues(to, () => residual));
    }
    return vectors;
  }

  packed(key: string): PackedCodes | undefined {
    const [first, ...more] = this.#names.span.keys.get(key) ?? [];
    if (first === undefined || more.length > 0 || first.isArray) return undefined;
    if (this.#residual("span")?.get(key) !== undefined) return undefined;
    return this.#vectors.packed(first.column);
  }

  codesOf(numbers: NumbersVector, name: string): CodesVector {
    const { kernel } = this.#tools;
    const to = this.#coding(`coded/${name}`, "span");
    return codeNumbers(numbers, { ...to, kernel });
  }

  keys(scope: "span" | ListScope): readonly string[] {
    const residual = this.#residual(scope);
    return [...this.#names[scope].keys.keys(), ...(residual?.keys() ?? [])];
  }

  hasSome(scope: "span" | ListScope, key: string): boolean {
    const { file } = this.#block;
    // What is said of all rows is said of the tenant's when all are.
    if (this.rows !== file.rows) return false;
    const columns = this.#names[scope].keys.get(key) ?? [];
    return columns.some(({ column }) => hasValues(file, column));
  }

  hasKey(scope: "span" | ListScope, key: string, among: Entries): boolean {
    if (this.#valuesOf(scope, key) > among.entries - among.count) return true;
    const { kernel, scratch } = this.#tools;
    const keeper = this.#columns;
    const name = `${this.#name}has/${scope}/${key}`;
    return someHave(() => this.attribute(scope, key), among, { keeper, scratch, kernel, name });
  }

  /** How many entries have a value of the key at least, as the file's statistics say. */
  #valuesOf(scope: "span" | ListScope, key: string): number {
    const { file } = this.#block;
    // What is said of all rows is said of the tenant's when all are.
    if (this.rows !== file.rows) return 0;
    return valuesIn(file, this.#names[scope].keys.get(key) ?? [], this.#entries(scope));
  }

  #entries(scope: "span" | ListScope): number {
    return scope === "span" ? this.rows : (this.lists(scope)?.entries ?? 0);
  }

  #traceRows(): TraceRows {
    this.#known ??= this.#findTraceRows();
    if (this.#known.traces !== this.traces) throw blockCorrupt("number of its traces");
    return this.#known;
  }

  #readTraceRows(): TraceRows {
    const tools = { ...this.#tools, keeper: this.#tools.vectors };
    const of = { vectors: this.#vectors, block: this.#block, name: this.#name };
    return findTraceRows(tools, of);
  }

  /** One source for each combination of values that the columns have. */
  #sources(name: string, columns: readonly string[], read: ReadSource): Sources {
    const { scratch } = this.#tools;
    const keeper = this.#columns;
    const here = columns
      .filter((column) => !isEmptyColumn(this.#block.file, this.#names.flat.get(column)))
      .map((column) => ({ column, vector: codesIn(this.#flat(column)) }));
    const of = (texts: ReadonlyMap<string, Uint8Array>) =>
      read(columns.map((column) => texts.get(column)));
    const [only, ...others] = here;
    if (
      only !== undefined &&
      others.length === 0 &&
      isFullColumn(this.#block.file, this.#names.flat.get(only.column))
    ) {
      const known = sourcesOfDictionary(this.#block, only, of);
      if (known !== undefined) return known;
    }
    const { kernel } = this.#tools;
    const to = { keeper, scratch, kernel, name: `${this.#name}${name}`, rows: this.rows };
    return combineSources(to, here, of);
  }

  #flat(name: string): Vector {
    const column = this.#names.flat.get(name);
    assert(column !== undefined, `block: column ${name}`);
    return this.#vectors.vector(column, this.rows);
  }

  #numbers(name: string): NumbersVector {
    const vector = this.#flat(name);
    return vector.kind === "codes" ? asLongs(vector, this.#coding(name, "span")) : vector;
  }

  #kindCodes(name: string): CodesVector {
    const vector = this.#flat(name);
    if (vector.kind === "codes") return vector;
    return codesOfKind(vector, this.#coding(name, "span"));
  }

  #listed(scope: ListScope, name: string): Vector {
    const column = this.#names[scope].places.get(name);
    assert(column !== undefined, `block: column ${name} of ${scope}`);
    return this.#vectors.vector(column, this.#entries(scope));
  }

  #hex(name: string): CodesVector {
    const column = this.#names.link.places.get(name);
    assert(column !== undefined, `block: column ${name} of links`);
    const to = this.#coding(`hex/${name}`, "link");
    return codeValues(to, () => hexValues(this.#read(column)));
  }

  #lists(column: number): CodesVector {
    const read = () => codedValues(this.rows, listValues(this.#read(column)));
    const make = () => this.#vectors.listCodes(column) ?? read();
    return keepCodes(this.#coding(`list/${column}`, "span"), make);
  }

  #residual(scope: "span" | ListScope): ResidualIndex | undefined {
    const column = this.#names[scope].places.get("residual");
    if (column === undefined || isEmptyColumn(this.#block.file, column)) return undefined;
    const { residuals } = this.#tools;
    const name = { file: this.#block.path, part: `${this.#name}${scope}` };
    const held = residuals.get(name.file, name.part);
    if (held !== undefined) return held;
    const index = new ResidualIndex();
    for (const [entry, bytes] of this.#read(column).values.entries()) {
      if (bytes instanceof Uint8Array) index.add(entry, bytes);
    }
    return residuals.put(name, index, index.heldBytes);
  }

  #read(column: number): ColumnRows {
    const request = { columns: [column], rows: this.#all };
    const read = readColumns(this.#tools.caches, this.#block, request);
    const found = read.get(column);
    assert(found !== undefined, "block: a column was not read");
    return found;
  }

  #coding(name: string, scope: "span" | ListScope) {
    const { scratch } = this.#tools;
    const keeper = this.#columns;
    const entries = this.#entries(scope);
    return { keeper, scratch, name: `${this.#name}${name}`, entries };
  }
}
