/**
 * What one block says about itself, as it stands in its meta.json. The file is written last; its
 * presence makes the block live.
 */
export const BLOCK_META_VERSION = 1;

export interface BlockTenant {
  readonly name: string;
  /** The tenant's rows are rowFirst … rowFirst + rows - 1 of the data file. */
  readonly rowFirst: number;
  readonly rows: number;
  readonly traces: number;
}

export interface BlockMeta {
  readonly version: typeof BLOCK_META_VERSION;
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
}

/** Where a block lies below the data folder. */
export function blockPath(meta: Pick<BlockMeta, "id" | "shared" | "tenants">): string {
  return meta.shared ? `shared/${meta.id}` : `single/${folderOf(meta.tenants[0].name)}/${meta.id}`;
}

/** A tenant's name as one path element, whatever it holds. */
function folderOf(tenant: string): string {
  return encodeURIComponent(tenant).replace(/^\.+$/, (dots) => "%2E".repeat(dots.length));
}

/** The meta in a file's text, or undefined when it is not one that this version reads. */
export function parseBlockMeta(text: string): BlockMeta | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isBlockMeta(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isBlockMeta(value: unknown): value is BlockMeta {
  if (!isRecord(value)) return false;
  const { version, id, tenants, shared, wal } = value;
  const numbers = ["spans", "traces", "retainFromMs", "dataBytes", "sidecarBytes", "footerBytes"];
  return (
    version === BLOCK_META_VERSION &&
    typeof id === "string" &&
    /^[0-9a-f]{32}$/.test(id) &&
    typeof shared === "boolean" &&
    [...numbers, "createdMs"].every((name) => Number.isSafeInteger(value[name])) &&
    [value["startUnixNano"], value["endUnixNano"]].every(isDecimal) &&
    Array.isArray(tenants) &&
    tenants.length > 0 &&
    tenants.every(isTenant) &&
    isRecord(wal) &&
    typeof wal["node"] === "string" &&
    Number.isSafeInteger(wal["from"]) &&
    Number.isSafeInteger(wal["to"])
  );
}

function isTenant(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value["name"] === "string" &&
    ["rowFirst", "rows", "traces"].every((name) => Number.isSafeInteger(value[name]))
  );
}

function isDecimal(value: unknown): boolean {
  return typeof value === "string" && /^\d{1,20}$/.test(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
