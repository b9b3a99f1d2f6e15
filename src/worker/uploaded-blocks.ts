/**
 * Local blocks that are in the bucket as well: each is remembered durably, so that it is never
 * brought there twice, and stays until nobody reads it and the log does not need it for a replay.
 *
 *   <local path>/uploaded/<id>    an empty file
 *
 * What the bucket has since made of such a block (merged it, let it go) is no concern of ours.
 *
 * Threads: the store thread.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BlockMeta } from "../model/block-meta.ts";

/**
 * Whether the bucket has all of a local block: by its id, or because it has each of the blocks that
 * it was joined of, which the process before this one did not hear of. With some of them it has
 * not: the others are nowhere else.
 */
export function isInBucket(meta: BlockMeta, names: (id: string) => boolean): boolean {
  const parts = meta.merged?.replaces ?? [];
  return names(meta.id) || (parts.length > 0 && parts.every(names));
}

interface Kept {
  readonly meta: BlockMeta;
  readonly sinceMs: number;
}

export interface UploadedOptions {
  readonly localPath: string;
  /** Of the log that replays here. */
  readonly nodeId: string;
  /** Longer than any question. */
  readonly keepMs: number;
  /** Where in the log the oldest of its files begins. */
  readonly walOldest: () => number;
  /** Removes the local files. */
  readonly remove: (meta: BlockMeta) => void;
}

export class UploadedBlocks {
  readonly #options: UploadedOptions;
  readonly #folder: string;
  readonly #kept = new Map<string, Kept>();

  constructor(options: UploadedOptions) {
    this.#options = options;
    this.#folder = join(options.localPath, "uploaded");
    mkdirSync(this.#folder, { recursive: true });
  }

  /** Which of the local blocks are in the bucket, as far as is remembered. */
  begin(blocks: readonly BlockMeta[], nowMs: number): void {
    const names = new Set(readdirSync(this.#folder));
    for (const meta of blocks) {
      if (names.delete(meta.id)) this.#kept.set(meta.id, { meta, sinceMs: nowMs });
    }
    // Their block went, and the process before it could say so.
    for (const name of names) rmSync(join(this.#folder, name));
  }

  has(id: string): boolean {
    return this.#kept.has(id);
  }

  ids(): string[] {
    return [...this.#kept.keys()];
  }

  /** Durable when it returns. */
  add(meta: BlockMeta, nowMs: number): void {
    closeSync(openSync(join(this.#folder, meta.id), "w", 0o640));
    const folder = openSync(this.#folder, "r");
    fsyncSync(folder);
    closeSync(folder);
    this.#kept.set(meta.id, { meta, sinceMs: nowMs });
  }

  /** Removes the local files of blocks whose time has come. Errors of the disk pass through. */
  clean(nowMs: number): void {
    const { nodeId, keepMs, walOldest, remove } = this.#options;
    const oldest = walOldest();
    for (const [id, { meta, sinceMs }] of this.#kept) {
      if (sinceMs + keepMs > nowMs) continue;
      if (meta.wal.node === nodeId && meta.wal.to > oldest) continue;
      remove(meta);
      rmSync(join(this.#folder, id), { force: true });
      this.#kept.delete(id);
    }
  }
}
