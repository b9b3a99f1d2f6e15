/** What the thread that merges blocks is given, and what it tells main. */
import type { Retention } from "../compact/plan-retention.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { MergeDone } from "./compactor-counts.ts";

/** A list of work; the thread itself is given a ThreadStart. */
export interface CompactStart {
  readonly localPath: string;
  /** Blocks that nobody reads any more: their files go first. */
  readonly remove: readonly BlockMeta[];
  /** Blocks to merge, one after another. */
  readonly merges: readonly (readonly BlockMeta[])[];
  /** Blocks of which some traces may be over; each is written anew when it pays. */
  readonly looks: readonly BlockMeta[];
  readonly retention: Retention;
  /** See MergeOptions. */
  readonly idWords: readonly string[];
}

export type CompactMessage =
  /** Files of a block are gone. */
  | { readonly type: "removed"; readonly id: string }
  | { readonly type: "kept"; readonly id: string; readonly reason: string }
  | ({ readonly type: "merged" } & MergeDone)
  /** It stays as it is, for now. */
  | { readonly type: "looked"; readonly meta: BlockMeta }
  | { readonly type: "failed"; readonly inputs: readonly BlockMeta[]; readonly reason: string }
  /** All is done. `stays`: the thread gave its memory back and waits for more, else it ends. */
  | { readonly type: "done"; readonly stays: boolean };
