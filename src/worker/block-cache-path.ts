import { join } from "node:path";

/** The cache of a bucket's blocks: below the folder of local blocks, which has one process. */
export function blockCachePath(localPath: string): string {
  return join(localPath, "cache");
}

/** What is being merged of a bucket's blocks: empty at a start. */
export function mergePath(localPath: string): string {
  return join(localPath, "merging");
}
