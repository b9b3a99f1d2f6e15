/**
 * Questions about a tenant with more blocks than a query thread has room for at once: traces that
 * lie in several of them are whole, also when blocks come and go.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { MetricsQuestion, SearchQuestion } from "../../src/query/question.ts";
import { blockDisk } from "../../src/store/block-disk.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { parse } from "../../src/traceql/parse.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { QuestionThread } from "../support/question-thread.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";

const BLOCKS = 1500;
/** Of a block, besides those that go on in later ones. */
const OWN_TRACES = 4;
/** A trace of each block goes on so many blocks later. */
const STEPS = [1, 700];
/** Parts of one trace are in every so many blocks. */
const LONG_EVERY = 100;
/** A page of 16 KiB for some columns of each block would be more. */
const VECTOR_BYTES = 40 * MiB;
const START_SECONDS = 1_700_000_000;
const TIMEOUT_MS = 300_000;

const folder = mkdtempSync(join(tmpdir(), "vivace-many-"));
const disk = blockDisk(folder);
/** Nobody pulls the plug. */
const store = new DiskStore(folder, {
  ...disk,
  create: (path) => ({ ...disk.create(path), sync: () => {} }),
  syncFolder: () => {},
});
const cutter = new CutKernel();
let metas: BlockMeta[] = [];

beforeAll(() => {
  metas = Array.from({ length: BLOCKS }, (_, block) => cutBlock(block));
}, TIMEOUT_MS);

afterAll(() => rmSync(folder, { recursive: true }));

/** Id of a trace that begins in the block. */
function traceOf(block: number, own: number): string {
  // Far from each other in the order of ids.
  return (((block * 8 + own + 1) * 2_654_435_761) % 2 ** 32).toString(16).padStart(32, "a");
}

function cutBlock(block: number): BlockMeta {
  const time = BigInt(START_SECONDS + block) * 1_000_000_000n;
  const of = (traceId: string, name: string) =>
    spanOf({
      traceId,
      spanId: `${name.length}${block + 1}`,
      name,
      start: `${time}`,
      end: `${time}`,
    });
  const spans = Array.from({ length: OWN_TRACES }, (_, own) => of(traceOf(block, own), "begins"));
  for (const [own, step] of STEPS.entries()) {
    if (block >= step) spans.push(of(traceOf(block - step, own), "goes on"));
  }
  if (block % LONG_EVERY === 0) spans.push(of("f".repeat(32), "long"));
  cutter.begin();
  cutter.add(requestOf(spans), "t");
  return cutter.cut(store, [block, block + 1])[0];
}

function metrics(query: string): MetricsQuestion {
  const startNano = BigInt(START_SECONDS - 10) * 1_000_000_000n;
  const endNano = BigInt(START_SECONDS + 2 * BLOCKS) * 1_000_000_000n;
  const window = { startNano, endNano, stepNano: undefined };
  return {
    type: "metrics",
    tenants: ["t"],
    query: parse(query),
    ...window,
    exemplars: 0,
    seriesMax: 0,
  };
}

function search(query: string): SearchQuestion {
  const open = { startNano: undefined, endNano: undefined };
  return {
    ...{ type: "search", tenants: ["t"], query: parse(query), ...open, limit: 20 },
    ...{ spansPerSpanSet: 3, withoutSpanSets: false },
    ...{ minDurationNano: undefined, maxDurationNano: undefined },
  };
}

test(
  "traces in several of many blocks are whole, whatever blocks come and go",
  async () => {
    const first = metas.slice(0, -1);
    const vectorBytes = VECTOR_BYTES;
    const thread = new QuestionThread({ localPath: folder, blocks: first, vectorBytes });
    const count = async (query: string) => {
      const { series } = await thread.ask(metrics(query));
      return series[0]?.samples[0]?.value ?? 0;
    };
    // Traces of the first step have two spans in two blocks, and so have those of the second.
    const wholeOf = (blocks: number) => STEPS.reduce((sum, step) => sum + blocks - step, 0);
    const whole = "{ name = `begins` } && { name = `goes on` } | count_over_time()";
    const long = "{ name = `long` } | count() > 1 | count_over_time()";
    const newest = await thread.ask(search("{ name = `begins` } && { name = `goes on` }"));
    expect(newest.traces.map(({ traceId }) => traceId)).toContain(traceOf(BLOCKS - 3, 0));
    expect(await count("{ } | count_over_time()")).toBe(
      (BLOCKS - 1) * OWN_TRACES + wholeOf(BLOCKS - 1) + BLOCKS / LONG_EVERY,
    );
    expect(await count(long)).toBe(BLOCKS / LONG_EVERY);

    await thread.change(metas.slice(-1), []);
    expect(await count(whole)).toBe(2 * wholeOf(BLOCKS));

    // The long trace has two parts left of those of the first thirteen blocks that had one.
    const removed = metas.slice(0, 1300).map(({ id }) => id);
    await thread.change([], removed);
    expect(await count(long)).toBe(2);
    expect(await count("{ } | count_over_time()")).toBe(200 * OWN_TRACES + 200 * STEPS.length + 2);
    // Of those that went on after 700 blocks only the later halves are left.
    expect(await count(whole)).toBe(2 * 199);
  },
  TIMEOUT_MS,
);
