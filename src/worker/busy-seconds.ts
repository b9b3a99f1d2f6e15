/** What the threads were busy with, from the counters that they keep. */
import { threadCpuSeconds } from "../base/thread-cpu.ts";
import {
  STAT_APPEND_US,
  STAT_BLOCK_US,
  STAT_DECODE_US,
  STAT_SYNC_US,
  STAT_VALIDATE_US,
  THREAD_BLOCKS,
  THREAD_IDS,
  THREAD_INGEST,
  THREAD_INGRESS,
  THREAD_QUERY,
} from "../ring/control.ts";

const STAGES = {
  validate: STAT_VALIDATE_US,
  append: STAT_APPEND_US,
  sync: STAT_SYNC_US,
  decode: STAT_DECODE_US,
  blocks: STAT_BLOCK_US,
};

export interface BusySeconds {
  /** CPU by thread. */
  readonly threads: Map<string, number>;
  /** Wall time by stage of ingest and the block thread. */
  readonly stages: Map<string, number>;
}

export function busySeconds(
  control: Int32Array,
  stats: Float64Array,
  counts: { readonly queries: number; readonly ingress: number },
): BusySeconds {
  const of = (thread: number) => threadCpuSeconds(Atomics.load(control, THREAD_IDS + thread));
  const threads = new Map([
    ["ingest", of(THREAD_INGEST)],
    ["blocks", of(THREAD_BLOCKS)],
  ]);
  for (let i = 0; i < counts.queries; i++) threads.set(`query-${i}`, of(THREAD_QUERY + i));
  for (let i = 0; i < counts.ingress; i++) threads.set(`ingress-${i}`, of(THREAD_INGRESS + i));
  const stages = new Map(Object.entries(STAGES).map(([stage, word]) => [stage, stats[word] / 1e6]));
  return { threads, stages };
}
