/**
 * The thread that merges, for who has work for it now and then. It comes with the first work, and
 * stays for a while: to start it and to compile what it runs takes a third of a merge. Its memory
 * goes back after each work; a thread that cannot give it back ends.
 *
 * Threads: main.
 */
import { assert } from "../base/assert.ts";
import type { Logger } from "../base/log.ts";
import type { CompactMessage, CompactStart } from "./compact-protocol.ts";
import { startThread, type Thread } from "./thread.ts";
import type { ThreadStart } from "./worker-protocol.ts";

export interface CompactRun {
  readonly work: CompactStart;
  /** "done" is the last one. */
  readonly onMessage: (message: CompactMessage) => void;
  /** The thread ended before it was done. */
  readonly onEnd: () => void;
}

type BeginThread = typeof startThread<ThreadStart, CompactStart, CompactMessage>;

/** Merges come every few minutes, under load every few seconds. */
const STAY_MS = 600_000;

export class CompactThread {
  readonly #start: ThreadStart;
  readonly #logger: Logger;
  readonly #beginThread: BeginThread;
  #thread: Thread<CompactStart> | undefined;
  #run: CompactRun | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #isStopping = false;

  /** `begin` is what starts a thread. */
  constructor(start: ThreadStart, logger: Logger, begin: BeginThread = startThread) {
    this.#start = start;
    this.#logger = logger;
    this.#beginThread = begin;
  }

  get isBusy(): boolean {
    return this.#run !== undefined;
  }

  /** One at a time. */
  run(run: CompactRun): void {
    assert(this.#run === undefined, "compact: the thread has work already");
    clearTimeout(this.#leaving);
    this.#run = run;
    this.#thread ??= this.#begin();
    this.#thread.post(run.work);
  }

  /** From here on it may end before it is done: it sees the control word STOP by itself. */
  stop(): void {
    this.#isStopping = true;
  }

  end(): void {
    clearTimeout(this.#leaving);
    this.#thread?.kill();
    this.#thread = undefined;
  }

  #begin(): Thread<CompactStart> {
    const { memory, module, plan, log } = this.#start;
    // One that leaves may still be there when the next one has its work.
    const isCurrent = () => this.#thread === thread;
    const thread = this.#beginThread({
      name: "compact",
      url: new URL("./compact-worker.ts", import.meta.url),
      data: { memory, module, plan, log },
      logger: this.#logger,
      onMessage: (message) => {
        const run = this.#run;
        if (message.type === "done") {
          this.#run = undefined;
          if (message.stays) this.#stay();
          else this.#thread = undefined;
        }
        run?.onMessage(message);
      },
      mayEnd: () => !isCurrent() || this.#run === undefined || this.#isStopping,
      onEnd: () => {
        if (!isCurrent()) return;
        const run = this.#run;
        this.#run = undefined;
        this.#thread = undefined;
        run?.onEnd();
      },
    });
    return thread;
  }

  #stay(): void {
    this.#leaving = setTimeout(() => this.end(), STAY_MS);
    this.#leaving.unref();
  }
}
