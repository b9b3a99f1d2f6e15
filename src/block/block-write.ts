/**
 * One cut: a sealed half of the head into blocks.
 *
 * Columns are the outer loop, files the inner one: a column is brought into sorted order once,
 * then each file (a range of rows: one tenant, or several small ones) gets its chunk of it. A file
 * keeps no more than a buffer in memory. Files are finished and published one after the other.
 *
 * The id of a block follows from the range of the log, so a cut that failed half-way is simply
 * done again: blocks that are there already are left alone.
 *
 * Threads: the block Worker; the half is sealed, and nobody else uses the scratch.
 */
import { COLUMNS_MAX } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { EncodeExports } from "../kernel/encode-kernel.ts";
import {
  BLOCK_META_VERSION,
  type BlockMeta,
  type BlockTenant,
  sealedMeta,
} from "../model/block-meta.ts";
import { writeChunk } from "./block-chunk.ts";
import { type BlockColumn, blockColumns, blockSchema } from "./block-columns.ts";
import { blockId, CREATED_BY, FORMAT_VERSION } from "./block-format.ts";
import { writeSidecar } from "./block-sidecar.ts";
import { CutGroups } from "./cut-groups.ts";
import { CutHalf } from "./cut-half.ts";
import { type PlannedFile, planFiles } from "./cut-plan.ts";
import { type ByteSink, ParquetFile } from "./parquet-file.ts";

/** A block that is being written; nothing of it counts before publish() has returned. */
export interface BlockDraft {
  readonly data: ByteSink;
  readonly sidecar: ByteSink;
  /** Makes all of it durable, the meta last. */
  publish(meta: BlockMeta): void;
  /** Removes what was written. */
  abandon(): void;
}

export type BlockName = Pick<BlockMeta, "id" | "shared" | "tenants">;

export interface BlockStore {
  /** The meta of a block that is there already. */
  find(name: BlockName): BlockMeta | undefined;
  begin(name: BlockName): BlockDraft;
}

export interface CutOptions {
  readonly buffer: SharedArrayBuffer;
  readonly kernel: EncodeExports;
  /** Address of the sealed half. */
  readonly half: number;
  readonly scratch: number;
  readonly scratchEnd: number;
  readonly store: BlockStore;
  readonly nodeId: string;
  readonly clock: Clock;
}

/** A file of the cut that is being written. */
interface OpenFile {
  readonly plan: PlannedFile;
  readonly name: BlockName;
  readonly draft: BlockDraft;
  readonly parquet: ParquetFile;
  /** Place of each column's leaf in this file; columns without values are not in it. */
  readonly leaves: ReadonlyMap<BlockColumn, number>;
  readonly columns: readonly BlockColumn[];
}

/** Writes and publishes the blocks of a half; returns their metas. Errors of the disk pass. */
export function writeCut(options: CutOptions): BlockMeta[] {
  const { kernel, buffer, store } = options;
  const half = new CutHalf(buffer, options.half);
  if (half.rows === 0) return [];
  const room = kernel.openCut(options.half, options.scratch, options.scratchEnd);
  assert(room !== 0, "block: scratch too small for the half");
  const columns = blockColumns(half.columns());
  const plans = planFiles(kernel, half, columns);
  const names = plans.map((plan) => blockName(options, half, plan));
  const metas = names.map((name) => store.find(name));
  const open: OpenFile[] = [];
  try {
    for (const [i, plan] of plans.entries()) {
      if (metas[i] === undefined) open.push(openFile(store, plan, names[i]));
    }
    writeColumns(options, { half, columns, open });
    for (const file of open) metas[plans.indexOf(file.plan)] = finishFile(options, half, file);
  } catch (error) {
    for (const file of open) {
      if (metas[plans.indexOf(file.plan)] === undefined) abandonQuietly(file.draft);
    }
    throw error;
  }
  return metas.filter((meta) => meta !== undefined);
}

function blockName(options: CutOptions, half: CutHalf, plan: PlannedFile): BlockName {
  const { walFrom, walTo } = half;
  const tenant = plan.shared ? undefined : plan.tenants[0].name;
  const id = blockId({ nodeId: options.nodeId, tenant, walFrom, walTo });
  return { id, shared: plan.shared, tenants: plan.tenants.map(tenantOfMeta) };
}

function tenantOfMeta({ name, rowFirst, rows, traces }: BlockTenant): BlockTenant {
  return { name, rowFirst, rows, traces };
}

function openFile(store: BlockStore, plan: PlannedFile, name: BlockName): OpenFile {
  const { columns } = plan;
  const leaves = new Map(columns.map((column, i) => [column, i]));
  const schema = blockSchema(columns);
  const traceId = columns.findIndex(({ node }) => node.name === "trace_id");
  // In a shared block the tenant comes first, in the schema and in the order.
  const sortingColumns = (traceId === 0 ? [0] : [0, traceId]).map((column) => ({
    ...{ column, descending: false, nullsFirst: false },
  }));
  const draft = store.begin(name);
  const parquet = new ParquetFile(draft.data, {
    createdBy: CREATED_BY,
    rows: plan.rows,
    schema,
    sortingColumns,
    keyValues: { "vivace.format": String(FORMAT_VERSION) },
  });
  return { plan, name, draft, parquet, leaves, columns };
}

interface Cut {
  readonly half: CutHalf;
  readonly columns: readonly BlockColumn[];
  readonly open: readonly OpenFile[];
}

function writeColumns(options: CutOptions, cut: Cut): void {
  const { kernel } = options;
  const groups = new CutGroups(kernel, cut.half);
  const numbers = new Uint16Array(options.buffer, kernel.columnOrdinals() >>> 0, COLUMNS_MAX);
  for (const column of cut.columns) {
    const files = cut.open.filter(({ leaves }) => leaves.has(column));
    if (files.length === 0) continue;
    openColumn(kernel, column, groups);
    for (const file of files) {
      if (column.source.kind === "order") numberColumns(numbers, file, column.scope);
      const leaf = file.leaves.get(column);
      assert(leaf !== undefined, "block: a column without a leaf");
      file.parquet.beginColumn(leaf);
      writeChunk(kernel, cut.half.bytes, file);
      file.parquet.endColumn();
    }
  }
}

function openColumn(kernel: EncodeExports, { source }: BlockColumn, groups: CutGroups): void {
  if (source.kind === "sparse") kernel.openColumn(source.index);
  else if (source.kind === "group") groups.open(source.field, source.required);
  else kernel[source.open]();
}

/** Attribute orders name columns by their number among the file's columns of that scope. */
function numberColumns(table: Uint16Array, file: OpenFile, scope: number): void {
  let number = 0;
  for (const column of file.columns) {
    if (column.scope !== scope || !column.isAttribute) continue;
    if (column.source.kind === "sparse") table[column.source.index] = ++number;
  }
}

function finishFile(options: CutOptions, half: CutHalf, file: OpenFile): BlockMeta {
  const { kernel, clock, nodeId } = options;
  const { plan, draft, name } = file;
  const { bytes, footerBytes } = file.parquet.finish();
  const sidecarBytes = writeSidecar(kernel, half.bytes, { plan, sink: draft.sidecar });
  kernel.findTimes(plan.rowFirst, plan.rows);
  const [start, end] = new BigUint64Array(half.bytes.buffer, kernel.times() >>> 0, 2);
  const createdMs = clock.nowMs();
  const meta = sealedMeta({
    version: BLOCK_META_VERSION,
    ...name,
    spans: plan.rows,
    traces: plan.traces,
    startUnixNano: start.toString(),
    endUnixNano: end.toString(),
    retainFromMs: Math.min(Number(end / 1_000_000n), createdMs),
    dataBytes: bytes,
    sidecarBytes,
    footerBytes,
    wal: { node: nodeId, from: half.walFrom, to: half.walTo },
    createdMs,
    ...(kernel.doublesInCut() === 0 ? { distinct: true } : {}),
  });
  draft.publish(meta);
  return meta;
}

/** The error that led here is the one to report. */
function abandonQuietly(draft: BlockDraft): void {
  try {
    draft.abandon();
  } catch {
    // What is left behind has no meta and is swept at the next start.
  }
}
