/** Values of a field: of all segments together, the first ones in their order. */
import { printField } from "../traceql/print.ts";
import { InspectedCount, PROGRESS_MS } from "./answer-search.ts";
import type { TagAnswerTools } from "./answer-tag-names.ts";
import type { KnownTags } from "./known-tags.ts";
import type { AskOptions, TagValuesAnswer, TagValuesQuestion } from "./question.ts";
import type { SegmentPart } from "./segment-part.ts";
import { type TagTools, tagRows } from "./tag-rows.ts";
import { cutTagValues, mergeTagValues, type TagValueList } from "./tag-value-list.ts";
import { valuesInRows } from "./tag-values-rows.ts";

export async function answerTagValues(
  question: TagValuesQuestion,
  { segments, turns, clock, tags }: TagAnswerTools,
  { signal, onProgress }: AskOptions,
): Promise<TagValuesAnswer> {
  const count = new InspectedCount();
  let values: TagValueList = [];
  let toldMs = clock.nowMs();
  const answer = (): TagValuesAnswer => ({ type: "tagValues", values, metrics: count.metrics() });
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
        const found = segmentValues(question, { part, tags }, { scratch, kernel });
        values = cutTagValues(mergeTagValues(values, found), question);
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
): TagValueList {
  const { field, bytesMax } = question;
  const rows = tagRows(question, part, tools);
  if (rows === undefined) return [];
  // Questions of other limits share what is kept.
  return tags.values(rows.name, `${bytesMax} ${printField(field)}`, () =>
    cutTagValues(valuesInRows(field, rows, tools), { limit: 0, bytesMax }),
  );
}
