/** Metrics: what all segments count, as series. */
import { type AnswerTools, InspectedCount, PROGRESS_MS } from "./answer-search.ts";
import { finishMetrics } from "./metrics-finish.ts";
import { emptyPartial } from "./metrics-partial.ts";
import { planMetrics } from "./metrics-plan.ts";
import { tallySegment } from "./metrics-segment.ts";
import type { AskOptions, MetricsAnswer, MetricsQuestion } from "./question.ts";

export async function answerMetrics(
  question: MetricsQuestion,
  { segments, turns, clock }: AnswerTools,
  { signal, onProgress }: AskOptions,
): Promise<MetricsAnswer> {
  const plan = planMetrics(question);
  const partial = emptyPartial(plan);
  const count = new InspectedCount();
  let toldMs = clock.nowMs();
  const answer = (): MetricsAnswer => {
    return { type: "metrics", ...finishMetrics(plan, partial), metrics: count.metrics() };
  };
  const { scratch, kernel } = segments;
  for (const tenant of question.tenants) {
    const turn = turns.begin(tenant);
    const progress = await segments.visit({
      tenant,
      window: question,
      turn,
      signal,
      use: (part) => {
        count.add(part.segment);
        tallySegment(plan, part, { scratch, kernel, partial });
      },
      onProgress: (progress) => {
        count.progress(progress);
        if (onProgress === undefined || clock.nowMs() - toldMs < PROGRESS_MS) return;
        toldMs = clock.nowMs();
        onProgress(answer());
      },
    });
    count.finish(progress);
  }
  return answer();
}
