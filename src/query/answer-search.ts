/** Searches: the best traces of all segments. */
import type { Clock } from "../base/clock.ts";
import type { AnswerMetrics, AskOptions, SearchAnswer, SearchQuestion } from "./question.ts";
import { orderRanked, planSearch, type RankedTrace, type SearchPlan } from "./search-plan.ts";
import { searchSegment } from "./search-segment.ts";
import type { Progress, Segments } from "./segments.ts";
import type { Turns } from "./turns.ts";

export interface AnswerTools {
  readonly segments: Segments;
  readonly turns: Turns;
  readonly clock: Pick<Clock, "nowMs">;
}

/** Between two reports of what is known so far. */
export const PROGRESS_MS = 500;

export async function answerSearch(
  question: SearchQuestion,
  { segments, turns, clock }: AnswerTools,
  { signal, onProgress }: AskOptions,
): Promise<SearchAnswer> {
  const plan = planSearch(question);
  const count = new InspectedCount();
  let best: RankedTrace[] = [];
  let toldMs = clock.nowMs();
  const answer = (ranked: readonly RankedTrace[]): SearchAnswer => ({
    type: "search",
    traces: ranked.map(({ summary }) => summary),
    metrics: count.metrics(),
  });
  for (const tenant of question.tenants) {
    const turn = turns.begin(tenant);
    const isLast = tenant === question.tenants.at(-1);
    const tell = (latestNano: bigint) => {
      if (onProgress === undefined || clock.nowMs() - toldMs < PROGRESS_MS) return;
      toldMs = clock.nowMs();
      onProgress(answer(isLast ? settled(plan, best, latestNano) : []));
    };
    const progress = await segments.visit({
      tenant,
      window: question,
      turn,
      signal,
      use: (part) => {
        count.add(part.segment);
        const worst = best.length >= plan.limit ? best.at(-1) : undefined;
        const { scratch, kernel } = segments;
        const found = searchSegment(plan, part, { scratch, kernel, worst });
        if (found.length === 0) return;
        best = [...best, ...found].sort((a, b) => orderRanked(plan, a, b)).slice(0, plan.limit);
      },
      isDone: (latestNano) => {
        const hasEnough = isDone(plan, best, latestNano);
        if (!hasEnough) tell(latestNano);
        return hasEnough;
      },
      onProgress: (progress) => count.progress(progress),
    });
    count.finish(progress);
  }
  return answer(best);
}

/**
 * Those that no trace of the blocks that are left comes before: clients add up what they are told,
 * and never take a trace back.
 */
function settled(
  plan: SearchPlan,
  best: readonly RankedTrace[],
  latestNano: bigint,
): readonly RankedTrace[] {
  if (plan.sort !== undefined) return [];
  return best.filter(({ startUnixNano }) => startUnixNano > latestNano);
}

/** Blocks that are left end before the worst of enough traces starts. */
function isDone(plan: SearchPlan, best: readonly RankedTrace[], latestNano: bigint): boolean {
  if (plan.sort !== undefined || best.length < plan.limit) return false;
  const worst = best.at(-1);
  return worst === undefined || worst.startUnixNano > latestNano;
}

/** What a question looked at. */
export class InspectedCount {
  #traces = 0;
  #spans = 0;
  #done: Progress = { blocks: 0, blocksDone: 0, blockBytes: 0 };
  #before: Progress = { blocks: 0, blocksDone: 0, blockBytes: 0 };

  add({ traces, rows }: { readonly traces: number; readonly rows: number }): void {
    this.#traces += traces;
    this.#spans += rows;
  }

  progress(progress: Progress): void {
    this.#done = progress;
  }

  /** Of one tenant's blocks. */
  finish(progress: Progress): void {
    this.#before = sum(this.#before, progress);
    this.#done = { blocks: 0, blocksDone: 0, blockBytes: 0 };
  }

  metrics(): AnswerMetrics {
    const { blocks, blocksDone, blockBytes } = sum(this.#before, this.#done);
    return {
      inspectedTraces: this.#traces,
      inspectedSpans: this.#spans,
      inspectedBytes: blockBytes,
      totalBlocks: blocks,
      totalBlockBytes: blockBytes,
      // The head is one as well.
      totalJobs: blocks + 1,
      completedJobs: blocksDone + 1,
    };
  }
}

function sum(a: Progress, b: Progress): Progress {
  return {
    blocks: a.blocks + b.blocks,
    blocksDone: a.blocksDone + b.blocksDone,
    blockBytes: a.blockBytes + b.blockBytes,
  };
}
