/**
 * The settings of limits on tenants: what holds for all of them here, for single ones in a file of
 * their own, which tenant-overrides.ts reads.
 */
import type { Config, LimitsConfig } from "./config.ts";
import {
  COMPACTION_WINDOW_MS_MIN,
  INGESTION_BURST_BYTES_DEFAULT,
  INGESTION_RATE_BYTES_DEFAULT,
} from "./limits.ts";
import type { AnySetting, Setting } from "./table/key.ts";
import { wholeMs } from "./value/bounded.ts";
import { byteSize, count, flag, longDuration, text } from "./value/value.ts";

function limitSetting<T>(
  one: Omit<Setting<T>, "kind" | "read"> & { readonly read: (limits: LimitsConfig) => T },
): Setting<T> {
  return { kind: "setting", ...one, read: (config: Config) => one.read(config.limits) };
}

export const ingestionRate = limitSetting<number>({
  path: "overrides.defaults.ingestion.rate_limit_bytes",
  value: byteSize,
  fallback: INGESTION_RATE_BYTES_DEFAULT,
  about: "Bytes that a tenant may send in a second; 0 refuses all that it sends.",
  read: (limits) => limits.rateBytesPerSecond,
});

export const ingestionBurst = limitSetting<number>({
  path: "overrides.defaults.ingestion.burst_size_bytes",
  value: byteSize,
  fallback: INGESTION_BURST_BYTES_DEFAULT,
  about: "Bytes that a tenant with such a limit may send at once.",
  read: (limits) => limits.burstBytes,
});

/** The kernel's words have 32 bits. */
const BOUND_MAX = 2 ** 32 - 1;
const bytesMax = {
  ...byteSize,
  schema: byteSize.schema.refine((bytes) => bytes <= BOUND_MAX),
  expected: `${byteSize.expected}, below 4GiB`,
};
const countMax = {
  ...count,
  schema: count.schema.refine((number) => number <= BOUND_MAX),
  expected: `${count.expected}, below 2^32`,
};

const wholeLongMs = {
  ...longDuration,
  schema: longDuration.schema.refine((ms) => Number.isInteger(ms)),
};

export const attributeBytes = limitSetting<number>({
  path: "overrides.defaults.ingestion.max_attribute_bytes",
  value: bytesMax,
  fallback: 0,
  about: "Longer keys and values of attributes are cut; 0 takes distributor.max_attribute_bytes.",
  read: (limits) => limits.attributeBytesMax,
});

export const tenantRetention = limitSetting<number>({
  path: "overrides.defaults.compaction.block_retention",
  value: wholeLongMs,
  fallback: 0,
  about: "How long a tenant's blocks are kept; 0 takes the block_retention of all.",
  read: (limits) => limits.blockRetentionMs,
});

export const tenantCompactionWindow = limitSetting<number>({
  path: "overrides.defaults.compaction.compaction_window",
  value: {
    ...wholeLongMs,
    schema: wholeLongMs.schema.refine((ms) => ms === 0 || ms >= COMPACTION_WINDOW_MS_MIN),
    expected: `${wholeLongMs.expected}, 0 or at least 1s`,
  },
  fallback: 0,
  about: "A tenant's blocks are merged within such a window; 0 takes the compaction_window of all.",
  read: (limits) => limits.compactionWindowMs,
});

export const tenantCompactionDisabled = limitSetting<boolean>({
  path: "overrides.defaults.compaction.compaction_disabled",
  value: flag,
  fallback: false,
  about: "A tenant's blocks are not merged; old ones are removed all the same.",
  read: (limits) => limits.isCompactionDisabled,
});

export const distributorAttributeBytes = limitSetting<number>({
  path: "distributor.max_attribute_bytes",
  value: bytesMax,
  fallback: 0,
  about: "The same for tenants whose overrides do not say it; 0 cuts nothing.",
  read: (limits) => limits.distributorAttributeBytesMax,
});

export const attributeKeys = limitSetting<number>({
  path: "overrides.defaults.ingestion.max_attribute_keys",
  value: countMax,
  fallback: 0,
  about: "Spans with more attributes, or in an event or link of them, are refused; 0: any number.",
  read: (limits) => limits.attributeKeysMax,
});

export const traceBytes = limitSetting<number>({
  path: "overrides.defaults.global.max_bytes_per_trace",
  value: bytesMax,
  fallback: 0,
  about: "Spans by which a live trace would become larger are refused; 0: any size.",
  read: (limits) => limits.traceBytesMax,
});

export const liveTraces = limitSetting<number>({
  path: "overrides.defaults.ingestion.max_traces_per_user",
  value: countMax,
  fallback: 0,
  about: "Spans of more traces than so many live ones are refused; 0: any number.",
  read: (limits) => limits.liveTracesMax,
});

export const globalLiveTraces = limitSetting<number>({
  path: "overrides.defaults.ingestion.max_global_traces_per_user",
  value: countMax,
  fallback: 0,
  about: "The same in Tempo's clusters; the lower of the two counts.",
  read: (limits) => limits.globalLiveTracesMax,
});

export const traceIdle = limitSetting<number>({
  path: "live_store.max_trace_idle",
  value: wholeMs(),
  fallback: 5000,
  about: "So long after its last span a trace no longer counts for the limits on live traces.",
  read: (limits) => limits.traceIdleMs,
});

export const tenantFile = limitSetting<string>({
  path: "overrides.per_tenant_override_config",
  value: text,
  fallback: "",
  about: "File with the limits of single tenants; it is read again when it changes.",
  read: (limits) => limits.tenantFile,
});

export const tenantFilePeriod = limitSetting<number>({
  path: "overrides.per_tenant_override_period",
  value: {
    ...longDuration,
    schema: longDuration.schema.refine((ms) => Number.isInteger(ms) && ms > 0),
    expected: `${wholeMs().expected}, above 0`,
  },
  fallback: 10_000,
  about: "How often that file is looked at for changes.",
  read: (limits) => limits.tenantFilePeriodMs,
});

export const limitSettings = [
  ...[tenantRetention, tenantCompactionWindow, tenantCompactionDisabled],
  ingestionRate,
  ingestionBurst,
  attributeBytes,
  distributorAttributeBytes,
  attributeKeys,
  traceBytes,
  liveTraces,
  globalLiveTraces,
  traceIdle,
  tenantFile,
  tenantFilePeriod,
] as const satisfies readonly AnySetting[];
