/** Walks the objects of a disk in the order of their keys, without the whole list in memory. */
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { compareKeys, type ObjectInfo } from "./object-store.ts";

/** Files that are being written; no key begins with it. */
export const UNFINISHED_FOLDER = ".unfinished";

export interface Listing {
  readonly prefix: string;
  readonly after?: string | undefined;
}

export function walkObjects(root: string, listing: Listing): AsyncIterable<ObjectInfo> {
  return walk(root, "", listing);
}

/** `folder` is empty or ends in a slash. */
async function* walk(root: string, folder: string, listing: Listing): AsyncIterable<ObjectInfo> {
  for (const path of await pathsOf(root, folder)) {
    if (!mayHold(path, listing)) continue;
    if (path.endsWith("/")) {
      yield* walk(root, path, listing);
      continue;
    }
    const found = await stat(join(root, path), { bigint: true }).catch(undefinedIfMissing);
    if (found === undefined) continue;
    const etag = `${found.ino}-${found.mtimeNs}-${found.size}`;
    const modifiedMs = Number(found.mtimeNs / 1_000_000n);
    yield { key: path, bytes: Number(found.size), etag, modifiedMs };
  }
}

/** Sorted as keys are: a folder stands where its slash puts it, `a-b` before `a/b`. */
async function pathsOf(root: string, folder: string): Promise<string[]> {
  const paths: string[] = [];
  const entries = await opendir(join(root, folder)).catch(undefinedIfMissing);
  if (entries === undefined) return paths;
  for await (const entry of entries) {
    const path = `${folder}${entry.name}`;
    if (path === UNFINISHED_FOLDER) continue;
    paths.push(entry.isDirectory() ? `${path}/` : path);
  }
  return paths.sort(compareKeys);
}

/** Whether a key, or some key in a folder, begins with the prefix and comes after `after`. */
function mayHold(path: string, { prefix, after }: Listing): boolean {
  const isFolder = path.endsWith("/");
  const fits = path.startsWith(prefix) || (isFolder && prefix.startsWith(path));
  if (!fits || after === undefined) return fits;
  return (isFolder && after.startsWith(path)) || compareKeys(path, after) > 0;
}

/** Deleted while it was walked over. */
function undefinedIfMissing(error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
}
