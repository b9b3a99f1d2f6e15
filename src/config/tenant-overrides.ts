/**
 * The file with limits of single tenants, in Tempo's shape:
 *
 *   overrides: { tenant: limits, "*": limits }
 *
 * where limits are those of `overrides.defaults`, or the flat ones of Tempo 2. Keys are held
 * against the same tables as the configuration's own, so nothing is read and ignored.
 *
 * What a tenant's entry does not say, the entry `*` says, and else the defaults. (In Tempo it is
 * zero: whoever raises one limit of a tenant loses all others.)
 */
import type { LimitsConfig } from "./config.ts";
import { placesOf } from "./file/places.ts";
import { type Walked, walk } from "./file/walk.ts";
import { parseYamlTree, type TreeEntry } from "./file/yaml-tree.ts";
import { ConfigError, type Finding, findingLines } from "./finding.ts";
import {
  attributeBytes,
  attributeKeys,
  globalLiveTraces,
  ingestionBurst,
  ingestionRate,
  liveTraces,
  tenantCompactionDisabled,
  tenantCompactionWindow,
  tenantRetention,
  traceBytes,
} from "./limit-settings.ts";
import type { AnySetting, Setting } from "./table/key.ts";
import { tenantLimits } from "./table/overrides.ts";

/** Which setting says what of a tenant. */
const LIMITS = {
  rateBytesPerSecond: ingestionRate,
  burstBytes: ingestionBurst,
  attributeBytesMax: attributeBytes,
  attributeKeysMax: attributeKeys,
  traceBytesMax: traceBytes,
  liveTracesMax: liveTraces,
  globalLiveTracesMax: globalLiveTraces,
  blockRetentionMs: tenantRetention,
  compactionWindowMs: tenantCompactionWindow,
  isCompactionDisabled: tenantCompactionDisabled,
} as const satisfies Record<string, Setting<number> | Setting<boolean>>;

export type TenantLimitName = keyof typeof LIMITS;

/** Of one entry; what is not there is not said. */
export type TenantOverrides = { readonly [Name in TenantLimitName]?: LimitsConfig[Name] };

export interface TenantOverridesFile {
  readonly byTenant: ReadonlyMap<string, TenantOverrides>;
  /** Of tenants without an entry, and behind the entries of the others. */
  readonly wildcard: TenantOverrides;
  /** One line each. */
  readonly warnings: readonly string[];
}

const WILDCARD = "*";

/** `path` is for messages. Throws ConfigError with all problems. */
export function parseTenantOverrides(path: string, text: string): TenantOverridesFile {
  const tree = parseYamlTree(text, placesOf(path, text));
  const problems: Finding[] = [...tree.problems];
  const warnings: Finding[] = [];
  const byTenant = new Map<string, TenantOverrides>();
  for (const top of tree.top.entries) {
    if (top.key !== "overrides") {
      const message = "this key is not known; the file holds overrides:";
      problems.push({ source: top.place, path: top.key, message });
      continue;
    }
    for (const entry of entriesOf(top, problems)) {
      const walked = walkTenant(entry, problems);
      const at = (key: string) => `overrides.${entry.key}.${key}`;
      problems.push(...walked.problems.map((one) => ({ ...one, path: at(one.path) })));
      for (const { path: key, source, reason } of walked.ignored) {
        warnings.push({ source, path: at(key), message: `has no meaning here: ${reason}` });
      }
      byTenant.set(entry.key, overridesOf(walked));
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const wildcard = byTenant.get(WILDCARD) ?? {};
  byTenant.delete(WILDCARD);
  return { byTenant, wildcard, warnings: findingLines(warnings) };
}

function entriesOf({ key, place, value }: TreeEntry, problems: Finding[]): readonly TreeEntry[] {
  if (value.kind === "map") return value.entries;
  if (value.kind !== "scalar" || value.value !== null) {
    problems.push({ source: place, path: key, message: "is not a mapping of tenants" });
  }
  return [];
}

function walkTenant({ key, place, value }: TreeEntry, problems: Finding[]): Walked {
  if (value.kind === "map") return walk(tenantLimits, value);
  if (value.kind !== "scalar" || value.value !== null) {
    problems.push({ source: place, path: `overrides.${key}`, message: "is not keys of limits" });
  }
  return walk(tenantLimits, { kind: "map", entries: [] });
}

function overridesOf(walked: Walked): TenantOverrides {
  const said = Object.entries(LIMITS).flatMap(([name, setting]) => {
    const given = walked.given.findLast((one) => one.setting === (setting as AnySetting));
    return given === undefined ? [] : [[name, given.value]];
  });
  // Each value was read by its setting's own kind.
  return Object.fromEntries(said);
}
