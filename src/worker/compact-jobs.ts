/**
 * Merges that the store thread asks for: one after another, in a thread for all of them.
 *
 * Threads: main.
 */
import type { Logger } from "../base/log.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { CompactMessage, CompactStart } from "./compact-protocol.ts";
import { CompactThread } from "./compact-thread.ts";
import type { MergeDone } from "./compactor-counts.ts";
import type { ThreadStart } from "./worker-protocol.ts";

/** What to do with blocks below `localPath`, where outputs go as well. */
export type CompactJob = Omit<CompactStart, "remove">;

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
  readonly #thread: CompactThread;
  readonly #waiting: Waiting[] = [];
  #isStopping = false;

  constructor(start: ThreadStart, logger: Logger) {
    this.#thread = new CompactThread(start, logger);
  }

  add(job: CompactJob, onDone: (result: CompactResult) => void): void {
    this.#waiting.push({ job, onDone });
    this.#next();
  }

  end(): void {
    this.#isStopping = true;
    this.#thread.stop();
    this.#thread.end();
  }

  #next(): void {
    if (this.#thread.isBusy || this.#isStopping) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const merged: MergeDone[] = [];
    const looked: BlockMeta[] = [];
    const errors: string[] = [];
    const finish = () => {
      next.onDone({ merged, looked, errors });
      this.#next();
    };
    this.#thread.run({
      work: { ...next.job, remove: [] },
      onMessage: (message: CompactMessage) => {
        if (message.type === "merged") merged.push(message);
        else if (message.type === "looked") looked.push(message.meta);
        else if (message.type === "failed") errors.push(message.reason);
        else if (message.type === "done") finish();
      },
      onEnd: () => {
        errors.push("the thread ended");
        finish();
      },
    });
  }
}
