/** What stores in a bucket have in common about local files and short objects. */
import { stat } from "node:fs/promises";
import { EngineError } from "../base/error.ts";
import type { ByteRange } from "./object-store.ts";

/** In the bucket, so that what others keep under the same prefix is passed over, by both. */
const OWN_FOLDER = "vivace";

/** What stands before our keys in a bucket. */
export function bucketPrefix(prefix: string): string {
  return prefix === "" ? `${OWN_FOLDER}/` : `${prefix}/${OWN_FOLDER}/`;
}

/** disk_failed when there is no such file. */
export async function fileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError("disk_failed", reason, { cause: error });
  }
}

export function tooShort(key: string, { offset, length }: ByteRange, came: number): EngineError {
  const wanted = `${length} bytes from ${offset}`;
  return new EngineError("block_corrupt", `object ${key}: ${wanted} were asked for, ${came} came`);
}
