/** What the thread that merges blocks is given, and what it tells main. */
import type { BlockMeta } from "../model/block-meta.ts";
import type { ThreadStart } from "./worker-protocol.ts";

export interface CompactStart extends ThreadStart {
  readonly localPath: string;
  /** Blocks that nobody reads any more: their files go first. */
  readonly remove: readonly BlockMeta[];
  /** Blocks to merge, one after another. */
  readonly merges: readonly (readonly BlockMeta[])[];
}

export type CompactMessage =
  /** Files of a block are gone. */
  | { readonly type: "removed"; readonly id: string }
  | { readonly type: "kept"; readonly id: string; readonly reason: string }
  | {
      readonly type: "merged";
      readonly inputs: readonly BlockMeta[];
      readonly outputs: readonly BlockMeta[];
      readonly doubles: number;
      readonly ms: number;
    }
  | { readonly type: "failed"; readonly inputs: readonly BlockMeta[]; readonly reason: string }
  /** All is done; the thread ends. */
  | { readonly type: "done" };
