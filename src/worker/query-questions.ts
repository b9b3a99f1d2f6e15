/**
 * Questions in TraceQL on a query thread: several under way at once, step by step in turns.
 *
 * Threads: one query thread.
 */
import { MiB } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { answerMetrics } from "../query/answer-metrics.ts";
import { answerSearch } from "../query/answer-search.ts";
import { answerTagNames } from "../query/answer-tag-names.ts";
import { answerTagValues } from "../query/answer-tag-values.ts";
import type { SegmentTools } from "../query/block-segment.ts";
import { KnownTags } from "../query/known-tags.ts";
import type { Answer, AskOptions, Question } from "../query/question.ts";
import { type KnownBlocks, type PinnedHead, Segments } from "../query/segments.ts";
import { Turns } from "../query/turns.ts";
import type { AskMessage, QueryRequest } from "./worker-protocol.ts";

export interface QueryQuestionsOptions {
  readonly buffer: SharedArrayBuffer;
  readonly head: PinnedHead;
  readonly blocks: KnownBlocks;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly tools: SegmentTools;
  readonly logger: Logger;
  readonly post: (message: AskMessage) => void;
}

/** Lists of a hundred blocks that are asked for often: 5,000 values take half a megabyte. */
const KNOWN_TAGS_BYTES_MAX = 16 * MiB;

export class QueryQuestions {
  readonly #options: QueryQuestionsOptions;
  readonly #turns: Turns;
  readonly #segments: Segments;
  readonly #tags = new KnownTags(KNOWN_TAGS_BYTES_MAX);
  readonly #underWay = new Map<number, AbortController>();

  constructor(options: QueryQuestionsOptions) {
    this.#options = options;
    const { buffer, head, blocks, nodeId, tools, logger } = options;
    this.#turns = new Turns(options.clock);
    this.#segments = new Segments({
      ...{ buffer, head, blocks, nodeId, tools },
      turns: this.#turns,
      onGone: ({ meta }) => logger.warn("block is gone", { block: meta.id }),
    });
  }

  async ask({
    id,
    question,
    withProgress,
  }: Extract<QueryRequest, { readonly type: "ask" }>): Promise<void> {
    const { post } = this.#options;
    const controller = new AbortController();
    this.#underWay.set(id, controller);
    const onProgress = (answer: Answer) => post({ type: "progress", id, answer });
    try {
      const { signal } = controller;
      const options = withProgress ? { signal, onProgress } : { signal };
      const answer = await this.#answer(question, options);
      if (!signal.aborted) post({ type: "found", id, answer });
    } catch (error) {
      if (!controller.signal.aborted) post(this.#failed(id, error));
    } finally {
      this.#underWay.delete(id);
    }
  }

  cancel(id: number): void {
    this.#underWay.get(id)?.abort(new EngineError("internal", "nobody waits any more"));
  }

  async #answer(question: Question, options: AskOptions): Promise<Answer> {
    const tools = { segments: this.#segments, turns: this.#turns, clock: this.#options.clock };
    switch (question.type) {
      case "search":
        return answerSearch(question, tools, options);
      case "tagNames":
        return answerTagNames(question, { ...tools, tags: this.#tags }, options);
      case "tagValues":
        return answerTagValues(question, { ...tools, tags: this.#tags }, options);
      case "metrics":
        return answerMetrics(question, tools, options);
    }
  }

  #failed(id: number, error: unknown): AskMessage {
    if (error instanceof EngineError) {
      return { type: "failed", id, code: error.code, message: error.message };
    }
    const text = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    this.#options.logger.error("question cannot be answered", { error: text, stack });
    return { type: "failed", id, code: "internal", message: "internal error" };
  }
}
