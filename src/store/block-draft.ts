/**
 * Blocks that are being written: two files each that grow, then a meta that makes them a block.
 *
 * publishDrafts(), each step of all of them after the one before it is durable:
 *   data.parquet, sidecar.bin · their names, and the folders above · meta.json.tmp · meta.json
 *
 * Together, as a sync takes along what was written before it: those behind the first of a step
 * have next to nothing to wait for. A stop before the last step leaves folders without meta.json,
 * which are none; in it, whole blocks and such folders. An error anywhere makes the drafts useless:
 * a sync that failed is not tried again on the same file, because Linux then forgets what it could
 * not write. The caller abandons the drafts and writes the blocks anew.
 */
import { assert } from "../base/assert.ts";
import { KiB } from "../base/bytes.ts";
import { freeBytes } from "../base/free-bytes.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { BlockDisk, BlockFile } from "./block-disk.ts";

export const DATA_FILE = "data.parquet";
export const SIDECAR_FILE = "sidecar.bin";
export const META_FILE = "meta.json";
const META_TEMPORARY = "meta.json.tmp";

/** Pages come in pieces of a few kilobytes; each draft of a cut has two of these buffers. */
const BUFFER_BYTES = 256 * KiB;

export class BlockDraft {
  readonly data: FileSink;
  readonly sidecar: FileSink;
  readonly #disk: BlockDisk;
  readonly #folder: string;

  /** `folder` is empty. */
  constructor(disk: BlockDisk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.data = new FileSink(disk.create(`${folder}/${DATA_FILE}`));
    try {
      this.sidecar = new FileSink(disk.create(`${folder}/${SIDECAR_FILE}`));
    } catch (error) {
      this.data.close();
      throw error;
    }
  }

  get folder(): string {
    return this.#folder;
  }

  syncFiles(): void {
    this.data.finish();
    this.sidecar.finish();
  }

  writeMeta(meta: BlockMeta): void {
    const file = new FileSink(this.#disk.create(`${this.#folder}/${META_TEMPORARY}`));
    try {
      file.append(new TextEncoder().encode(`${JSON.stringify(meta, undefined, 1)}\n`));
      file.finish();
    } finally {
      file.close();
    }
  }

  nameMeta(): void {
    this.#disk.rename(`${this.#folder}/${META_TEMPORARY}`, `${this.#folder}/${META_FILE}`);
  }

  /** Removes what was written. */
  abandon(): void {
    this.data.close();
    this.sidecar.close();
    removeBlock(this.#disk, this.#folder);
  }
}

/** A draft, and what there is to say of the block. */
export interface FinishedDraft {
  readonly draft: BlockDraft;
  readonly meta: BlockMeta;
}

/** Makes all of them durable, the metas last; the blocks are live when this returns. */
export function publishDrafts(disk: BlockDisk, finished: readonly FinishedDraft[]): void {
  for (const { draft, meta } of finished) {
    assert(draft.data.bytes === meta.dataBytes, "block: not the data that the meta tells of");
    assert(draft.sidecar.bytes === meta.sidecarBytes, "block: not the sidecar of the meta");
    draft.data.flush();
    draft.sidecar.flush();
  }
  const folders = finished.map(({ draft }) => draft.folder);
  for (const { draft } of finished) draft.syncFiles();
  for (const folder of upwards(folders)) disk.syncFolder(folder);
  for (const { draft, meta } of finished) draft.writeMeta(meta);
  for (const { draft } of finished) draft.nameMeta();
  for (const folder of folders) disk.syncFolder(folder);
}

/** A file that grows by whole buffers. What is appended is copied, or written before it returns. */
class FileSink {
  readonly #file: BlockFile;
  #buffer: Uint8Array | undefined;
  #buffered = 0;
  #open = true;
  #bytes = 0;

  constructor(file: BlockFile) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(bytes: Uint8Array): void {
    assert(this.#open, "block: file is closed");
    this.#bytes += bytes.length;
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length >= BUFFER_BYTES) {
      this.#file.write(bytes);
      return;
    }
    this.#buffer ??= new Uint8Array(BUFFER_BYTES);
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  finish(): void {
    this.flush();
    this.#file.sync();
    this.close();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#buffer !== undefined) freeBytes(this.#buffer);
    this.#buffer = undefined;
    this.#file.close();
  }

  flush(): void {
    if (this.#buffer === undefined || this.#buffered === 0) return;
    this.#file.write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }
}

/** Folders, and those above them, deepest first: the name of any of them may be new. */
function upwards(folders: readonly string[]): readonly string[] {
  const all = folders.flatMap((folder) => {
    const parts = folder.split("/");
    return parts.map((_, count) => parts.slice(0, count + 1).join("/"));
  });
  const depth = (folder: string) => folder.split("/").length;
  return [...new Set(all)].sort((a, b) => depth(b) - depth(a)).concat("");
}

/** The meta goes first, durably: from then on it is no block. Strange files keep their folder. */
export function removeBlock(disk: BlockDisk, folder: string): void {
  const names = disk.list(folder);
  if (names.includes(META_FILE)) {
    disk.unlink(`${folder}/${META_FILE}`);
    disk.syncFolder(folder);
  }
  for (const name of [META_TEMPORARY, SIDECAR_FILE, DATA_FILE]) {
    if (names.includes(name)) disk.unlink(`${folder}/${name}`);
  }
  if (disk.list(folder).length > 0) return;
  if (disk.list(parentOf(folder)).includes(nameOf(folder))) disk.removeFolder(folder);
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
