/** What merging and retention have done since the start, on the local disk or in a bucket. */
import type { BlockMeta } from "../model/block-meta.ts";

export interface CompactorCounts {
  readonly failures: number;
  readonly inputs: number;
  readonly spans: number;
  readonly traces: number;
  readonly bytesWritten: number;
  readonly doubles: number;
  readonly seconds: number;
  /** Blocks whose time was over. */
  readonly expired: number;
  /** Spans of other blocks whose time was over. */
  readonly expiredSpans: number;
  /** Blocks whose files are still there although nobody looks at them. */
  readonly waiting: number;
}

export interface MergeDone {
  readonly inputs: readonly BlockMeta[];
  readonly outputs: readonly BlockMeta[];
  readonly doubles: number;
  /** Spans left out because their time is over. */
  readonly expired: number;
  readonly ms: number;
}

export class CompactionTally {
  failures = 0;
  expired = 0;
  #merged = {
    ...{ inputs: 0, spans: 0, traces: 0, bytesWritten: 0 },
    ...{ doubles: 0, seconds: 0, expiredSpans: 0 },
  };

  get counts(): Omit<CompactorCounts, "waiting"> {
    return { ...this.#merged, failures: this.failures, expired: this.expired };
  }

  merged({ inputs, outputs, doubles, expired, ms }: MergeDone): void {
    const all = this.#merged;
    all.inputs += inputs.length;
    all.doubles += doubles;
    all.expiredSpans += expired;
    all.seconds += ms / 1000;
    for (const { spans, traces, dataBytes, sidecarBytes } of outputs) {
      all.spans += spans;
      all.traces += traces;
      all.bytesWritten += dataBytes + sidecarBytes;
    }
  }
}
