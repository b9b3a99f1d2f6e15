/** Values of a field: of all segments together, the first ones in their order. */
import { printField } from "../traceql/print.ts";
import { InspectedCount, PROGRESS_MS } from "./answer-search.ts";
import type { TagAnswerTools } from "./answer-tag-names.ts";
import type { KnownTags } from "./known-tags.ts";
import type { AskOptions, TagValuesAnswer, TagValuesQuestion } from "./question.ts";
import type { SegmentPart } from "./segment-part.ts";
import { type TagTools, tagRows } from "./tag-rows.ts";
import { TagValueSet } from "./tag-value-set.ts";
import { addValuesInRows } from "./tag-values-rows.ts";

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
        addSegment(question, { part, tags, set }, { scratch, kernel });
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

function addSegment(
  question: TagValuesQuestion,
  {
    part,
    tags,
    set,
  }: { readonly part: SegmentPart; readonly tags: KnownTags; readonly set: TagValueSet },
  tools: TagTools,
): void {
  const { field, bytesMax } = question;
  const rows = tagRows(question, part, tools);
  if (rows === undefined) return;
  if (rows.name === undefined) {
    addValuesInRows(set, { field, rows }, tools);
    return;
  }
  // Questions of other limits share what is kept.
  const name = { rows: rows.name, field: `${bytesMax} ${printField(field)}` };
  if (tags.addValues(name, set)) return;
  const own = new TagValueSet();
  addValuesInRows(own, { field, rows }, tools);
  const values = own.values(bytesMax);
  tags.keepValues(name, values);
  set.addAll(values);
}
