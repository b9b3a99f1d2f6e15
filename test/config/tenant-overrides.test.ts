/** The file with limits of single tenants: both shapes, the wildcard, and what can be wrong. */
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config/finding.ts";
import { parseTenantOverrides } from "../../src/config/tenant-overrides.ts";

const parse = (text: string) => parseTenantOverrides("o.yaml", text);

function problemsOf(text: string): readonly string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test("limits in Tempo's shape, in that of Tempo 2, and of all others", () => {
  const file = parse(`
overrides:
  scoped:
    ingestion: {rate_limit_bytes: 1MB, burst_size_bytes: 2000000}
  flat: {ingestion_rate_limit_bytes: 0}
  traces:
    ingestion: {max_traces_per_user: 5, max_global_traces_per_user: 6, max_attribute_bytes: 1KiB}
    global: {max_bytes_per_trace: 2MB}
  flat-traces:
    max_traces_per_user: 7
    max_bytes_per_trace: 3MB
    ingestion_max_attribute_bytes: 9
    ingestion_max_attribute_keys: 8
  merged: {compaction: {block_retention: 30d, compaction_window: 2h, compaction_disabled: true}}
  flat-merged: {compaction_window: 30m, compaction_disabled: false}
  nothing:
  "*": {ingestion: {burst_size_bytes: 7}}
`);
  expect([...file.byTenant]).toEqual([
    ["scoped", { rateBytesPerSecond: 1_000_000, burstBytes: 2_000_000 }],
    ["flat", { rateBytesPerSecond: 0 }],
    [
      "traces",
      {
        liveTracesMax: 5,
        globalLiveTracesMax: 6,
        attributeBytesMax: 1024,
        traceBytesMax: 2_000_000,
      },
    ],
    [
      "flat-traces",
      { liveTracesMax: 7, traceBytesMax: 3_000_000, attributeBytesMax: 9, attributeKeysMax: 8 },
    ],
    [
      "merged",
      {
        blockRetentionMs: 30 * 86_400_000,
        compactionWindowMs: 7_200_000,
        isCompactionDisabled: true,
      },
    ],
    ["flat-merged", { compactionWindowMs: 1_800_000, isCompactionDisabled: false }],
    ["nothing", {}],
  ]);
  expect(file.wildcard).toEqual({ burstBytes: 7 });
  expect(file.warnings).toEqual([]);
});

test.each(["", "overrides:", "overrides: {}", "# nothing"])("%j holds nothing", (text) => {
  expect(parse(text).byTenant.size).toBe(0);
});

test("keys without meaning are warned about", () => {
  const { warnings } = parse("overrides: {a: {ingestion: {tenant_shard_size: 3}}}");
  expect(warnings).toEqual([expect.stringContaining("overrides.a.ingestion.tenant_shard_size:")]);
});

describe("what is wrong", () => {
  test.each([
    ["{", "o.yaml:1:"],
    ["limits: {}", "o.yaml:1:1: limits: this key is not known; the file holds overrides:"],
    ["overrides: [a]", "o.yaml:1:1: overrides: is not a mapping of tenants"],
    ["overrides: {a: 5}", "o.yaml:1:13: overrides.a: is not keys of limits"],
    [
      "overrides: {a: {ingestion: {rate_limit_byte: 5}}}",
      "o.yaml:1:29: overrides.a.ingestion.rate_limit_byte: this key is not known; did you mean",
    ],
    [
      "overrides: {a: {ingestion: {rate_limit_bytes: fast}}}",
      'o.yaml:1:29: overrides.a.ingestion.rate_limit_bytes: "fast" is not a number of bytes',
    ],
    [
      "overrides: {a: {ingestion: {artificial_delay: 5s}}}",
      "o.yaml:1:29: overrides.a.ingestion.artificial_delay: artificial delay is not built yet",
    ],
    [
      "overrides: {a: {ingestion: {max_traces_per_user: -1}}}",
      "o.yaml:1:29: overrides.a.ingestion.max_traces_per_user: -1 is not",
    ],
  ])("%s", (text, problem) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});
