/** Traces of the head of which there are spans elsewhere: in the other half, or in blocks. */
import type { GatherExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { AssembledPart } from "./assembled-segment.ts";
import { hexAt } from "./field-columns.ts";
import type { Segment } from "./segment.ts";

export interface ShareTools {
  readonly kernel: Pick<GatherExports, "indexIds" | "probeIds">;
  readonly scratch: StepScratch;
}

/** A block, and how its rows are read. */
export interface SharingBlock {
  readonly id: string;
  segment(): Segment;
}

interface Share {
  /** The trace's number by half, and by block. */
  readonly halves: Map<number, number>;
  readonly blocks: Map<string, number>;
}

export class HeadShares {
  readonly #halves: readonly Segment[];
  readonly #blocks: readonly SharingBlock[];
  readonly #byId = new Map<string, Share>();

  /** `halves` and `blocks` are in the order of the log. */
  constructor(halves: readonly Segment[], blocks: readonly SharingBlock[], tools: ShareTools) {
    this.#halves = halves;
    this.#blocks = blocks;
    for (const [half, segment] of halves.entries()) {
      tools.scratch.within(() => this.#find(half, segment, tools));
    }
  }

  get traces(): number {
    return this.#byId.size;
  }

  /** Numbers of the half's traces that are assembled. */
  ofHalf(half: number): number[] {
    return [...this.#byId.values()].flatMap(({ halves }) => {
      const trace = halves.get(half);
      return trace === undefined ? [] : [trace];
    });
  }

  ofBlock(id: string): number[] {
    return [...this.#byId.values()].flatMap(({ blocks }) => {
      const trace = blocks.get(id);
      return trace === undefined ? [] : [trace];
    });
  }

  parts(): AssembledPart[] {
    const shares = [...this.#byId.values()];
    const ofBlocks = this.#blocks
      .filter(({ id }) => shares.some(({ blocks }) => blocks.has(id)))
      .map((block) => ({
        segment: block.segment(),
        traces: Int32Array.from(shares, ({ blocks }) => blocks.get(block.id) ?? -1),
      }));
    const ofHalves = this.#halves.map((segment, half) => ({
      segment,
      traces: Int32Array.from(shares, ({ halves }) => halves.get(half) ?? -1),
    }));
    return [...ofBlocks, ...ofHalves];
  }

  #find(half: number, segment: Segment, { kernel, scratch }: ShareTools): void {
    let slots = 64;
    while (slots < segment.traces * 2) slots *= 2;
    const table = scratch.take(slots * 4);
    kernel.indexIds(segment.traceIds, segment.traces, table, slots);
    const probe = (other: Segment, note: (share: Share, trace: number) => void) =>
      scratch.within(() => {
        const a = scratch.take(other.traces * 4);
        const b = scratch.take(other.traces * 4);
        const ids = [segment.traceIds, table, slots, other.traceIds, other.traces];
        const found = kernel.probeIds(...ids, a, b) >>> 0;
        for (let i = 0; i < found; i++) {
          const trace = scratch.words[a / 4 + i];
          const id = hexAt(scratch.bytes, segment.traceIds + trace * 16, 16);
          const share = this.#byId.get(id) ?? { halves: new Map(), blocks: new Map() };
          this.#byId.set(id, share);
          share.halves.set(half, trace);
          note(share, scratch.words[b / 4 + i]);
        }
      });
    for (const block of this.#blocks) {
      probe(block.segment(), ({ blocks }, trace) => blocks.set(block.id, trace));
    }
    for (const [other, one] of this.#halves.entries()) {
      if (other > half) probe(one, ({ halves }, trace) => halves.set(other, trace));
    }
  }
}
