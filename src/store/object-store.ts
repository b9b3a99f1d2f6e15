/**
 * Where blocks are kept for good: objects by name, of which a bucket and a folder are two kinds.
 *
 * Keys are relative to the place that belongs to us (in a bucket `<prefix>/vivace/`), so a key
 * begins with none of that. Errors are EngineErrors:
 *
 *   not_found          getRange() of an object that is not there
 *   block_corrupt      an object that is shorter than the range that was asked for
 *   store_unavailable  after bounded retries; the same call may succeed later
 *   store_refused      credentials, rights, bucket, settings: only a person can help. In the
 *                      store's own words
 *   disk_failed        the local disk: the source of putFile(), or the store itself when it is one
 *
 * A call whose signal aborts rejects with the reason of the signal. What is written is durable
 * when the promise resolves, and seen by every call that begins afterwards. A write that rejects
 * may have happened all the same; nothing is ever visible in part.
 */
import { assert } from "../base/assert.ts";
import type { FileSlice } from "./file-slices.ts";
import type { StoreRequests } from "./store-requests.ts";

export interface ObjectStore {
  /** Whole object; undefined when there is none. */
  get(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Exactly `length` bytes from `offset`; at least one. */
  getRange(key: string, range: ByteRange, signal?: AbortSignal): Promise<Uint8Array>;
  /** Replaces what has the key. The bytes may lie in shared memory; they stay as they are. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** A file of the local disk, in parts when it is large. Replaces as put() does. */
  putFile(key: string, path: string): Promise<void>;
  /** The same of parts of files, behind each other. */
  putSlices(key: string, slices: readonly FileSlice[]): Promise<void>;
  /**
   * false when there is one already: then nothing changed. Of many calls at once, by whatever
   * process, exactly one returns true.
   */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;
  /** By key in the order of its UTF-8 bytes, pages of up to 1,000; `after` is exclusive. */
  list(prefix: string, after?: string): AsyncIterable<readonly ObjectInfo[]>;
  /** Keys that are not there are passed over. Some may be gone when it rejects. */
  delete(keys: readonly string[]): Promise<void>;
  /**
   * Removes what writes of processes that died left behind unseen, if it is older than `ageMs`.
   * Returns how many. Stores that see to it by themselves return 0.
   */
  sweep(ageMs: number): Promise<number>;
  /**
   * Tries whether putIfAbsent() holds here. Where it does not, it looks first and writes then from
   * now on, which is right for one process alone. To be called once, before the first write.
   */
  probe(): Promise<StoreProbe>;
  /** What was asked of the store since it was opened; plain data, for another thread. */
  requests(): StoreRequests;
}

export type StoreProbe =
  | { readonly atomic: true }
  | { readonly atomic: false; readonly reason: string };

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  /** Another one whenever the content is another. */
  readonly etag: string;
  readonly modifiedMs: number;
}

export const LIST_PAGE_KEYS = 1_000;

/** S3 allows 1,024 bytes; ours leave room for the prefix of the bucket. */
export const KEY_BYTES_MAX = 768;
/** A file name of the disk. */
const NAME_BYTES_MAX = 255;

/**
 * Keys are ours, so a bad one is a bug. A key is one or more names joined by slashes, as every
 * store can hold it; no object's key is the folder of another's.
 */
export function assertKey(key: string): void {
  assert(Buffer.byteLength(key) <= KEY_BYTES_MAX, "store: the key is too long");
  for (const name of key.split("/")) {
    assert(
      name !== "" && name !== "." && name !== "..",
      "store: a key has an empty or dotted name",
    );
    assert(Buffer.byteLength(name) <= NAME_BYTES_MAX, "store: a name in the key is too long");
  }
  assert(!/\p{Cc}/u.test(key), "store: a key has control characters");
  assert(key.isWellFormed(), "store: a key has half a surrogate pair");
}

export function assertRange(range: ByteRange): void {
  assert(Number.isSafeInteger(range.offset) && range.offset >= 0, "store: offset of a range");
  assert(Number.isSafeInteger(range.length) && range.length > 0, "store: length of a range");
}

/** As the stores sort: by bytes of UTF-8, which is not the order of JavaScript's strings. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
