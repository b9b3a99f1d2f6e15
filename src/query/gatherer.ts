/**
 * What each kind of question does with segments, the same on every thread that works for it: it
 * takes parts up, hands over what it has found, adds what others found, and makes the answer.
 */

import type { AheadRange } from "../block/block-ahead.ts";
import type { ReadExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { ChosenValues } from "./metrics-compare.ts";
import type { MetricsPartial } from "./metrics-partial.ts";
import type { Answer, AnswerMetrics, TagScope } from "./question.ts";
import type { Rank, RankedTrace } from "./search-plan.ts";
import type { SegmentPart } from "./segment-part.ts";
import type { TagValues } from "./tag-value-set.ts";

/** Plain data, that travels between threads. */
export type Gathered =
  | { readonly type: "search"; readonly traces: readonly RankedTrace[] }
  | { readonly type: "tagNames"; readonly names: ReadonlyMap<TagScope, ReadonlySet<string>> }
  | { readonly type: "tagValues"; readonly values: TagValues }
  | { readonly type: "metrics"; readonly partial: MetricsPartial };

/** By fragment of a metrics query: the values that are counted. */
export type SecondVisit = readonly ChosenValues[];

export interface GatherTools {
  readonly scratch: StepScratch;
  readonly kernel: ReadExports;
}

/** Traces that were found already, elsewhere: what comes after enough of them is not wanted. */
export interface Better {
  /** In order; empty where they are too many to tell of. */
  readonly ranks: readonly Rank[];
  /** Nothing that comes after it is wanted; undefined: everything is. */
  readonly worst: Rank | undefined;
}

export const NOTHING_BETTER: Better = { ranks: [], worst: undefined };

/** What is still to be visited. */
export interface Left {
  /** Nothing of it ends later; undefined: anything may come. */
  readonly latestNano: bigint | undefined;
}

/** What visits the blocks of one thread. */
export interface PartGatherer {
  /** Rows of traces that lie in several blocks count where they lie; undefined: these are whole. */
  readonly byRows?: boolean;
  /** What use() will read of the part that others read not, to have it of all parts at once. */
  wants?(part: SegmentPart): readonly AheadRange[];
  use(part: SegmentPart): void;
  /** Whether nothing that ends by then can change the answer. */
  isDone(latestNano: bigint): boolean;
  /** Hands over what was gathered so far, once. */
  take(): Gathered;
}

export interface Gatherer extends PartGatherer {
  /** Whether it may be done before all blocks were visited. */
  readonly mayEndEarly: boolean;
  /** What a thread that goes on from here should know. */
  readonly better: Better;
  add(gathered: Gathered): void;
  /** Of what was found so far all whose blocks must say more, when all was visited. */
  unshown?(): readonly RankedTrace[];
  /** What they said; those that it does not have are gone, with their blocks. */
  show?(gathered: Gathered): void;
  /**
   * When all was visited: what a second visit of all is for, which begins with that; undefined:
   * the answer is complete, as it always is without this function.
   */
  again?(): SecondVisit | undefined;
  /** With something left, of traces only those that no trace of it comes before. */
  answer(metrics: AnswerMetrics, left?: Left): Answer;
}
