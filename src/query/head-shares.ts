/** Traces of the head of which there are spans elsewhere: in the other half, or in blocks. */
import type { GatherExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { AssembledPart } from "./assembled-plan.ts";
import { hexAt } from "./field-columns.ts";
import type { Segment } from "./segment.ts";
import type { TraceFilter } from "./trace-filter.ts";

/** Of searchId(). */
const NONE = 0xffffffff;

export interface ShareTools {
  readonly kernel: Pick<GatherExports, "indexIds" | "probeIds" | "searchId">;
  readonly scratch: StepScratch;
  readonly filter: TraceFilter;
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
  readonly #segments = new Map<string, Segment>();
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

  #find(half: number, segment: Segment, tools: ShareTools): void {
    for (const trace of tools.filter.find(segment, this.#blocks)) {
      for (const block of this.#blocks) this.#search(block, { half, segment, trace }, tools);
    }
    const others = this.#halves.slice(half + 1);
    if (others.length > 0) this.#probe(half, others, tools);
  }

  #search(
    block: SharingBlock,
    { half, segment, trace }: { half: number; segment: Segment; trace: number },
    { kernel, scratch }: ShareTools,
  ): void {
    const { traceIds, traces } = this.#segmentOf(block);
    const id = segment.traceIds + trace * 16;
    const found = kernel.searchId(traceIds, traces, id) >>> 0;
    if (found === NONE) return;
    const share = this.#share(hexAt(scratch.bytes, id, 16));
    share.halves.set(half, trace);
    share.blocks.set(block.id, found);
  }

  /** Finds the half's traces in later halves. */
  #probe(half: number, others: readonly Segment[], { kernel, scratch }: ShareTools): void {
    const segment = this.#halves[half];
    let slots = 64;
    while (slots < segment.traces * 2) slots *= 2;
    const table = scratch.take(slots * 4);
    kernel.indexIds(segment.traceIds, segment.traces, table, slots);
    for (const [i, other] of others.entries()) {
      scratch.within(() => {
        const a = scratch.take(other.traces * 4);
        const b = scratch.take(other.traces * 4);
        const ids = [segment.traceIds, table, slots, other.traceIds, other.traces];
        const found = kernel.probeIds(...ids, a, b) >>> 0;
        for (let at = 0; at < found; at++) {
          const trace = scratch.words[a / 4 + at];
          const share = this.#share(hexAt(scratch.bytes, segment.traceIds + trace * 16, 16));
          share.halves.set(half, trace);
          share.halves.set(half + 1 + i, scratch.words[b / 4 + at]);
        }
      });
    }
  }

  #segmentOf(block: SharingBlock): Segment {
    const segment = this.#segments.get(block.id) ?? block.segment();
    this.#segments.set(block.id, segment);
    return segment;
  }

  #share(id: string): Share {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const share = { halves: new Map<number, number>(), blocks: new Map<string, number>() };
    this.#byId.set(id, share);
    return share;
  }
}
