/**
 * A block that is being written: two files that grow, then a meta that makes them a block.
 *
 * publish(), each step after the one before it is durable:
 *   data.parquet, sidecar.bin · their names, and the folders above · meta.json.tmp · meta.json
 *
 * A stop before the last step leaves a folder without meta.json, which is none; after it, a whole
 * block. An error anywhere makes the draft useless: a sync that failed is not tried again on the
 * same file, because Linux then forgets what it could not write. The caller abandons the draft and
 * writes the block anew.
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

  /** Makes all of it durable, the meta last; the block is live when this returns. */
  publish(meta: BlockMeta): void {
    assert(this.data.bytes === meta.dataBytes, "block: not the data that the meta tells of");
    assert(this.sidecar.bytes === meta.sidecarBytes, "block: not the sidecar of the meta");
    this.data.finish();
    this.sidecar.finish();
    syncUpwards(this.#disk, this.#folder);
    const temporary = `${this.#folder}/${META_TEMPORARY}`;
    const file = new FileSink(this.#disk.create(temporary));
    try {
      file.append(new TextEncoder().encode(`${JSON.stringify(meta, undefined, 1)}\n`));
      file.finish();
    } finally {
      file.close();
    }
    this.#disk.rename(temporary, `${this.#folder}/${META_FILE}`);
    this.#disk.syncFolder(this.#folder);
  }

  /** Removes what was written. */
  abandon(): void {
    this.data.close();
    this.sidecar.close();
    removeBlock(this.#disk, this.#folder);
  }
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
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length >= BUFFER_BYTES) {
      this.#file.write(bytes);
      return;
    }
    this.#buffer ??= new Uint8Array(BUFFER_BYTES);
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  finish(): void {
    this.#flush();
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

  #flush(): void {
    if (this.#buffer === undefined || this.#buffered === 0) return;
    this.#file.write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }
}

/** The folder's names, and its own in the folders above it: any of them may be new. */
function syncUpwards(disk: BlockDisk, folder: string): void {
  const parts = folder.split("/");
  for (let count = parts.length; count >= 0; count--) {
    disk.syncFolder(parts.slice(0, count).join("/"));
  }
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
