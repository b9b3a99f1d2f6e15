/**
 * A block's two files as one object, which is Parquet still: the sidecar lies in front of the
 * footer, where nothing of the data points to.
 *
 *   blocks/<id>/block.parquet := data without its footer · sidecar · footer, its length, magic
 *
 * One object a block less to write; and footer, page index and sidecar, which most first questions
 * need of a block, are one read.
 */
import { EngineError } from "../base/error.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import { blockKey, dataKey, sidecarKey } from "./bucket-keys.ts";
import type { FileSlice } from "./file-slices.ts";
import type { ByteRange, ObjectStore } from "./object-store.ts";
import { type BlockFile, DATA, SIDECAR } from "./presence.ts";

type Sized = Pick<BlockMeta, "id" | "dataBytes" | "sidecarBytes" | "footerBytes">;

/** Of the footer's length and the magic, with which a Parquet file ends. */
const END_BYTES = 8;

export interface BlockPart extends ByteRange {
  readonly file: BlockFile;
}

/** Where the sidecar begins, and in the data what lies behind it. */
export function sidecarAt({ dataBytes, footerBytes }: Sized): number {
  return Math.max(0, dataBytes - footerBytes - END_BYTES);
}

export function objectSlices(
  meta: Sized,
  { dataPath, sidecarPath }: { readonly dataPath: string; readonly sidecarPath: string },
): FileSlice[] {
  const at = sidecarAt(meta);
  return [
    { path: dataPath, offset: 0, length: at },
    { path: sidecarPath, offset: 0, length: meta.sidecarBytes },
    { path: dataPath, offset: at, length: meta.dataBytes - at },
  ];
}

/** What lies in a range of the object, in its order: some of the data, the sidecar, the footer. */
export function partsIn(meta: Sized, { offset, length }: ByteRange): BlockPart[] {
  const at = sidecarAt(meta);
  const places = [
    { file: DATA, first: 0, from: 0, bytes: at },
    { file: SIDECAR, first: at, from: 0, bytes: meta.sidecarBytes },
    { file: DATA, first: at + meta.sidecarBytes, from: at, bytes: meta.dataBytes - at },
  ] as const;
  return places.flatMap(({ file, first, from, bytes }): BlockPart[] => {
    const begin = Math.max(offset, first);
    const end = Math.min(offset + length, first + bytes);
    return begin < end ? [{ file, offset: from + begin - first, length: end - begin }] : [];
  });
}

/** The range of the object that has a part of a file, and the sidecar where it lies inside. */
export function rangeOf(meta: Sized, { file, offset, length }: BlockPart): ByteRange {
  const at = sidecarAt(meta);
  if (file === SIDECAR) return { offset: at + offset, length };
  if (offset + length <= at) return { offset, length };
  if (offset >= at) return { offset: offset + meta.sidecarBytes, length };
  return { offset, length: length + meta.sidecarBytes };
}

export interface ReadPart extends BlockPart {
  readonly bytes: Uint8Array;
}

/** What is asked for, in one part or two, and what lies between these. Throws EngineErrors. */
export async function readPart(
  store: ObjectStore,
  meta: Sized,
  part: BlockPart,
): Promise<ReadPart[]> {
  const range = rangeOf(meta, part);
  try {
    const bytes = await store.getRange(blockKey(meta), range);
    let at = 0;
    return partsIn(meta, range).map((one) => {
      const from = at;
      at += one.length;
      return { ...one, bytes: bytes.subarray(from, at) };
    });
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
    const old = await readSeparate(store, meta, part);
    if (old === undefined) throw error;
    return [old];
  }
}

/** Of a block that was written when its files were an object each; undefined: it was not. */
async function readSeparate(
  store: ObjectStore,
  meta: Sized,
  part: BlockPart,
): Promise<ReadPart | undefined> {
  const { file, offset, length } = part;
  const key = file === DATA ? dataKey(meta) : sidecarKey(meta);
  try {
    return { ...part, bytes: await store.getRange(key, { offset, length }) };
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
    return undefined;
  }
}
