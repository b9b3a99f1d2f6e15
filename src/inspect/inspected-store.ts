/**
 * The blocks that a configuration names, for reading alone: those of the local folder, and those
 * of the bucket when there is one. Nothing is created, synced, locked or removed.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MiB } from "../base/bytes.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { liveBlocks } from "../compact/live-blocks.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { blockDisk } from "../store/block-disk.ts";
import { DATA_FILE, SIDECAR_FILE } from "../store/block-draft.ts";
import { readPart } from "../store/block-object.ts";
import { blockKey, INDEX_PREFIX } from "../store/bucket-keys.ts";
import { BucketList } from "../store/bucket-list.ts";
import { readIndexHeader } from "../store/index-segment.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { type BlockFile, DATA, SIDECAR } from "../store/presence.ts";
import { DiskStore } from "../store/store-disk.ts";
import { type Finding, type Findings, finding } from "./finding.ts";
import type { BlockOnDisk } from "./verify-block.ts";
import { verifyObjects } from "./verify-objects.ts";

/** Of an object at a time. */
const COPIED_BYTES = 8 * MiB;

export interface StorePlaces {
  readonly localPath: string;
  /** undefined: blocks are kept on the local disk. */
  readonly bucket: ObjectStore | undefined;
}

export interface InspectedBlock {
  readonly meta: BlockMeta;
  readonly isInBucket: boolean;
}

export interface InspectedBlocks {
  readonly blocks: readonly InspectedBlock[];
  /** Metas that cannot be read, and the like. */
  readonly damaged: readonly Finding[];
}

export class InspectedStore {
  readonly #places: StorePlaces;
  /** Of the bucket; it tells of each damaged object once. */
  readonly #list: BucketList | undefined;
  readonly #damaged: Finding[] = [];

  constructor(places: StorePlaces) {
    this.#places = places;
    const { bucket } = places;
    if (bucket !== undefined) this.#list = new BucketList(bucket, loggerTo(this.#damaged));
  }

  /** Live blocks by their earliest time. Throws EngineError when it cannot be read. */
  async list(): Promise<InspectedBlocks> {
    const { localPath, bucket } = this.#places;
    const damaged: Finding[] = [];
    const local = this.#local(damaged);
    await this.#list?.poll();
    const remote = [...(this.#list?.live.values() ?? [])];
    damaged.push(...this.#damaged.splice(0));
    const ids = new Set(remote.map(({ id }) => id));
    if (bucket === undefined && !existsSync(localPath)) {
      throw new EngineError("not_found", `there is no folder ${localPath}`);
    }
    const blocks = [
      ...remote.map((meta) => ({ meta, isInBucket: true })),
      ...local.filter(({ id }) => !ids.has(id)).map((meta) => ({ meta, isInBucket: false })),
    ];
    return { blocks: blocks.toSorted(byTime), damaged };
  }

  /** Hands over the block's files on this disk; those of a bucket are copied for that time. */
  async withFiles(block: InspectedBlock, use: (block: BlockOnDisk) => void): Promise<void> {
    const { meta } = block;
    const { bucket } = this.#places;
    if (!block.isInBucket || bucket === undefined) {
      const folder = this.folderOf(meta);
      use({ folder, meta, nameOf: (file) => join(folder, file) });
      return;
    }
    const folder = mkdtempSync(join(tmpdir(), "vivace-verify-"));
    try {
      await copy(bucket, meta, { file: DATA, path: join(folder, DATA_FILE) });
      await copy(bucket, meta, { file: SIDECAR, path: join(folder, SIDECAR_FILE) });
      use({ folder, meta, nameOf: (file) => `${blockKey(meta)}, ${file}` });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Segments of the bucket's index, which repeat metas and filters of blocks. */
  async verifyIndex(findings: Findings): Promise<void> {
    const { bucket } = this.#places;
    if (bucket === undefined) return;
    for await (const page of bucket.list(INDEX_PREFIX)) {
      for (const { key } of page) {
        const bytes = await bucket.get(key);
        // Newer ones replace it now and then.
        if (bytes !== undefined) finding(findings, key, () => checkIndexSegment(bytes));
      }
    }
  }

  /** Keys of the bucket's objects that are of no block; see verify-objects.ts. */
  async verifyObjects(findings: Findings): Promise<readonly string[]> {
    const { bucket } = this.#places;
    if (bucket === undefined || this.#list === undefined) return [];
    return await verifyObjects(bucket, this.#list, findings);
  }

  folderOf(meta: BlockMeta): string {
    return this.#disk().folderOf(meta);
  }

  /** Whether a local block is still there, or was removed since it was listed. */
  isThere(meta: BlockMeta): boolean {
    return existsSync(join(this.folderOf(meta), "meta.json"));
  }

  #disk(): DiskStore {
    const { localPath } = this.#places;
    return new DiskStore(localPath, { ...blockDisk(localPath), syncFolder: () => {} });
  }

  #local(damaged: Finding[]): BlockMeta[] {
    const { localPath } = this.#places;
    if (!existsSync(localPath)) return [];
    if (!statSync(localPath).isDirectory()) {
      throw new EngineError("not_found", `${localPath} is no folder`);
    }
    const disk = this.#disk();
    const metas = disk.list();
    for (const { message } of disk.damaged) {
      const [, folder, reason] = /^block (.+?): (.*)$/s.exec(message) ?? ["", "", "", message];
      damaged.push({ object: join(localPath, folder), reason });
    }
    return [...liveBlocks(metas).live];
  }
}

function loggerTo(damaged: Finding[]): Logger {
  const ignore = () => {};
  const tell: Logger["error"] = (_, fields) => {
    damaged.push({ object: String(fields?.["key"]), reason: String(fields?.["reason"]) });
  };
  return { debug: ignore, info: ignore, warn: ignore, error: tell };
}

function checkIndexSegment(segment: Uint8Array): void {
  for (const { meta, offset, bytes, crc } of readIndexHeader(segment, segment.length)) {
    const filter = segment.slice(offset, offset + bytes);
    if (Bun.hash.crc32(filter) === crc) continue;
    throw new EngineError("block_corrupt", `bloom filter crc of block ${meta.id}`);
  }
}

function byTime({ meta: a }: InspectedBlock, { meta: b }: InspectedBlock): number {
  const order = BigInt(a.startUnixNano) - BigInt(b.startUnixNano);
  return order === 0n ? (a.id < b.id ? -1 : 1) : order < 0n ? -1 : 1;
}

async function copy(
  store: ObjectStore,
  meta: BlockMeta,
  { file: which, path }: { readonly file: BlockFile; readonly path: string },
): Promise<void> {
  const bytes = which === DATA ? meta.dataBytes : meta.sidecarBytes;
  const file = await open(path, "wx");
  try {
    for (let offset = 0; offset < bytes; offset += COPIED_BYTES) {
      const length = Math.min(COPIED_BYTES, bytes - offset);
      for (const part of await readPart(store, meta, { file: which, offset, length })) {
        if (part.file === which) await file.write(part.bytes);
      }
    }
  } finally {
    await file.close();
  }
}

/** What is damaged is told, block after block. */
export function tellAll(findings: Findings, damaged: readonly Finding[]): void {
  for (const one of damaged) findings.add(one);
}
