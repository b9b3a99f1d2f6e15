/**
 * Traces of an answer that are read alone, as the threads have no room to keep columns: traces of
 * one block, and those that lie in blocks of two threads.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { TraceSummary } from "../../src/query/question.ts";
import { blockDisk } from "../../src/store/block-disk.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { parse } from "../../src/traceql/parse.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { QuestionThread } from "../support/question-thread.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentSpan } from "../support/sent-span.ts";

const TRACES = 60;
const SERVICES = ["frontend", "cart", "payment"];
const STARTED_NANO = 1_700_000_000_000_000_000n;

const folder = mkdtempSync(join(tmpdir(), "vivace-cut-out-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of a trace a few spans in each of its blocks: one of three lies in the first alone. */
function spansOf(trace: number, block: number): SentSpan[] {
  if (block > 0 && trace % 3 === 0) return [];
  const start = STARTED_NANO + BigInt(trace) * 1_000_000_000n;
  return Array.from({ length: 1 + ((trace + 2 * block) % 5) }, (_, at) => {
    const isRoot = block === 0 && at === 0;
    const began = start + BigInt(100 * block + at) * 1_000_000n;
    return spanOf({
      traceId: ((trace + 1) * 2_654_435_761).toString(16),
      spanId: `${trace + 1}${block}${at}`,
      parentSpanId: isRoot ? "" : `${trace + 1}00`.padStart(16, "0"),
      name: isRoot ? `root ${trace}` : `part ${trace}`,
      start: String(began),
      end: String(began + BigInt(1 + ((7 * trace + at) % 50)) * 1_000_000n),
      status: [at % 3 === 1 ? 2 : 0, ""],
      resource: [["service.name", ["string", SERVICES[(trace + at + block) % SERVICES.length]]]],
    });
  });
}

function cutBlocks(): BlockMeta[] {
  const disk = blockDisk(folder);
  const store = new DiskStore(folder, disk);
  const cutter = new CutKernel();
  return [0, 1].map((block) => {
    const spans = Array.from({ length: TRACES }, (_, trace) => spansOf(trace, block)).flat();
    cutter.begin();
    cutter.add(requestOf(spans), "t");
    return cutter.cut(store, [block, block + 1])[0];
  });
}

/** What an answer has to say of the trace. */
function summaryOf(trace: number) {
  const spans = [0, 1].flatMap((block) => spansOf(trace, block));
  const end = spans.map((span) => BigInt(span.end)).reduce((a, b) => (a > b ? a : b));
  const start = BigInt(spans[0].start);
  const services = Map.groupBy(spans, serviceOf);
  return {
    traceId: spans[0].traceId,
    rootServiceName: serviceOf(spans[0]),
    rootTraceName: `root ${trace}`,
    startUnixNano: start,
    durationNano: end - start,
    services: [...services]
      .map(([service, of]) => ({
        ...{ service, spans: of.length },
        errors: of.filter(({ status }) => status[0] === 2).length,
      }))
      .toSorted(byService),
    spans: spans.map(({ spanId }) => spanId).toSorted(),
  };
}

const serviceOf = ({ resource }: SentSpan) => String(resource[0][1][1]);
const byService = (a: { service: string }, b: { service: string }) =>
  a.service < b.service ? -1 : 1;

function told({ services, spanSets, ...summary }: TraceSummary) {
  const spans = spanSets.flatMap((set) => set.spans.map(({ spanId }) => spanId)).toSorted();
  return { ...summary, services: services.toSorted(byService), spans };
}

test("they are as they were sent, whichever thread is asked", async () => {
  const blocks = cutBlocks();
  const of = { localPath: folder, blocks, owners: [0, 1], vectorBytes: 64 * MiB, keptBytes: 0 };
  const threads = [0, 1].map((reader) => new QuestionThread({ ...of, reader }));
  QuestionThread.connect(threads[0], threads[1]);
  const expected = Array.from({ length: TRACES }, (_, trace) => summaryOf(trace)).toReversed();
  for (const thread of threads) {
    const { traces } = await thread.ask({
      ...{ type: "search", tenants: ["t"], query: parse("{ }"), limit: TRACES },
      ...{ startNano: undefined, endNano: undefined, spansPerSpanSet: 100 },
      ...{ withoutSpanSets: false, minDurationNano: undefined, maxDurationNano: undefined },
    });
    expect(traces.map(told)).toEqual(expected);
  }
});
