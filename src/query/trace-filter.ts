/**
 * Which traces of the head may lie in blocks as well: one look for each, however many blocks there
 * are. Blocks are added when they come; one that goes leaves its ids behind, which costs a search
 * in vain.
 */
import type { GatherExports } from "../kernel/scan-kernel.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { Segment } from "./segment.ts";
import type { SplitBlock } from "./split-traces.ts";

export interface TraceFilterOptions {
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  readonly kernel: Pick<GatherExports, "addIds" | "findIds">;
  /** Begins the names under which tables are kept. */
  readonly name: string;
}

/** Kept like a vector: when it had to go, it is made again from all blocks. */
interface Table {
  readonly at: number;
  readonly added: Set<string>;
  traces: number;
}

const SLOTS_MIN = 1 << 16;

export class TraceFilter {
  readonly #options: TraceFilterOptions;
  #slots = SLOTS_MIN;

  constructor(options: TraceFilterOptions) {
    this.#options = options;
  }

  /** Numbers of the segment's traces that may lie in one of the blocks. */
  find(segment: Segment, blocks: readonly SplitBlock[]): number[] {
    const { scratch, kernel } = this.#options;
    if (blocks.length === 0) return [];
    const { at } = this.#with(blocks);
    return scratch.within(() => {
      const out = scratch.take(segment.traces * 4);
      const { traceIds, traces } = segment;
      const found = kernel.findIds(traceIds, traces, at, this.#slots - 1, out) >>> 0;
      return [...scratch.words.subarray(out / 4, out / 4 + found)];
    });
  }

  #with(blocks: readonly SplitBlock[]): Table {
    for (;;) {
      const table = this.#table();
      const missing = blocks.filter(({ id }) => !table.added.has(id));
      if (missing.every((block) => this.#add(table, block))) return table;
      // A larger one begins empty, under another name.
      this.#slots *= 2;
    }
  }

  #table(): Table {
    const { keeper, scratch, name } = this.#options;
    const bytes = this.#slots * 4;
    return keeper.get<Table>(
      `${name}${this.#slots}`,
      () => bytes,
      (at) => {
        scratch.bytes.fill(0, at, at + bytes);
        return { at, added: new Set(), traces: 0 };
      },
    );
  }

  /** False: more than half of it would be taken. */
  #add(table: Table, { id, segment }: SplitBlock): boolean {
    const { traces, traceIds } = segment();
    if ((table.traces + traces) * 2 > this.#slots) return false;
    this.#options.kernel.addIds(traceIds, traces, table.at, this.#slots - 1);
    table.traces += traces;
    table.added.add(id);
    return true;
  }
}
