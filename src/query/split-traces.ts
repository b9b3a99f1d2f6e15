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
  /** By the newer block's id, then the older one's; those that share nothing are here as well. */
  readonly #shared = new Map<string, Map<string, Shared | undefined>>();

  constructor(kernel: Pick<GatherExports, "sharedIds">, scratch: StepScratch) {
    this.#kernel = kernel;
    this.#scratch = scratch;
  }

  /** Whether `settle` may follow as far as this block goes. */
  isCompared(blocks: readonly SplitBlock[], newest: number): boolean {
    const known = this.#shared.get(blocks[newest].id);
    if (known === undefined) return newest === 0;
    for (let older = 0; older < newest; older++) if (!known.has(blocks[older].id)) return false;
    return true;
  }

  /** One step: compares a block with all older ones. `blocks` are in the order of the log. */
  compare(blocks: readonly SplitBlock[], newest: number): void {
    const newer = blocks[newest];
    const known = this.#shared.get(newer.id) ?? new Map<string, Shared | undefined>();
    this.#shared.set(newer.id, known);
    for (const older of blocks.slice(0, newest)) {
      if (known.has(older.id)) continue;
      known.set(older.id, this.#compareTwo(older.segment(), newer.segment()));
    }
  }

  /**
   * Who owns what, by block; those that share nothing are left out. Compares first what is not
   * compared yet: another question, about other blocks, may have let go of it.
   */
  settle(blocks: readonly SplitBlock[]): ReadonlyMap<string, BlockSplits> {
    for (const newest of blocks.keys()) {
      if (!this.isCompared(blocks, newest)) this.compare(blocks, newest);
    }
    this.#forgetOthers(new Set(blocks.map(({ id }) => id)));
    const traces = new Map<string, Map<number, number>>();
    for (const [newer, block] of blocks.entries()) {
      const known = this.#shared.get(block.id);
      if (known === undefined) continue;
      for (let older = 0; older < newer; older++) {
        const shared = known.get(blocks[older].id);
        if (shared === undefined) continue;
        const { traceIds } = block.segment();
        for (const [i, trace] of shared.newer.entries()) {
          const id = hexAt(this.#scratch.bytes, traceIds + trace * 16, 16);
          const places = traces.get(id) ?? new Map<number, number>();
          traces.set(id, places);
          places.set(older, shared.older[i]);
          places.set(newer, trace);
        }
      }
    }
    return ownersOf(blocks, traces);
  }

  #forgetOthers(ids: ReadonlySet<string>): void {
    for (const [newer, known] of this.#shared) {
      if (!ids.has(newer)) this.#shared.delete(newer);
      else if (known.size >= ids.size) {
        for (const older of known.keys()) if (!ids.has(older)) known.delete(older);
      }
    }
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
