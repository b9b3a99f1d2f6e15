/** Traces out of blocks as the kernel writes them: what was sent comes back, in its order. */
import { rmSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { cutToDisk, expected, fill, freshReader, type Sent, shown } from "./read-stored.ts";

const kernel = new CutKernel();
const roots: string[] = [];

afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true });
});

function cut(): ReturnType<typeof cutToDisk> {
  const made = cutToDisk(kernel);
  roots.push(made.root);
  return made;
}

/** Each (tenant, trace id) that was sent, once. */
function traces(sent: readonly Sent[]): Sent[] {
  const first = new Map<string, Sent>();
  for (const each of sent) {
    const key = `${each.tenant} ${Buffer.from(each.traceId).toString("hex")}`;
    if (!first.has(key)) first.set(key, each);
  }
  return [...first.values()];
}

describe("a trace read from its block", () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`is what was sent, seed ${seed}`, () => {
      const options = { random: prng(seed), tenants: ["one"], requests: 300, traces: 60 };
      const sent = fill(kernel, options);
      const [block] = cut().blocks;
      const { reader } = freshReader();
      for (const { tenant, traceId } of traces(sent)) {
        const rows = [...(reader.rows(block, tenant, traceId) ?? [])];
        const found = rows.map((row) => shown(row, traceId));
        expect(found).toEqual(expected(sent, tenant, traceId));
      }
    });
  }

  test("is the tenant's own in a shared block", () => {
    const tenants = ["a", "b", "ц"];
    const sent = fill(kernel, { random: prng(9), tenants, requests: 300, traces: 20 });
    const { blocks } = cut();
    expect(blocks.length).toBe(1);
    const { reader } = freshReader();
    for (const { traceId } of traces(sent)) {
      for (const tenant of tenants) {
        const rows = [...(reader.rows(blocks[0], tenant, traceId) ?? [])];
        const found = rows.map((row) => shown(row, traceId));
        expect(found).toEqual(expected(sent, tenant, traceId));
      }
    }
    expect(reader.rows(blocks[0], "d", sent[0].traceId)).toBeUndefined();
  });
});
