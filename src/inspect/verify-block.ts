/**
 * One block on the local disk, every byte of it: checksums, and that data, sidecar and meta say
 * the same. In memory are a page, a dictionary, and some words a row and a trace.
 *
 * Damage is told as findings, and as much as possible is looked at behind it. Errors of reading
 * itself pass.
 */
import { join } from "node:path";
import { blockCorrupt } from "../block/block-error.ts";
import { layoutOf } from "../block/block-layout.ts";
import { DATA_FILE, SIDECAR_FILE } from "../block/block-read.ts";
import { FileCache } from "../block/file-cache.ts";
import { readDataFile } from "../block/parquet-footer-read.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { type BlockFile, dataFileGaps } from "./data-file-gaps.ts";
import { type Findings, finding } from "./finding.ts";
import { type BlockColumns, verifyColumns } from "./verify-columns.ts";
import { verifySidecar } from "./verify-sidecar.ts";

export interface BlockOnDisk {
  readonly folder: string;
  readonly meta: BlockMeta;
  /** How findings name a file of the block. */
  readonly nameOf: (file: string) => string;
}

/** `onBytes` is told what was read, for progress. */
export function verifyBlock(
  block: BlockOnDisk,
  findings: Findings,
  onBytes: (bytes: number) => void,
): void {
  const files = new FileCache(4);
  try {
    const columns = verifyData(files, block, { findings, onBytes });
    const name = block.nameOf(SIDECAR_FILE);
    const path = join(block.folder, SIDECAR_FILE);
    finding(findings, name, () => {
      verifySidecar({ files, path, meta: block.meta, traces: columns?.traces });
    });
    onBytes(block.meta.sidecarBytes);
  } finally {
    files.forget("");
  }
}

function verifyData(
  files: FileCache,
  { folder, meta, nameOf }: BlockOnDisk,
  to: { readonly findings: Findings; readonly onBytes: (bytes: number) => void },
): BlockColumns | undefined {
  const { findings, onBytes } = to;
  const path = join(folder, DATA_FILE);
  const object = nameOf(DATA_FILE);
  const opened = finding(findings, object, (): BlockFile => {
    const size = files.size(path);
    if (size !== meta.dataBytes) throw differs("bytes", size, meta.dataBytes);
    const file = readDataFile(files, path);
    if (file.rows !== meta.spans) throw differs("rows", file.rows, meta.spans);
    // The chunk's columns are those that the format has.
    layoutOf(file);
    return { path, file, meta };
  });
  if (opened === undefined) {
    onBytes(meta.dataBytes);
    return undefined;
  }
  finding(findings, object, () => dataFileGaps(files, opened));
  let told = 0;
  const columns = verifyColumns(files, opened, {
    findings,
    object,
    onBytes: (bytes) => {
      told += bytes;
      onBytes(bytes);
    },
  });
  onBytes(meta.dataBytes - told);
  return columns;
}

function differs(what: string, found: number, wanted: number) {
  return blockCorrupt(`data file has ${found} ${what}, the meta says ${wanted}`);
}
