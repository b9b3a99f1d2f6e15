/** A query thread's part that answers questions, on blocks of a folder and without a head. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { MiB } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { makeLogger } from "../../src/base/log.ts";
import { BlockCaches } from "../../src/block/block-read.ts";
import { ValueCache } from "../../src/block/file-cache.ts";
import { instantiate, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { Answer, AnswerTo, Question } from "../../src/query/question.ts";
import { CONTROL_BYTES } from "../../src/ring/control.ts";
import { StepScratch } from "../../src/vector/step-scratch.ts";
import { VectorCache } from "../../src/vector/vector-cache.ts";
import { BlockList } from "../../src/worker/block-list.ts";
import { receiveAnswer } from "../../src/worker/pass-answer.ts";
import { QueryQuestions } from "../../src/worker/query-questions.ts";
import { ROOT } from "./checkout.ts";

const SCRATCH_BYTES = 64 * MiB;

export interface QuestionThreadOptions {
  /** The folder of the store. */
  readonly localPath: string;
  readonly blocks: readonly BlockMeta[];
  /** For columns of a step, and those that are kept. */
  readonly vectorBytes: number;
  /** What is kept for later steps; as much as there is, if absent. */
  readonly keptBytes?: number;
  /** Far too little is kept for what there is. */
  readonly isShort?: boolean;
  /** Which of several threads it is, and which of them has each block; one, if absent. */
  readonly reader?: number;
  readonly owners?: readonly number[];
}

export class QuestionThread {
  readonly blocks: BlockList;
  readonly #questions: QueryQuestions;
  readonly #waiting = new Map<number, ReturnType<typeof Promise.withResolvers<Answer>>>();
  #next = 0;
  #version = 0;

  constructor(options: QuestionThreadOptions) {
    const { localPath, blocks, vectorBytes, keptBytes = vectorBytes, reader = 0 } = options;
    const caches = new BlockCaches({ filesMax: 256, bytesMax: 32 * MiB });
    const memory = makeMemory(CONTROL_BYTES + SCRATCH_BYTES + vectorBytes);
    const buffer = sharedBuffer(memory);
    const wasm = readFileSync(join(ROOT, "native", "build", "kernel.wasm"));
    const vectors = new VectorCache(CONTROL_BYTES + SCRATCH_BYTES, vectorBytes);
    vectors.bytesMax = keptBytes;
    vectors.isShort = options.isShort === true;
    const logger = makeLogger({ level: "error", format: "logfmt", component: "test" });
    this.blocks = new BlockList({
      ...{ control: new Int32Array(buffer, 0, 4096), caches, localPath, blocks, logger },
      owners: options.owners ?? blocks.map(() => 0),
      remotes: blocks.map(() => undefined),
      versions: { blocks: 0, store: 0 },
      remote: undefined,
      clock: systemClock,
      retiredMs: 60_000,
      onRemoved: (folder) => vectors.forget(join(folder, "/")),
    });
    this.#questions = new QueryQuestions({
      ...{ reader, buffer, blocks: this.blocks, nodeId: "none", clock: systemClock, logger },
      head: { pin: () => [], unpin: () => {} },
      timeoutMs: 600_000,
      tools: {
        ...{ caches, vectors },
        scratch: new StepScratch(buffer, { base: CONTROL_BYTES, bytes: SCRATCH_BYTES }),
        kernel: instantiate(new WebAssembly.Module(wasm), memory),
        residuals: new ValueCache(MiB),
      },
      columns: undefined,
      post: (message) => {
        const waiting = this.#waiting.get(message.id);
        if (message.type === "found") waiting?.resolve(receiveAnswer(message.answer));
        if (message.type === "failed") waiting?.reject(new Error(message.message));
      },
    });
  }

  /** Of one process: each asks the other for what it does not have itself. */
  static connect(one: QuestionThread, other: QuestionThread): void {
    const { port1, port2 } = new MessageChannel();
    one.#questions.peers.connect(other.#questions.peers.self, port1);
    other.#questions.peers.connect(one.#questions.peers.self, port2);
    for (const port of [port1, port2]) port.unref();
  }

  /** Blocks came and went. Resolves when nothing is left to prepare. */
  change(added: readonly BlockMeta[], removed: readonly string[]): Promise<void> {
    this.#version++;
    this.blocks.change({
      ...{ added, removed },
      owners: added.map(() => 0),
      remotes: added.map(() => undefined),
      versions: { blocks: this.#version, store: 0 },
    });
    return this.#questions.came(added);
  }

  async ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>> {
    const id = this.#next++;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(id, waiting);
    void this.#questions.ask({ type: "ask", id, question, withProgress: false });
    try {
      // It answers to what it was asked.
      return (await waiting.promise) as AnswerTo<Q>;
    } finally {
      this.#waiting.delete(id);
    }
  }
}
