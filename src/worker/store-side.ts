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
import { CompactJobs } from "./compact-jobs.ts";
import { compactionLimits } from "./compaction-limits.ts";
import type {
  StoreListed,
  StoreMessage,
  StoreMoved,
  StoreRequest,
  StoreStart,
  StoreState,
} from "./store-protocol.ts";
import type { TenantLimits } from "./tenant-limits.ts";
import { startThread, type Thread } from "./thread.ts";

export interface StoreSideOptions {
  readonly start: StoreStart;
  readonly logger: Logger;
  readonly onMoved: (change: StoreMoved) => void;
  readonly onEnd: () => void;
}

export function storeSettings(config: Config, limits: TenantLimits) {
  return {
    localPath: config.localPath,
    compaction: compactionLimits(config, limits),
    cycleMs: config.compaction.cycleMs,
    queryTimeoutMs: config.query.timeoutMs,
    joinWaitMs: config.bucket.joinWaitMs,
    pollEveryMs: config.bucket.pollMs,
    graceMs: config.bucket.graceMs,
    cacheBytesMax: config.bucket.cacheBytesMax,
    filterBytesMax: config.bucket.filterBytesMax,
    pendingBytesMax: config.bucket.backlogBytesMax,
  };
}

/** A join leaves nothing out, and does nothing else. */
const JOIN = {
  looks: [],
  idWords: [],
  retention: { rules: [], byTenant: new Map<string, number>(), othersMs: 0 },
};

export class StoreSide {
  readonly #thread: Thread<StoreRequest>;
  readonly #options: StoreSideOptions;
  readonly #listed = Promise.withResolvers<StoreListed>();
  #problem: string | undefined;
  #state: StoreState | undefined;
  readonly #jobs: CompactJobs;
  #isStopping = false;

  constructor(options: StoreSideOptions) {
    this.#options = options;
    const { start, logger, onMoved, onEnd } = options;
    this.#jobs = new CompactJobs(start, logger);
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
        else if (message.type === "merge") {
          const { ticket, job } = message;
          this.#jobs.add(job, (result) => this.#thread.post({ type: "merged", ticket, result }));
        } else {
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

  setLimits(limits: TenantLimits, config: Config): void {
    this.#thread.post({ type: "limits", compaction: compactionLimits(config, limits) });
  }

  addReader(port: MessagePort, slots: SharedArrayBuffer): void {
    this.#thread.post({ type: "reader", port, slots }, [port]);
  }

  #join(inputs: readonly BlockMeta[]): void {
    const { start, logger } = this.#options;
    const job = { ...JOIN, localPath: start.localPath, merges: [inputs] };
    this.#jobs.add(job, ({ merged, errors }) => {
      for (const error of errors) logger.error("blocks cannot be joined", { error });
      const outputs = merged.flatMap((one) => one.outputs);
      this.#thread.post({ type: "joined", inputs, outputs });
    });
  }

  end(): void {
    this.#isStopping = true;
    this.#jobs.end();
    this.#thread.kill();
  }
}
