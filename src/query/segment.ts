/**
 * What the engine sees of spans, wherever they lie: rows of one tenant, those of one trace behind
 * each other in the order of their arrival, and vectors over them. A block has one, a half of the
 * head has one, and traces that lie in several places are assembled to one.
 *
 * Addresses are those of the shared memory, valid for the step at hand.
 */
import type { AheadRange } from "../block/block-ahead.ts";
import type { DataValue } from "../model/data-value.ts";
import type { Field } from "../traceql/ast.ts";
import type { CodesVector, NumbersVector, PackedCodes, Vector } from "../vector/vector.ts";

/** What spans have lists of. */
export type ListScope = "event" | "link";

/** A resource or an instrumentation scope. */
export interface Source {
  /** Of scopes; empty for resources. */
  readonly name: string;
  readonly version: string;
  readonly attributes: ReadonlyMap<string, DataValue>;
}

export interface Sources {
  readonly codes: Pick<CodesVector, "at" | "width">;
  /** Source of code index + 1. Code 0 does not occur. */
  readonly list: readonly Source[];
  /** Each of them is that of some row. */
  readonly isUsed?: boolean;
}

/** Events or links of all rows. */
export interface Lists {
  /** u32: where the entries of each row begin; rows + 1 of them. */
  readonly starts: number;
  /** Some of which may be places of an empty list, without any value. */
  readonly entries: number;
}

/** Some entries (rows, events or links), as a bitmap. */
export interface Entries {
  readonly bits: number;
  /** How many have a bit, and how many there are. */
  readonly count: number;
  readonly entries: number;
}

export interface TraceTimes {
  /** u64 a trace. */
  readonly start: number;
  readonly end: number;
  /** Of all traces: the first start, and the last time that one touches. */
  readonly first: bigint;
  readonly last: bigint;
}

/** Of all rows of each trace the first start and the last one: u64 a trace. */
export interface TraceStarts {
  readonly first: number;
  readonly last: number;
}

/** Rows of one trace, for the few traces that are shown. */
export interface TraceSpans {
  /** undefined: every span has a parent. */
  readonly root: number | undefined;
  /** Unix nanoseconds: the last time that one of its spans touches. */
  readonly end: bigint;
  /** Hex digits. */
  id(row: number): string;
  /** Nanoseconds, negative where a span ends before it starts. */
  duration(row: number): bigint;
}

/** A row whose columns are not read whole; may be asked when the step is over. */
export interface LateSpan {
  /** Hex digits. */
  id(): string;
  /** Nanoseconds. */
  duration(): bigint;
}

export type NestedName = "nestedSetLeft" | "nestedSetRight" | "nestedSetParent" | "span:childCount";

export interface Segment {
  readonly rows: number;
  readonly traces: number;
  /** u32: where the rows of each trace begin; traces + 1 of them. */
  readonly starts: number;
  /** 16 bytes a trace. */
  readonly traceIds: number;
  /** A bitmap of rows that are another row's span over again; 0: there are none. */
  doubles(): number;
  /** u32 a row: the trace's number. */
  traceOf(): number;
  times(): TraceTimes;
  /** u32 a trace: of its rows without a parent the first one, or 0xffffffff. */
  roots(): number;
  /** Whether its columns are brought only when they are read: they lie in a bucket. */
  isFar(): boolean;
  /** Whether what is asked of these fields is here, although it is far. */
  isHere(fields: readonly Field[]): boolean;
  /** u64 a trace: it starts no later, as far as starts alone tell. */
  latestStarts(): number;
  /** Waits once for what a search reads of it, when it shows so many of its traces. */
  bring(among: number, fields: readonly Field[]): void;
  /** Bytes that are read when these traces are shown, as far as the segment is far. */
  showing(traces: readonly number[]): readonly AheadRange[];
  /** One trace alone; where it is far, out of the pages that hold it. Fields that are asked for. */
  cutOut(trace: number, fields: readonly Field[]): Segment;
  /** What is shown of a trace; `among` so many of the segment's that are asked for. */
  spansOf(trace: number, among: number): TraceSpans;
  /** u32 a trace: all of them, the newest first; undefined where it would serve one question. */
  newestFirst(): number | undefined;
  traceStarts(): TraceStarts;
  /** u64 a trace: when the first of its spans starts, each span counted once. */
  firstStarts(): number;
  /** u64 a trace: when the last of its spans starts, each span counted once. */
  lastStarts(): number;
  /** u64 a row, as sent. */
  spanIds(): number;
  /** The same; 0 for a root. */
  parentIds(): number;
  /** Of some rows (words at this address, ascending) the same, in scratch, where that is less. */
  parentIdsOf?(rows: number, count: number): number | undefined;
  /** A bitmap of the rows without a parent, in scratch, where that is less than to read the ids. */
  orphans?(): number | undefined;
  /** u32 a row: the parent's row, or 0xffffffff. */
  parents(): number;
  /** u64 a row. */
  start(): number;
  /** i64 a row. */
  duration(): number;
  /** A byte a row, see native/src/classes.ts; undefined where it would serve one question. */
  durationClasses(): number | undefined;
  /** A byte a row: its power of two, see powersOfLongs() of native/src/tally.ts. */
  durationPowers?(): number;
  /** Undefined: its columns of ids and durations are at hand, or had better be. */
  late?(row: number): LateSpan | undefined;
  /** Values are OTLP's numbers, as floats. */
  kind(): CodesVector;
  status(): CodesVector;
  name(): CodesVector;
  statusMessage(): CodesVector | undefined;
  nested(which: NestedName): NumbersVector;
  /** Of `nested`, as codes where the segment has them so. */
  childCount(): Vector;
  resources(): Sources;
  scopes(): Sources;
  /** Of segments that know it without a look at rows: whether some scope may have attributes. */
  hasScopeAttributes?(): boolean;
  /** Undefined: no span has any. */
  lists(scope: ListScope): Lists | undefined;
  eventName(): CodesVector;
  /** u64 an entry. */
  eventTime(): NumbersVector;
  /** Each its hex digits. */
  linkTraceId(): CodesVector;
  linkSpanId(): CodesVector;
  /** Vectors that hold values of the key; a span, event or link has a value in one at most. */
  attribute(scope: "span" | ListScope, key: string): readonly Vector[];
  /** Of an attribute of few spans, which has one vector, its codes; undefined: see attribute(). */
  packed(key: string): PackedCodes | undefined;
  /** One number a row as codes; `name` tells it from the segment's other numbers. */
  codesOf(numbers: NumbersVector, name: string): CodesVector;
  /**
   * Some of its traces alone, numbered anew in this order, where that costs less than to read what
   * all of them have; undefined: it does not.
   */
  some?(traces: ArrayLike<number>): Segment | undefined;
  /** Keys of attributes; more than once is possible. */
  keys(scope: "span" | ListScope): readonly string[];
  /** Whether some entry has the key, as far as is known without a look at any; false: look. */
  hasSome?(scope: "span" | ListScope, key: string): boolean;
  /** Whether one of the scope's entries that have a bit has the key, whatever its value is. */
  hasKey(scope: "span" | ListScope, key: string, among: Entries): boolean;
}
