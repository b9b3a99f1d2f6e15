/**
 * What is known of a block before its rows are read: when it comes, all that questions must know of
 * it; and from its dictionaries and statistics, whether it has anything of what is asked.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { Question } from "../../src/query/question.ts";
import { Turns } from "../../src/query/turns.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { parse } from "../../src/traceql/parse.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { QuestionThread } from "../support/question-thread.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";

const BLOCKS = 6;
const TRACES = 3000;
const START_SECONDS = 1_700_000_000;

const folder = mkdtempSync(join(tmpdir(), "vivace-prepare-"));
afterAll(() => rmSync(folder, { recursive: true }));

function cutBlocks(): BlockMeta[] {
  const cutter = new CutKernel();
  const store = new DiskStore(folder);
  const idOf = (block: number, own: number) => `${block + 1}${own}`.padStart(32, "a0");
  return Array.from({ length: BLOCKS }, (_, block) => {
    const span = (traceId: string, spanId: string) =>
      spanOf({
        ...{ traceId, spanId, name: `name ${spanId}` },
        start: `${START_SECONDS + block}000000000`,
        end: `${START_SECONDS + block}000001000`,
        attributes: [
          ["city", ["string", `city ${(block * 7 + Number(spanId)) % 40}`]],
          [`only.${block}`, ["string", "yes"]],
        ],
      });
    const spans = Array.from({ length: TRACES }, (_, own) => [
      ...["1", "2", "3"].map((spanId) => span(idOf(block, own), spanId)),
    ]).flat();
    cutter.begin();
    cutter.add(requestOf(spans), "t");
    return cutter.cut(store, [block, block + 1])[0];
  });
}

const time = { startNano: undefined, endNano: undefined };
const of = { ...time, tenants: ["t"] };

function search(query: string): Question {
  return {
    ...{ ...of, type: "search", query: parse(query), limit: 20, spansPerSpanSet: 3 },
    ...{ withoutSpanSets: false, minDurationNano: undefined, maxDurationNano: undefined },
  };
}

function metrics(query: string): Question {
  const window = {
    startNano: BigInt(START_SECONDS - 10) * 1_000_000_000n,
    endNano: BigInt(START_SECONDS + 60) * 1_000_000_000n,
    stepNano: undefined,
  };
  const common = { exemplars: 0, seriesMax: 0 };
  return { ...of, type: "metrics", query: parse(query), ...window, ...common };
}

const names: Question = { ...of, type: "tagNames", scope: "span", filter: undefined, limit: 0 };

test("blocks that came are prepared, and those without what is asked are not read", async () => {
  const metas = cutBlocks();
  const [before, after] = [metas.slice(0, 2), metas.slice(2)];
  const thread = new QuestionThread({ localPath: folder, blocks: before, vectorBytes: 256 * MiB });
  const bytesOf = async (work: () => Promise<unknown>) => {
    const bytes = thread.blocks.inspectedBytes;
    await work();
    return thread.blocks.inspectedBytes - bytes;
  };
  const data = after.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
  // Nobody asked about the tenant.
  expect(await bytesOf(() => thread.change(after.slice(0, 1), []))).toBe(0);
  await thread.ask(search("{ span.nothing = `x` }"));
  const trace = after.reduce((sum, { sidecarBytes }) => sum + sidecarBytes, 0);
  expect(await bytesOf(() => thread.change(after.slice(1), []))).toBeGreaterThan(trace / 2);

  expect(await bytesOf(() => thread.ask(search("{ span.nothing = `x` }")))).toBe(0);
  expect(await bytesOf(() => thread.ask(metrics("{ span.nothing = 3 } | rate()")))).toBe(0);
  // All have the key, none the value: their dictionaries say so.
  const absent = "{ span.city = `none` && name != nil }";
  expect(await bytesOf(() => thread.ask(search(absent)))).toBeLessThan(data / 50);
  expect(await bytesOf(() => thread.ask(metrics(`${absent} | rate()`)))).toBe(0);

  const found = await thread.ask(names as Extract<Question, { type: "tagNames" }>);
  expect(found.scopes[0]?.names).toEqual(["city", ...metas.map((_, i) => `only.${i}`)]);
  const values = await thread.ask({
    ...{ ...of, type: "tagValues", filter: undefined, limit: 0, bytesMax: 0 },
    field: { node: "attribute", scope: "span", name: "only.3", parent: false },
  } as Extract<Question, { type: "tagValues" }>);
  expect(values.values).toEqual([{ type: "string", value: "yes" }]);
});

test("what nobody waits for is done when nobody waits", async () => {
  let nowMs = 0;
  const turns = new Turns({ nowMs: () => nowMs });
  const idle = turns.beginIdle("t");
  const done: string[] = [];
  const step = (name: string, turn = turns.begin("t")) =>
    turns.step(turn, () => {
      nowMs += 1000;
      done.push(name);
    });
  const all = [step("idle", idle), step("first"), step("second"), step("third")];
  await Promise.all(all);
  expect(done).toEqual(["first", "second", "third", "idle"]);
  // And it counts against nobody.
  expect(idle.usedMs).toBe(1000);
});
