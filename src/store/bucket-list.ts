/**
 * The blocks of a bucket as this process knows them. A poll lists the names of metas and of
 * compactions, and gets only what is new: metas never change, and of a window's records the newest
 * one counts.
 *
 * Records are read before the names of metas: a meta is deleted first and leaves the record
 * afterwards, so the other way round a replaced block could seem to live again.
 *
 * Threads: one. Polls follow each other, and commits are told between them.
 */
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type BlockMeta, readBlockMeta } from "../model/block-meta.ts";
import {
  COMPACTIONS_PREFIX,
  type CompactionName,
  compactionKey,
  idOfMetaKey,
  METAS_PREFIX,
  metaKey,
  nameOfCompactionKey,
  windowOfBlock,
} from "./bucket-keys.ts";
import { type CompactionRecord, readCompactionRecord } from "./compaction-record.ts";
import { eachOf } from "./each-of.ts";
import { type BlockChange, changeOf, liveBlocks, newestGenerations } from "./live-blocks.ts";
import type { ObjectStore } from "./object-store.ts";

/** Small objects: as many at once as connections do not queue for. */
const GETS_AT_ONCE = 32;

/** A window's record, and which one it is. */
export interface NamedRecord extends CompactionName {
  readonly record: CompactionRecord;
}

export class BucketList {
  readonly #store: ObjectStore;
  readonly #logger: Logger;
  /** By id; also those that do not live. */
  #metas = new Map<string, BlockMeta>();
  #records = new Map<string, NamedRecord>();
  #live = new Map<string, BlockMeta>();
  /** Ids in records. */
  #outputs: ReadonlySet<string> = new Set();
  #replaced: ReadonlySet<string> = new Set();
  /** Keys of objects that cannot be read: each is told of once, and passed over. */
  #damaged = new Set<string>();

  constructor(store: ObjectStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  get live(): ReadonlyMap<string, BlockMeta> {
    return this.#live;
  }

  /** The newest record of each window. */
  get records(): readonly NamedRecord[] {
    return [...this.#records.values()];
  }

  /** Whether the last poll found a meta of its own. */
  hasMeta(id: string): boolean {
    return this.#metas.has(id);
  }

  /** Whether there is a meta of that id, living or not, or a record that names it. */
  names(id: string): boolean {
    if (this.#metas.has(id) || this.#damaged.has(metaKey({ id }))) return true;
    return this.#outputs.has(id) || this.#replaced.has(id);
  }

  /** Whether it lives no longer because others have its spans, or its time is over. */
  isReplaced(id: string): boolean {
    return this.#replaced.has(id);
  }

  /** Whether all records could be read: else it is not known which blocks there are. */
  get isWhole(): boolean {
    return ![...this.#damaged].some((key) => nameOfCompactionKey(key) !== undefined);
  }

  /** Live blocks by the window whose record tells of them; without those of damaged records. */
  byWindow(): Map<string, BlockMeta[]> {
    const windows = new Map<string, BlockMeta[]>();
    const add = (window: string, meta: BlockMeta) => {
      const metas = windows.get(window);
      if (metas === undefined) windows.set(window, [meta]);
      else metas.push(meta);
    };
    for (const { window, record } of this.#records.values()) {
      for (const meta of record.outputs) {
        if (this.#live.has(meta.id)) add(window, meta);
      }
    }
    for (const meta of this.#live.values()) {
      if (!this.#outputs.has(meta.id)) add(windowOfBlock(meta), meta);
    }
    for (const key of this.#damaged) windows.delete(nameOfCompactionKey(key)?.window ?? "");
    return windows;
  }

  /** Metas that need not be got again when a poll finds their names. Before the first poll. */
  seed(metas: Iterable<BlockMeta>): void {
    for (const meta of metas) this.#metas.set(meta.id, meta);
  }

  /** What this process published itself is known at once. */
  published(meta: BlockMeta): void {
    this.#metas.set(meta.id, meta);
    this.#live.set(meta.id, meta);
  }

  /** What this process committed itself is known at once. */
  committed(named: NamedRecord): BlockChange {
    const known = this.#records.get(named.window);
    // A poll may have seen a newer one.
    if (known === undefined || known.generation < named.generation) {
      this.#records.set(named.window, named);
    }
    return this.#change(this.#metas, this.#records);
  }

  /** Rejects with what the store says; then nothing has changed. */
  async poll(signal?: AbortSignal): Promise<BlockChange> {
    const known = new Set(this.#metas.keys());
    const knownRecords = new Map(this.#records);
    const records = await this.#pollRecords(signal);
    const metas = await this.#pollMetas(signal);
    // What this process published meanwhile may be missing in the listing. No wait from here on.
    for (const [id, meta] of this.#metas) if (!known.has(id)) metas.set(id, meta);
    for (const [window, named] of this.#records) {
      const polled = records.get(window)?.generation ?? 0;
      const isNews = knownRecords.get(window) !== named;
      if (isNews && named.generation > polled) records.set(window, named);
    }
    return this.#change(metas, records);
  }

  #change(metas: Map<string, BlockMeta>, records: Map<string, NamedRecord>): BlockChange {
    const all = [...records.values()].map(({ record }) => record);
    const live = liveBlocks(metas.values(), all);
    this.#outputs = new Set(all.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
    this.#replaced = new Set(all.flatMap(({ replaced }) => replaced.map(({ id }) => id)));
    const change = changeOf(this.#live, live);
    this.#metas = metas;
    this.#records = records;
    this.#live = live;
    return change;
  }

  async #pollRecords(signal: AbortSignal | undefined): Promise<Map<string, NamedRecord>> {
    const names: CompactionName[] = [];
    for await (const page of this.#store.list(COMPACTIONS_PREFIX)) {
      for (const { key } of page) {
        const name = nameOfCompactionKey(key);
        if (name !== undefined && !this.#damaged.has(key)) names.push(name);
      }
    }
    const records = new Map<string, NamedRecord>();
    await eachOf(newestGenerations(names), GETS_AT_ONCE, async (name) => {
      const { window, generation } = name;
      const known = this.#records.get(window);
      if (known?.generation === generation) {
        records.set(window, known);
        return;
      }
      const key = compactionKey(name);
      const tell = (reason: string) =>
        this.#logger.error("object is damaged, its other copy is read", { key, reason });
      const read = (bytes: Uint8Array) => readCompactionRecord(bytes, tell);
      const record = await this.#read(key, read, signal);
      if (record === undefined && !this.#damaged.has(key)) {
        throw new EngineError("store_unavailable", `${key} went while it was looked for`);
      }
      // An older generation if this one is damaged.
      const found = record === undefined ? known : { ...name, record };
      if (found !== undefined) records.set(window, found);
    });
    return records;
  }

  async #pollMetas(signal: AbortSignal | undefined): Promise<Map<string, BlockMeta>> {
    const metas = new Map<string, BlockMeta>();
    const unknown: string[] = [];
    for await (const page of this.#store.list(METAS_PREFIX)) {
      for (const { key } of page) {
        const id = idOfMetaKey(key);
        if (id === undefined) continue;
        const known = this.#metas.get(id);
        if (known !== undefined) metas.set(id, known);
        else if (!this.#damaged.has(key)) unknown.push(id);
      }
    }
    await eachOf(unknown, GETS_AT_ONCE, async (id) => {
      const meta = await this.#read(metaKey({ id }), readBlockMeta, signal);
      if (meta === undefined) return;
      if (meta.id === id) metas.set(id, meta);
      else this.#tell(metaKey({ id }), "is of another block");
    });
    return metas;
  }

  /** undefined: it is gone, or damaged. */
  async #read<T>(
    key: string,
    parse: (bytes: Uint8Array) => T,
    signal: AbortSignal | undefined,
  ): Promise<T | undefined> {
    const bytes = await this.#store.get(key, signal);
    if (bytes === undefined) return undefined;
    try {
      return parse(bytes);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.#tell(key, error.message);
      return undefined;
    }
  }

  #tell(key: string, reason: string): void {
    if (this.#damaged.has(key)) return;
    this.#damaged.add(key);
    this.#logger.error("object cannot be read", { key, reason });
  }
}
