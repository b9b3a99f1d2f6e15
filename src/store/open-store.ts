/**
 * The store of objects that the configuration chooses. Nothing is asked of it before a call, and
 * nothing is loaded that another kind needs: every object of code is one to look at for the
 * collector of garbage, each time.
 */
import type { Clock } from "../base/clock.ts";
import type { Prng } from "../base/prng.ts";
import type { GcsOptions } from "./gcs/gcs-options.ts";
import { DiskObjects } from "./object-disk.ts";
import type { ObjectStore } from "./object-store.ts";
import type { S3Options } from "./s3/s3-options.ts";

/** Plain data. */
export type StoreOptions =
  | { readonly backend: "local"; readonly path: string }
  | { readonly backend: "s3"; readonly s3: S3Options }
  | { readonly backend: "gcs"; readonly gcs: GcsOptions };

export interface StoreSurroundings {
  readonly clock: Clock;
  /** For the jitter of retries: another one in each process. */
  readonly random: Prng;
}

/** Rejects with store_refused when what it needs is not there: a file of TLS, for example. */
export async function openStore(
  options: StoreOptions,
  around: StoreSurroundings,
): Promise<ObjectStore> {
  switch (options.backend) {
    case "local":
      return new DiskObjects(options.path, around.clock);
    case "s3": {
      const { openS3 } = await import("./s3/open-s3.ts");
      return openS3(options.s3, around);
    }
    case "gcs": {
      const { openGcs } = await import("./gcs/open-gcs.ts");
      return openGcs(options.gcs, around);
    }
  }
}

/** For messages: `s3 bucket/prefix at endpoint`. */
export function nameOfStore(options: StoreOptions): string {
  if (options.backend === "local") return options.path;
  const { bucket, prefix, endpoint } = options.backend === "s3" ? options.s3 : options.gcs;
  const where = prefix === "" ? bucket : `${bucket}/${prefix}`;
  return `${options.backend} ${where}${endpoint === "" ? "" : ` at ${endpoint}`}`;
}
