/**
 * Blocks as folders of a local disk.
 *
 *   single/<tenant>/<id>/   shared/<id>/      each with data.parquet, sidecar.bin and meta.json
 *
 * Invariants:
 * (1) A folder is a block when it has a meta.json, which is written last and removed first.
 * (2) What list() and find() return is durable, also when the process that wrote it was killed
 *     between its last rename and its last sync: they sync the folder before they trust it. All
 *     else was durable before the rename.
 * (3) A meta that cannot be read is never removed: a person may still save its data.
 *
 * Threads: one writer. Errors of the operating system pass through as they are.
 */
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import { EngineError } from "../base/error.ts";
import { type BlockMeta, blockPath, readBlockMeta } from "../model/block-meta.ts";
import { type BlockDisk, blockDisk } from "./block-disk.ts";
import {
  BlockDraft,
  DATA_FILE,
  META_FILE,
  nameOf,
  parentOf,
  removeBlock,
  SIDECAR_FILE,
} from "./block-draft.ts";

/** What tells where a block lies. */
export type BlockName = Pick<BlockMeta, "id" | "shared" | "tenants">;

const ID = /^[0-9a-f]{32}$/;

export class DiskStore {
  readonly #root: string;
  readonly #disk: BlockDisk;
  /** Folders whose publish failed half-way: their meta may be there and yet not be durable. */
  readonly #doubtful = new Set<string>();
  #damaged: readonly EngineError[] = [];

  constructor(localPath: string, disk: BlockDisk = blockDisk(localPath)) {
    this.#root = localPath;
    this.#disk = disk;
  }

  /** What the last list() skipped, each error with the folder and the reason. */
  get damaged(): readonly EngineError[] {
    return this.#damaged;
  }

  /** The folder of a block, as a path of the file system. */
  folderOf(name: BlockName): string {
    return join(this.#root, blockPath(name));
  }

  /** The meta of a block that is there already. */
  find(name: BlockName): BlockMeta | undefined {
    const folder = blockPath(name);
    if (this.#doubtful.has(folder)) return undefined;
    const meta = this.#read(folder);
    if (meta === undefined || meta instanceof EngineError) return undefined;
    this.#disk.syncFolder(folder);
    return meta;
  }

  /** Starts a block anew, in place of anything unfinished of the same name. */
  begin(name: BlockName): BlockDraft {
    const folder = blockPath(name);
    this.#clear(folder);
    const parts = folder.split("/");
    for (const [i] of parts.entries()) this.#disk.makeFolder(parts.slice(0, i + 1).join("/"));
    this.#doubtful.add(folder);
    return new StoredDraft(this.#disk, folder, () => this.#doubtful.delete(folder));
  }

  /** All blocks, by folder. Damaged ones are left out, and told by `damaged`. */
  list(): BlockMeta[] {
    const metas: BlockMeta[] = [];
    const damaged: EngineError[] = [];
    for (const folder of this.#folders()) {
      const meta = this.#read(folder);
      if (meta === undefined) continue;
      if (meta instanceof EngineError) damaged.push(meta);
      else {
        this.#disk.syncFolder(folder);
        metas.push(meta);
      }
    }
    this.#damaged = damaged;
    return metas;
  }

  /** Removes what a stop left unfinished. Only at start: it does not know of drafts. */
  sweep(): void {
    for (const folder of this.#folders()) {
      if (!this.#disk.list(folder).includes(META_FILE)) removeBlock(this.#disk, folder);
    }
  }

  /** Again after an error, until it returns. */
  remove(name: BlockName): void {
    removeBlock(this.#disk, blockPath(name));
  }

  #folders(): string[] {
    const below = (folder: string) => this.#disk.list(folder).map((name) => `${folder}/${name}`);
    const folders = [...below("shared"), ...below("single").flatMap(below)];
    return folders.filter((folder) => ID.test(nameOf(folder)));
  }

  /** undefined when there is no block, an error when there is one that cannot be read. */
  #read(folder: string): BlockMeta | EngineError | undefined {
    const bytes = this.#disk.read(`${folder}/${META_FILE}`);
    if (bytes === undefined) return undefined;
    try {
      const meta = readBlockMeta(bytes);
      if (blockPath(meta) !== folder) throw corrupt("meta.json is of another block");
      const sizes = { [DATA_FILE]: meta.dataBytes, [SIDECAR_FILE]: meta.sidecarBytes };
      for (const [name, size] of Object.entries(sizes)) {
        const found = this.#disk.size(`${folder}/${name}`);
        if (found !== size) throw corrupt(`${name} has ${found ?? "no"} bytes instead of ${size}`);
      }
      return meta;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return new EngineError(error.code, `block ${folder}: ${error.message}`, { cause: error });
    }
  }

  /** A whole block in the way is a bug of the caller, a damaged one is moved aside. */
  #clear(folder: string): void {
    const found = this.#doubtful.has(folder) ? undefined : this.#read(folder);
    if (found instanceof EngineError) {
      this.#disk.rename(folder, this.#freeName(folder));
      this.#disk.syncFolder(parentOf(folder));
      return;
    }
    assert(found === undefined, "store: the block is there already");
    removeBlock(this.#disk, folder);
  }

  #freeName(folder: string): string {
    const taken = this.#disk.list(parentOf(folder));
    let number = 1;
    while (taken.includes(`${nameOf(folder)}.damaged-${number}`)) number++;
    return `${folder}.damaged-${number}`;
  }
}

/** Tells the store when it is certain again what the folder holds. */
class StoredDraft extends BlockDraft {
  readonly #settled: () => void;

  constructor(disk: BlockDisk, folder: string, settled: () => void) {
    super(disk, folder);
    this.#settled = settled;
  }

  override publish(meta: BlockMeta): void {
    super.publish(meta);
    this.#settled();
  }

  override abandon(): void {
    super.abandon();
    this.#settled();
  }
}

function corrupt(message: string): EngineError {
  return new EngineError("block_corrupt", message);
}
