/** Names of attributes: of all segments together, scope by scope. */
import { assert } from "../base/assert.ts";
import { type Gathered, type Gatherer, type GatherTools, NOTHING_BETTER } from "./gatherer.ts";
import type { KnownTags } from "./known-tags.ts";
import type { AnswerMetrics, TagNamesAnswer, TagNamesQuestion, TagScope } from "./question.ts";
import type { SegmentPart } from "./segment-part.ts";
import { namesInRows, TAG_SCOPES } from "./tag-names-rows.ts";
import { tagRows } from "./tag-rows.ts";
import { orderTexts } from "./value-order.ts";

export class TagNamesGatherer implements Gatherer {
  readonly mayEndEarly = false;
  readonly better = NOTHING_BETTER;
  readonly #question: TagNamesQuestion;
  readonly #tools: GatherTools;
  readonly #tags: KnownTags;
  readonly #known: Map<TagScope, Set<string>>;

  constructor(question: TagNamesQuestion, tools: GatherTools, tags: KnownTags) {
    this.#question = question;
    this.#tools = tools;
    this.#tags = tags;
    const scopes = TAG_SCOPES.filter((scope) => (question.scope ?? scope) === scope);
    this.#known = new Map(scopes.map((scope) => [scope, new Set()]));
  }

  use(part: SegmentPart): void {
    const rows = tagRows(this.#question, part, this.#tools);
    if (rows === undefined) return;
    for (const [scope, names] of this.#known) {
      // What is kept for later is all that there is; once names are known, a look at the keys is
      // enough to see that there are no others.
      const kept = names.size === 0 ? rows.name : undefined;
      const found = this.#tags.names(kept, scope, () =>
        namesInRows(scope, { rows, known: names }, this.#tools),
      );
      for (const name of found) names.add(name);
    }
  }

  isDone(): boolean {
    return false;
  }

  take(): Gathered {
    return { type: "tagNames", names: this.#known };
  }

  add(gathered: Gathered): void {
    assert(gathered.type === "tagNames", "query: gathered for another question");
    for (const [scope, names] of gathered.names) {
      for (const name of names) this.#known.get(scope)?.add(name);
    }
  }

  answer(metrics: AnswerMetrics): TagNamesAnswer {
    const scopes = found(this.#known, this.#question.limit);
    return { type: "tagNames", scopes, metrics };
  }
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
