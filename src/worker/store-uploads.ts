/**
 * Local blocks on their way into the bucket: oldest first, some at once, again and again until the
 * store takes them. What waits is bounded; beyond it ingest refuses requests.
 *
 * Threads: the store thread.
 */
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { Prng } from "../base/prng.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { type LocalBlock, publishBlock } from "../store/bucket-publish.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { Patience } from "./patience.ts";

const UPLOADS_AT_ONCE = 2;
const RETRY_FIRST_MS = 500;
const RETRY_MS_MAX = 30_000;

export interface UploadsOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Prng;
  readonly logger: Logger;
  /** See bucket-publish.ts. */
  readonly objectsMsMax: number;
  readonly localOf: (meta: BlockMeta) => LocalBlock;
  /** It is in the bucket; `there` is its meta there. */
  readonly onPublished: (meta: BlockMeta, there: BlockMeta) => void;
  /** What waits has changed. */
  readonly onPending: () => void;
}

export class Uploads {
  readonly #options: UploadsOptions;
  readonly #patience: Patience;
  /** By id, in the order of their coming; those under way too. */
  readonly #pending = new Map<string, BlockMeta>();
  readonly #underWay = new Set<string>();
  published = 0;
  errors = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
    const { random } = options;
    this.#patience = new Patience({ firstMs: RETRY_FIRST_MS, mostMs: RETRY_MS_MAX, random });
  }

  get pendingBlocks(): number {
    return this.#pending.size;
  }

  get pendingBytes(): number {
    let bytes = 0;
    for (const meta of this.#pending.values()) bytes += meta.dataBytes + meta.sidecarBytes;
    return bytes;
  }

  /** Whether it is on its way. */
  has(id: string): boolean {
    return this.#pending.has(id);
  }

  add(metas: readonly BlockMeta[]): void {
    for (const meta of metas) this.#pending.set(meta.id, meta);
    this.#options.onPending();
    this.#next();
  }

  #next(): void {
    for (const meta of this.#pending.values()) {
      if (this.#underWay.size >= UPLOADS_AT_ONCE) return;
      if (this.#underWay.has(meta.id)) continue;
      this.#underWay.add(meta.id);
      void this.#upload(meta);
    }
  }

  async #upload(meta: BlockMeta): Promise<void> {
    const { store, clock, logger, objectsMsMax, localOf, onPublished, onPending } = this.#options;
    for (;;) {
      try {
        const there = await publishBlock(store, localOf(meta), { clock, objectsMsMax });
        if (this.#patience.failures > 0) logger.info("blocks are uploaded again");
        this.#patience.succeeded();
        this.published++;
        this.#pending.delete(meta.id);
        this.#underWay.delete(meta.id);
        onPublished(meta, there);
        onPending();
        this.#next();
        return;
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        this.errors++;
        if (this.#patience.failures === 0) {
          const reason = error.message;
          logger.error("block cannot be uploaded, trying again", { block: meta.id, reason });
        }
        await Bun.sleep(this.#patience.failed());
      }
    }
  }
}
