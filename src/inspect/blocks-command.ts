/** `vivace blocks list`, `show` and `stats`: what the metas say, and one block's columns. */

import { MiB } from "../base/bytes.ts";
import { BlockCaches, openBlock } from "../block/block-read.ts";
import { type MergeLimits, planMerges } from "../compact/plan-merges.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { type Align, bytesText, countText, tableLines, timeText } from "./amounts.ts";
import { describeColumns } from "./column-description.ts";
import type { InspectedBlock, InspectedStore } from "./inspected-store.ts";
import { bytesOf, findBlock } from "./verify-command.ts";

/** Text for people, or one JSON value. */
export interface Shown {
  readonly lines: readonly string[];
  readonly json: unknown;
}

export async function listBlocks(
  store: InspectedStore,
  tenant: string | undefined,
): Promise<Shown> {
  const { blocks: all } = await store.list();
  const blocks = all.filter(({ meta }) => hasTenant(meta, tenant));
  const align: readonly Align[] = [
    ...(["left", "left", "right", "right", "left", "left"] as const),
    ...(["right", "left", "right"] as const),
  ];
  const head = ["ID", "TENANT", "SPANS", "TRACES", "FROM", "TO", "BYTES", "CREATED", "FORMAT"];
  const rows = blocks.map(({ meta }) => [
    meta.id,
    tenantText(meta),
    String(meta.spans),
    String(meta.traces),
    timeText(meta.startUnixNano),
    timeText(meta.endUnixNano),
    bytesText(bytesOf(meta)),
    timeText(BigInt(meta.createdMs) * 1_000_000n),
    String(meta.version),
  ]);
  const lines = rows.length === 0 ? ["there are no blocks"] : tableLines([head, ...rows], align);
  return { lines, json: blocks.map(({ meta, isInBucket }) => ({ ...meta, isInBucket })) };
}

/** Throws not_found when no block is meant. */
export async function showBlock(store: InspectedStore, id: string): Promise<Shown> {
  const { blocks } = await store.list();
  const block = findBlock(blocks, id);
  let shown: Shown = { lines: [], json: undefined };
  await store.withFiles(block, (files) => {
    const caches = new BlockCaches({ filesMax: 4, bytesMax: 64 * MiB });
    try {
      const { file } = openBlock(caches, files.folder);
      shown = describeBlock(block, describeColumns(caches.files, files.folder, file));
    } finally {
      caches.close();
    }
  });
  return shown;
}

function describeBlock(
  { meta, isInBucket }: InspectedBlock,
  columns: ReturnType<typeof describeColumns>,
): Shown {
  const fields = [
    ["id", meta.id],
    ["tenant", tenantText(meta)],
    ["format", String(meta.version)],
    ["spans", String(meta.spans)],
    ["traces", String(meta.traces)],
    ["from", timeText(meta.startUnixNano)],
    ["to", timeText(meta.endUnixNano)],
    ["created", timeText(BigInt(meta.createdMs) * 1_000_000n)],
    ["log", `${meta.wal.from} to ${meta.wal.to} of ${meta.wal.node || "several nodes"}`],
    ["checksums", meta.crc32 === undefined ? "pages and sidecar alone" : "all"],
    ["lies in", isInBucket ? "the bucket" : "the local folder"],
    ["data", bytesText(meta.dataBytes)],
    ["footer", bytesText(meta.footerBytes)],
    ["sidecar", bytesText(meta.sidecarBytes)],
    ["bytes per span", (bytesOf(meta) / meta.spans).toFixed(1)],
    ["row groups", "1"],
  ];
  const merged = meta.merged;
  if (merged !== undefined) {
    fields.push([
      "merged",
      `level ${merged.level}, of ${countText(merged.replaces.length, "block")}`,
    ]);
  }
  for (const { name, rows, traces } of meta.shared ? meta.tenants : []) {
    fields.push(["", `${name}: ${countText(rows, "span")}, ${countText(traces, "trace")}`]);
  }
  const head = ["COLUMN", "TYPE", "ENCODING", "CODEC", "PAGES", "BYTES", "RATIO", "NULLS"];
  const align: readonly Align[] = [
    ...(["left", "left", "left", "left"] as const),
    ...(["right", "right", "right", "right"] as const),
  ];
  const rows = columns.map((column) => [
    column.name,
    column.type,
    column.encodings.join("+"),
    column.codec,
    String(column.pages),
    bytesText(column.bytes),
    (column.plainBytes / column.bytes).toFixed(1),
    column.nulls < 0 ? "?" : String(column.nulls),
  ]);
  const lines = [
    ...tableLines(fields, ["left", "left"]),
    "",
    ...tableLines([head, ...rows], align),
  ];
  return { lines, json: { meta, isInBucket, columns } };
}

export interface StatsOptions {
  readonly tenant: string | undefined;
  readonly limits: MergeLimits;
  readonly nowMs: number;
}

/** A tenant's part of shared blocks counts by its spans. */
interface TenantStats {
  readonly tenant: string;
  readonly blocks: number;
  readonly sharedBlocks: number;
  readonly spans: number;
  readonly bytes: number;
  readonly oldestUnixNano: string;
  readonly newestUnixNano: string;
}

export async function blockStats(store: InspectedStore, options: StatsOptions): Promise<Shown> {
  const { blocks: all, damaged } = await store.list();
  const metas = all.map(({ meta }) => meta).filter((meta) => hasTenant(meta, options.tenant));
  const tenants = statsOf(metas, options.tenant);
  const merges = planMerges(metas, options.limits, { nowMs: options.nowMs, mayMerge: () => true });
  const merging = merges.reduce((sum, run) => sum + run.length, 0);
  const compaction = { blocks: metas.length, after: metas.length - merging + merges.length };
  const head = ["TENANT", "BLOCKS", "SHARED", "SPANS", "BYTES", "B/SPAN", "OLDEST", "NEWEST"];
  const align: readonly Align[] = [
    ...(["left", "right", "right", "right"] as const),
    ...(["right", "right", "left", "left"] as const),
  ];
  const rows = tenants.map((one) => [
    one.tenant,
    String(one.blocks),
    String(one.sharedBlocks),
    String(one.spans),
    bytesText(one.bytes),
    (one.bytes / one.spans).toFixed(1),
    timeText(one.oldestUnixNano),
    timeText(one.newestUnixNano),
  ]);
  const bytes = metas.reduce((sum, meta) => sum + bytesOf(meta), 0);
  const spans = metas.reduce((sum, meta) => sum + meta.spans, 0);
  const lines = [
    ...(rows.length === 0 ? ["there are no blocks"] : tableLines([head, ...rows], align)),
    "",
    `${countText(metas.length, "block")}, ${countText(spans, "span")}, ${bytesText(bytes)}`,
    merges.length === 0
      ? "compaction would merge nothing now"
      : `compaction would merge ${merging} of them into ${merges.length}; ${compaction.after} left`,
    ...damaged.map(({ object, reason }) => `left out: ${object}: ${reason}`),
  ];
  return { lines, json: { tenants, compaction, damaged } };
}

function statsOf(metas: readonly BlockMeta[], only: string | undefined): TenantStats[] {
  const all = new Map<string, TenantStats>();
  for (const meta of metas) {
    for (const { name, rows } of meta.tenants) {
      if (only !== undefined && name !== only) continue;
      const before = all.get(name);
      const part = { blocks: meta.shared ? 0 : 1, sharedBlocks: meta.shared ? 1 : 0 };
      all.set(name, {
        tenant: name,
        blocks: (before?.blocks ?? 0) + part.blocks,
        sharedBlocks: (before?.sharedBlocks ?? 0) + part.sharedBlocks,
        spans: (before?.spans ?? 0) + rows,
        bytes: (before?.bytes ?? 0) + Math.round((bytesOf(meta) * rows) / meta.spans),
        oldestUnixNano: least(before?.oldestUnixNano, meta.startUnixNano),
        newestUnixNano: most(before?.newestUnixNano, meta.endUnixNano),
      });
    }
  }
  return [...all.values()].toSorted((a, b) => b.bytes - a.bytes || (a.tenant < b.tenant ? -1 : 1));
}

function least(a: string | undefined, b: string): string {
  return a !== undefined && BigInt(a) < BigInt(b) ? a : b;
}

function most(a: string | undefined, b: string): string {
  return a !== undefined && BigInt(a) > BigInt(b) ? a : b;
}

function hasTenant({ tenants }: BlockMeta, tenant: string | undefined): boolean {
  return tenant === undefined || tenants.some(({ name }) => name === tenant);
}

function tenantText({ shared, tenants }: BlockMeta): string {
  return shared ? `shared by ${tenants.length}` : tenants[0].name;
}
