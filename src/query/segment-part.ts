/** A segment as a question visits it: which of its rows count, and what is known beforehand. */
import type { ReadExports } from "../kernel/scan-kernel.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { RowBits } from "./row-bits.ts";
import type { Segment } from "./segment.ts";
import type { SharedFacts } from "./shared-facts.ts";

/** Unix nanoseconds, both included. */
export interface TimeSpan {
  readonly from: bigint;
  readonly to: bigint;
}

export interface SegmentPart {
  readonly segment: Segment;
  /** Bitmap of the rows that count here: no doubles, no traces that are assembled elsewhere. */
  readonly within: number;
  /** Whether the trace counts elsewhere. */
  isExcluded(trace: number): boolean;
  /** What has the same name has the same rows that count, now and later; undefined: in the head. */
  readonly name?: string | undefined;
  /** Id of the block in whose turn it came. */
  readonly block?: string | undefined;
  /** No span is outside of it. */
  readonly range?: TimeSpan | undefined;
  /** Traces that lie elsewhere, too, are not assembled: what the segment does not tell of these. */
  readonly facts?: SharedFacts | undefined;
}

export interface PartOptions {
  readonly segment: Segment;
  readonly scratch: StepScratch;
  readonly kernel: Pick<ReadExports, "countBits" | "listBits" | "mergeBits" | "rowsOfGroups">;
  /** Numbers of traces that count elsewhere; ascending. */
  readonly excluded: ArrayLike<number>;
  /** Of the segment, `excluded` and `facts` together. */
  readonly name: string | undefined;
  readonly block: string | undefined;
  readonly range: TimeSpan | undefined;
  readonly facts?: SharedFacts | undefined;
  /** Keeps the rows that count under their name. */
  readonly keeper: Keeper;
}

/** Whoever knows the answer by the name never asks for the rows, and nothing of them is read. */
export class LazyPart implements SegmentPart {
  readonly segment: Segment;
  readonly name: string | undefined;
  readonly block: string | undefined;
  readonly range: TimeSpan | undefined;
  readonly facts: SharedFacts | undefined;
  readonly #options: PartOptions;
  #within: number | undefined;

  constructor(options: PartOptions) {
    this.#options = options;
    this.segment = options.segment;
    this.name = options.name;
    this.block = options.block;
    this.range = options.range;
    this.facts = options.facts;
  }

  /** Valid to the end of the step. */
  get within(): number {
    this.#within ??= this.#rows();
    return this.#within;
  }

  isExcluded(trace: number): boolean {
    const { excluded } = this.#options;
    let low = 0;
    let high = excluded.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (excluded[middle] < trace) low = middle + 1;
      else high = middle;
    }
    return excluded[low] === trace;
  }

  #rows(): number {
    const { segment, scratch, keeper } = this.#options;
    const bytes = bitmapBytes(segment.rows);
    if (this.name === undefined) return this.#fill(scratch.keep(bytes));
    return keeper.get(
      `${this.name}/within`,
      () => bytes,
      (at) => this.#fill(at),
    );
  }

  #fill(at: number): number {
    const { segment, scratch, kernel, excluded, facts } = this.#options;
    const { rows, traces, starts } = segment;
    const bits = new RowBits(scratch, kernel);
    const doubles = segment.doubles();
    const bytes = bitmapBytes(rows);
    scratch.within(() => {
      let found = bits.all(rows);
      if (excluded.length > 0) {
        const groups = bits.none(traces);
        for (let i = 0; i < excluded.length; i++) bits.set(groups, excluded[i]);
        const out = scratch.take(bytes);
        kernel.rowsOfGroups(groups, starts, traces, out);
        found = bits.without(found, out, rows);
      }
      if (doubles !== 0) found = bits.without(found, doubles, rows);
      if (facts !== undefined && facts.doubles.length > 0) {
        const elsewhere = bits.none(rows);
        for (const row of facts.doubles) bits.set(elsewhere, row);
        found = bits.without(found, elsewhere, rows);
      }
      scratch.bytes.copyWithin(at, found, found + bytes);
    });
    return at;
  }
}
