/**
 * Which bytes of a block's files reading will ask for, so that those of a bucket are fetched
 * before: many at once, and without a thread that waits. What is forgotten here is fetched when it
 * is read.
 */
import { join } from "node:path";
import { KiB, MiB } from "../base/bytes.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { columnName } from "./block-columns-read.ts";
import type { BlockLayout } from "./block-layout.ts";
import { planReads } from "./block-plan.ts";
import {
  type BlockCaches,
  DATA_FILE,
  type OpenBlock,
  openBlock,
  SIDECAR_FILE,
  type StoredBlock,
  TRACE_ROWS,
} from "./block-read.ts";
import type { PartRange } from "./file-cache.ts";
import { type ColumnChunk, chunkPlace } from "./parquet-footer-read.ts";
import { SidecarReader } from "./sidecar-read.ts";
import { tenantSeed, traceHash } from "./trace-hash.ts";

/** Bytes of a file. */
export interface AheadRange {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

export type AheadBlock = StoredBlock & {
  readonly meta: Pick<BlockMeta, "dataBytes" | "sidecarBytes" | "footerBytes">;
};

/** The page index lies before the footer; of 200 columns it has some 50 KiB. */
const PAGE_INDEX_BYTES = 96 * KiB;
/** Of one trace; a block with so many columns is read as its spans ask for them. */
const TRACE_BYTES_MAX = 8 * MiB;

/** Footer and page index. Empty when they are at hand. */
export function footerRanges(caches: BlockCaches, { folder, meta }: AheadBlock): AheadRange[] {
  const path = join(folder, DATA_FILE);
  if (caches.blocks.get(path) !== undefined) return [];
  const length = Math.min(meta.dataBytes, meta.footerBytes + 8 + PAGE_INDEX_BYTES);
  return [{ path, offset: meta.dataBytes - length, length }];
}

/** Filter and trace index: an alarm of the filter that is false is held against all of it. */
export function sidecarRanges({ folder, meta }: AheadBlock): AheadRange[] {
  return [{ path: join(folder, SIDECAR_FILE), offset: 0, length: meta.sidecarBytes }];
}

/** Columns, whole: by name, and those of attributes by scope and key. */
export interface WantedColumns {
  readonly names: ReadonlySet<string>;
  readonly keys: readonly { readonly scope: "span" | "event" | "link"; readonly key: string }[];
  /** Those of attributes only when they are no longer together; undefined: however long. */
  readonly keysBytesMax?: number;
}

/** The footer must be at hand. Throws EngineError. */
export function columnRanges(
  caches: BlockCaches,
  { folder }: AheadBlock,
  wanted: WantedColumns,
): AheadRange[] {
  const { path, file, layout } = openBlock(caches, folder);
  const known = columnsOf({ path, file, layout });
  const columns = new Set<number>();
  for (const name of wanted.names) columns.add(known.byName.get(name) ?? -1);
  columns.delete(-1);
  const keys = wanted.keys.flatMap(({ scope, key }) => known.byKey.get(`${scope} ${key}`) ?? []);
  const bytes = keys.reduce((sum, column) => sum + rangeOf(file.columns[column]).length, 0);
  if (bytes <= (wanted.keysBytesMax ?? bytes)) for (const column of keys) columns.add(column);
  return [...columns].map((column) => ({ path, ...rangeOf(file.columns[column]) }));
}

function rangeOf(chunk: ColumnChunk): PartRange {
  const { at, end } = chunkPlace(chunk);
  return { offset: at, length: end - at };
}

/** Footer and sidecar must be at hand. Empty when the trace is not in the block. */
export function traceRanges(
  caches: BlockCaches,
  { folder, meta }: AheadBlock,
  { tenant, traceId }: { readonly tenant: string; readonly traceId: Uint8Array },
): AheadRange[] {
  const rowsOf = meta.tenants.find(({ name }) => name === tenant);
  if (rowsOf === undefined) return [];
  const hash = traceHash(tenantSeed(tenant), traceId);
  const sidecar = new SidecarReader(caches, join(folder, SIDECAR_FILE));
  if (!sidecar.mayHave(hash)) return [];
  const end = rowsOf.rowFirst + rowsOf.rows;
  return sidecar.rowsOf(hash).flatMap((row) => {
    if (row < rowsOf.rowFirst || row >= end) return [];
    const { path, file } = openBlock(caches, folder);
    const batches = planReads(file, {
      columns: file.columns.map((_, column) => column),
      // The row before tells that the trace begins here.
      rowFirst: Math.max(rowsOf.rowFirst, row - 1),
      rowEnd: Math.min(end, row + TRACE_ROWS),
      hasDictionary: (column) => caches.dictionaries.get(path, String(column)) !== undefined,
    });
    const reads = batches.flatMap((batch) => batch.reads);
    const bytes = reads.reduce((sum, read) => sum + read.bytes, 0);
    if (bytes > TRACE_BYTES_MAX) return [];
    return reads.map((read) => ({ path, offset: read.offset, length: read.bytes }));
  });
}

interface KnownColumns {
  readonly byName: ReadonlyMap<string, number>;
  /** By scope and key. */
  readonly byKey: ReadonlyMap<string, readonly number[]>;
}

const knownColumns = new WeakMap<BlockLayout, KnownColumns>();
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function columnsOf({ file, layout }: OpenBlock): KnownColumns {
  const held = knownColumns.get(layout);
  if (held !== undefined) return held;
  const byName = new Map(file.columns.map((chunk, column) => [columnName(chunk), column]));
  const byKey = new Map<string, number[]>();
  for (const scope of ["span", "event", "link"] as const) {
    for (const { key, column } of layout[scope].attributes) {
      const name = `${scope} ${utf8.decode(key)}`;
      const columns = byKey.get(name) ?? [];
      byKey.set(name, columns);
      columns.push(column);
    }
  }
  const known = { byName, byKey };
  knownColumns.set(layout, known);
  return known;
}
