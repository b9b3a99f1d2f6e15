/** Exemplars whose ids and durations are read when it is known which of them stay. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import type { MetricsAnswer } from "../../src/query/question.ts";
import { blockDisk } from "../../src/store/block-disk.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { parse } from "../../src/traceql/parse.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { QuestionThread } from "../support/question-thread.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentSpan } from "../support/sent-span.ts";

const TRACES = 50;
const BLOCKS = 3;
const STARTED_NANO = 1_700_000_000_000_000_000n;
const SERVICES = ["frontend", "cart", "payment"];

const folder = mkdtempSync(join(tmpdir(), "vivace-late-"));
afterAll(() => rmSync(folder, { recursive: true }));

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0");

/** Blocks lie over each other in time, so that of a stretch hardly any stays. */
function spansOf(block: number): SentSpan[] {
  return Array.from({ length: TRACES * 3 }, (_, i) => {
    const trace = Math.floor(i / 3);
    const start = STARTED_NANO + BigInt(trace * 1000 + ((block * 7) % 5) * 10 + i) * 1_000_000n;
    return spanOf({
      traceId: `a${hex((trace * BLOCKS + block + 1) * 2_654_435_761, 31)}`,
      spanId: hex(1_000_000 + block * 10_000 + i, 16),
      name: `work ${i % 4}`,
      start: String(start),
      end: String(start + BigInt(1 + ((i * 37 + block) % 900)) * 1_000_000n),
      resource: [["service.name", ["string", SERVICES[(i + block) % SERVICES.length]]]],
    });
  });
}

const sent = new Map<string, SentSpan>();

function threads(): { readonly late: QuestionThread; readonly early: QuestionThread } {
  const store = new DiskStore(folder, blockDisk(folder));
  const cutter = new CutKernel();
  const blocks = Array.from({ length: BLOCKS }, (_, block) => {
    const spans = spansOf(block);
    for (const span of spans) sent.set(span.spanId, span);
    cutter.begin();
    cutter.add(requestOf(spans), "t");
    return cutter.cut(store, [block, block + 1])[0];
  });
  const of = { localPath: folder, blocks, vectorBytes: 64 * MiB };
  return { late: new QuestionThread({ ...of, isShort: true }), early: new QuestionThread(of) };
}

function ask(thread: QuestionThread, query: string): Promise<MetricsAnswer> {
  return thread.ask({
    ...{ type: "metrics", tenants: ["t"], query: parse(query) },
    ...{ startNano: STARTED_NANO, endNano: STARTED_NANO + 60_000_000_000n },
    ...{ stepNano: 5_000_000_000n, exemplars: 40, seriesMax: 1000 },
  });
}

test("they say what those say that are read at once, and what was sent", async () => {
  const { late, early } = threads();
  for (const query of [
    "{ } | rate() by (resource.service.name)",
    "{ } | quantile_over_time(duration, .5, .9) by (name)",
    "{ } | histogram_over_time(duration)",
    "{ } | avg_over_time(duration)",
    "{ duration > 100ms } | count_over_time() by (name)",
  ]) {
    const [found, wanted] = [await ask(late, query), await ask(early, query)];
    expect(found.series).toEqual(wanted.series);
    const exemplars = found.series.flatMap((series) => series.exemplars);
    expect(exemplars.length).toBeGreaterThan(10);
    for (const { labels, value } of exemplars) {
      const text = (wanted: string) => {
        const value = labels.find(({ key }) => key === wanted)?.value;
        return value?.type === "string" ? value.value : "";
      };
      const span = sent.get(text("span:id"));
      expect(span?.traceId).toBe(text("trace:id"));
      if (!/quantile|avg/.test(query)) continue;
      expect(value).toBe(Number(BigInt(span?.end ?? 0) - BigInt(span?.start ?? 0)) / 1e9);
    }
  }
});
