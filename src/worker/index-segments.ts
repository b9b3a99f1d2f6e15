/**
 * The index of a bucket: read at the start, so that metas and filters of many blocks cost a few
 * requests, and written when enough blocks are outside of it. Nothing depends on it.
 *
 * Threads: the store thread.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { INDEX_PREFIX } from "../store/bucket-keys.ts";
import { eachOf } from "../store/each-of.ts";
import { type KnownSegment, planIndex } from "../store/index-plan.ts";
import {
  INDEX_PREFACE_BYTES,
  type IndexEntry,
  indexHeaderBytes,
  indexSegment,
  readIndexHeader,
} from "../store/index-segment.ts";
import type { ObjectInfo, ObjectStore } from "../store/object-store.ts";
import type { BlockFilters } from "./block-filters.ts";

/** Holds the header of most segments: 256 metas of one tenant each, compressed. */
const START_BYTES = 64 * 1024;
const SEGMENTS_AT_ONCE = 8;

interface ReadSegment extends KnownSegment {
  readonly entries: readonly IndexEntry[];
}

export class StoreIndex {
  readonly #store: ObjectStore;
  readonly #filters: BlockFilters;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #segments: ReadSegment[] = [];

  constructor(parts: {
    readonly store: ObjectStore;
    readonly filters: BlockFilters;
    readonly logger: Logger;
    readonly clock: Clock;
  }) {
    this.#store = parts.store;
    this.#filters = parts.filters;
    this.#logger = parts.logger;
    this.#clock = parts.clock;
  }

  /** All metas in it; some may be of blocks that are gone. */
  async read(): Promise<BlockMeta[]> {
    const infos: ObjectInfo[] = [];
    for await (const page of this.#store.list(INDEX_PREFIX)) infos.push(...page);
    this.#segments = [];
    await eachOf(infos, SEGMENTS_AT_ONCE, async (info) => {
      const entries = await this.#header(info);
      const ids = entries.map(({ meta }) => meta.id);
      this.#segments.push({ key: info.key, ids, entries });
    });
    return this.#segments.flatMap(({ entries }) => entries.map(({ meta }) => meta));
  }

  /** Filters of these blocks into memory, as far as the index has them and there is room. */
  async readFilters(live: ReadonlySet<string>): Promise<void> {
    await eachOf(this.#segments, SEGMENTS_AT_ONCE, async ({ key, entries }) => {
      const wanted = entries.filter(
        ({ meta, bytes }) =>
          bytes > 0 && live.has(meta.id) && this.#filters.get(meta.id) === undefined,
      );
      const offset = Math.min(...wanted.map((entry) => entry.offset));
      const end = Math.max(...wanted.map((entry) => entry.offset + entry.bytes));
      if (wanted.length === 0 || !this.#filters.hasRoom(end - offset)) return;
      const bytes = await this.#part(key, offset, end - offset);
      if (bytes === undefined) return;
      for (const entry of wanted) {
        const at = entry.offset - offset;
        const filter = bytes.subarray(at, at + entry.bytes);
        if (Bun.hash.crc32(filter) === entry.crc) this.#filters.put(entry.meta.id, filter);
        else this.#logger.warn("index is damaged", { key, block: entry.meta.id });
      }
    });
  }

  /** Writes what is worth it. */
  async update(live: ReadonlyMap<string, BlockMeta>): Promise<void> {
    const plan = planIndex(new Set(live.keys()), this.#segments);
    for (const ids of plan.write) {
      const blocks = ids.flatMap((id) => {
        const meta = live.get(id);
        const filter = this.#filters.get(id);
        const bytes = filter === undefined ? new Uint8Array(0) : new Uint8Array(filter);
        return meta === undefined ? [] : [{ meta, filter: bytes }];
      });
      const bytes = indexSegment(blocks);
      const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
      const key = `${INDEX_PREFIX}${String(this.#clock.nowMs()).padStart(14, "0")}-${hash}`;
      await this.#store.put(key, bytes);
      const entries = readIndexHeader(bytes, bytes.length);
      this.#segments.push({ key, ids, entries });
    }
    if (plan.remove.length === 0) return;
    await this.#store.delete(plan.remove);
    this.#segments = this.#segments.filter(({ key }) => !plan.remove.includes(key));
  }

  async #header({ key, bytes: size }: ObjectInfo): Promise<IndexEntry[]> {
    try {
      const start = await this.#part(key, 0, Math.min(size, START_BYTES));
      if (start === undefined) return [];
      const end = INDEX_PREFACE_BYTES + indexHeaderBytes(start);
      const whole = end <= start.length ? start : await this.#part(key, 0, Math.min(size, end));
      return whole === undefined ? [] : readIndexHeader(whole, size);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "block_corrupt") throw error;
      this.#logger.warn("index is damaged", { key, reason: error.message });
      return [];
    }
  }

  /** undefined: it is gone. */
  async #part(key: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    try {
      return length === 0 ? undefined : await this.#store.getRange(key, { offset, length });
    } catch (error) {
      if (error instanceof EngineError && error.code === "not_found") return undefined;
      throw error;
    }
  }
}
