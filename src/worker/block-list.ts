/**
 * The published blocks as a query thread knows them, and how it reads a trace out of one.
 *
 * Changes come as messages by way of main, numbered; the control word BLOCKS_VERSION moves when
 * one is sent. Whoever wants the list waits until this thread has heard of that version, so that a
 * half that was freed is never missing from both. Changes of the store thread have a word of their
 * own. What went is kept for a while: questions that began with it go on.
 *
 * Threads: one reader.
 */
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { BLOOM_BLOCK_BYTES } from "../block/block-format.ts";
import { type BlockCaches, BlockReader } from "../block/block-read.ts";
import { bloomBlock, bloomHas, tenantSeed, traceHash } from "../block/trace-hash.ts";
import { type BlockMeta, blockPath } from "../model/block-meta.ts";
import type { SpanRow } from "../model/span-row.ts";
import type { OwnedBlock } from "../query/block-plan.ts";
import type { KnownBlocks } from "../query/segments.ts";
import { type BlockView, byLog, type ListedBlock } from "../query/trace-by-id.ts";
import { BLOCKS_VERSION, STORE_VERSION } from "../ring/control.ts";
import type { RemoteAhead, RemoteFiles } from "./remote-files.ts";
import type { RemoteBlock } from "./store-protocol.ts";
import type { QueryRequest } from "./worker-protocol.ts";

const FILTER_BLOCK_WORDS = BLOOM_BLOCK_BYTES / 4;
/** For a message between three threads that have nothing else to do but short tasks. */
const BEHIND_MS_MAX = 2000;
const NANO = 1_000_000_000n;

export type BlocksChanged = Omit<Extract<QueryRequest, { type: "blocks" }>, "type">;

/** Of control words. */
export interface BlockVersions {
  /** BLOCKS_VERSION. */
  readonly blocks: number;
  /** STORE_VERSION. */
  readonly store: number;
}

export interface BlockListOptions {
  readonly control: Int32Array;
  readonly caches: BlockCaches;
  readonly localPath: string;
  readonly blocks: readonly BlockMeta[];
  /** Of each block the query thread that reads it for questions in TraceQL. */
  readonly owners: readonly number[];
  /** Of each block where it is when it is in a bucket. */
  readonly remotes: readonly (RemoteBlock | undefined)[];
  readonly versions: BlockVersions;
  /** undefined: no block is in a bucket. */
  readonly remote: { readonly files: RemoteFiles; readonly ahead: RemoteAhead } | undefined;
  readonly clock: Pick<Clock, "nowMs">;
  /** No question takes longer. */
  readonly retiredMs: number;
  readonly logger: Logger;
  /** What is kept of a block that was removed is of no use. */
  readonly onRemoved: (folder: string) => void;
}

interface Known extends OwnedBlock {
  /** Words of the bloom filter, when they are in memory. */
  readonly filter: Uint32Array | undefined;
  /** The first and the last second that any of its spans touches. */
  readonly startSeconds: number;
  readonly endSeconds: number;
}

interface TenantBlocks {
  readonly all: Set<Known>;
  /** In the order of the log; made when it is asked for. */
  list: readonly Known[] | undefined;
}

const NONE: readonly Known[] = [];

export class BlockList implements BlockView, KnownBlocks {
  readonly #options: BlockListOptions;
  readonly #reader: BlockReader;
  readonly #byId = new Map<string, Known>();
  readonly #byTenant = new Map<string, TenantBlocks>();
  /** Blocks that went, and when. */
  #retired: { readonly block: Known; readonly atMs: number }[] = [];
  /** By owner. */
  readonly #spans: number[] = [];
  #versions: BlockVersions;
  #waiting: { readonly versions: BlockVersions; readonly resolve: () => void }[] = [];

  constructor(options: BlockListOptions) {
    this.#options = options;
    this.#reader = new BlockReader(options.caches);
    this.#versions = options.versions;
    for (const [i, meta] of options.blocks.entries()) {
      this.#add(meta, options.owners[i], options.remotes[i]);
    }
  }

  /** How many spans the blocks have that this query thread reads. */
  spansOf(owner: number): number {
    return this.#spans[owner] ?? 0;
  }

  get inspectedBytes(): number {
    return this.#reader.inspectedBytes;
  }

  change({ added, owners, remotes, removed, versions }: BlocksChanged): void {
    this.#forgetRetired();
    for (const [i, meta] of added.entries()) this.#add(meta, owners[i], remotes[i]);
    for (const id of removed) this.#remove(id);
    this.#versions = {
      blocks: Math.max(this.#versions.blocks, versions.blocks),
      store: Math.max(this.#versions.store, versions.store),
    };
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((one) => !this.#knows(one.versions));
    for (const one of waiting) if (this.#knows(one.versions)) one.resolve();
  }

  /** Throws `overloaded` when the news of a published block does not come. */
  async blocks(
    tenant: string,
    startSeconds = 0,
    endSeconds = Number.POSITIVE_INFINITY,
  ): Promise<readonly OwnedBlock[]> {
    const all = await this.all(tenant);
    return all.filter(
      (block) => block.startSeconds <= endSeconds && block.endSeconds >= startSeconds,
    );
  }

  async these(tenant: string, ids: readonly string[]): Promise<readonly OwnedBlock[]> {
    await this.#upToDate(this.#told());
    const now = this.now(tenant);
    const wanted = new Set(ids);
    const here = now.filter(({ meta }) => wanted.has(meta.id));
    if (here.length === wanted.size) return here.length === now.length ? now : here;
    const found = new Map(
      this.#retired
        .filter(({ block: { meta } }) => wanted.has(meta.id))
        .map(({ block }) => [block.meta.id, block]),
    );
    for (const block of here) found.set(block.meta.id, block);
    return [...found.values()].toSorted(byLog);
  }

  now(tenant: string): readonly Known[] {
    const blocks = this.#byTenant.get(tenant);
    if (blocks === undefined) return NONE;
    blocks.list ??= [...blocks.all].toSorted(byLog);
    return blocks.list;
  }

  async all(tenant: string): Promise<readonly Known[]> {
    await this.#upToDate(this.#told());
    return this.now(tenant);
  }

  isBehind(): boolean {
    return !this.#knows(this.#told());
  }

  ahead(
    blocks: readonly ListedBlock[],
    tenant: string,
    traceId: Uint8Array,
  ): Promise<void> | undefined {
    const { remote } = this.#options;
    if (remote === undefined) return undefined;
    const may = blocks.filter(
      (block) => remote.files.isRemote(block.folder) && this.#mayHave(block, tenant, traceId),
    );
    return may.length === 0 ? undefined : remote.ahead.trace(may, { tenant, traceId });
  }

  *rows(block: ListedBlock, tenant: string, traceId: Uint8Array): Generator<SpanRow> {
    if (!this.#mayHave(block, tenant, traceId)) return;
    try {
      yield* this.#reader.rows(block, tenant, traceId) ?? [];
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
      // Retention takes the files first and tells afterwards.
      this.#options.logger.warn("block is gone", { block: block.meta.id });
    }
  }

  /** As the filter in memory says; without one it may. */
  #mayHave({ meta }: ListedBlock, tenant: string, traceId: Uint8Array): boolean {
    const filter = this.#byId.get(meta.id)?.filter;
    if (filter === undefined) return true;
    const hash = traceHash(tenantSeed(tenant), traceId);
    const at = bloomBlock(hash, filter.length / FILTER_BLOCK_WORDS) * FILTER_BLOCK_WORDS;
    return bloomHas(hash, filter.subarray(at, at + FILTER_BLOCK_WORDS));
  }

  #told(): BlockVersions {
    const { control } = this.#options;
    return {
      blocks: Atomics.load(control, BLOCKS_VERSION),
      store: Atomics.load(control, STORE_VERSION),
    };
  }

  #knows({ blocks, store }: BlockVersions): boolean {
    return this.#versions.blocks >= blocks && this.#versions.store >= store;
  }

  async #upToDate(versions: BlockVersions): Promise<void> {
    if (this.#knows(versions)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { versions, resolve };
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

  #add(meta: BlockMeta, owner: number, remote: RemoteBlock | undefined): void {
    this.#remove(meta.id);
    // A span may end before it starts.
    const times = [BigInt(meta.startUnixNano), BigInt(meta.endUnixNano)];
    const seconds = times.map((nano) => Number(nano / NANO));
    const block = {
      meta,
      owner,
      folder: this.#place(meta, remote),
      filter: remote?.filter && new Uint32Array(remote.filter),
      startSeconds: Math.min(...seconds),
      endSeconds: Math.max(...seconds),
    };
    this.#byId.set(meta.id, block);
    this.#spans[owner] = this.spansOf(owner) + meta.spans;
    for (const { name } of meta.tenants) {
      const blocks = this.#byTenant.get(name) ?? { all: new Set(), list: undefined };
      this.#byTenant.set(name, blocks);
      blocks.all.add(block);
      blocks.list = undefined;
    }
  }

  #place(meta: BlockMeta, remote: RemoteBlock | undefined): string {
    if (remote === undefined) return join(this.#options.localPath, blockPath(meta));
    const files = this.#options.remote?.files;
    assert(files !== undefined, "blocks: in a bucket, and there is none");
    files.add(meta, remote.presence);
    return files.folderOf(meta);
  }

  #forgetRetired(): void {
    const { clock, retiredMs, remote, caches } = this.#options;
    const sinceMs = clock.nowMs() - retiredMs;
    const over = this.#retired.filter(({ atMs }) => atMs < sinceMs);
    if (over.length === 0) return;
    this.#retired = this.#retired.filter(({ atMs }) => atMs >= sinceMs);
    for (const { block } of over) {
      // It may have come back, and then it is in use.
      if (this.#byId.get(block.meta.id)?.folder === block.folder) continue;
      caches.forget(block.folder);
      remote?.files.remove(block.folder);
      this.#options.onRemoved(block.folder);
    }
  }

  #remove(id: string): void {
    const block = this.#byId.get(id);
    if (block === undefined) return;
    this.#byId.delete(id);
    this.#spans[block.owner] -= block.meta.spans;
    this.#retired.push({ block, atMs: this.#options.clock.nowMs() });
    for (const { name } of block.meta.tenants) {
      const blocks = this.#byTenant.get(name);
      if (blocks === undefined) continue;
      blocks.all.delete(block);
      blocks.list = undefined;
      if (blocks.all.size === 0) this.#byTenant.delete(name);
    }
    this.#options.caches.forget(block.folder);
    this.#options.onRemoved(block.folder);
  }
}
