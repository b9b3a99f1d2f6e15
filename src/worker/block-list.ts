/**
 * The published blocks as a query thread knows them, and how it reads a trace out of one.
 *
 * Changes come as messages by way of main, numbered; the control word BLOCKS_VERSION moves when
 * one is sent. Whoever wants the list waits until this thread has heard of that version, so that a
 * half that was freed is never missing from both.
 *
 * Threads: one reader.
 */
import { join } from "node:path";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type BlockCaches, BlockReader } from "../block/block-read.ts";
import { type BlockMeta, blockPath } from "../model/block-meta.ts";
import type { SpanRow } from "../model/span-row.ts";
import type { OwnedBlock } from "../query/block-plan.ts";
import type { KnownBlocks } from "../query/segments.ts";
import type { BlockView, ListedBlock } from "../query/trace-by-id.ts";
import { BLOCKS_VERSION } from "../ring/control.ts";
import type { QueryRequest } from "./worker-protocol.ts";

/** For a message between three threads that have nothing else to do but short tasks. */
const BEHIND_MS_MAX = 2000;
const NANO = 1_000_000_000n;

export type BlocksChanged = Omit<Extract<QueryRequest, { type: "blocks" }>, "type">;

export interface BlockListOptions {
  readonly control: Int32Array;
  readonly caches: BlockCaches;
  readonly localPath: string;
  readonly blocks: readonly BlockMeta[];
  /** Of each block the query thread that reads it for questions in TraceQL. */
  readonly owners: readonly number[];
  readonly version: number;
  readonly logger: Logger;
  /** What is kept of a block that was removed is of no use. */
  readonly onRemoved: (folder: string) => void;
}

interface Known extends OwnedBlock {
  /** The first and the last second that any of its spans touches. */
  readonly startSeconds: number;
  readonly endSeconds: number;
}

export class BlockList implements BlockView, KnownBlocks {
  readonly #options: BlockListOptions;
  readonly #reader: BlockReader;
  readonly #byId = new Map<string, Known>();
  readonly #byTenant = new Map<string, Set<Known>>();
  #version: number;
  #waiting: { readonly version: number; readonly resolve: () => void }[] = [];

  constructor(options: BlockListOptions) {
    this.#options = options;
    this.#reader = new BlockReader(options.caches);
    this.#version = options.version;
    for (const [i, meta] of options.blocks.entries()) this.#add(meta, options.owners[i]);
  }

  get inspectedBytes(): number {
    return this.#reader.inspectedBytes;
  }

  change({ added, owners, removed, version }: BlocksChanged): void {
    for (const [i, meta] of added.entries()) this.#add(meta, owners[i]);
    for (const id of removed) this.#remove(id);
    this.#version = Math.max(this.#version, version);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((one) => one.version > this.#version);
    for (const one of waiting) if (one.version <= this.#version) one.resolve();
  }

  /** Throws `overloaded` when the news of a published block does not come. */
  async blocks(
    tenant: string,
    startSeconds = 0,
    endSeconds = Number.POSITIVE_INFINITY,
  ): Promise<readonly OwnedBlock[]> {
    await this.#upToDate(Atomics.load(this.#options.control, BLOCKS_VERSION));
    return this.now(tenant).filter(
      (block) => block.startSeconds <= endSeconds && block.endSeconds >= startSeconds,
    );
  }

  now(tenant: string): readonly Known[] {
    return [...(this.#byTenant.get(tenant) ?? [])];
  }

  async all(tenant: string): Promise<readonly OwnedBlock[]> {
    return this.blocks(tenant);
  }

  isBehind(): boolean {
    return this.#version < Atomics.load(this.#options.control, BLOCKS_VERSION);
  }

  *rows(block: ListedBlock, tenant: string, traceId: Uint8Array): Generator<SpanRow> {
    try {
      yield* this.#reader.rows(block, tenant, traceId) ?? [];
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
      // Retention takes the files first and tells afterwards.
      this.#options.logger.warn("block is gone", { block: block.meta.id });
    }
  }

  async #upToDate(version: number): Promise<void> {
    if (this.#version >= version) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { version, resolve };
    const timer = setTimeout(() => {
      this.#waiting = this.#waiting.filter((one) => one !== entry);
      reject(new EngineError("overloaded", "the list of blocks is behind"));
    }, BEHIND_MS_MAX);
    this.#waiting.push(entry);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #add(meta: BlockMeta, owner: number): void {
    this.#remove(meta.id);
    // A span may end before it starts.
    const times = [BigInt(meta.startUnixNano), BigInt(meta.endUnixNano)];
    const seconds = times.map((nano) => Number(nano / NANO));
    const block = {
      meta,
      owner,
      folder: join(this.#options.localPath, blockPath(meta)),
      startSeconds: Math.min(...seconds),
      endSeconds: Math.max(...seconds),
    };
    this.#byId.set(meta.id, block);
    for (const { name } of meta.tenants) {
      const blocks = this.#byTenant.get(name);
      if (blocks === undefined) this.#byTenant.set(name, new Set([block]));
      else blocks.add(block);
    }
  }

  #remove(id: string): void {
    const block = this.#byId.get(id);
    if (block === undefined) return;
    this.#byId.delete(id);
    for (const { name } of block.meta.tenants) {
      const blocks = this.#byTenant.get(name);
      blocks?.delete(block);
      if (blocks?.size === 0) this.#byTenant.delete(name);
    }
    this.#options.caches.forget(block.folder);
    this.#options.onRemoved(block.folder);
  }
}
