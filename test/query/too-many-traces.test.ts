/** A tenant with more traces than there is room to know of: what a question about it says. */
import { expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { metaOf } from "../store/block-metas.ts";
import { QuestionThread } from "../support/question-thread.ts";

/** Blocks of so many traces, of which no file is ever read. */
function blocksOf(traces: number): BlockMeta[] {
  return [1, 2].map((number) =>
    metaOf(number, {
      ...{ spans: traces, traces },
      tenants: [{ name: "shop", rowFirst: 0, rows: traces, traces }],
    }),
  );
}

test("more traces than there is room for are refused, with what to do about it", async () => {
  const thread = new QuestionThread({
    ...{ localPath: "/nowhere", vectorBytes: 8 * MiB, blocks: blocksOf(11_000_000) },
  });
  const refused = thread.ask({
    ...{ type: "tagNames", tenants: ["shop"], startNano: undefined, endNano: undefined },
    ...{ scope: undefined, filter: undefined, limit: 0 },
  });
  await expect(refused).rejects.toThrow(/more than 20971520 traces.*block_retention/);
});
