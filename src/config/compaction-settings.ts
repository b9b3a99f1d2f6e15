/** Settings of how blocks are merged. */
import type { CompactionConfig, Config } from "./config.ts";
import {
  COMPACTION_BYTES_MAX_DEFAULT,
  COMPACTION_CYCLE_MS_DEFAULT,
  COMPACTION_TRACES_MAX_DEFAULT,
  COMPACTION_WINDOW_MS_DEFAULT,
} from "./limits.ts";
import type { Setting } from "./table/key.ts";
import { bytesBetween, wholeMs } from "./value/bounded.ts";
import { count, flag } from "./value/value.ts";

const BELOW = "backend_scheduler.provider.compaction.compaction";

function setting<T>(one: Omit<Setting<T>, "kind">): Setting<T> {
  return { kind: "setting", ...one };
}

export const compactionWindow = setting<number>({
  path: `${BELOW}.compaction_window`,
  value: wholeMs({ min: 1_000 }),
  fallback: COMPACTION_WINDOW_MS_DEFAULT,
  about: "Blocks are merged with those that ended in the same window of time.",
  read: (config: Config) => config.compaction.windowMs,
});

export const compactionTracesMax = setting<number>({
  path: `${BELOW}.max_compaction_objects`,
  value: count,
  fallback: COMPACTION_TRACES_MAX_DEFAULT,
  about: "Traces of a merged block; it also has at most 524,288 spans.",
  read: (config: Config) => config.compaction.tracesMax,
});

export const compactionBytesMax = setting<number>({
  path: `${BELOW}.max_block_bytes`,
  value: bytesBetween(1, Number.MAX_SAFE_INTEGER),
  fallback: COMPACTION_BYTES_MAX_DEFAULT,
  about: "Bytes of the blocks that are merged into one.",
  read: (config: Config) => config.compaction.bytesMax,
});

export const compactionCycle = setting<number>({
  path: `${BELOW}.compaction_cycle`,
  value: wholeMs({ min: 100 }),
  fallback: COMPACTION_CYCLE_MS_DEFAULT,
  about: "How often it is looked for blocks to merge or to remove.",
  read: (config: Config) => config.compaction.cycleMs,
});

export const compactionDisabled = setting<boolean>({
  path: "compactor.disabled",
  value: flag,
  fallback: false,
  about: "No blocks are merged; old ones are removed all the same.",
  read: (config: Config) => config.compaction.isDisabled,
});

export const compactionSettings = [
  ...[compactionWindow, compactionTracesMax, compactionBytesMax],
  ...[compactionCycle, compactionDisabled],
] as const;

/** What the configuration says of them. */
export function readCompaction(at: <T>(setting: Setting<T>) => T): CompactionConfig {
  return {
    windowMs: at(compactionWindow),
    tracesMax: at(compactionTracesMax),
    bytesMax: at(compactionBytesMax),
    cycleMs: at(compactionCycle),
    isDisabled: at(compactionDisabled),
  };
}
