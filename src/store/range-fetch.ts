/**
 * Fetches ranges of a bucket's blocks into the cache: what is there already, or on its way, is not
 * got again; what lies near each other is one request; many requests at once, within a bound.
 *
 * Threads: the store thread.
 */

import { EngineError } from "../base/error.ts";
import type { BlockCache, CachedBlock } from "./block-cache.ts";
import { readPart, sidecarAt } from "./block-object.ts";
import type { ObjectStore } from "./object-store.ts";
import { type BlockFile, DATA, type PieceRange, piecesOf, SIDECAR } from "./presence.ts";
import { bytesOfRun, runsOf } from "./range-plan.ts";

/** Bytes of a block's file. */
export interface FileRange {
  /** Of the block. */
  readonly id: string;
  readonly file: BlockFile;
  readonly offset: number;
  readonly length: number;
}

/** More would only queue at the other end, and each holds its answer in memory. */
const REQUESTS_AT_ONCE = 48;

export class RangeFetch {
  readonly #store: ObjectStore;
  readonly #cache: BlockCache;
  /** By block, file and piece: what brings it. */
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #requests = 0;

  constructor(store: ObjectStore, cache: BlockCache) {
    this.#store = store;
    this.#cache = cache;
  }

  /** Resolves when all of it is in the cache. Rejects with an EngineError. */
  async fetch(ranges: readonly FileRange[]): Promise<void> {
    const missing = new Map<string, { block: CachedBlock; file: BlockFile; pieces: Set<number> }>();
    const awaited = new Set<Promise<void>>();
    for (const { id, file, offset, length } of ranges) {
      const block = this.#cache.get(id);
      if (block === undefined) throw new EngineError("not_found", `block ${id} is gone`);
      const { first, end } = piecesOf(offset, length);
      for (let piece = first; piece < end; piece++) {
        if (block.presence.hasPiece(file, piece)) continue;
        const running = this.#underWay.get(nameOf(block, file, piece));
        if (running !== undefined) {
          awaited.add(running);
          continue;
        }
        const name = `${id} ${file}`;
        const of = missing.get(name) ?? { block, file, pieces: new Set() };
        missing.set(name, of);
        of.pieces.add(piece);
      }
    }
    // Data first: with its end comes the sidecar.
    for (const { block, file, pieces } of [...missing.values()].sort((a, b) => a.file - b.file)) {
      const left = [...pieces].filter((piece) => {
        const running = this.#underWay.get(nameOf(block, file, piece));
        if (running !== undefined) awaited.add(running);
        return running === undefined;
      });
      for (const run of runsOf(left.toSorted((a, b) => a - b))) {
        awaited.add(this.#begin(block, file, run));
      }
    }
    const ends = await Promise.allSettled(awaited);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  #begin(block: CachedBlock, file: BlockFile, run: PieceRange): Promise<void> {
    const keys: string[] = [];
    for (let piece = run.first; piece < run.end; piece++) keys.push(nameOf(block, file, piece));
    if (file === DATA && hasSidecar(block, run)) {
      const { end } = piecesOf(0, block.meta.sidecarBytes);
      for (let piece = 0; piece < end; piece++) keys.push(nameOf(block, SIDECAR, piece));
    }
    const running = this.#cache
      .holding(block, () => this.#get(block, file, run))
      .finally(() => {
        for (const key of keys) if (this.#underWay.get(key) === running) this.#underWay.delete(key);
      });
    // Whoever waits hears of it; nobody may.
    running.catch(() => undefined);
    for (const key of keys) this.#underWay.set(key, running);
    return running;
  }

  async #get(block: CachedBlock, file: BlockFile, run: PieceRange): Promise<void> {
    await this.#turn();
    try {
      const { offset, length } = bytesOfRun(run, block.presence.size(file));
      const parts = await readPart(this.#store, block.meta, { file, offset, length });
      const wanted = parts.filter((part) => part.file === file);
      this.#cache.write(block, { file, run, parts: wanted });
      const others = parts.filter((part) => part.file !== file);
      if (others.length === 0) return;
      // Between two parts of the data lies all of the sidecar.
      const all = piecesOf(0, block.meta.sidecarBytes);
      this.#cache.write(block, { file: SIDECAR, run: all, parts: others });
    } finally {
      this.#requests--;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    while (this.#requests >= REQUESTS_AT_ONCE) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#requests++;
  }
}

function nameOf({ meta }: CachedBlock, file: BlockFile, piece: number): string {
  return `${meta.id} ${file} ${piece}`;
}

/** Whether the bytes of a run of the data lie on both sides of the sidecar. */
function hasSidecar({ meta, presence }: CachedBlock, run: PieceRange): boolean {
  const { offset, length } = bytesOfRun(run, presence.size(DATA));
  const at = sidecarAt(meta);
  return offset < at && at < offset + length;
}
