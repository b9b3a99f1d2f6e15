/**
 * What the store thread hears and says. It is there when blocks are kept in a bucket: it brings
 * local blocks there, knows which blocks there are, and fetches what query threads miss.
 */
import type { MessagePort } from "node:worker_threads";
import type { ErrorCode } from "../base/error.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { StoreOptions } from "../store/open-store.ts";
import type { FileRange } from "../store/range-fetch.ts";
import type { StoreRequests } from "../store/store-requests.ts";
import type { CompactJob, CompactResult } from "./compact-jobs.ts";
import type { CompactionLimits } from "./compaction-limits.ts";
import type { CompactorCounts } from "./compactor-counts.ts";
import type { ThreadStart } from "./worker-protocol.ts";

/** Where a block of the bucket is for readers; what it has of memory is shared. */
export interface RemoteBlock {
  /** Of presence.ts. */
  readonly presence: SharedArrayBuffer;
  /** The bloom filter of its sidecar; undefined: there was no room for it. */
  readonly filter: SharedArrayBuffer | undefined;
}

export interface StoreStart extends ThreadStart {
  readonly place: StoreOptions;
  readonly localPath: string;
  /** Of the log that replays here. */
  readonly nodeId: string;
  readonly compaction: CompactionLimits;
  /** Between two looks for what is to be merged. */
  readonly cycleMs: number;
  /** Blocks wait so long at most to be joined with others before their upload. */
  readonly joinWaitMs: number;
  readonly pollEveryMs: number;
  /** What nobody needs any more goes so long afterwards. */
  readonly graceMs: number;
  /** Of local files of blocks of the bucket. */
  readonly cacheBytesMax: number;
  /** Of filters in memory. */
  readonly filterBytesMax: number;
  /** Of local blocks that wait for their upload; above it ingest refuses requests. */
  readonly pendingBytesMax: number;
  /** Nobody reads what was replaced for longer. */
  readonly queryTimeoutMs: number;
  /** Blocks on this disk; some may be in the bucket already. */
  readonly blocks: readonly BlockMeta[];
}

// ---- main → store thread
export type StoreRequest =
  /** Blocks that were published on this disk, or that retention removed from it. */
  | { readonly type: "cut"; readonly added: readonly BlockMeta[] }
  /** What became of the last "join". No outputs: the inputs stay as they are. */
  | {
      readonly type: "joined";
      readonly inputs: readonly BlockMeta[];
      readonly outputs: readonly BlockMeta[];
    }
  /** What became of a "merge". */
  | { readonly type: "merged"; readonly ticket: number; readonly result: CompactResult }
  /** From here on. */
  | { readonly type: "limits"; readonly compaction: CompactionLimits }
  /** A query thread is there. */
  | { readonly type: "reader"; readonly port: MessagePort; readonly slots: SharedArrayBuffer };

// ---- store thread → main
export type StoreMessage =
  /** Once: what the bucket has, or why that is not known yet. */
  | StoreListed
  | { readonly type: "refused"; readonly reason: string }
  | StoreMoved
  /** Local blocks to be merged with each other. */
  | { readonly type: "join"; readonly inputs: readonly BlockMeta[] }
  /** Blocks of the bucket, brought to this disk, to be merged or looked at. */
  | { readonly type: "merge"; readonly ticket: number; readonly job: CompactJob }
  | { readonly type: "state"; readonly state: StoreState };

export interface StoreListed {
  readonly type: "listed";
  readonly blocks: readonly BlockMeta[];
  readonly remotes: readonly (RemoteBlock | undefined)[];
  /** Local blocks that are parts of these, by id: not to be shown. */
  readonly hidden: readonly string[];
  /** undefined: it is all that there is. */
  readonly problem: string | undefined;
}

/** Blocks moved from this disk into the bucket, came there, were joined, or went. */
export interface StoreMoved {
  readonly type: "moved";
  readonly added: readonly BlockMeta[];
  /** Of those added; undefined: it is on this disk. */
  readonly remotes: readonly (RemoteBlock | undefined)[];
  readonly removed: readonly string[];
  /** The control word STORE_VERSION after this change. */
  readonly version: number;
}

/** For the metrics and `/ready`. */
export interface StoreState {
  /** In the bucket. */
  readonly blocks: number;
  readonly pendingBlocks: number;
  readonly pendingBytes: number;
  readonly cacheBytes: number;
  readonly filterBytes: number;
  readonly uploads: number;
  readonly uploadErrors: number;
  readonly polls: number;
  readonly pollErrors: number;
  readonly pollSeconds: number;
  readonly sweptObjects: number;
  readonly compaction: CompactorCounts;
  readonly requests: StoreRequests;
}

// ---- query thread ↔ store thread
export interface FetchRequest {
  readonly ticket: number;
  readonly ranges: readonly FileRange[];
}

export type FetchAnswer =
  | { readonly ticket: number; readonly code: undefined }
  | { readonly ticket: number; readonly code: ErrorCode; readonly message: string };

// A thread that waits without hearing messages looks at the slot of its ticket: word 0 is the
// ticket that is done, word 1 the bytes of a JSON { code, message } behind them, 0 for success.
export const SLOTS = 16;
export const SLOT_BYTES = 1024;
const SLOT_TEXT = 8;

/** Store thread: the ticket is done. */
export function fillSlot(slots: SharedArrayBuffer, answer: FetchAnswer): void {
  const at = slotOf(answer.ticket);
  const words = new Int32Array(slots, at, 2);
  let bytes = 0;
  if (answer.code !== undefined) {
    const { code } = answer;
    // Some room for what JSON escapes.
    const text = JSON.stringify({ code, message: answer.message.slice(0, 250) });
    const target = new Uint8Array(slots, at + SLOT_TEXT, SLOT_BYTES - SLOT_TEXT);
    bytes = new TextEncoder().encodeInto(text, target).written;
  }
  Atomics.store(words, 1, bytes);
  Atomics.store(words, 0, answer.ticket);
  Atomics.notify(words, 0);
}

/** Query thread: waits at most until then. undefined: it took longer. */
export function waitForSlot(
  slots: SharedArrayBuffer,
  ticket: number,
  msMax: number,
): FetchAnswer | undefined {
  const at = slotOf(ticket);
  const words = new Int32Array(slots, at, 2);
  const endMs = performance.now() + msMax;
  for (;;) {
    const seen = Atomics.load(words, 0);
    if (seen === ticket) break;
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return undefined;
    Atomics.wait(words, 0, seen, leftMs);
  }
  const bytes = Atomics.load(words, 1);
  if (bytes === 0) return { ticket, code: undefined };
  const text = new TextDecoder().decode(new Uint8Array(slots, at + SLOT_TEXT, bytes).slice());
  // The store thread wrote it.
  return { ticket, ...(JSON.parse(text) as { code: ErrorCode; message: string }) };
}

function slotOf(ticket: number): number {
  return (ticket % SLOTS) * SLOT_BYTES;
}
