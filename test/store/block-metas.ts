/** Metas for tests that look at nothing but them. */
import type { BlockMeta } from "../../src/model/block-meta.ts";

export function idOf(number: number): string {
  return number.toString(16).padStart(32, "0");
}

export function metaOf(number: number, fields: Partial<BlockMeta> = {}): BlockMeta {
  return {
    version: 1,
    id: idOf(number),
    tenants: [{ name: "shop", rowFirst: 0, rows: 10, traces: 2 }],
    shared: false,
    spans: 10,
    traces: 2,
    startUnixNano: "1700000000000000000",
    endUnixNano: "1700000060000000000",
    retainFromMs: 1_700_000_060_000,
    dataBytes: 1000,
    sidecarBytes: 112,
    footerBytes: 300,
    wal: { node: "n", from: number * 100, to: number * 100 + 100 },
    createdMs: 1_700_000_061_000,
    ...fields,
  };
}

export function metaBytes(meta: BlockMeta): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(meta));
}
