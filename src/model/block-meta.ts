/**
 * What one block says about itself, as it stands in its meta.json. The file is written last; its
 * presence makes the block live.
 */
import { EngineError } from "../base/error.ts";

/** Of cuts. */
export const BLOCK_META_VERSION = 1;
/** Of merges: their parents need a reader that knows references to ids. */
export const MERGED_META_VERSION = 3;
/** The same before parents were references: frames side by side and split bytes. */
const MERGED_META_VERSION_2 = 2;

const VERSIONS = [BLOCK_META_VERSION, MERGED_META_VERSION_2, MERGED_META_VERSION] as const;

export interface BlockTenant {
  readonly name: string;
  /** The tenant's rows are rowFirst … rowFirst + rows - 1 of the data file. */
  readonly rowFirst: number;
  readonly rows: number;
  readonly traces: number;
}

export interface BlockMeta {
  readonly version: (typeof VERSIONS)[number];
  /** 32 hex digits. */
  readonly id: string;
  readonly tenants: readonly BlockTenant[];
  /** Several small tenants in one file, with a `tenant` column. */
  readonly shared: boolean;
  readonly spans: number;
  readonly traces: number;
  /** Smallest start and largest end of all spans, decimal nanoseconds. */
  readonly startUnixNano: string;
  readonly endUnixNano: string;
  /** Retention counts from here: the largest end, but never later than the cut itself. */
  readonly retainFromMs: number;
  readonly dataBytes: number;
  readonly sidecarBytes: number;
  /** Of the Parquet footer, without its length and magic. */
  readonly footerBytes: number;
  /** The part of the log that the block's tenants have here in whole. */
  readonly wal: { readonly node: string; readonly from: number; readonly to: number };
  readonly createdMs: number;
  /** It is known that no span is in it twice: readers need no span ids to leave doubles out. */
  readonly distinct?: true;
  /** Of a merged block alone; it is distinct, too. */
  readonly merged?: MergedFrom;
  /** Of the fields before it; missing in metas of before there was one. */
  readonly crc32?: number;
}

export interface MergedFrom {
  /** Ids of the blocks whose spans are all here, or in other blocks of the same merge. */
  readonly replaces: readonly string[];
  /** Blocks of the same merge: those of `replaces` go when all of these are there. */
  readonly siblings: readonly string[];
  /** Merges that led to it, one after another. */
  readonly level: number;
  /** Of blocks of several nodes alone: where in the log of each the last of them ends. */
  readonly ends?: readonly LogEnd[];
}

export interface LogEnd {
  readonly node: string;
  readonly to: number;
}

/** Where the block's spans end in the logs that they came by. */
export function logEnds({ wal: { node, to }, merged }: BlockMeta): readonly LogEnd[] {
  return merged?.ends ?? [{ node, to }];
}

/** The meta with its checksum, which goes with it wherever it is copied to. */
export function sealedMeta(meta: Omit<BlockMeta, "crc32">): BlockMeta {
  return { ...meta, crc32: crcOf(meta) };
}

/** As JSON says it, whatever stands between the fields. */
function crcOf(fields: object): number {
  return Bun.hash.crc32(JSON.stringify(fields));
}

/** Where a block lies below the data folder. */
export function blockPath(meta: Pick<BlockMeta, "id" | "shared" | "tenants">): string {
  return meta.shared ? `shared/${meta.id}` : `single/${folderOf(meta.tenants[0].name)}/${meta.id}`;
}

/** A tenant's name as one path element, whatever it holds. */
function folderOf(tenant: string): string {
  return encodeURIComponent(tenant).replace(/^\.+$/, (dots) => "%2E".repeat(dots.length));
}

/** The meta in a file's bytes. Throws block_corrupt, with the reason, for any other bytes. */
export function readBlockMeta(bytes: Uint8Array): BlockMeta {
  return checkedBlockMeta(parsed(bytes));
}

/** The value, if it is a meta. Throws block_corrupt, with the reason, for any other. */
export function checkedBlockMeta(value: unknown): BlockMeta {
  if (!isRecord(value)) throw corrupt("not an object");
  const { version } = value;
  if (!(VERSIONS as readonly unknown[]).includes(version))
    throw corrupt(`version ${String(version)} is unknown`);
  for (const [name, isGood] of Object.entries(FIELDS)) {
    if (!isGood(value[name])) throw corrupt(`${name} is missing or wrong`);
  }
  if (![undefined, true].includes(value["distinct"] as undefined)) {
    throw corrupt("distinct is wrong");
  }
  if ((version !== BLOCK_META_VERSION) !== isMergedFrom(value["merged"])) {
    throw corrupt("merged is missing or wrong");
  }
  checkSum(value);
  const meta = value as unknown as BlockMeta;
  const { tenants, shared, spans, traces } = meta;
  let rows = 0;
  for (const tenant of tenants) {
    if (tenant.rowFirst !== rows) throw corrupt("rows of the tenants do not follow each other");
    rows += tenant.rows;
  }
  if (rows !== spans) throw corrupt("rows of the tenants are not all spans");
  const sum = tenants.reduce((total, tenant) => total + tenant.traces, 0);
  if (sum !== traces) throw corrupt("traces of the tenants are not all traces");
  if (!shared && tenants.length !== 1) throw corrupt("several tenants, and not shared");
  if (meta.footerBytes > meta.dataBytes) throw corrupt("the footer is longer than its file");
  if (meta.wal.from > meta.wal.to) throw corrupt("part of the log ends before it starts");
  return meta;
}

/** A meta without a checksum has nothing that is not known: one bit must not take it away. */
function checkSum(value: Record<string, unknown>): void {
  const { crc32, ...fields } = value;
  if (crc32 !== undefined) {
    if (crc32 !== crcOf(fields)) throw corrupt("crc32");
    return;
  }
  const known = [...Object.keys(FIELDS), "version", "merged", "distinct"];
  const strange = Object.keys(value).find((name) => !known.includes(name));
  if (strange !== undefined) throw corrupt(`${JSON.stringify(strange)} is unknown`);
}

function parsed(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return JSON.parse(text);
  } catch {
    throw corrupt("not JSON");
  }
}

const FIELDS: Readonly<
  Record<
    keyof Omit<BlockMeta, "version" | "merged" | "distinct" | "crc32">,
    (value: unknown) => boolean
  >
> = {
  id: isId,
  tenants: (value) => Array.isArray(value) && value.length > 0 && value.every(isTenant),
  shared: (value) => typeof value === "boolean",
  spans: isCount,
  traces: isCount,
  startUnixNano: isUint64,
  endUnixNano: isUint64,
  retainFromMs: isCount,
  dataBytes: isCount,
  sidecarBytes: isCount,
  footerBytes: isCount,
  wal: (value) =>
    isRecord(value) &&
    typeof value["node"] === "string" &&
    isCount(value["from"]) &&
    isCount(value["to"]),
  createdMs: isCount,
};

function isId(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

function isMergedFrom(value: unknown): boolean {
  return (
    isRecord(value) &&
    [value["replaces"], value["siblings"]].every((ids) => Array.isArray(ids) && ids.every(isId)) &&
    isCount(value["level"]) &&
    (value["ends"] === undefined || (Array.isArray(value["ends"]) && value["ends"].every(isLogEnd)))
  );
}

function isLogEnd(value: unknown): boolean {
  return isRecord(value) && typeof value["node"] === "string" && isCount(value["to"]);
}

function isTenant(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value["name"] === "string" &&
    // It becomes a folder's name.
    value["name"].isWellFormed() &&
    ["rowFirst", "rows", "traces"].every((name) => isCount(value[name]))
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isUint64(value: unknown): boolean {
  return typeof value === "string" && /^\d{1,20}$/.test(value) && BigInt(value) < 1n << 64n;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function corrupt(reason: string): EngineError {
  return new EngineError("block_corrupt", `meta.json: ${reason}`);
}
