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
import { parseTenantOverrides, type TenantOverrides } from "../config/tenant-overrides.ts";
import type { RateLimit, RateLimits } from "../receive/rate-limit.ts";

export interface TenantLimitsParts {
  readonly logger: Logger;
  readonly onChange: (limits: RateLimits) => void;
}

/** Throws EngineError when the file cannot be used. */
export function readLimits(config: LimitsConfig, logger: Logger): RateLimits {
  const { tenantFile: path } = config;
  if (path === "") return { byTenant: new Map(), others: rateOf(config, []) };
  const { byTenant, wildcard, warnings } = parseTenantOverrides(path, readText(path));
  for (const warning of warnings) logger.warn(warning);
  return {
    byTenant: new Map(
      [...byTenant].map(([tenant, own]) => [tenant, rateOf(config, [own, wildcard])]),
    ),
    others: rateOf(config, [wildcard]),
  };
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
function rateOf(config: LimitsConfig, entries: readonly TenantOverrides[]): RateLimit {
  const said = (key: keyof TenantOverrides) =>
    entries.map((entry) => entry[key]).find((value) => value !== undefined);
  const bytesPerSecond = said("rateBytesPerSecond") ?? config.rateBytesPerSecond;
  const isUnbounded = bytesPerSecond === INGESTION_RATE_BYTES_DEFAULT;
  if (isUnbounded) {
    return { bytesPerSecond: Number.POSITIVE_INFINITY, burstBytes: Number.POSITIVE_INFINITY };
  }
  return { bytesPerSecond, burstBytes: said("burstBytes") ?? config.burstBytes };
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
