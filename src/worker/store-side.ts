/**
 * The store thread as main sees it.
 *
 * Threads: main.
 */
import type { MessagePort } from "node:worker_threads";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { CompactMessage, CompactStart } from "./compact-protocol.ts";
import type {
  StoreListed,
  StoreMessage,
  StoreMoved,
  StoreRequest,
  StoreStart,
  StoreState,
} from "./store-protocol.ts";
import { startThread, type Thread } from "./thread.ts";

export interface StoreSideOptions {
  readonly start: StoreStart;
  readonly logger: Logger;
  readonly onMoved: (change: StoreMoved) => void;
  readonly onEnd: () => void;
}

export function storeSettings(config: Config) {
  return {
    localPath: config.localPath,
    blockRetentionMs: config.blockRetentionMs,
    queryTimeoutMs: config.query.timeoutMs,
    windowMs: config.compaction.windowMs,
    joinWaitMs: config.bucket.joinWaitMs,
    pollEveryMs: config.bucket.pollMs,
    graceMs: config.bucket.graceMs,
    cacheBytesMax: config.bucket.cacheBytesMax,
    filterBytesMax: config.bucket.filterBytesMax,
    pendingBytesMax: config.bucket.backlogBytesMax,
  };
}

/** A join leaves nothing out, and does nothing else. */
const JOB = {
  remove: [],
  looks: [],
  retention: { rules: [], byTenant: new Map<string, number>(), othersMs: 0 },
};

export class StoreSide {
  readonly #thread: Thread<StoreRequest>;
  readonly #options: StoreSideOptions;
  readonly #listed = Promise.withResolvers<StoreListed>();
  #problem: string | undefined;
  #state: StoreState | undefined;
  #joining: Thread<never> | undefined;
  #isStopping = false;

  constructor(options: StoreSideOptions) {
    this.#options = options;
    const { start, logger, onMoved, onEnd } = options;
    this.#thread = startThread<StoreStart, StoreRequest, StoreMessage>({
      name: "store",
      url: new URL("./store-worker.ts", import.meta.url),
      data: start,
      logger,
      onMessage: (message) => {
        if (message.type === "listed") {
          this.#problem = message.problem;
          this.#listed.resolve(message);
        } else if (message.type === "refused") {
          this.#listed.reject(new EngineError("store_refused", message.reason));
        } else if (message.type === "state") this.#state = message.state;
        else if (message.type === "join") this.#join(message.inputs);
        else {
          this.#problem = undefined;
          onMoved(message);
        }
      },
      mayEnd: () => this.#isStopping,
      onEnd,
    });
  }

  /** Why it is not known which blocks there are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get state(): StoreState | undefined {
    return this.#state;
  }

  /** What the bucket has at the start. Rejects with store_refused. */
  async listed(): Promise<StoreListed> {
    return await this.#listed.promise;
  }

  cut(added: readonly BlockMeta[]): void {
    this.#thread.post({ type: "cut", added });
  }

  addReader(port: MessagePort, slots: SharedArrayBuffer): void {
    this.#thread.post({ type: "reader", port, slots }, [port]);
  }

  /** In a thread that ends when it is done, and gives its memory back. */
  #join(inputs: readonly BlockMeta[]): void {
    const { start, logger } = this.#options;
    const { memory, module, plan, log, localPath } = start;
    let outputs: readonly BlockMeta[] = [];
    let isDone = false;
    const finish = () => {
      isDone = true;
      this.#joining = undefined;
      this.#thread.post({ type: "joined", inputs, outputs });
    };
    this.#joining = startThread<CompactStart, never, CompactMessage>({
      name: "compact",
      url: new URL("./compact-worker.ts", import.meta.url),
      data: { ...{ memory, module, plan, log, localPath }, ...JOB, merges: [inputs] },
      logger,
      onMessage: (message) => {
        if (message.type === "merged") outputs = message.outputs;
        else if (message.type === "failed") {
          logger.error("blocks cannot be joined", { error: message.reason });
        } else if (message.type === "done") finish();
      },
      mayEnd: () => isDone || this.#isStopping,
      onEnd: () => {
        if (!isDone) finish();
      },
    });
  }

  end(): void {
    this.#isStopping = true;
    this.#joining?.kill();
    this.#thread.kill();
  }
}
