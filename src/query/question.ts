/**
 * What can be asked in TraceQL, and what comes back: plain data that travels between threads.
 * Faces (HTTP, gRPC) make questions out of requests and bodies out of answers; the query threads
 * are in between.
 */
import type { FieldExpr, Query, Static } from "../traceql/ast.ts";

/** A value of an attribute: lists have elements of one type. */
export type Value = Static | { readonly type: "list"; readonly values: readonly Static[] };

export interface KeyValue {
  readonly key: string;
  readonly value: Value;
}

/** What all questions have. */
export interface Asked {
  /** Whose data may be read; a federated read names several. Never empty. */
  readonly tenants: readonly string[];
  /** Unix nanoseconds; undefined: all that is stored. */
  readonly startNano: bigint | undefined;
  readonly endNano: bigint | undefined;
}

/** What it took to answer. */
export interface AnswerMetrics {
  readonly inspectedTraces: number;
  readonly inspectedSpans: number;
  readonly inspectedBytes: number;
  readonly totalBlocks: number;
  readonly totalBlockBytes: number;
  /** Parts of the work: of a finished answer both are the same, but for damaged blocks. */
  readonly totalJobs: number;
  readonly completedJobs: number;
  /** Ids of blocks that were left out. */
  readonly damagedBlocks: readonly string[];
}

// ---- search

export interface SearchQuestion extends Asked {
  readonly type: "search";
  /** Checked; of a metrics query the pipeline before the metrics function counts. */
  readonly query: Query;
  /** Traces that overlap [start, end] are found; so many of them, the newest. */
  readonly limit: number;
  /** Spans shown of each spanset. */
  readonly spansPerSpanSet: number;
  /** Of Tempo's older API: also bounds on the trace's duration, both included. Nanoseconds. */
  readonly minDurationNano: bigint | undefined;
  readonly maxDurationNano: bigint | undefined;
  /** Without `spanSets` in the answer: what Tempo's search by tags gives. */
  readonly withoutSpanSets: boolean;
}

export interface SearchAnswer {
  readonly type: "search";
  /** Newest first, or as the query sorts. */
  readonly traces: readonly TraceSummary[];
  readonly metrics: AnswerMetrics;
}

export interface TraceSummary {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Of the first span without a parent; empty when there is none (yet). */
  readonly rootServiceName: string;
  readonly rootTraceName: string;
  /** Of all spans of the trace, not only of those that were found. */
  readonly startUnixNano: bigint;
  readonly durationNano: bigint;
  readonly services: readonly ServiceCount[];
  readonly spanSets: readonly SpanSet[];
}

export interface ServiceCount {
  readonly service: string;
  readonly spans: number;
  readonly errors: number;
}

export interface SpanSet {
  /** All that the query found, before the cut to `spansPerSpanSet`. */
  readonly matched: number;
  /** Values of by() and of aggregates. */
  readonly attributes: readonly KeyValue[];
  readonly spans: readonly FoundSpan[];
}

export interface FoundSpan {
  /** 16 hex digits. */
  readonly spanId: string;
  /** Undefined unless the query speaks of it. */
  readonly name: string | undefined;
  readonly startUnixNano: bigint;
  readonly durationNano: bigint;
  /** What the query speaks of or selects; an absent one that it asks for is the text "nil". */
  readonly attributes: readonly KeyValue[];
}

// ---- names and values

export type TagScope = "resource" | "span" | "event" | "link" | "instrumentation";

export interface TagNamesQuestion extends Asked {
  readonly type: "tagNames";
  /** Undefined: all. */
  readonly scope: TagScope | undefined;
  /** Only of spans for which it holds. */
  readonly filter: FieldExpr | undefined;
  /** Of each scope; 0: all. */
  readonly limit: number;
}

export interface TagNamesAnswer {
  readonly type: "tagNames";
  /** Only scopes that have some; names ascend. Intrinsics are not data, and not here. */
  readonly scopes: readonly { readonly scope: TagScope; readonly names: readonly string[] }[];
  readonly metrics: AnswerMetrics;
}

export interface TagValuesQuestion extends Asked {
  readonly type: "tagValues";
  /**
   * An attribute or an intrinsic. A bare name of Tempo's first API is an attribute of scope none.
   */
  readonly field: FieldExpr & { readonly node: "attribute" | "intrinsic" };
  readonly filter: FieldExpr | undefined;
  /** 0: all. */
  readonly limit: number;
  /** Bytes of text after which no more are given; 0: all. */
  readonly bytesMax: number;
}

export interface TagValuesAnswer {
  readonly type: "tagValues";
  /** Each once, in order of type and value. Never lists: their elements. */
  readonly values: readonly Static[];
  readonly metrics: AnswerMetrics;
}

// ---- metrics

export interface MetricsQuestion extends Asked {
  readonly type: "metrics";
  readonly query: Query;
  readonly startNano: bigint;
  readonly endNano: bigint;
  /** Slots are (start + i * step, start + (i + 1) * step]; undefined: one slot, all of the time. */
  readonly stepNano: bigint | undefined;
  /** At most so many, of all series together. */
  readonly exemplars: number;
  /** 0: all. With more series the answer is partial. */
  readonly seriesMax: number;
}

export interface MetricsAnswer {
  readonly type: "metrics";
  /** By number of labels, then by keys and values. */
  readonly series: readonly Series[];
  /** Why it is not all; undefined: it is. */
  readonly partial: string | undefined;
  readonly metrics: AnswerMetrics;
}

export interface Series {
  readonly labels: readonly KeyValue[];
  /**
   * Slots with a value, in order of time; of a question without steps one at most. May be made
   * anew each time that they are asked for.
   */
  readonly samples: readonly Sample[];
  readonly exemplars: readonly Exemplar[];
}

export interface Sample {
  /** Of the slot's end. Unix milliseconds. */
  readonly timestampMs: number;
  readonly value: number;
}

export interface Exemplar extends Sample {
  readonly labels: readonly KeyValue[];
}

export type Question = SearchQuestion | TagNamesQuestion | TagValuesQuestion | MetricsQuestion;
export type Answer = SearchAnswer | TagNamesAnswer | TagValuesAnswer | MetricsAnswer;

/** The answer to a kind of question. */
export type AnswerTo<Q extends Question> = Extract<Answer, { readonly type: Q["type"] }>;

export interface AskOptions {
  /** Aborts when nobody waits any more; the work ends. */
  readonly signal: AbortSignal;
  /**
   * Hears what is known so far, each time as a whole, at most every half second. Traces that a
   * search tells of are also in its answer, as they are.
   */
  readonly onProgress?: ((soFar: Answer) => void) | undefined;
}

/** Brings questions to whoever answers them. */
export interface Asker {
  /** Rejects with an EngineError. */
  ask<Q extends Question>(question: Q, options: AskOptions): Promise<AnswerTo<Q>>;
}
