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
  nothing:
  "*": {ingestion: {burst_size_bytes: 7}}
`);
  expect([...file.byTenant]).toEqual([
    ["scoped", { rateBytesPerSecond: 1_000_000, burstBytes: 2_000_000 }],
    ["flat", { rateBytesPerSecond: 0, burstBytes: undefined }],
    ["nothing", { rateBytesPerSecond: undefined, burstBytes: undefined }],
  ]);
  expect(file.wildcard).toEqual({ rateBytesPerSecond: undefined, burstBytes: 7 });
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
      "overrides: {a: {ingestion: {max_traces_per_user: 5}}}",
      "o.yaml:1:29: overrides.a.ingestion.max_traces_per_user: limits on traces are not built yet",
    ],
  ])("%s", (text, problem) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});
