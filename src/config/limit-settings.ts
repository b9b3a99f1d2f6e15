/**
 * The settings of limits on tenants: what holds for all of them here, for single ones in a file of
 * their own, which tenant-overrides.ts reads.
 */
import type { Config, LimitsConfig } from "./config.ts";
import { INGESTION_BURST_BYTES_DEFAULT, INGESTION_RATE_BYTES_DEFAULT } from "./limits.ts";
import type { AnySetting, Setting } from "./table/key.ts";
import { wholeMs } from "./value/bounded.ts";
import { byteSize, longDuration, text } from "./value/value.ts";

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
  ingestionRate,
  ingestionBurst,
  tenantFile,
  tenantFilePeriod,
] as const satisfies readonly AnySetting[];
