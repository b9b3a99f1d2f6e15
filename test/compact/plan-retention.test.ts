/** What the age of a block asks for, and which filters a rule may have. */
import { expect, test } from "vitest";
import {
  type Retention,
  type RetentionStep,
  retentionStep,
} from "../../src/compact/plan-retention.ts";
import { readRetentionFilter } from "../../src/compact/retention-filter.ts";
import { metaOf } from "../store/block-metas.ts";

const DAY = 86_400_000;
const retention: Retention = {
  rules: [
    { filter: "{ status = error }", keepMs: 90 * DAY },
    { filter: '{ resource.service.name = "health" }', keepMs: DAY },
  ],
  byTenant: new Map([
    ["short", 2 * DAY],
    ["ever", 0],
  ]),
  othersMs: 14 * DAY,
};
const rows = { rowFirst: 0, rows: 1, traces: 1 };

const cases: { name: string; tenants: string[]; days: number; step: RetentionStep }[] = [
  { name: "nothing is over", tenants: ["shop"], days: 0.5, step: { type: "keep" } },
  { name: "the shortest rule", tenants: ["shop"], days: 1.5, step: { type: "look", over: 1 } },
  { name: "its tenant's time, too", tenants: ["shop"], days: 15, step: { type: "look", over: 2 } },
  { name: "a sooner one", tenants: ["short"], days: 3, step: { type: "look", over: 2 } },
  { name: "of two", tenants: ["short", "shop"], days: 3, step: { type: "look", over: 2 } },
  { name: "the longest", tenants: ["shop"], days: 91, step: { type: "remove" } },
  { name: "kept for ever", tenants: ["ever"], days: 1000, step: { type: "look", over: 2 } },
];

test.each(cases)("a block: $name", ({ tenants, days, step }) => {
  const meta = metaOf(1, { tenants: tenants.map((name) => ({ name, ...rows })) });
  expect(retentionStep(meta, retention, meta.retainFromMs + days * DAY)).toEqual(step);
});

test("without rules blocks go whole", () => {
  const plain = { rules: [], byTenant: new Map(), othersMs: DAY };
  const meta = metaOf(1);
  expect(retentionStep(meta, plain, meta.retainFromMs + DAY)).toEqual({ type: "keep" });
  expect(retentionStep(meta, plain, meta.retainFromMs + DAY + 1)).toEqual({ type: "remove" });
  const forEver = { ...plain, othersMs: 0 };
  expect(retentionStep(meta, forEver, Number.MAX_SAFE_INTEGER)).toEqual({ type: "keep" });
});

test.each([
  ["{ status = error", "vivace.retention_rules: { status = error: "],
  ["{ status = error } | count() > 1", "a rule is one filter of spans"],
  ["{ } >> { }", "a rule is one filter of spans"],
  ["{ } | rate()", "a rule is one filter of spans"],
  ["{ status = error } with (most_recent=true)", "a rule is one filter of spans"],
  ['{ 1 = "a" }', "vivace.retention_rules: "],
])("a rule that is none: %s", (filter, message) => {
  expect(() => readRetentionFilter({ filter, keepMs: 1 })).toThrow(message);
});

test("a rule", () => {
  for (const { filter, keepMs } of retention.rules) {
    expect(readRetentionFilter({ filter, keepMs }).node).toBe("binary");
  }
});
