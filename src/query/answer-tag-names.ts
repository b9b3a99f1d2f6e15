/** Names of attributes: of all segments together, scope by scope. */
import { type AnswerTools, InspectedCount, PROGRESS_MS } from "./answer-search.ts";
import type { KnownTags } from "./known-tags.ts";
import type { AskOptions, TagNamesAnswer, TagNamesQuestion, TagScope } from "./question.ts";
import type { SegmentPart } from "./segment-part.ts";
import { namesInRows, TAG_SCOPES } from "./tag-names-rows.ts";
import { type TagTools, tagRows } from "./tag-rows.ts";
import { orderTexts } from "./value-order.ts";

export interface TagAnswerTools extends AnswerTools {
  readonly tags: KnownTags;
}

/** Of one segment: names that were not known before, and perhaps others. */
interface ScopedNames {
  readonly scope: TagScope;
  readonly names: readonly string[];
}

export async function answerTagNames(
  question: TagNamesQuestion,
  { segments, turns, clock, tags }: TagAnswerTools,
  { signal, onProgress }: AskOptions,
): Promise<TagNamesAnswer> {
  const scopes = TAG_SCOPES.filter((scope) => (question.scope ?? scope) === scope);
  const known = new Map(scopes.map((scope) => [scope, new Set<string>()]));
  const count = new InspectedCount();
  let toldMs = clock.nowMs();
  const answer = (): TagNamesAnswer => ({
    type: "tagNames",
    scopes: found(known, question.limit),
    metrics: count.metrics(),
  });
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
        const names = segmentNames(question, { part, known, tags }, { scratch, kernel });
        for (const one of names) for (const name of one.names) known.get(one.scope)?.add(name);
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

function segmentNames(
  question: TagNamesQuestion,
  {
    part,
    known,
    tags,
  }: {
    readonly part: SegmentPart;
    readonly known: ReadonlyMap<TagScope, ReadonlySet<string>>;
    readonly tags: KnownTags;
  },
  tools: TagTools,
): ScopedNames[] {
  const rows = tagRows(question, part, tools);
  if (rows === undefined) return [];
  return Array.from(known, ([scope, names]) => ({
    scope,
    names: tags.names(rows.name, scope, () => {
      // What is kept for later is all that there is.
      const others = rows.name === undefined ? names : new Set<string>();
      return namesInRows(scope, { rows, known: others }, tools);
    }),
  }));
}

function found(
  known: ReadonlyMap<TagScope, ReadonlySet<string>>,
  limit: number,
): TagNamesAnswer["scopes"] {
  return Array.from(known, ([scope, names]) => {
    const sorted = [...names].sort(orderTexts);
    return { scope, names: limit === 0 ? sorted : sorted.slice(0, limit) };
  }).filter(({ names }) => names.length > 0);
}
