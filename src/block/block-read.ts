/**
 * One trace out of one block on local disk: filter, trace index, then the pages that its rows lie
 * in, of the columns that its spans have.
 *
 * Blocks never change, so nothing here is locked; a block that retention removed while it was
 * read is `not_found`, unless its files were open. Damage is `block_corrupt` with the folder.
 *
 * Threads: a reader and its caches belong to one.
 */
import { join } from "node:path";
import type { BlockMeta, BlockTenant } from "../model/block-meta.ts";
import type { SpanRow } from "../model/span-row.ts";
import { readColumns, Scratch } from "./block-columns-read.ts";
import type { TextPile } from "./block-dictionary.ts";
import { blockCorrupt, namingBlock } from "./block-error.ts";
import { type BlockLayout, layoutOf } from "./block-layout.ts";
import { fixedColumns, listAttributes, listColumns, spanAttributes } from "./block-needs.ts";
import { spanRows } from "./block-rows.ts";
import { FileCache, type PartialFiles, ValueCache } from "./file-cache.ts";
import type { ColumnRows, Dictionary } from "./parquet-decode.ts";
import { type DataFile, dataFileBytes, readDataFile } from "./parquet-footer-read.ts";
import { type Sidecar, SidecarReader } from "./sidecar-read.ts";
import { SourceMessages } from "./source-messages.ts";
import { tenantSeed, traceHash } from "./trace-hash.ts";

export const DATA_FILE = "data.parquet";
export const SIDECAR_FILE = "sidecar.bin";

/** Rows that are decoded at once: objects of some 8 MB. */
const WINDOW_ROWS = 4096;
/** Rows in which the end of a trace is looked for at first; doubled while it is not there. */
export const TRACE_ROWS = 128;

export interface OpenBlock {
  readonly path: string;
  readonly file: DataFile;
  readonly layout: BlockLayout;
}

/** The block's footer, read or at hand. Throws EngineError. */
export function openBlock(caches: BlockCaches, folder: string): OpenBlock {
  const path = join(folder, DATA_FILE);
  const held = caches.blocks.get(path);
  if (held !== undefined) return held;
  const block = namingBlock(folder, () => {
    const file = readDataFile(caches.files, path);
    return { path, file, layout: layoutOf(file) };
  });
  return caches.blocks.put({ file: path }, block, dataFileBytes(block.file));
}

export interface BlockCacheOptions {
  /** Descriptors held open; a block has two. */
  readonly filesMax: number;
  /** Of filters, footers and dictionaries together. */
  readonly bytesMax: number;
  /** Files of blocks that are not whole on this disk; undefined: all are. */
  readonly partial?: PartialFiles | undefined;
}

/** What one thread keeps of blocks between reads. */
export class BlockCaches {
  readonly files: FileCache;
  readonly sidecars: ValueCache<Sidecar>;
  readonly blocks: ValueCache<OpenBlock>;
  readonly dictionaries: ValueCache<Dictionary>;
  /** Texts of columns without a dictionary. */
  readonly piles: ValueCache<TextPile>;
  readonly scratch = new Scratch();
  readonly touched: Set<string> | undefined;

  constructor({ filesMax, bytesMax, partial }: BlockCacheOptions) {
    this.files = new FileCache(filesMax, partial);
    this.touched = partial && new Set();
    // A filter is needed of every block, the others of those that have the trace. A pattern is held
    // against all texts of a column: in sixty blocks those of a path are 18 MB.
    this.sidecars = new ValueCache(bytesMax / 6);
    this.blocks = new ValueCache(bytesMax / 6);
    this.dictionaries = new ValueCache(bytesMax / 2);
    this.piles = new ValueCache(bytesMax / 6);
  }

  /** The same, for reads that say nothing of what is read of other blocks. */
  get unnoticed(): BlockCaches {
    return Object.assign(Object.create(BlockCaches.prototype) as BlockCaches, this, {
      touched: undefined,
    });
  }

  /** Of a block that was removed. */
  forget(folder: string): void {
    const prefix = join(folder, "/");
    for (const cache of [this.files, this.sidecars, this.blocks, this.dictionaries, this.piles]) {
      cache.forget(prefix);
    }
  }

  close(): void {
    this.forget("");
    this.files.forget("");
  }
}

/** A published block and the folder that it lies in. */
export interface StoredBlock {
  readonly folder: string;
  readonly meta: Pick<BlockMeta, "tenants">;
}

interface FoundRows {
  readonly block: OpenBlock;
  readonly first: number;
  /** After the last. */
  readonly end: number;
}

export class BlockReader {
  readonly #caches: BlockCaches;

  constructor(caches: BlockCaches) {
    this.#caches = caches;
  }

  /** Bytes read from blocks since the start, by all readers of these caches. */
  get inspectedBytes(): number {
    return this.#caches.files.readBytes;
  }

  /**
   * The trace's spans in the order of their arrival, read as they are asked for; undefined when
   * the block has none. `traceId` is 16 bytes. Throws EngineError, also while spans are asked for.
   */
  rows(stored: StoredBlock, tenant: string, traceId: Uint8Array): Iterable<SpanRow> | undefined {
    const { folder, meta } = stored;
    const rowsOf = meta.tenants.find(({ name }) => name === tenant);
    if (rowsOf === undefined) return undefined;
    return namingBlock(folder, () => {
      const found = this.#find(folder, rowsOf, traceId);
      return found && this.#spans(folder, found);
    });
  }

  #find(folder: string, tenant: BlockTenant, traceId: Uint8Array): FoundRows | undefined {
    const hash = traceHash(tenantSeed(tenant.name), traceId);
    const sidecar = new SidecarReader(this.#caches, join(folder, SIDECAR_FILE));
    if (!sidecar.mayHave(hash)) return undefined;
    for (const row of sidecar.rowsOf(hash)) {
      const block = openBlock(this.#caches, folder);
      const end = this.#traceEnd(block, row, { tenant, traceId });
      if (end > row) return { block, first: row, end };
    }
    sidecar.checkIndex();
    return undefined;
  }

  /** The row after the last one of a trace that begins at `row`; `row` when none does. */
  #traceEnd(
    block: OpenBlock,
    row: number,
    { tenant, traceId }: { readonly tenant: BlockTenant; readonly traceId: Uint8Array },
  ): number {
    const end = tenant.rowFirst + tenant.rows;
    if (!(tenant.rowFirst >= 0 && end <= block.file.rows)) throw blockCorrupt("rows of a tenant");
    if (row < tenant.rowFirst || row >= end) return row;
    // The index has no checksum of its parts: a row inside of the trace would hide those before.
    const isFirst = row === tenant.rowFirst || !isEqual(this.#ids(block, row - 1, row)[0], traceId);
    if (!isFirst) throw blockCorrupt("trace index points inside of a trace");
    let same: Uint8Array | undefined;
    for (let at = row, rows = TRACE_ROWS; at < end; at += rows, rows *= 2) {
      for (const [i, id] of this.#ids(block, at, Math.min(end, at + rows)).entries()) {
        // Mostly one code of the dictionary, and then one object.
        if (id !== same && !isEqual(id, traceId)) return at + i;
        same = id;
      }
    }
    return end;
  }

  #ids(block: OpenBlock, first: number, end: number): Uint8Array[] {
    const column = block.layout.traceId;
    const rows = { first, end };
    const ids = readColumns(this.#caches, block, { columns: [column], rows }).get(column);
    return (ids?.values ?? []).map((id) => {
      if (id instanceof Uint8Array) return id;
      throw blockCorrupt("row without a trace id");
    });
  }

  *#spans(folder: string, { block, first, end }: FoundRows): Generator<SpanRow> {
    const sources = new SourceMessages();
    for (let at = first; at < end; at += WINDOW_ROWS) {
      const rows = { first: at, end: Math.min(end, at + WINDOW_ROWS) };
      yield* namingBlock(folder, () => this.#window(block, rows, sources));
    }
  }

  #window(
    block: OpenBlock,
    rows: { readonly first: number; readonly end: number },
    sources: SourceMessages,
  ): SpanRow[] {
    const { layout } = block;
    const count = rows.end - rows.first;
    const columns = new Map<number, ColumnRows>();
    const read = (needed: readonly number[]) => {
      const missing = needed.filter((column) => !columns.has(column));
      const found = readColumns(this.#caches, block, { columns: missing, rows });
      for (const [column, values] of found) columns.set(column, values);
    };
    // What the spans have decides what is read of the rest.
    read(fixedColumns(layout));
    read([...spanAttributes(layout, columns, count), ...listColumns(layout, columns)]);
    read(listAttributes(layout, columns));
    return spanRows({ layout, columns, rows: count, sources });
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
