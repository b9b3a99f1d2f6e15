/**
 * Files of a bucket's blocks as a query thread reads them: sparse files of the cache, of which the
 * store thread brings what is missing.
 *
 * Threads: one query thread.
 */
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import {
  type AheadBlock,
  type AheadRange,
  columnRanges,
  footerRanges,
  sidecarRanges,
  traceRanges,
  type WantedColumns,
} from "../block/block-ahead.ts";
import { type BlockCaches, DATA_FILE, SIDECAR_FILE } from "../block/block-read.ts";
import type { PartialFile, PartialFiles, PartRange } from "../block/file-cache.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { ColumnFetch } from "../query/read-ahead.ts";
import { cachePath } from "../store/block-cache.ts";
import { type BlockFile, DATA, Presence, SIDECAR } from "../store/presence.ts";
import type { FileRange } from "../store/range-fetch.ts";
import type { StoreLink } from "./store-link.ts";

interface RemoteFileOptions {
  readonly id: string;
  readonly folder: string;
  readonly file: BlockFile;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly link: StoreLink;
}

class RemoteFile implements PartialFile {
  readonly bytes: number;
  readonly #of: RemoteFileOptions;

  constructor(options: RemoteFileOptions) {
    this.#of = options;
    this.bytes = options.presence.size(options.file);
  }

  get epoch(): number {
    return this.#of.presence.epoch;
  }

  pathOf(epoch: number): string {
    return cachePath(this.#of.folder, this.#of.file, epoch);
  }

  has(from: number, length: number): boolean {
    const { presence, file, clock } = this.#of;
    presence.use(clock.nowMs());
    return presence.has(file, from, length);
  }

  rangeOf(offset: number, length: number): FileRange {
    const { id, file } = this.#of;
    return { id, file, offset, length };
  }

  fetch(ranges: readonly PartRange[]): void {
    this.#of.link.fetchNow(ranges.map(({ offset, length }) => this.rangeOf(offset, length)));
  }
}

export class RemoteFiles implements PartialFiles {
  readonly #root: string;
  readonly #link: StoreLink;
  readonly #clock: Clock;
  readonly #files = new Map<string, RemoteFile>();

  /** `root` is the folder of the cache. */
  constructor(root: string, link: StoreLink, clock: Clock) {
    this.#root = root;
    this.#link = link;
    this.#clock = clock;
  }

  folderOf({ id }: Pick<BlockMeta, "id">): string {
    return join(this.#root, id);
  }

  add(meta: BlockMeta, words: SharedArrayBuffer): void {
    const presence = new Presence(words, meta);
    const folder = this.folderOf(meta);
    const of = { id: meta.id, folder, presence, clock: this.#clock, link: this.#link };
    this.#files.set(join(folder, DATA_FILE), new RemoteFile({ ...of, file: DATA }));
    this.#files.set(join(folder, SIDECAR_FILE), new RemoteFile({ ...of, file: SIDECAR }));
  }

  remove(folder: string): void {
    this.#files.delete(join(folder, DATA_FILE));
    this.#files.delete(join(folder, SIDECAR_FILE));
  }

  find(path: string): RemoteFile | undefined {
    return this.#files.get(path);
  }

  isRemote(folder: string): boolean {
    return this.#files.has(join(folder, DATA_FILE));
  }
}

/** Asks for what reading will want, as far as it is not there. */
export class RemoteAhead implements ColumnFetch {
  readonly touched: Set<string>;
  readonly #files: RemoteFiles;
  readonly #link: StoreLink;
  readonly #caches: BlockCaches;

  constructor(files: RemoteFiles, link: StoreLink, caches: BlockCaches) {
    this.#files = files;
    this.#link = link;
    this.#caches = caches;
    this.touched = caches.touched ?? new Set();
  }

  async fetch(blocks: readonly AheadBlock[], wanted: WantedColumns): Promise<void> {
    const remote = blocks.filter(({ folder }) => this.#files.isRemote(folder));
    if (remote.length === 0) return;
    await this.#bringOf(remote, (block) => footerRanges(this.#caches, block));
    await this.#bringOf(remote, (block) => columnRanges(this.#caches, block, wanted));
  }

  async fetchIndexes(blocks: readonly AheadBlock[]): Promise<void> {
    await this.#bringOf(
      blocks.filter(({ folder }) => this.#files.isRemote(folder)),
      sidecarRanges,
    );
  }

  async fetchRanges(ranges: readonly AheadRange[]): Promise<void> {
    await this.#bring(() => ranges);
  }

  /** Of blocks whose filter lets the trace pass. */
  async trace(
    blocks: readonly AheadBlock[],
    of: { readonly tenant: string; readonly traceId: Uint8Array },
  ): Promise<void> {
    const both = (block: AheadBlock) => [
      ...sidecarRanges(block),
      ...footerRanges(this.#caches, block),
    ];
    await this.#bringOf(blocks, both);
    await this.#bringOf(blocks, (block) => traceRanges(this.#caches, block, of));
  }

  #bringOf(
    blocks: readonly AheadBlock[],
    rangesOf: (block: AheadBlock) => readonly AheadRange[],
  ): Promise<void> {
    return this.#bring(() => blocks.flatMap(rangesOf));
  }

  async #bring(find: () => readonly AheadRange[]): Promise<void> {
    const missing: FileRange[] = [];
    try {
      for (const { path, offset, length } of find()) {
        const file = this.#files.find(path);
        if (file === undefined || file.has(offset, length)) continue;
        missing.push(file.rangeOf(offset, length));
      }
      if (missing.length > 0) await this.#link.fetch(missing);
    } catch (error) {
      // Whoever reads it gets the same error, with its name.
      if (!(error instanceof EngineError)) throw error;
    }
  }
}
