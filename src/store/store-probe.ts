/**
 * Whether put-if-absent holds on a store: some that speak S3 pass over the condition, or know no
 * such header, and then what several processes write is only safe as long as there is one.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "../base/log.ts";
import type { ObjectStore, StoreProbe } from "./object-store.ts";

/** Removed again; the folder belongs to nothing else. */
const PROBE_FOLDER = "probe";

const text = (content: string) => new TextEncoder().encode(content);

/** Tries it on a key that nobody else has. Rejects when the store cannot be asked. */
export async function probeConditions(
  store: Pick<ObjectStore, "putIfAbsent" | "get" | "delete">,
): Promise<StoreProbe> {
  const key = `${PROBE_FOLDER}/${randomUUID()}`;
  try {
    const first = await store.putIfAbsent(key, text("first"));
    const second = await store.putIfAbsent(key, text("second"));
    const kept = new TextDecoder().decode(await store.get(key));
    if (first && !second && kept === "first") return { atomic: true };
    return { atomic: false, reason: "it writes over an object in spite of If-None-Match" };
  } finally {
    // Of no harm if it stays; what matters is why the probe failed.
    await store.delete([key]).catch(() => undefined);
  }
}

/** Says what is lost, if anything is. */
export async function probeStore(
  store: Pick<ObjectStore, "probe">,
  { where, logger }: { readonly where: string; readonly logger: Logger },
): Promise<StoreProbe> {
  const found = await store.probe();
  if (found.atomic) {
    logger.info("the store takes conditional writes", { store: where });
    return found;
  }
  logger.warn(
    "the store does not hold to conditional writes: only this process may use the bucket, since " +
      "two would lose or double spans when they compact the same blocks",
    { store: where, reason: found.reason },
  );
  return found;
}
