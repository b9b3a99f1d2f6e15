/** Traces of the head of which there are spans elsewhere: in the other half, or in blocks. */
import type { GatherExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { type AssembledPart, wholePart } from "./assembled-plan.ts";
import { hexAt } from "./field-columns.ts";
import type { Segment } from "./segment.ts";

/** A trace of the head, and one of a block that seems to be the same. */
export interface ShareCandidate {
  readonly trace: number;
  /** The block's number in the order of the log, and the trace's in it. */
  readonly block: number;
  readonly number: number;
}

export interface ShareTools {
  readonly kernel: Pick<GatherExports, "indexIds" | "probeIds">;
  readonly scratch: StepScratch;
  /** How the rows of blocks are read, in the order of the log. */
  readonly blocks: readonly (() => Segment)[];
  candidates(segment: Segment): readonly ShareCandidate[];
}

interface Share {
  /** The trace's number by half, and by block. */
  readonly halves: Map<number, number>;
  readonly blocks: Map<number, number>;
}

export class HeadShares {
  readonly #halves: readonly Segment[];
  readonly #tools: ShareTools;
  readonly #segments = new Map<number, Segment>();
  readonly #byId = new Map<string, Share>();

  /** `halves` are in the order of the log. */
  constructor(halves: readonly Segment[], tools: ShareTools) {
    this.#halves = halves;
    this.#tools = tools;
    for (const [half, segment] of halves.entries()) {
      tools.scratch.within(() => this.#find(half, segment));
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

  /** By block the numbers of its traces that are assembled; of those that have any. */
  ofBlocks(): Map<number, number[]> {
    const found = new Map<number, number[]>();
    for (const { blocks } of this.#byId.values()) {
      for (const [block, number] of blocks) {
        const numbers = found.get(block) ?? [];
        found.set(block, numbers);
        numbers.push(number);
      }
    }
    return found;
  }

  parts(): AssembledPart[] {
    const shares = [...this.#byId.values()];
    const ofBlocks = [...this.ofBlocks().keys()]
      .toSorted((a, b) => a - b)
      .map((block) => {
        const traces = Int32Array.from(shares, ({ blocks }) => blocks.get(block) ?? -1);
        return wholePart(this.#segmentOf(block), traces);
      });
    const ofHalves = this.#halves.map((segment, half) => {
      const traces = Int32Array.from(shares, ({ halves }) => halves.get(half) ?? -1);
      return wholePart(segment, traces);
    });
    return [...ofBlocks, ...ofHalves];
  }

  #find(half: number, segment: Segment): void {
    for (const one of this.#tools.candidates(segment)) this.#check(half, segment, one);
    const others = this.#halves.slice(half + 1);
    if (others.length > 0) this.#probe(half, others);
  }

  #check(half: number, segment: Segment, { trace, block, number }: ShareCandidate): void {
    const { bytes } = this.#tools.scratch;
    const { traceIds, traces } = this.#segmentOf(block);
    if (number >= traces) return;
    const id = hexAt(bytes, segment.traceIds + trace * 16, 16);
    if (hexAt(bytes, traceIds + number * 16, 16) !== id) return;
    const share = this.#share(id);
    share.halves.set(half, trace);
    share.blocks.set(block, number);
  }

  /** Finds the half's traces in later halves. */
  #probe(half: number, others: readonly Segment[]): void {
    const { kernel, scratch } = this.#tools;
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

  #segmentOf(block: number): Segment {
    const segment = this.#segments.get(block) ?? this.#tools.blocks[block]();
    this.#segments.set(block, segment);
    return segment;
  }

  #share(id: string): Share {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const share = { halves: new Map<number, number>(), blocks: new Map<number, number>() };
    this.#byId.set(id, share);
    return share;
  }
}
