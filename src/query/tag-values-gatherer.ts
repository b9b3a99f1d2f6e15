/** Values of a field: of all segments together, the first ones in their order. */
import { assert } from "../base/assert.ts";
import { printField } from "../traceql/print.ts";
import { type Gathered, type Gatherer, type GatherTools, NOTHING_BETTER } from "./gatherer.ts";
import type { KnownTags } from "./known-tags.ts";
import type { AnswerMetrics, TagValuesAnswer, TagValuesQuestion } from "./question.ts";
import type { SegmentPart } from "./segment-part.ts";
import { tagRows } from "./tag-rows.ts";
import { TagValueSet } from "./tag-value-set.ts";
import { addValuesInRows } from "./tag-values-rows.ts";

export class TagValuesGatherer implements Gatherer {
  readonly mayEndEarly = false;
  readonly better = NOTHING_BETTER;
  readonly #question: TagValuesQuestion;
  readonly #tools: GatherTools;
  readonly #tags: KnownTags;
  readonly #set = new TagValueSet();

  constructor(question: TagValuesQuestion, tools: GatherTools, tags: KnownTags) {
    this.#question = question;
    this.#tools = tools;
    this.#tags = tags;
  }

  use(part: SegmentPart): void {
    const { bytesMax } = this.#question;
    this.#addSegment(part);
    // Not each time: it puts all of them in order.
    this.#set.shrink(bytesMax, bytesMax * 4);
  }

  isDone(): boolean {
    return false;
  }

  take(): Gathered {
    return { type: "tagValues", values: this.#set.values(this.#question.bytesMax) };
  }

  add(gathered: Gathered): void {
    assert(gathered.type === "tagValues", "query: gathered for another question");
    this.#set.addAll(gathered.values);
  }

  answer(metrics: AnswerMetrics): TagValuesAnswer {
    return { type: "tagValues", values: this.#set.list(this.#question), metrics };
  }

  #addSegment(part: SegmentPart): void {
    const { field, bytesMax } = this.#question;
    const rows = tagRows(this.#question, part, this.#tools);
    if (rows === undefined) return;
    if (rows.name === undefined) {
      const known = part.name === undefined ? undefined : this.#tags;
      addValuesInRows(this.#set, { field, rows, known }, this.#tools);
      return;
    }
    // Questions of other limits share what is kept.
    const name = { rows: rows.name, field: `${bytesMax} ${printField(field)}` };
    if (this.#tags.addValues(name, this.#set)) return;
    const own = new TagValueSet();
    addValuesInRows(own, { field, rows, known: this.#tags }, this.#tools);
    const values = own.values(bytesMax);
    this.#tags.keepValues(name, values);
    this.#set.addAll(values);
  }
}
