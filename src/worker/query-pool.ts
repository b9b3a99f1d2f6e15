/**
 * The query threads as the API sees them: a question goes to the thread with the fewest under way;
 * one that ends is started anew, and its questions get an error.
 *
 * Threads: main.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { AnswerTo, AskOptions, Question } from "../query/question.ts";
import { PIN_DEADLINES, PINS } from "../ring/control.ts";
import type { BlockVersions } from "./block-list.ts";
import { BlockOwners } from "./block-owners.ts";
import { receiveAnswer } from "./pass-answer.ts";
import { type RemoteBlock, SLOT_BYTES, SLOTS } from "./store-protocol.ts";
import { startThread, type Thread } from "./thread.ts";
import type {
  AskMessage,
  QueryAnswer,
  QueryRequest,
  QueryStart,
  TraceRequest,
} from "./worker-protocol.ts";

export interface QueryPoolOptions {
  readonly buffer: SharedArrayBuffer;
  readonly start: Omit<QueryStart, "reader" | "blocks" | "owners" | "remotes" | "versions">;
  readonly threads: number;
  readonly logger: Logger;
  /** All published blocks now, and the versions that this list is of. */
  readonly blocks: () => KnownNow;
  /** A thread begins that reads blocks of a bucket; undefined: there is none. */
  readonly onReader: ((port: MessagePort, slots: SharedArrayBuffer) => void) | undefined;
  readonly onRestart: () => void;
}

export interface KnownNow {
  readonly metas: readonly BlockMeta[];
  /** Of each where it is when it is in a bucket. */
  readonly remotes: readonly (RemoteBlock | undefined)[];
  readonly versions: BlockVersions;
}

/** What was published, moved or removed. */
export interface PoolChange {
  readonly added: readonly BlockMeta[];
  readonly remotes: readonly (RemoteBlock | undefined)[];
  readonly removed: readonly string[];
  readonly versions: BlockVersions;
}

/** Somebody who waits for a thread. */
interface Pending {
  hear(message: QueryAnswer | AskMessage): void;
  reject(error: EngineError): void;
}

/** A thread that cannot live must not take the processor with it. */
const RESTART_AFTER_MS = 500;

interface Member {
  /** Undefined while it waits to be started again. */
  thread: Thread<QueryRequest> | undefined;
  readonly pending: Map<number, Pending>;
}

export class QueryPool {
  readonly #options: QueryPoolOptions;
  readonly #members: Member[] = [];
  readonly #owners: BlockOwners;
  readonly #control: Int32Array;
  readonly #deadlines: Float64Array;
  /** By reader, the deadline that it was past when it was last looked at. */
  readonly #overdue: number[] = [];
  #nextId = 0;
  #differingSpans = 0;
  #damagedAnswers = 0;
  #stopping = false;

  constructor(options: QueryPoolOptions) {
    this.#options = options;
    this.#control = new Int32Array(options.buffer, 0, 4096);
    this.#deadlines = new Float64Array(options.buffer, 0, 1024);
    this.#owners = new BlockOwners(options.threads);
    for (let reader = 0; reader < options.threads; reader++) this.#start(reader);
  }

  /** Spans that answers left out because one of the same id but another content came before. */
  get differingSpans(): number {
    return this.#differingSpans;
  }

  /** Answers that lack a block, or failed, because it is damaged. */
  get damagedAnswers(): number {
    return this.#damagedAnswers;
  }

  async trace(request: TraceRequest): Promise<QueryAnswer> {
    const member = this.#leastBusy();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const hear = (message: QueryAnswer | AskMessage) => {
        if (message.type !== "answer") return;
        this.#differingSpans += message.differingSpans;
        if (message.isDamage) this.#damagedAnswers++;
        member.pending.delete(id);
        resolve(message);
      };
      member.pending.set(id, { hear, reject });
      member.thread?.post({ type: "trace", id, request });
    });
  }

  /** Rejects with an EngineError, or with the signal's reason when it aborts. */
  async ask<Q extends Question>(
    question: Q,
    { signal, onProgress }: AskOptions,
  ): Promise<AnswerTo<Q>> {
    const member = this.#leastBusy();
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<AnswerTo<Q>>();
    const hear = (message: QueryAnswer | AskMessage) => {
      if (message.type === "progress") onProgress?.(receiveAnswer(message.answer));
      else {
        member.pending.delete(id);
        if (isOfDamage(message)) this.#damagedAnswers++;
        if (message.type === "failed") reject(new EngineError(message.code, message.message));
        // A thread answers to what it was asked.
        else if (message.type === "found") resolve(receiveAnswer(message.answer) as AnswerTo<Q>);
      }
    };
    const cancel = () => {
      member.pending.delete(id);
      member.thread?.post({ type: "cancel", id });
      reject(signal.reason);
    };
    signal.throwIfAborted();
    member.pending.set(id, { hear, reject });
    const withProgress = onProgress !== undefined;
    member.thread?.post({ type: "ask", id, question, withProgress });
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Tells all threads what was published or removed. */
  blocks(change: PoolChange): void {
    for (const id of change.removed) this.#owners.remove(id);
    const owners = change.added.map((meta) => this.#owners.of(meta));
    for (const { thread } of this.#members) thread?.post({ type: "blocks", owners, ...change });
  }

  /**
   * Ends threads that hold a pin past its deadline: they would stop the head from turning over.
   * Only those that were past the same one at the last look: after a process or a machine was
   * suspended all are late, and live.
   */
  endOverdue(nowMs: number): void {
    for (let reader = 0; reader < this.#members.length; reader++) {
      const pinned = this.#pins(reader).some((word) => Atomics.load(this.#control, word) !== 0);
      const deadline = this.#deadlines[PIN_DEADLINES + reader];
      if (!pinned || deadline > nowMs) continue;
      if (this.#overdue[reader] !== deadline) {
        this.#overdue[reader] = deadline;
        continue;
      }
      this.#options.logger.error("query thread overdue, ended", { reader });
      this.#members[reader].thread?.kill();
      this.#restart(reader);
    }
  }

  stop(): void {
    this.#stopping = true;
    for (const { thread } of this.#members) thread?.kill();
  }

  #leastBusy(): Member {
    const alive = this.#members.filter(({ thread }) => thread !== undefined);
    if (alive.length === 0) throw new EngineError("overloaded", "no query thread is running");
    return alive.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
  }

  #pins(reader: number): readonly number[] {
    return [PINS + reader * 2, PINS + reader * 2 + 1];
  }

  #start(reader: number): void {
    const { metas: blocks, remotes, versions } = this.#options.blocks();
    const owners = blocks.map((meta) => this.#owners.of(meta));
    const pending = new Map<number, Pending>();
    const thread = startThread<QueryStart, QueryRequest, QueryAnswer | AskMessage>({
      name: "query",
      url: new URL("./query-worker.ts", import.meta.url),
      data: { ...this.#options.start, reader, blocks, owners, remotes, versions },
      logger: this.#options.logger,
      onMessage: (message) => pending.get(message.id)?.hear(message),
      onEnd: () => this.#restart(reader),
    });
    this.#members[reader] = { thread, pending };
    this.#joinStore(thread);
    for (const [other, member] of this.#members.entries()) {
      if (other === reader || member.thread === undefined) continue;
      const { port1, port2 } = new MessageChannel();
      thread.post({ type: "peer", reader: other, port: port1 }, [port1]);
      member.thread.post({ type: "peer", reader, port: port2 }, [port2]);
    }
  }

  #joinStore(thread: Thread<QueryRequest>): void {
    const { onReader } = this.#options;
    if (onReader === undefined) return;
    const { port1, port2 } = new MessageChannel();
    const slots = new SharedArrayBuffer(SLOTS * SLOT_BYTES);
    thread.post({ type: "store", port: port1, slots }, [port1]);
    onReader(port2, slots);
  }

  #restart(reader: number): void {
    for (const { reject } of this.#members[reader].pending.values()) {
      reject(new EngineError("internal", "the query thread ended"));
    }
    for (const word of this.#pins(reader)) Atomics.store(this.#control, word, 0);
    this.#members[reader] = { thread: undefined, pending: new Map() };
    this.#options.onRestart();
    setTimeout(() => {
      if (!this.#stopping) this.#start(reader);
    }, RESTART_AFTER_MS);
  }
}

function isOfDamage(message: QueryAnswer | AskMessage): boolean {
  if (message.type === "failed") return message.code === "block_corrupt";
  return message.type === "found" && message.answer.metrics.damagedBlocks.length > 0;
}
