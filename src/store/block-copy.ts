/**
 * Brings the data of a bucket's block to a file of its own on this disk: from the cache when that
 * has all of it, else from the bucket, part by part.
 */
import { linkSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MiB } from "../base/bytes.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { type BlockCache, cachePath } from "./block-cache.ts";
import { readPart } from "./block-object.ts";
import type { ObjectStore } from "./object-store.ts";
import { DATA } from "./presence.ts";

const PART_BYTES = 8 * MiB;

/** Rejects with EngineErrors of the store, or errors of the disk. */
export async function copyBlockData(
  { store, cache }: { readonly store: ObjectStore; readonly cache: BlockCache },
  meta: BlockMeta,
  path: string,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const { presence } = cache.get(meta.id) ?? {};
  if (presence?.has(DATA, 0, meta.dataBytes)) {
    linkSync(cachePath(join(cache.root, meta.id), DATA, presence.epoch), path);
    return;
  }
  const file = await open(path, "wx");
  try {
    for (let offset = 0; offset < meta.dataBytes; offset += PART_BYTES) {
      const length = Math.min(PART_BYTES, meta.dataBytes - offset);
      for (const part of await readPart(store, meta, { file: DATA, offset, length })) {
        if (part.file !== DATA) continue;
        for (let done = 0; done < part.length; ) {
          done += (await file.write(part.bytes, done, part.length - done)).bytesWritten;
        }
      }
    }
  } finally {
    await file.close();
  }
}
