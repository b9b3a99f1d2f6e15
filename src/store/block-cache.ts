/**
 * The cache of a bucket's blocks on the local disk: sparse files, filled range by range as readers
 * ask, and whole ones, which were local before they were uploaded.
 *
 *   <root>/<id>/data.<epoch>   <root>/<id>/sidecar.<epoch>
 *
 * Files of epoch 0 are whole, and stay at a stop; those of later epochs are sparse, and of no use
 * to the next process. What is there at all stands in shared memory (presence.ts).
 *
 * Bounded in bytes: the block unused for longest loses its files first. Readers that have them open
 * go on.
 *
 * Threads: the store thread.
 */
import {
  closeSync,
  constants,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import {
  type BlockFile,
  DATA,
  PIECE_BYTES,
  type PieceRange,
  Presence,
  SIDECAR,
} from "./presence.ts";

const NAMES = ["data", "sidecar"] as const;
/** Of the bound; so that not every fetch has to make room. */
const KEPT_SHARE = 0.9;

export interface CachedBlock {
  readonly meta: BlockMeta;
  readonly presence: Presence;
}

interface Entry extends CachedBlock {
  /** On disk. */
  bytes: number;
  /** Fetches under way; the block keeps its files meanwhile. */
  busy: number;
}

/** The file of a block whose folder in the cache that is. */
export function cachePath(folder: string, file: BlockFile, epoch: number): string {
  return join(folder, `${NAMES[file]}.${epoch}`);
}

export class BlockCache {
  readonly root: string;
  readonly #bytesMax: number;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** Keeps whole files of a former process; all else in the folder goes. */
  constructor(root: string, bytesMax: number, clock: Clock) {
    this.root = root;
    this.#bytesMax = bytesMax;
    this.#clock = clock;
    mkdirSync(root, { recursive: true });
    for (const id of readdirSync(root)) {
      for (const name of readdirSync(join(root, id))) {
        if (!name.endsWith(".0")) rmSync(join(root, id, name));
      }
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): CachedBlock | undefined {
    return this.#entries.get(id);
  }

  /** A block of the bucket; what the disk has of it, if anything, is whole. */
  add(meta: BlockMeta): CachedBlock {
    const known = this.#entries.get(meta.id);
    if (known !== undefined) return known;
    const presence = Presence.create(meta);
    const entry = { meta, presence, bytes: 0, busy: 0 };
    this.#entries.set(meta.id, entry);
    const sizes = [DATA, SIDECAR].map((file) => fileBytes(this.#path(entry, file as BlockFile)));
    if (sizes[DATA] === meta.dataBytes && sizes[SIDECAR] === meta.sidecarBytes) {
      presence.markWhole();
      this.#grow(entry, meta.dataBytes + meta.sidecarBytes);
    } else this.#drop(entry);
    presence.use(this.#clock.nowMs());
    return entry;
  }

  /** Likewise, of one that was uploaded from these files: they get a second name. */
  adopt(meta: BlockMeta, paths: { readonly data: string; readonly sidecar: string }): CachedBlock {
    if (!this.#entries.has(meta.id)) {
      const folder = join(this.root, meta.id);
      mkdirSync(folder, { recursive: true });
      for (const [file, from] of [paths.data, paths.sidecar].entries()) {
        const to = cachePath(folder, file as BlockFile, 0);
        rmSync(to, { force: true });
        linkSync(from, to);
      }
    }
    return this.add(meta);
  }

  /** The block is gone from the bucket, and nobody reads it any more. */
  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#bytes -= entry.bytes;
    entry.presence.nextEpoch();
    rmSync(join(this.root, id), { recursive: true, force: true });
  }

  /** After all blocks were added: folders of others are left-overs. */
  removeUnknown(): void {
    for (const id of readdirSync(this.root)) {
      if (!this.#entries.has(id)) rmSync(join(this.root, id), { recursive: true, force: true });
    }
  }

  /** While the work runs the block keeps its files. */
  async holding<T>({ meta }: CachedBlock, work: () => Promise<T>): Promise<T> {
    const entry = this.#entries.get(meta.id);
    if (entry === undefined) throw new EngineError("not_found", `block ${meta.id} is gone`);
    entry.busy++;
    try {
      return await work();
    } finally {
      entry.busy--;
      this.#makeRoom();
    }
  }

  /** Only in holding(). */
  write(block: CachedBlock, { file, run, parts }: Pieces): void {
    const entry = this.#entries.get(block.meta.id);
    // It may have been removed while the bytes were on their way.
    if (entry === undefined) return;
    assert(entry.busy > 0, "cache: written without a hold");
    mkdirSync(join(this.root, entry.meta.id), { recursive: true });
    const target = openSync(this.#path(entry, file), constants.O_RDWR | constants.O_CREAT);
    try {
      ftruncateSync(target, entry.presence.size(file));
      for (const { offset, bytes } of parts) {
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(target, bytes, done, bytes.length - done, offset + done);
        }
      }
    } finally {
      closeSync(target);
    }
    this.#grow(entry, entry.presence.mark(file, run) * PIECE_BYTES);
  }

  #grow(entry: Entry, bytes: number): void {
    entry.bytes += bytes;
    this.#bytes += bytes;
  }

  #path({ meta, presence }: Entry, file: BlockFile): string {
    return cachePath(join(this.root, meta.id), file, presence.epoch);
  }

  #makeRoom(): void {
    if (this.#bytes <= this.#bytesMax) return;
    const oldestFirst = [...this.#entries.values()]
      .filter(({ bytes, busy }) => bytes > 0 && busy === 0)
      .toSorted((a, b) => a.presence.usedSeconds - b.presence.usedSeconds);
    for (const entry of oldestFirst) {
      if (this.#bytes <= this.#bytesMax * KEPT_SHARE) return;
      this.#drop(entry);
    }
  }

  #drop(entry: Entry): void {
    const paths = [this.#path(entry, DATA), this.#path(entry, SIDECAR)];
    entry.presence.nextEpoch();
    for (const path of paths) rmSync(path, { force: true });
    this.#bytes -= entry.bytes;
    entry.bytes = 0;
  }
}

/** All bytes of a run of pieces. */
export interface Pieces {
  readonly file: BlockFile;
  readonly run: PieceRange;
  readonly parts: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

function fileBytes(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
