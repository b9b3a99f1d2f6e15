/**
 * Blocks into larger ones: column by column, page by page, in the kernel, never through rows.
 *
 * Only ids and kinds of all rows are looked at first: they say in which order rows lie in the
 * output, and which are there twice. Each column is then opened in that order as a cut opens one
 * of the head, and is encoded by the same functions. Nested-set numbers are made anew, for a trace
 * may have come together.
 *
 * Threads: one, with a kernel and a memory of its own. Errors: block_corrupt for a damaged input,
 * MergeTooLarge, and those of the disk; nothing is published then, unless all outputs are.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { SCOPE_EVENT, SCOPE_LINK } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import { blockSchema } from "../block/block-columns.ts";
import { CREATED_BY, MERGED_FORMAT_VERSION } from "../block/block-format.ts";
import { writeSidecar } from "../block/block-sidecar.ts";
import type { BlockDraft, BlockName } from "../block/block-write.ts";
import { ParquetFile, type WriteHeader } from "../block/parquet-file.ts";
import { PAGE_HEADER_BYTES_MAX } from "../block/parquet-page-header.ts";
import { encodings } from "../block/parquet-schema.ts";
import type { Kernel } from "../kernel/kernel.ts";
import {
  type BlockMeta,
  type LogEnd,
  logEnds,
  MERGED_META_VERSION,
  sealedMeta,
} from "../model/block-meta.ts";
import {
  type MergeFile,
  type MergeParts,
  openLevels,
  openNumbers,
  placeChildren,
  writeColumn,
  writeOpenColumn,
} from "./merge-column.ts";
import { type MergeColumn, type MergeColumns, mergeColumns } from "./merge-columns.ts";
import { ID_COLUMNS, writeIds } from "./merge-ids.ts";
import {
  MERGED_ROWS_MAX,
  type MergeOptions,
  type MergeResult,
  PARTED_ROWS_MAX,
} from "./merge-options.ts";
import { type InputOrder, type MergedFile, mergeOrder, readOrder } from "./merge-order.ts";
import { type InputFile, InputPages } from "./merge-pages.ts";

/** Address space; a page costs memory when it is first touched. */
export const MERGE_MEMORY_BYTES = 1536 * MiB;
export const MERGE_SCRATCH_AT = 4096;

interface OpenFile extends MergeFile {
  readonly name: BlockName;
  readonly draft: BlockDraft;
  /** Smallest start and largest end. */
  times: readonly [bigint, bigint];
}

/** See MergeOptions and MergeResult. */
export function mergeBlocks(options: MergeOptions<Kernel>): MergeResult {
  const { kernel, buffer, inputs } = options;
  assert(inputs.length > 0, "merge: no blocks");
  const memory = new Uint8Array(buffer);
  const rows = inputs.reduce((sum, { meta }) => sum + meta.spans, 0);
  const traces = inputs.reduce((sum, { meta }) => sum + meta.traces, 0);
  assert(rows <= PARTED_ROWS_MAX || inputs.length === 1, "merge: too many spans");
  const [events, links] = [childrenMax(SCOPE_EVENT, rows), childrenMax(SCOPE_LINK, rows)];
  const left = kernel.openMerge(MERGE_SCRATCH_AT, buffer.byteLength, rows, traces, events, links);
  assert(left !== 0, "merge: the memory is too small");
  const pages = new InputPages(kernel, memory);
  try {
    return mergeOpen(options, { memory, pages, files: openInputs(options, pages) });
  } finally {
    pages.close();
  }
}

/** Events, or links, of all inputs together. */
function childrenMax(scope: number, rows: number): number {
  const most = Math.max(rows, MERGED_ROWS_MAX);
  return scope === SCOPE_EVENT ? 2 * most : most;
}

function openInputs({ inputs }: MergeOptions<Kernel>, pages: InputPages): InputFile[] {
  let rowBase = 0;
  return inputs.map(({ folder, meta }) => {
    const input = pages.openFile(join(folder, "data.parquet"), meta, rowBase);
    rowBase += meta.spans;
    return input;
  });
}

interface Opened {
  readonly memory: Uint8Array;
  readonly pages: InputPages;
  readonly files: readonly InputFile[];
}

function mergeOpen(options: MergeOptions<Kernel>, { memory, pages, files }: Opened): MergeResult {
  const { kernel, store, yieldNow = () => {} } = options;
  const columns = mergeColumns(files.map(({ file }) => file));
  const all = files.reduce((sum, { meta }) => sum + meta.spans, 0);
  const given = { kernel, memory, pages, inputs: files, columns, yieldNow };
  const opening: MergeParts = { ...given, rows: all, children: [] };
  const order = readOrder(opening, () => openNumbers(opening, startsOf(columns)));
  markKept(options, memory, order);
  const plans = mergeOrder(opening, order);
  const doubles = kernel.droppedDoubles();
  const dropped = { doubles, expired: all - doubles - kernel.mergedRows() };
  if (plans.length === 0) return { outputs: [], ...dropped };
  const rows = kernel.mergedRows();
  const parts = { ...opening, rows };
  for (const scope of [SCOPE_EVENT, SCOPE_LINK]) {
    placeChildren(parts, scope, childrenMax(scope, all));
  }
  const isSame = plans.length === 1 && rows === all;
  const present = isSame ? undefined : findPresence(parts, plans);
  const names = plans.map((plan) => blockName(options, plan));
  const metas = names.map((name) => store.find(name));
  const open: OpenFile[] = [];
  try {
    for (const [i, plan] of plans.entries()) {
      if (metas[i] !== undefined) continue;
      const own = columns.columns.filter(
        (column) =>
          (plan.shared || !column.sharedOnly) && (present?.get(column)?.has(plan) ?? true),
      );
      open.push(openFile(options, { plan, columns: own, name: names[i] }));
    }
    for (const column of columns.columns) {
      // Written where the numbers are that come with them; until then start times lie there.
      if (column.path === "nested_left") writeIds(parts, open);
      if (ID_COLUMNS.includes(column.path)) continue;
      const wanted = open.filter((file) => file.columns.includes(column));
      if (wanted.length === 0) continue;
      if (column.path === "tenant") writeTenants(parts, column, wanted);
      else writeColumn(parts, column, wanted);
      if (column.path === "start_unix_nano") kernel.keepStarts();
      if (column.path === "duration_nano") for (const file of open) findTimes(parts, file);
      yieldNow();
    }
    const siblings = names.map(({ id }) => id);
    for (const file of open)
      metas[names.indexOf(file.name)] = finish(options, parts, { file, siblings });
  } catch (error) {
    // Published ones too: without the others they are none.
    for (const file of open) abandonQuietly(file.draft);
    throw error;
  }
  return { outputs: metas.filter((meta) => meta !== undefined), ...dropped };
}

function startsOf({ columns }: MergeColumns): MergeColumn {
  const starts = columns.find(({ path }) => path === "start_unix_nano");
  assert(starts !== undefined, "merge: no column of starts");
  return starts;
}

function markKept(
  { kernel, inputs }: MergeOptions<Kernel>,
  memory: Uint8Array,
  { partOf }: InputOrder,
): void {
  let at = kernel.keptTraces() >>> 0;
  memory.set(partOf, at);
  for (const { meta, expired } of inputs) {
    for (const [trace, isOver] of expired?.entries() ?? [])
      if (isOver === 1) memory[at + trace] = 0;
    at += meta.traces;
  }
}

function blockName({ inputs, idWords }: MergeOptions<Kernel>, plan: MergedFile): BlockName {
  const tenant = plan.shared ? null : plan.tenants[0].name;
  const left = inputs.map(({ expired }) => (expired === undefined ? 0 : Bun.hash(expired)));
  // What is left out makes another block of the same inputs.
  const words = [
    "merge",
    ...idWords,
    tenant,
    ...inputs.map(({ meta }) => meta.id),
    ...left.map(String),
    ...(plan.part > 1 ? [`part ${plan.part}`] : []),
  ];
  const id = createHash("sha256").update(JSON.stringify(words)).digest("hex").slice(0, 32);
  const tenants = plan.tenants.map(({ name, rowFirst, rows, traces }) => ({
    ...{ name, rowFirst, rows, traces },
  }));
  return { id, shared: plan.shared, tenants };
}

/** The kernel's, as there is no time to compile one; see native/src/stored-page.ts. */
function headerWriter(kernel: Kernel, buffer: SharedArrayBuffer): WriteHeader {
  const room = new Uint8Array(buffer, kernel.storedHeader() >>> 0, PAGE_HEADER_BYTES_MAX);
  return ({ kind, plainBytes, storedBytes, crc32, values, encoding }) => {
    const [isDictionary, number] = [kind === "dictionary" ? 1 : 0, encodings[encoding]];
    return room.subarray(
      0,
      kernel.putStored(isDictionary, plainBytes, storedBytes, crc32, values, number),
    );
  };
}

function openFile(
  { kernel, buffer, store }: MergeOptions<Kernel>,
  of: Pick<OpenFile, "plan" | "columns" | "name">,
): OpenFile {
  const { columns, plan, name } = of;
  const traceId = columns.findIndex(({ path }) => path === "trace_id");
  const sortingColumns = (traceId === 0 ? [0] : [0, traceId]).map((column) => ({
    ...{ column, descending: false, nullsFirst: false },
  }));
  const draft = store.begin(name);
  const description = {
    createdBy: CREATED_BY,
    rows: plan.rows,
    schema: blockSchema(columns),
    sortingColumns,
    keyValues: { "vivace.format": String(MERGED_FORMAT_VERSION) },
  };
  const parquet = new ParquetFile(draft.data, description, headerWriter(kernel, buffer));
  return { ...of, draft, parquet, times: [0n, 0n] };
}

/** In which files a column of attributes has values; of columns that all have nothing is said. */
function findPresence(
  parts: MergeParts,
  plans: readonly MergedFile[],
): Map<MergeColumn, Set<MergedFile>> {
  const found = new Map<MergeColumn, Set<MergedFile>>();
  for (const column of parts.columns.columns) {
    if (!column.isAttribute) continue;
    openLevels(parts, column);
    const has = ({ rowFirst, rows }: MergedFile) =>
      parts.kernel.hasValue(column.scope, rowFirst, rowFirst + rows) !== 0;
    found.set(column, new Set(plans.filter(has)));
    parts.yieldNow();
  }
  return found;
}

/** The tenant's name of each row, which no page of an input need tell. */
function writeTenants(parts: MergeParts, column: MergeColumn, files: readonly OpenFile[]): void {
  const { kernel, memory, rows } = parts;
  const encoder = new TextEncoder();
  kernel.beginMergeColumn(column.kind, column.scope, 1, 0, 0);
  kernel.setPiece(0, rows, 1);
  kernel.setOrderNumbers(0, 0);
  const at = kernel.inPage() >>> 0;
  for (const { plan } of files) {
    for (const tenant of plan.tenants) {
      const name = encoder.encode(tenant.name);
      memory.set(name, at);
      const entry = kernel.entryOf(at, name.length);
      kernel.fillEntry(plan.rowFirst + tenant.rowFirst, tenant.rows, entry);
    }
  }
  writeOpenColumn(parts, column, files);
}

function findTimes({ kernel, memory }: MergeParts, file: OpenFile): void {
  kernel.mergedTimes(file.plan.rowFirst, file.plan.rows);
  const [start, end] = new BigUint64Array(memory.buffer, kernel.times() >>> 0, 2);
  file.times = [start, end];
}

function finish(
  { kernel, inputs, clock }: MergeOptions<Kernel>,
  { memory }: MergeParts,
  of: { readonly file: OpenFile; readonly siblings: readonly string[] },
): BlockMeta {
  const { plan, draft, parquet, name, times } = of.file;
  const { bytes, footerBytes } = parquet.finish();
  const sidecarBytes = writeSidecar(kernel, memory, { plan, sink: draft.sidecar });
  const [start, end] = times;
  const retainFromMs = Math.max(...inputs.map(({ meta }) => meta.retainFromMs));
  const metas = inputs.map((input) => input.meta);
  const wal = walOf(metas);
  const meta = sealedMeta({
    version: MERGED_META_VERSION,
    ...name,
    spans: plan.rows,
    traces: plan.traces,
    startUnixNano: start.toString(),
    endUnixNano: end.toString(),
    retainFromMs: Math.min(Number(end / 1_000_000n), retainFromMs),
    dataBytes: bytes,
    sidecarBytes,
    footerBytes,
    wal,
    createdMs: clock.nowMs(),
    merged: {
      replaces: metas.map(({ id }) => id),
      siblings: of.siblings,
      level: Math.max(...metas.map(({ merged }) => merged?.level ?? 0)) + 1,
      ...(wal.node === "" ? { ends: endsOf(metas) } : {}),
    },
  });
  draft.publish(meta);
  return meta;
}

/** By node: no position of its log before that is used again. */
function endsOf(metas: readonly BlockMeta[]): LogEnd[] {
  const ends = new Map<string, number>();
  for (const { node, to } of metas.flatMap(logEnds)) {
    ends.set(node, Math.max(ends.get(node) ?? 0, to));
  }
  return [...ends].map(([node, to]) => ({ node, to }));
}

/**
 * Only blocks whose part of the log is gone are merged, so the hull of their parts covers nothing
 * that is still there; it gives the place in the order of arrival. That of several nodes is of
 * none.
 */
function walOf(metas: readonly BlockMeta[]): BlockMeta["wal"] {
  const nodes = new Set(metas.map(({ wal }) => wal.node));
  return {
    node: nodes.size === 1 ? metas[0].wal.node : "",
    from: Math.min(...metas.map(({ wal }) => wal.from)),
    to: Math.max(...metas.map(({ wal }) => wal.to)),
  };
}

/** The error that led here is the one to report. */
function abandonQuietly(draft: BlockDraft): void {
  try {
    draft.abandon();
  } catch {
    // What is left behind has no meta and is swept at the next start.
  }
}
