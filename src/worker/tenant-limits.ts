/**
 * The limits in force: those of the configuration, and of the file with limits of single tenants,
 * which is read again when it changes. What is wrong with it stops the start; later it is said in
 * the log, and the limits stay as they were.
 */
import { readFileSync, statSync } from "node:fs";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { LimitsConfig } from "../config/config.ts";
import { CONFIG_FILE_BYTES_MAX, INGESTION_RATE_BYTES_DEFAULT } from "../config/limits.ts";
import {
  parseTenantOverrides,
  type TenantLimitName,
  type TenantOverrides,
} from "../config/tenant-overrides.ts";
import type { RateLimit } from "../receive/rate-limit.ts";

/** What holds for the content of a tenant's requests; 0 is no limit. request-limits.ts. */
export interface ContentLimits {
  readonly attributeBytesMax: number;
  readonly attributeKeysMax: number;
  readonly traceBytesMax: number;
  readonly liveTracesMax: number;
}

export interface TenantLimit extends RateLimit, ContentLimits {
  /** How long its blocks are kept; 0: as long as those of all. */
  readonly blockRetentionMs: number;
  /** Within which its blocks are merged; 0: as those of all. */
  readonly compactionWindowMs: number;
  readonly isCompactionDisabled: boolean;
}

/** Of tenants that have limits of their own, and of all others. */
export interface TenantLimits {
  readonly byTenant: ReadonlyMap<string, TenantLimit>;
  readonly others: TenantLimit;
}

export interface TenantLimitsParts {
  readonly logger: Logger;
  readonly onChange: (limits: TenantLimits) => void;
}

/** Throws EngineError when the file cannot be used. */
export function readLimits(config: LimitsConfig, logger: Logger): TenantLimits {
  const { tenantFile: path } = config;
  if (path === "") return { byTenant: new Map(), others: limitOf(config, []) };
  const { byTenant, wildcard, warnings } = parseTenantOverrides(path, readText(path));
  for (const warning of warnings) logger.warn(warning);
  return {
    byTenant: new Map(
      [...byTenant].map(([tenant, own]) => [tenant, limitOf(config, [own, wildcard])]),
    ),
    others: limitOf(config, [wildcard]),
  };
}

/** What the file warns about. Throws EngineError when it cannot be used. */
export function checkTenantFile(path: string): readonly string[] {
  return parseTenantOverrides(path, readText(path)).warnings;
}

/** Looks at the file every period; what is returned ends that. */
export function watchLimits(config: LimitsConfig, parts: TenantLimitsParts): () => void {
  const { tenantFile: path, tenantFilePeriodMs } = config;
  if (path === "") return () => {};
  let seen = versionOf(path);
  const timer = setInterval(() => {
    const version = versionOf(path);
    if (version === seen) return;
    seen = version;
    try {
      const limits = readLimits(config, parts.logger);
      parts.onChange(limits);
      parts.logger.info("limits of tenants read", { path, tenants: limits.byTenant.size });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      parts.logger.error("limits of tenants stay as they were", { path, error: error.message });
    }
  }, tenantFilePeriodMs);
  return () => clearInterval(timer);
}

/** The first entry that says it; else the configuration. */
function limitOf(config: LimitsConfig, entries: readonly TenantOverrides[]): TenantLimit {
  const said = <Name extends TenantLimitName>(name: Name): LimitsConfig[Name] =>
    entries.map((entry) => entry[name]).find((value) => value !== undefined) ?? config[name];
  const local = said("liveTracesMax");
  const global = said("globalLiveTracesMax");
  return {
    ...rateOf(said("rateBytesPerSecond"), said("burstBytes")),
    attributeBytesMax: said("attributeBytesMax") || config.distributorAttributeBytesMax,
    attributeKeysMax: said("attributeKeysMax"),
    traceBytesMax: said("traceBytesMax"),
    blockRetentionMs: said("blockRetentionMs"),
    compactionWindowMs: said("compactionWindowMs"),
    isCompactionDisabled: said("isCompactionDisabled"),
    // There is one process, for which both are the same; 0 is none.
    liveTracesMax: Math.min(local || global, global || local),
  };
}

function rateOf(bytesPerSecond: number, burstBytes: number): RateLimit {
  const isUnbounded = bytesPerSecond === INGESTION_RATE_BYTES_DEFAULT;
  if (isUnbounded) {
    return { bytesPerSecond: Number.POSITIVE_INFINITY, burstBytes: Number.POSITIVE_INFINITY };
  }
  return { bytesPerSecond, burstBytes };
}

function versionOf(path: string): string {
  try {
    const { mtimeNs, size, ino } = statSync(path, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return "gone";
  }
}

function readText(path: string): string {
  try {
    if (statSync(path).size > CONFIG_FILE_BYTES_MAX) throw new Error("it is too large");
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError("not_found", `${path}: cannot be read: ${reason}`);
  }
}
