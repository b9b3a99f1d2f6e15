/** What the configuration and the limits of tenants say of merging blocks and of keeping them. */
import { EngineError } from "../base/error.ts";
import type { MergeLimits } from "../compact/plan-merges.ts";
import type { Retention } from "../compact/plan-retention.ts";
import type { Config } from "../config/config.ts";
import { BUCKET_COMPACTION_WINDOW_MS_MAX } from "../config/limits.ts";
import type { TenantLimit, TenantLimits } from "./tenant-limits.ts";

export interface CompactionLimits {
  readonly merging: MergeLimits;
  readonly retention: Retention;
}

export function compactionLimits(config: Config, { byTenant, others }: TenantLimits) {
  const { compaction, blockRetentionMs } = config;
  const merging = ({ compactionWindowMs, isCompactionDisabled }: TenantLimit) => ({
    windowMs: compactionWindowMs || compaction.windowMs,
    isDisabled: compaction.isDisabled || isCompactionDisabled,
  });
  const keepMs = ({ blockRetentionMs: own }: TenantLimit) => own || blockRetentionMs;
  const ofEach = <T>(read: (limit: TenantLimit) => T) =>
    new Map([...byTenant].map(([tenant, own]) => [tenant, read(own)]));
  const { tracesMax, bytesMax, rules } = compaction;
  return {
    merging: { ...merging(others), byTenant: ofEach(merging), tracesMax, bytesMax },
    retention: { rules, byTenant: ofEach(keepMs), othersMs: keepMs(others) },
  } satisfies CompactionLimits;
}

/** Throws malformed when the backend cannot do what the limits ask for. */
export function checkCompactionLimits(config: Config, { byTenant, others }: TenantLimits): void {
  if (config.storageBackend === "local") return;
  for (const [tenant, { compactionWindowMs }] of [["all", others] as const, ...byTenant]) {
    if (compactionWindowMs <= BUCKET_COMPACTION_WINDOW_MS_MAX) continue;
    const what = `compaction_window of ${tenant === "all" ? "all tenants" : `tenant ${tenant}`}`;
    throw new EngineError("malformed", `${what}: at most 24h for blocks in a bucket`);
  }
}
