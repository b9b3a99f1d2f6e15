/** What a question looked at. */
import type { AnswerMetrics } from "./question.ts";

export interface Inspected {
  readonly traces: number;
  readonly spans: number;
}

export class InspectedCount {
  #traces = 0;
  #spans = 0;
  #blocks = 0;
  #blockBytes = 0;
  #done = 0;
  readonly #damaged: ReadonlySet<string>;

  /** `damaged`: ids of blocks that are left out. */
  constructor(damaged: ReadonlySet<string>) {
    this.#damaged = damaged;
  }

  get inspected(): Inspected {
    return { traces: this.#traces, spans: this.#spans };
  }

  add({ traces, rows }: { readonly traces: number; readonly rows: number }): void {
    this.#traces += traces;
    this.#spans += rows;
  }

  addAll({ traces, spans }: Inspected): void {
    this.#traces += traces;
    this.#spans += spans;
  }

  /** Blocks of one more tenant, by their bytes. */
  begin(blocks: readonly number[]): void {
    this.#blocks += blocks.length;
    this.#blockBytes += blocks.reduce((sum, bytes) => sum + bytes, 0);
  }

  did(blocks: number): void {
    this.#done = Math.min(this.#blocks, this.#done + blocks);
  }

  /** All that had to be looked at was. */
  finish(): void {
    this.#done = this.#blocks;
  }

  metrics(): AnswerMetrics {
    return {
      inspectedTraces: this.#traces,
      inspectedSpans: this.#spans,
      inspectedBytes: this.#blockBytes,
      totalBlocks: this.#blocks,
      totalBlockBytes: this.#blockBytes,
      // The head is one as well.
      totalJobs: this.#blocks + this.#damaged.size + 1,
      completedJobs: this.#done + 1,
      damagedBlocks: [...this.#damaged],
    };
  }
}
