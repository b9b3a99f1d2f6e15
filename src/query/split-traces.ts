/**
 * Which traces of a tenant lie in several blocks. Found once for a set of blocks: the ids of each
 * block ascend, so two blocks are compared in one pass, and what two blocks share stays true as
 * long as both are there.
 *
 * A split trace belongs to the newest block that has some of it: it is assembled when that block's
 * turn comes, and counts in none of the others.
 */
import type { GatherExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { hexAt } from "./field-columns.ts";
import type { Segment } from "./segment.ts";

/** Numbers of the traces that two blocks share, in each of them. */
interface Shared {
  readonly older: Uint32Array;
  readonly newer: Uint32Array;
}

/** What a block shares with others. */
export interface BlockSplits {
  /** Numbers of its traces that lie elsewhere, too. */
  readonly excluded: Uint32Array;
  /** Traces that it is the newest block of, with all their parts in the order of the log. */
  readonly parts: readonly SplitPart[];
  readonly traces: number;
  /** Names the set of blocks that this follows from. */
  readonly version: string;
}

export interface SplitPart {
  /** Id of a block. */
  readonly block: string;
  /** The trace's number in that block; -1: none of it is there. */
  readonly traces: Int32Array;
}

export interface SplitBlock {
  readonly id: string;
  segment(): Segment;
}

export class SplitTraces {
  readonly #kernel: Pick<GatherExports, "sharedIds">;
  readonly #scratch: StepScratch;
  /** By the ids of both blocks, the older one first; those that share nothing are here as well. */
  readonly #shared = new Map<string, Shared | undefined>();

  constructor(kernel: Pick<GatherExports, "sharedIds">, scratch: StepScratch) {
    this.#kernel = kernel;
    this.#scratch = scratch;
  }

  /** Whether `settle` may follow as far as this block goes. */
  isCompared(blocks: readonly SplitBlock[], newest: number): boolean {
    const { id } = blocks[newest];
    return blocks.slice(0, newest).every((older) => this.#shared.has(`${older.id} ${id}`));
  }

  /** One step: compares a block with all older ones. `blocks` are in the order of the log. */
  compare(blocks: readonly SplitBlock[], newest: number): void {
    const newer = blocks[newest];
    for (const older of blocks.slice(0, newest)) {
      const key = `${older.id} ${newer.id}`;
      if (this.#shared.has(key)) continue;
      this.#shared.set(key, this.#compareTwo(older.segment(), newer.segment()));
    }
  }

  /** After all comparisons: who owns what, by block; those that share nothing are left out. */
  settle(blocks: readonly SplitBlock[]): ReadonlyMap<string, BlockSplits> {
    const ids = new Map(blocks.map(({ id }, i) => [id, i]));
    for (const key of this.#shared.keys()) {
      if (!key.split(" ").every((id) => ids.has(id))) this.#shared.delete(key);
    }
    const traces = new Map<string, Map<number, number>>();
    for (const [key, shared] of this.#shared) {
      if (shared === undefined) continue;
      const [older, newer] = key.split(" ").map((id) => ids.get(id) ?? 0);
      const segment = blocks[newer].segment();
      for (const [i, trace] of shared.newer.entries()) {
        const id = hexAt(this.#scratch.bytes, segment.traceIds + trace * 16, 16);
        const places = traces.get(id) ?? new Map<number, number>();
        traces.set(id, places);
        places.set(older, shared.older[i]);
        places.set(newer, trace);
      }
    }
    return ownersOf(blocks, traces);
  }

  #compareTwo(older: Segment, newer: Segment): Shared | undefined {
    return this.#scratch.within(() => {
      const most = Math.min(older.traces, newer.traces);
      const a = this.#scratch.take(most * 4);
      const b = this.#scratch.take(most * 4);
      const lists = [older.traceIds, older.traces, newer.traceIds, newer.traces];
      const found = this.#kernel.sharedIds(...lists, a, b) >>> 0;
      if (found === 0) return undefined;
      const { words } = this.#scratch;
      return {
        older: words.slice(a / 4, a / 4 + found),
        newer: words.slice(b / 4, b / 4 + found),
      };
    });
  }
}

function ownersOf(
  blocks: readonly SplitBlock[],
  traces: ReadonlyMap<string, ReadonlyMap<number, number>>,
): Map<string, BlockSplits> {
  const excluded = blocks.map((): number[] => []);
  const owned = blocks.map((): ReadonlyMap<number, number>[] => []);
  for (const places of traces.values()) {
    for (const [block, trace] of places) excluded[block].push(trace);
    owned[Math.max(...places.keys())].push(places);
  }
  return new Map(
    blocks.map(({ id }, i) => {
      const used = [...new Set(owned[i].flatMap((places) => [...places.keys()]))];
      const parts = used
        .toSorted((a, b) => a - b)
        .map((block): SplitPart => {
          const numbers = Int32Array.from(owned[i], (places) => places.get(block) ?? -1);
          return { block: blocks[block].id, traces: numbers };
        });
      const splits = {
        excluded: Uint32Array.from(excluded[i]).sort(),
        parts,
        traces: owned[i].length,
        version: versionOf(parts),
      };
      return [id, splits];
    }),
  );
}

/** Another one whenever another trace, or another place of one, is among them. */
function versionOf(parts: readonly SplitPart[]): string {
  let hash = 0n;
  for (const { block, traces } of parts) {
    hash = BigInt(Bun.hash(block, hash));
    hash = BigInt(Bun.hash(new Uint8Array(traces.buffer), hash));
  }
  return hash.toString(36);
}
