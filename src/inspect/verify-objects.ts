/**
 * Objects of a bucket's blocks as a listing shows them. Whoever reads a block by its meta does not
 * see what its object has beyond that, nor which objects nobody names any more.
 */
import {
  BLOCKS_PREFIX,
  blockKey,
  dataKey,
  idOfBlockKey,
  sidecarKey,
} from "../store/bucket-keys.ts";
import type { BucketList } from "../store/bucket-list.ts";
import type { ObjectInfo, ObjectStore } from "../store/object-store.ts";
import type { Findings } from "./finding.ts";

/**
 * Adds objects that are longer than the metas of their blocks say; shorter ones are found where
 * they are read. Returns the keys of those that are of no block: of an upload that was cut off or
 * goes on, or of a block whose meta is gone.
 */
export async function verifyObjects(
  store: ObjectStore,
  list: BucketList,
  findings: Findings,
): Promise<string[]> {
  const objects: ObjectInfo[] = [];
  for await (const page of store.list(BLOCKS_PREFIX)) objects.push(...page);
  // What was published meanwhile is named now.
  await list.poll();
  const unnamed: string[] = [];
  for (const { key, bytes } of objects) {
    const id = idOfBlockKey(key);
    if (id === undefined) continue;
    const meta = list.live.get(id);
    if (meta === undefined) {
      // What a damaged record named is told of already.
      if (!list.names(id) && list.isWhole) unnamed.push(key);
      continue;
    }
    const most = {
      [blockKey(meta)]: meta.dataBytes + meta.sidecarBytes,
      [dataKey(meta)]: meta.dataBytes,
      [sidecarKey(meta)]: meta.sidecarBytes,
    }[key];
    if (most === undefined || bytes <= most) continue;
    findings.add({ object: key, reason: `object has ${bytes} bytes, its meta says ${most}` });
  }
  return unnamed;
}
