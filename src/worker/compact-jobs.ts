/**
 * Merges that the store thread asks for: one after another, each in a thread that ends when it is
 * done and gives its memory back.
 *
 * Threads: main.
 */
import type { Logger } from "../base/log.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { CompactMessage, CompactStart } from "./compact-protocol.ts";
import type { MergeDone } from "./compactor-counts.ts";
import { startThread, type Thread } from "./thread.ts";
import type { ThreadStart } from "./worker-protocol.ts";

/** What to do with blocks below `localPath`, where outputs go as well. */
export type CompactJob = Omit<CompactStart, keyof ThreadStart | "remove">;

export interface CompactResult {
  readonly merged: readonly MergeDone[];
  /** These stay as they are. */
  readonly looked: readonly BlockMeta[];
  /** Why some of it was not done. */
  readonly errors: readonly string[];
}

interface Waiting {
  readonly job: CompactJob;
  readonly onDone: (result: CompactResult) => void;
}

export class CompactJobs {
  readonly #start: ThreadStart;
  readonly #logger: Logger;
  readonly #waiting: Waiting[] = [];
  #running: Thread<never> | undefined;
  #isStopping = false;

  constructor(start: ThreadStart, logger: Logger) {
    this.#start = start;
    this.#logger = logger;
  }

  add(job: CompactJob, onDone: (result: CompactResult) => void): void {
    this.#waiting.push({ job, onDone });
    this.#next();
  }

  end(): void {
    this.#isStopping = true;
    this.#running?.kill();
  }

  #next(): void {
    if (this.#running !== undefined || this.#isStopping) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const { memory, module, plan, log } = this.#start;
    const merged: MergeDone[] = [];
    const looked: BlockMeta[] = [];
    const errors: string[] = [];
    let isDone = false;
    const finish = () => {
      isDone = true;
      this.#running = undefined;
      next.onDone({ merged, looked, errors });
      this.#next();
    };
    this.#running = startThread<CompactStart, never, CompactMessage>({
      name: "compact",
      url: new URL("./compact-worker.ts", import.meta.url),
      data: { ...{ memory, module, plan, log }, ...next.job, remove: [] },
      logger: this.#logger,
      onMessage: (message) => {
        if (message.type === "merged") merged.push(message);
        else if (message.type === "looked") looked.push(message.meta);
        else if (message.type === "failed") errors.push(message.reason);
        else if (message.type === "done") finish();
      },
      mayEnd: () => isDone || this.#isStopping,
      onEnd: () => {
        if (isDone) return;
        errors.push("the thread ended");
        finish();
      },
    });
  }
}
