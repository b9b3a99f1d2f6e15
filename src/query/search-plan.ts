/** What a search looks for, and in which order it wants it. */
import type { Pipeline, Sort, Static } from "../traceql/ast.ts";
import { type Mention, mentionsOf, searchedPipeline } from "./mentions.ts";
import type { KeyValue, SearchQuestion, TraceSummary } from "./question.ts";
import { orderSorted } from "./value-order.ts";

export interface SearchPlan {
  readonly question: SearchQuestion;
  readonly pipeline: Pipeline;
  readonly mentions: readonly Mention[];
  /** The last stage that sorts, if there is one. */
  readonly sort: Sort | undefined;
  readonly limit: number;
}

/** The place of a trace that was found among others. */
export interface Rank {
  readonly key: Static | undefined;
  readonly startUnixNano: bigint;
  /** 16 bytes as hex digits. */
  readonly traceId: string;
}

/** What is shown of it, or where that is to be read when it turns out to be among the best. */
export type RankedTrace = Rank & { readonly shown: TraceSummary | TracePlace };

/** Holds as long as the plan of blocks that the question began with. */
export interface TracePlace {
  /** The block's id. */
  readonly block: string;
  /** Name of the rows that count, and the trace's number in their segment. */
  readonly part: string;
  readonly trace: number;
  readonly sets: readonly ShownSet[];
}

/** A spanset, as much of it as is shown. */
export interface ShownSet {
  /** How many rows it has. */
  readonly matched: number;
  /** Of the part's segment. */
  readonly rows: readonly number[];
  readonly attributes: readonly KeyValue[];
}

export function isPlace(shown: RankedTrace["shown"]): shown is TracePlace {
  return "part" in shown;
}

/** Below zero when `a` comes first. */
export function orderRanked(plan: SearchPlan, a: Rank, b: Rank): number {
  if (plan.sort !== undefined) {
    const order = orderSorted(a.key, b.key, plan.sort.descending);
    if (order !== 0) return order;
  }
  if (a.startUnixNano !== b.startUnixNano) return a.startUnixNano > b.startUnixNano ? -1 : 1;
  return a.traceId < b.traceId ? -1 : Number(a.traceId > b.traceId);
}

/** The last of the stages that sorts, and the smallest of all limits. */
export function sortOf({ stages }: Pipeline): Sort | undefined {
  return stages.findLast((stage) => stage.node === "sort");
}

export function limitOf({ stages }: Pipeline, limit: number): number {
  const limits = stages.flatMap((stage) =>
    stage.node === "sort" && stage.limit !== undefined ? [Number(stage.limit)] : [],
  );
  return Math.min(limit, ...limits);
}

export function planSearch(question: SearchQuestion): SearchPlan {
  const pipeline = searchedPipeline(question.query.body);
  return {
    question,
    pipeline,
    mentions: mentionsOf(pipeline),
    sort: sortOf(pipeline),
    limit: limitOf(pipeline, question.limit),
  };
}
