/**
 * Brings a block of the local disk into a bucket: its object first, then its meta, if there is
 * none. So a block that others see is whole, and one that was cut off half-way is none.
 *
 * Objects without a meta are swept when they are older than a grace time. So the meta must follow
 * them in less: objects whose upload took longer are put again.
 */
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { type BlockMeta, readBlockMeta } from "../model/block-meta.ts";
import { objectSlices } from "./block-object.ts";
import { blockKey, metaKey } from "./bucket-keys.ts";
import type { ObjectStore } from "./object-store.ts";

export interface LocalBlock {
  readonly meta: BlockMeta;
  readonly dataPath: string;
  readonly sidecarPath: string;
}

export interface PublishOptions {
  readonly clock: Clock;
  /** Well below the grace time of the sweep. */
  readonly objectsMsMax: number;
}

/**
 * Returns the meta that the bucket has now: the one given, or that of an earlier time when the
 * block was there already. Again after an error, until it returns.
 */
export async function publishBlock(
  store: ObjectStore,
  block: LocalBlock,
  options: PublishOptions,
): Promise<BlockMeta> {
  const { meta } = block;
  // Files of the same id that were cut anew need not have the same bytes.
  const there = await publishedMeta(store, meta);
  if (there !== undefined) return there;
  await putBlock(store, block, options);
  if (await store.putIfAbsent(metaKey(meta), metaBytes(meta))) return meta;
  const found = await publishedMeta(store, meta);
  if (found === undefined) throw new EngineError("not_found", `${metaKey(meta)} came and went`);
  return found;
}

/** The object of a block without its meta, as for an output of compaction. */
export async function putBlock(
  store: ObjectStore,
  { meta, ...paths }: LocalBlock,
  { clock, objectsMsMax }: PublishOptions,
): Promise<void> {
  const slices = objectSlices(meta, paths);
  for (;;) {
    const beganMs = clock.nowMs();
    await store.putSlices(blockKey(meta), slices);
    if (clock.nowMs() - beganMs < objectsMsMax) return;
  }
}

/** undefined: the block is not published under a meta of its own. */
export async function publishedMeta(
  store: ObjectStore,
  block: Pick<BlockMeta, "id">,
): Promise<BlockMeta | undefined> {
  const bytes = await store.get(metaKey(block));
  return bytes && readBlockMeta(bytes);
}

function metaBytes(meta: BlockMeta): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(meta, undefined, 1)}\n`);
}
