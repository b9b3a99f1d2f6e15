/**
 * Starts a Worker and hears how it ends. A Worker never ends without being told to; if one does,
 * `onEnd` says why, and the supervisor decides.
 */
import { type MessagePort, Worker } from "node:worker_threads";
import type { Logger } from "../base/log.ts";
import type { ThreadStart } from "./worker-protocol.ts";

export interface Thread<Message> {
  /** `transfer`: ports that move with it. */
  post(message: Message, transfer?: readonly MessagePort[]): void;
  /** Ends it now; onEnd is not called. */
  kill(): void;
}

export interface ThreadOptions<Data extends ThreadStart, Answer> {
  /** "ingest", for the log. */
  readonly name: string;
  readonly url: URL;
  readonly data: Data;
  readonly logger: Logger;
  readonly onMessage: (message: Answer) => void;
  /** Whether the thread has been told to end: then it may, and onEnd is not called. */
  readonly mayEnd?: () => boolean;
  readonly onEnd: () => void;
}

export function startThread<Data extends ThreadStart, Message, Answer>(
  options: ThreadOptions<Data, Answer>,
): Thread<Message> {
  const worker = new Worker(options.url, { workerData: options.data });
  let ended = false;
  const end = (reason: string) => {
    if (ended) return;
    ended = true;
    options.logger.error("thread ended", { thread: options.name, reason });
    options.onEnd();
  };
  // The pair of types is what worker-protocol.ts says of this kind of thread.
  worker.on("message", (message) => options.onMessage(message as Answer));
  worker.on("error", (error) => end(describe(error)));
  worker.on("exit", (code) => {
    if (code === 0 && options.mayEnd?.()) ended = true;
    end(`exit code ${code}`);
  });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    kill: () => {
      ended = true;
      void worker.terminate();
    },
  };
}

/** Frames of the kernel have names only in this form. */
function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
