/** Settings of how blocks are merged. */
import { z } from "zod";
import type { CompactionConfig, Config, RetentionRule } from "./config.ts";
import {
  COMPACTION_BYTES_MAX_DEFAULT,
  COMPACTION_CYCLE_MS_DEFAULT,
  COMPACTION_TRACES_MAX_DEFAULT,
  COMPACTION_WINDOW_MS_DEFAULT,
  COMPACTION_WINDOW_MS_MIN,
} from "./limits.ts";
import type { Setting } from "./table/key.ts";
import { bytesBetween, wholeMs } from "./value/bounded.ts";
import { count, flag, longDuration, makeValue, parsed } from "./value/value.ts";

const BELOW = "backend_scheduler.provider.compaction.compaction";

function setting<T>(one: Omit<Setting<T>, "kind">): Setting<T> {
  return { kind: "setting", ...one };
}

export const compactionWindow = setting<number>({
  path: `${BELOW}.compaction_window`,
  value: wholeMs({ min: COMPACTION_WINDOW_MS_MIN }),
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

const rules = z.array(
  z
    .strictObject({ filter: z.string().min(1), keep: longDuration.schema })
    .transform(({ filter, keep }): RetentionRule => ({ filter, keepMs: keep })),
);

/** On the command line it is a text. */
const rulesText = parsed((raw) => {
  if (typeof raw !== "string") return undefined;
  try {
    return rules.safeParse(JSON.parse(raw)).data;
  } catch {
    return undefined;
  }
});

export const retentionRules = setting<RetentionRule[]>({
  path: "vivace.retention_rules",
  value: makeValue<RetentionRule[]>({
    wants: "any",
    schema: rules.or(rulesText),
    expected:
      "a list of filters and how long to keep what they find, such as " +
      '[{"filter": "{ status = error }", "keep": "90d"}]',
    off: [[]],
    print: (list) =>
      list.map(({ filter, keepMs }) => ({ filter, keep: longDuration.print(keepMs) })),
  }),
  fallback: [],
  about: "Traces that are kept longer or shorter than block_retention, by filters in TraceQL.",
  read: (config: Config) => [...config.compaction.rules],
});

export const compactionSettings = [
  ...[compactionWindow, compactionTracesMax, compactionBytesMax],
  ...[compactionCycle, compactionDisabled, retentionRules],
] as const;

/** What the configuration says of them. */
export function readCompaction(at: <T>(setting: Setting<T>) => T): CompactionConfig {
  return {
    windowMs: at(compactionWindow),
    tracesMax: at(compactionTracesMax),
    bytesMax: at(compactionBytesMax),
    cycleMs: at(compactionCycle),
    isDisabled: at(compactionDisabled),
    rules: at(retentionRules),
  };
}
