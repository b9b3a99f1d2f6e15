/**
 * The blocks of a bucket, ready for readers: which there are, what of them lies on this disk, and
 * their filters.
 *
 * Threads: the store thread.
 */
import { join } from "node:path";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { DATA_FILE, SIDECAR_FILE } from "../block/block-read.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { type BlockCache, cachePath } from "../store/block-cache.ts";
import type { BucketList } from "../store/bucket-list.ts";
import { eachOf } from "../store/each-of.ts";
import { SIDECAR } from "../store/presence.ts";
import type { RangeFetch } from "../store/range-fetch.ts";
import { type BlockFilters, filterEnd, readFilter } from "./block-filters.ts";
import type { StoreIndex } from "./index-segments.ts";
import type { RemoteBlock } from "./store-protocol.ts";

export interface StoreBlocksParts {
  readonly list: BucketList;
  readonly cache: BlockCache;
  readonly filters: BlockFilters;
  readonly index: StoreIndex;
  readonly fetch: RangeFetch;
  readonly logger: Logger;
}

/** Blocks, and where each is. */
export interface PlacedBlocks {
  readonly blocks: readonly BlockMeta[];
  /** Of each; undefined: a folder of this disk. */
  readonly remotes: readonly (RemoteBlock | undefined)[];
}

const FILTERS_AT_ONCE = 32;

export class StoreBlocks {
  readonly #parts: StoreBlocksParts;

  constructor(parts: StoreBlocksParts) {
    this.#parts = parts;
  }

  /** All blocks. Rejects with what the store says. */
  async open(): Promise<PlacedBlocks> {
    const { list, cache, index } = this.#parts;
    list.seed(await index.read());
    await list.poll();
    const blocks = [...list.live.values()];
    for (const meta of blocks) cache.add(meta);
    cache.removeUnknown();
    await index.readFilters(new Set(list.live.keys()));
    return await this.#placed(blocks);
  }

  /** What is new since, and what went. */
  async poll(): Promise<PlacedBlocks & { readonly removed: readonly string[] }> {
    const { added, removed } = await this.#parts.list.poll();
    for (const meta of added) this.#parts.cache.add(meta);
    return { ...(await this.#placed(added)), removed };
  }

  /** Blocks that came, of which this process made some: their files are in these folders. */
  async place(
    added: readonly BlockMeta[],
    folders: ReadonlyMap<string, string>,
  ): Promise<PlacedBlocks> {
    for (const meta of added) {
      const folder = folders.get(meta.id);
      if (folder === undefined) this.#parts.cache.add(meta);
      else this.#adoptFiles(meta, folder);
    }
    return await this.#placed(added);
  }

  /** A block that was just uploaded from a local folder: its files are there already. */
  adopt(meta: BlockMeta, { folder, local }: { folder: string; local: BlockMeta }): PlacedBlocks {
    const { list, cache } = this.#parts;
    list.published(meta);
    const isSame = meta.dataBytes === local.dataBytes && meta.sidecarBytes === local.sidecarBytes;
    if (!isSame) cache.add(meta);
    else this.#adoptFiles(meta, folder);
    return { blocks: [meta], remotes: [this.#remoteOf(meta)] };
  }

  #adoptFiles(meta: BlockMeta, folder: string): void {
    const { cache, filters } = this.#parts;
    const sidecar = join(folder, SIDECAR_FILE);
    cache.adopt(meta, { data: join(folder, DATA_FILE), sidecar });
    filters.put(meta.id, readFilter(sidecar, meta));
  }

  /** Nobody reads it any more. */
  forget(id: string): void {
    if (this.#parts.list.live.has(id)) return;
    this.#parts.cache.remove(id);
    this.#parts.filters.remove(id);
  }

  async #placed(blocks: readonly BlockMeta[]): Promise<PlacedBlocks> {
    await eachOf(blocks, FILTERS_AT_ONCE, (meta) => this.#bringFilter(meta));
    return { blocks, remotes: blocks.map((meta) => this.#remoteOf(meta)) };
  }

  /** Without one a block is read all the same. */
  async #bringFilter(meta: BlockMeta): Promise<void> {
    const { filters, fetch, cache, logger } = this.#parts;
    const length = filterEnd(meta);
    if (filters.get(meta.id) !== undefined || !filters.hasRoom(length)) return;
    try {
      await fetch.fetch([{ id: meta.id, file: SIDECAR, offset: 0, length }]);
      const epoch = cache.get(meta.id)?.presence.epoch ?? 0;
      const path = cachePath(join(cache.root, meta.id), SIDECAR, epoch);
      filters.put(meta.id, readFilter(path, meta));
    } catch (error) {
      // The disk's own errors: its files went at once, to make room.
      if (!(error instanceof Error && "code" in error)) throw error;
      const isDamaged = error instanceof EngineError && error.code === "block_corrupt";
      if (isDamaged) logger.error("filter cannot be read", { reason: error.message });
    }
  }

  #remoteOf(meta: BlockMeta): RemoteBlock {
    const block = this.#parts.cache.add(meta);
    return { presence: block.presence.words, filter: this.#parts.filters.get(meta.id) };
  }
}
