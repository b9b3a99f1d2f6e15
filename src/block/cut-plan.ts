/**
 * Which files a cut becomes: tenants with many rows get a file of their own, all others share
 * one. Sorts the cut accordingly, and finds each file's columns.
 */
import type { EncodeExports } from "../kernel/encode-kernel.ts";
import type { BlockTenant } from "../model/block-meta.ts";
import type { BlockColumn } from "./block-columns.ts";
import { OWN_BLOCK_ROWS } from "./block-format.ts";
import type { CutHalf } from "./cut-half.ts";

export interface PlannedFile {
  readonly shared: boolean;
  /** Sorted rows of the cut. */
  readonly rowFirst: number;
  readonly rows: number;
  readonly traces: number;
  /** rowFirst counts from the file's own first row. */
  readonly tenants: readonly PlannedTenant[];
  readonly columns: readonly BlockColumn[];
}

export interface PlannedTenant extends BlockTenant {
  /** Sorted place of its first trace in the cut. */
  readonly traceFirst: number;
}

interface Tenant {
  readonly name: string;
  readonly index: number;
  readonly rows: number;
  readonly traces: number;
}

const TENANT_WORDS = 4;

export function planFiles(
  kernel: EncodeExports,
  half: CutHalf,
  columns: readonly BlockColumn[],
): PlannedFile[] {
  const groups = groupTenants(readTenants(kernel, half));
  const table = kernel.tenantTable() >>> 2;
  for (const [place, { index }] of groups.flat().entries()) {
    half.words[table + index * TENANT_WORDS + 3] = place;
  }
  kernel.sortCut();
  const files = placeFiles(groups);
  const ends = kernel.fileEnds() >>> 2;
  for (const [i, { rowFirst, rows }] of files.entries()) half.words[ends + i] = rowFirst + rows;
  kernel.setFiles(files.length);
  const presence = files.length > 1 ? findPresence(kernel, half, columns) : undefined;
  return files.map((file, i) => ({
    ...file,
    columns: columns.filter(
      (column) => (file.shared || !column.sharedOnly) && (presence?.get(column)?.[i] ?? 1) !== 0,
    ),
  }));
}

function readTenants(kernel: EncodeExports, half: CutHalf): Tenant[] {
  const count = kernel.listTenants() >>> 0;
  const table = kernel.tenantTable() >>> 2;
  const tenants = Array.from({ length: count }, (_, index) => {
    const at = table + index * TENANT_WORDS;
    const [entry, rows, traces] = half.words.subarray(at, at + 3);
    return { name: half.text(entry), index, rows, traces };
  });
  return tenants.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

/** Groups of tenants, one a file; sharing is for two and more. */
function groupTenants(tenants: readonly Tenant[]): Tenant[][] {
  const small = tenants.filter(({ rows }) => rows < OWN_BLOCK_ROWS);
  const own = tenants.filter(({ rows }) => rows >= OWN_BLOCK_ROWS).map((tenant) => [tenant]);
  return small.length === 0 ? own : [small, ...own];
}

function placeFiles(groups: readonly (readonly Tenant[])[]): Omit<PlannedFile, "columns">[] {
  let rowFirst = 0;
  let traceFirst = 0;
  return groups.map((group) => {
    const first = rowFirst;
    const firstTrace = traceFirst;
    const tenants = group.map(({ name, rows, traces }) => {
      const tenant = { name, rowFirst: rowFirst - first, rows, traces, traceFirst };
      rowFirst += rows;
      traceFirst += traces;
      return tenant;
    });
    return {
      shared: group.length > 1,
      rowFirst: first,
      rows: rowFirst - first,
      traces: traceFirst - firstTrace,
      tenants,
    };
  });
}

/** For attribute columns: in which files they have a value. */
function findPresence(
  kernel: EncodeExports,
  half: CutHalf,
  columns: readonly BlockColumn[],
): Map<BlockColumn, Uint8Array> {
  const found = new Map<BlockColumn, Uint8Array>();
  const flags = kernel.fileFlags() >>> 0;
  for (const column of columns) {
    if (!column.isAttribute || column.source.kind !== "sparse") continue;
    kernel.markFiles(column.source.index);
    found.set(column, half.bytes.slice(flags, flags + 256));
  }
  return found;
}
