/**
 * The order of a merge's rows: tenants first, each with the traces of all inputs; a tenant of more
 * rows than a block may have comes in parts by time. Reads ids and kinds, and for parts the starts,
 * nothing else.
 */
import { KIND_U32, SCOPE_SPAN } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import { blockCorrupt } from "../block/block-error.ts";
import { OWN_BLOCK_ROWS } from "../block/block-format.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { PAGE_GOOD } from "../kernel/merge-kernel.ts";
import { MERGED_ROWS_MAX } from "./merge-options.ts";
import type { InputFile, InputPages } from "./merge-pages.ts";
import { partByTime } from "./part-by-time.ts";

interface OrderParts {
  readonly kernel: Kernel;
  readonly memory: Uint8Array;
  readonly pages: InputPages;
  readonly inputs: readonly InputFile[];
}

/** A block of the output: rows of one tenant, or of several small ones. */
export interface MergedFile {
  readonly shared: boolean;
  readonly rowFirst: number;
  readonly rows: number;
  readonly traces: number;
  /** From 1, by time, where a tenant has several; else 1. */
  readonly part: number;
  /** rowFirst counts from the file's own first row. */
  readonly tenants: readonly MergedTenant[];
}

export interface MergedTenant {
  readonly name: string;
  readonly rowFirst: number;
  readonly rows: number;
  readonly traces: number;
  /** Place of its first trace in the merge. */
  readonly traceFirst: number;
}

/** A tenant's traces in one input, counted over all inputs. */
export interface TenantPart {
  readonly input: number;
  readonly traceFirst: number;
  readonly traceEnd: number;
}

/** What is known of the inputs before their rows have an order. */
export interface InputOrder {
  /** By tenant its parts, in the order of the inputs. */
  readonly tenants: ReadonlyMap<string, readonly TenantPart[]>;
  /** A byte a trace of the inputs: the part of the output that it goes to, from 1. */
  readonly partOf: Uint8Array;
  /** How many parts there are. */
  readonly parts: number;
}

/** Reads trace ids, span ids and kinds; `openStarts` opens the column of starts. */
export function readOrder(
  { kernel, memory, pages, inputs }: OrderParts,
  openStarts: () => void,
): InputOrder {
  kernel.beginOrder();
  const parts = new Map<string, TenantPart[]>();
  const tracesMax = inputs.reduce((sum, { meta }) => sum + meta.traces, 0);
  for (const [i, input] of inputs.entries()) {
    for (const { name, first, end } of readTraces(kernel, pages, { input, tracesMax })) {
      const part = { input: i, traceFirst: first, traceEnd: end };
      const known = parts.get(name);
      if (known === undefined) parts.set(name, [part]);
      else known.push(part);
    }
  }
  const byTime = partTraces({ kernel, memory, pages, inputs }, parts, openStarts);
  for (const input of inputs) {
    pages.begin(input, placeOf(input, "span_id"));
    while (pages.next()) {
      pages.open();
      const { at, end, values, encoding, rows, rowFirst } = pages;
      if (encoding !== 0 || values !== rows || values * 8 > end - at) {
        throw damaged(input, "span_id");
      }
      kernel.addSpanIds(at, values, input.rowBase + rowFirst);
    }
  }
  kernel.beginMergeColumn(KIND_U32, SCOPE_SPAN, 1, 0, 0);
  for (const input of inputs) readKinds(kernel, pages, input);
  return { tenants: parts, ...byTime };
}

/** A tenant of too many rows for one block: which traces go to which of several. */
function partTraces(
  { kernel, memory, inputs }: OrderParts,
  tenants: ReadonlyMap<string, readonly TenantPart[]>,
  openStarts: () => void,
): Pick<InputOrder, "partOf" | "parts"> {
  const partOf = new Uint8Array(kernel.inputTraces()).fill(1);
  const rows = inputs.reduce((sum, { meta }) => sum + meta.spans, 0);
  if (rows <= MERGED_ROWS_MAX || inputs.length === 1) return { partOf, parts: 1 };
  const [[, tenantParts], ...others] = tenants;
  assert(others.length === 0, "merge: too many spans of several tenants");
  kernel.placeAsIs();
  openStarts();
  setParts({ kernel, memory }, tenantParts);
  const traces = kernel.joinMerged(tenantParts.length);
  const { buffer } = memory;
  const starts = new BigUint64Array(buffer, kernel.joinedStarts() >>> 0, traces);
  const counts = new Uint32Array(buffer, kernel.joinedRows() >>> 0, traces);
  const { part, parts } = partByTime(starts, counts, MERGED_ROWS_MAX);
  const joined = new Uint32Array(buffer, kernel.joinedOf() >>> 0, partOf.length);
  for (let trace = 0; trace < partOf.length; trace++) partOf[trace] = part[joined[trace]] + 1;
  return { partOf, parts };
}

function setParts(
  { kernel, memory }: Pick<OrderParts, "kernel" | "memory">,
  parts: readonly TenantPart[],
): void {
  const words = new Uint32Array(memory.buffer);
  const table = (kernel.mergeParts() >>> 0) / 4;
  for (const [i, { traceFirst, traceEnd }] of parts.entries()) {
    words[table + i * 2] = traceFirst;
    words[table + i * 2 + 1] = traceEnd;
  }
}

function readKinds(kernel: Kernel, pages: InputPages, input: InputFile): void {
  const column = placeOf(input, "kind");
  kernel.beginInput(input.rowBase, 0);
  pages.begin(input, column);
  if (pages.dictionary()) {
    const { at, end, values } = pages;
    if (kernel.mergeDictionary(at, end, values) !== PAGE_GOOD) throw damaged(input, "kind");
  }
  while (pages.next()) {
    pages.open();
    const { at, end, encoding, values, rowFirst } = pages;
    const result = kernel.readKinds(at, end, encoding, values, rowFirst);
    if (result !== PAGE_GOOD) throw damaged(input, "kind");
  }
}

interface InputTenant {
  readonly name: string;
  /** Traces, counted over all inputs. */
  readonly first: number;
  readonly end: number;
}

function readTraces(
  kernel: Kernel,
  pages: InputPages,
  { input, tracesMax }: { readonly input: InputFile; readonly tracesMax: number },
): InputTenant[] {
  const column = placeOf(input, "trace_id");
  pages.begin(input, column);
  const hasIds = pages.dictionary(kernel.mappedTable() >>> 0);
  const [ids, idCount] = hasIds ? [pages.at, pages.values] : [0, 0];
  const { tenants } = input.meta;
  const found: InputTenant[] = [];
  let tenant = 0;
  let first = kernel.inputTraces();
  let isFresh = true;
  while (pages.next()) {
    pages.open();
    const { at, end, values, rowFirst, rows } = pages;
    const fits = kernel.addIdPage(at, end, values, ids, idCount);
    if (values !== rows || fits === 0) throw damaged(input, "trace_id");
    for (let row = rowFirst; row < rowFirst + rows; ) {
      const tenantEnd = tenants[tenant].rowFirst + tenants[tenant].rows;
      const count = Math.min(tenantEnd, rowFirst + rows) - row;
      if (kernel.addIdRows(row - rowFirst, count, isFresh ? 1 : 0, tracesMax) === 0) {
        throw damaged(input, "trace_id");
      }
      isFresh = false;
      row += count;
      if (row < tenantEnd) continue;
      const last = kernel.inputTraces();
      if (last - first !== tenants[tenant].traces) throw damaged(input, "trace_id");
      found.push({ name: tenants[tenant].name, first, end: last });
      first = last;
      tenant += 1;
      isFresh = true;
    }
  }
  if (tenant !== tenants.length) throw damaged(input, "trace_id");
  return found;
}

/** Merges all tenants; what is left of them, as the files of the output. */
export function mergeOrder(
  { kernel, memory, inputs }: Omit<OrderParts, "pages">,
  { tenants, parts }: InputOrder,
): MergedFile[] {
  const merge = (name: string, part: number): MergedTenant => {
    const own = tenants.get(name) ?? [];
    setParts({ kernel, memory }, own);
    const rowFirst = kernel.mergedRows();
    const traceFirst = kernel.mergedTraces();
    kernel.mergeTenant(own.length, part);
    const rows = kernel.mergedRows() - rowFirst;
    return { name, rowFirst, rows, traceFirst, traces: kernel.mergedTraces() - traceFirst };
  };
  const isLeft = ({ rows }: MergedTenant) => rows > 0;
  const { small, own } = groupTenants(inputs);
  const shared = small.map((name) => merge(name, 1)).filter(isLeft);
  const files = shared.length > 0 ? [fileOf(shared, 1)] : [];
  for (const name of own) {
    for (let part = 1; part <= parts; part++) {
      const tenant = merge(name, part);
      if (isLeft(tenant)) files.push(fileOf([tenant], part));
    }
  }
  kernel.placeSpans();
  return files;
}

/** Names in bytewise order; of the inputs' rows, doubles included. */
function groupTenants(inputs: readonly InputFile[]): { small: string[]; own: string[] } {
  const rows = new Map<string, number>();
  for (const { meta } of inputs) {
    for (const tenant of meta.tenants) {
      rows.set(tenant.name, (rows.get(tenant.name) ?? 0) + tenant.rows);
    }
  }
  const names = [...rows.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return {
    small: names.filter((name) => (rows.get(name) ?? 0) < OWN_BLOCK_ROWS),
    own: names.filter((name) => (rows.get(name) ?? 0) >= OWN_BLOCK_ROWS),
  };
}

function fileOf(tenants: readonly MergedTenant[], part: number): MergedFile {
  const [{ rowFirst }] = tenants;
  const sum = (of: "rows" | "traces") => tenants.reduce((all, tenant) => all + tenant[of], 0);
  return {
    shared: tenants.length > 1,
    rowFirst,
    rows: sum("rows"),
    traces: sum("traces"),
    part,
    tenants: tenants.map((tenant) => ({ ...tenant, rowFirst: tenant.rowFirst - rowFirst })),
  };
}

function placeOf(input: InputFile, name: string): number {
  const place = input.file.columns.findIndex(({ path }) => path.length === 1 && path[0] === name);
  assert(place >= 0, "merge: a block without a column that all have");
  return place;
}

function damaged({ path }: InputFile, column: string) {
  return blockCorrupt(`${path}: pages of column ${column}`);
}
