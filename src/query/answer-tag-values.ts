/** Values of a field: of all segments together, the first ones in their order. */
import { printField } from "../traceql/print.ts";
import { InspectedCount, PROGRESS_MS } from "./answer-search.ts";
import type { TagAnswerTools } from "./answer-tag-names.ts";
import type { KnownTags } from "./known-tags.ts";
import type { AskOptions, TagValuesAnswer, TagValuesQuestion } from "./question.ts";
import type { SegmentPart } from "./segment-part.ts";
import { type TagTools, tagRows } from "./tag-rows.ts";
import { TagValueSet, type TagValues } from "./tag-value-set.ts";
import { valuesInRows } from "./tag-values-rows.ts";

const NO_VALUES: TagValues = { texts: [], others: [] };

export async function answerTagValues(
  question: TagValuesQuestion,
  { segments, turns, clock, tags }: TagAnswerTools,
  { signal, onProgress }: AskOptions,
): Promise<TagValuesAnswer> {
  const count = new InspectedCount();
  const set = new TagValueSet();
  let toldMs = clock.nowMs();
  const answer = (): TagValuesAnswer => {
    return { type: "tagValues", values: set.list(question), metrics: count.metrics() };
  };
  for (const tenant of question.tenants) {
    const turn = turns.begin(tenant);
    const { scratch, kernel } = segments;
    const progress = await segments.visit({
      tenant,
      window: question,
      turn,
      signal,
      use: (part) => {
        count.add({ traces: 0, rows: part.segment.rows });
        set.addAll(segmentValues(question, { part, tags }, { scratch, kernel }));
        // Not each time: it puts all of them in order.
        set.shrink(question.bytesMax, question.bytesMax * 4);
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

function segmentValues(
  question: TagValuesQuestion,
  { part, tags }: { readonly part: SegmentPart; readonly tags: KnownTags },
  tools: TagTools,
): TagValues {
  const { field, bytesMax } = question;
  const rows = tagRows(question, part, tools);
  if (rows === undefined) return NO_VALUES;
  // Questions of other limits share what is kept.
  return tags.values(rows.name, `${bytesMax} ${printField(field)}`, () =>
    valuesInRows(field, rows, tools).values(bytesMax),
  );
}
