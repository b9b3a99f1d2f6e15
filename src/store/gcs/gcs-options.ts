/** What a bucket in Google's storage needs to be reached: Tempo's keys, read and checked. */
import type { HttpPolicy } from "../object-http.ts";

export interface GcsOptions {
  readonly bucket: string;
  /** Before our own folder in the bucket; without slashes at its ends, empty for none. */
  readonly prefix: string;
  /** Files above it go in chunks of it; a multiple of 256 KiB. */
  readonly chunkBytes: number;
  /** Address of the JSON API; empty: Google's own. */
  readonly endpoint: string;
  /** Without credentials, and with any certificate. */
  readonly insecure: boolean;
  /** Of every object; empty: Google's usual one. */
  readonly cacheControl: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly policy: HttpPolicy;
}
