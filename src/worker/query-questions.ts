/**
 * Questions in TraceQL on a query thread: several under way at once, step by step in turns.
 *
 * Threads: one query thread.
 */
import { MiB } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import {
  type AnswerTools,
  answerQuestion,
  type GatheredPart,
  type GatherJob,
  gatherPart,
} from "../query/answer-question.ts";
import { KnownTags } from "../query/known-tags.ts";
import { PrepareBlocks } from "../query/prepare-blocks.ts";
import type { Answer } from "../query/question.ts";
import { type ColumnFetch, ReadAhead } from "../query/read-ahead.ts";
import type { SegmentTools } from "../query/segment-tools.ts";
import { type KnownBlocks, type PinnedHead, Segments } from "../query/segments.ts";
import { TraceCards } from "../query/trace-cards.ts";
import { Turns } from "../query/turns.ts";
import { passAnswer } from "./pass-answer.ts";
import { QueryPeers } from "./query-peers.ts";
import type { AskMessage, QueryRequest } from "./worker-protocol.ts";

export interface QueryQuestionsOptions {
  /** Which of the query threads this is. */
  readonly reader: number;
  readonly buffer: SharedArrayBuffer;
  readonly head: PinnedHead;
  readonly blocks: KnownBlocks;
  readonly nodeId: string;
  readonly clock: Clock;
  /** Nobody waits longer for an answer. */
  readonly timeoutMs: number;
  readonly tools: SegmentTools;
  /** undefined: all blocks are on this disk. */
  readonly columns: ColumnFetch | undefined;
  readonly logger: Logger;
  readonly post: (message: AskMessage) => void;
}

/** Of some 2 KiB each: those of the newest traces of thousands of blocks. */
const TRACE_CARDS_BYTES_MAX = 12 * MiB;

/** Lists of a hundred blocks that are asked for often: 5,000 values take half a megabyte. */
const KNOWN_TAGS_BYTES_MAX = 16 * MiB;

export class QueryQuestions {
  readonly #options: QueryQuestionsOptions;
  readonly #tools: AnswerTools;
  readonly peers: QueryPeers;
  readonly #prepare: PrepareBlocks;
  readonly #underWay = new Map<number, AbortController>();

  constructor(options: QueryQuestionsOptions) {
    this.#options = options;
    const { buffer, head, blocks, nodeId, tools, logger } = options;
    const turns = new Turns(options.clock);
    const segments = new Segments({
      ...{ buffer, head, blocks, nodeId, tools, turns },
      ahead: options.columns && new ReadAhead(options.columns),
      onGone: ({ meta }) => logger.warn("block is gone", { block: meta.id }),
      onDamaged: ({ meta }, { message }) => {
        logger.error("block is damaged", { block: meta.id, error: message });
      },
    });
    const onLeftOut = (block: string, { message }: EngineError) => {
      logger.error("a damaged block is left out of an answer", { block, error: message });
    };
    const tags = new KnownTags(KNOWN_TAGS_BYTES_MAX);
    this.peers = new QueryPeers({
      self: options.reader,
      gather: (job, signal) => this.#gather(job, signal),
    });
    const cards = new TraceCards(TRACE_CARDS_BYTES_MAX, tools.vectors);
    const { clock, timeoutMs } = options;
    this.#prepare = new PrepareBlocks({ segments, turns, clock });
    this.#tools = { cards, segments, turns, clock, timeoutMs, tags, peers: this.peers, onLeftOut };
  }

  async ask({
    id,
    question,
    withProgress,
  }: Extract<QueryRequest, { readonly type: "ask" }>): Promise<void> {
    const { post } = this.#options;
    const controller = new AbortController();
    this.#prepare.asked(question.tenants);
    this.#underWay.set(id, controller);
    const onProgress = (answer: Answer) =>
      post({ type: "progress", id, answer: passAnswer(answer) });
    try {
      const { signal } = controller;
      const options = withProgress ? { signal, onProgress } : { signal };
      const answer = await answerQuestion(question, this.#tools, options);
      if (!signal.aborted) post({ type: "found", id, answer: passAnswer(answer) });
    } catch (error) {
      if (controller.signal.aborted) return;
      const { code, message } = this.#failed(error);
      if (code === "block_corrupt") {
        this.#options.logger.error("question cannot be answered", { error: message });
      }
      post({ type: "failed", id, code, message });
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** Blocks are there, and in the list. */
  async came(blocks: readonly BlockMeta[]): Promise<void> {
    await Promise.all(blocks.map((block) => this.#prepare.came(block)));
  }

  cancel(id: number): void {
    this.#underWay.get(id)?.abort(new EngineError("internal", "nobody waits any more"));
  }

  async #gather(job: GatherJob, signal: AbortSignal): Promise<GatheredPart> {
    this.#prepare.asked([job.tenant]);
    try {
      return await gatherPart(job, this.#tools, signal);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): EngineError {
    if (error instanceof EngineError) return error;
    const text = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    this.#options.logger.error("question cannot be answered", { error: text, stack });
    return new EngineError("internal", "internal error");
  }
}
