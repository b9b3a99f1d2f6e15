/** What a search looks for, and in which order it wants it. */
import type { Pipeline, Sort, Static } from "../traceql/ast.ts";
import { type Mention, mentionsOf, searchedPipeline } from "./mentions.ts";
import type { SearchQuestion, TraceSummary } from "./question.ts";
import { orderSorted } from "./value-order.ts";

export interface SearchPlan {
  readonly question: SearchQuestion;
  readonly pipeline: Pipeline;
  readonly mentions: readonly Mention[];
  /** The last stage that sorts, if there is one. */
  readonly sort: Sort | undefined;
  readonly limit: number;
}

/** A trace that was found, and its place among others. */
export interface RankedTrace {
  readonly key: Static | undefined;
  readonly startUnixNano: bigint;
  /** 16 bytes as hex digits. */
  readonly traceId: string;
  readonly summary: TraceSummary;
}

export type Rank = Omit<RankedTrace, "summary">;

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
