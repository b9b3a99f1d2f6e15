/**
 * compare() counts rows where they lie, also those of traces that lie in several blocks: the same
 * spans in one block and in several must give one answer, as spans that were sent twice, roots and
 * children in other blocks are what they are.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { MetricsQuestion, Series } from "../../src/query/question.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { parse } from "../../src/traceql/parse.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { QuestionThread } from "../support/question-thread.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentSpan } from "../support/sent-span.ts";

const START_SECONDS = 1_700_000_000;
const SETS = 12;
const BLOCKS = 4;
const TRACES = 24;
/** Few, so that parents are found, and spans come twice. */
const SPAN_IDS = 9;
const QUERIES = [
  "{ } | compare({ status = error })",
  "{ kind != client } | compare({ span.n > 2 }, 3)",
  // Each of these asks more of a trace, and is told by assembled ones.
  "{ rootName = `a` } | compare({ status = error })",
  "{ } | compare({ span:childCount > 0 })",
  "{ } > { } | compare({ status = error })",
];

const cutter = new CutKernel();
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function spansOf(random: Prng): SentSpan[] {
  return Array.from({ length: 60 }, () => {
    const seconds = START_SECONDS + random.below(40);
    const parent = random.below(SPAN_IDS + 3);
    return spanOf({
      traceId: (random.below(TRACES) + 1).toString(16),
      spanId: (random.below(SPAN_IDS) + 1).toString(16),
      parentSpanId: parent <= SPAN_IDS && parent > 0 ? parent.toString(16).padStart(16, "0") : "",
      name: ["a", "b", "c"][random.below(3)],
      kind: 1 + random.below(3),
      start: `${seconds}000000000`,
      end: `${seconds + 1}000000000`,
      status: [random.below(3), ""],
      attributes: random.below(2) === 0 ? [] : [["n", ["int", String(random.below(5))]]],
      resource: [["service.name", ["string", ["x", "y"][random.below(2)]]]],
    });
  });
}

function cut(name: string, parts: readonly (readonly SentSpan[][])[]): Stored {
  const folder = mkdtempSync(join(tmpdir(), `vivace-${name}-`));
  folders.push(folder);
  const store = new DiskStore(folder);
  const metas = parts.flatMap((requests, i) => {
    cutter.begin();
    for (const spans of requests) cutter.add(requestOf(spans), "t");
    return cutter.cut(store, [i, i + 1]);
  });
  return { folder, metas };
}

interface Stored {
  readonly folder: string;
  readonly metas: readonly BlockMeta[];
}

function threadsOf({ folder: localPath, metas: blocks }: Stored): QuestionThread {
  const owners = blocks.map((_, i) => i % 2);
  const of = { localPath, blocks, vectorBytes: 16 * MiB, owners };
  const one = new QuestionThread({ ...of, reader: 0 });
  QuestionThread.connect(one, new QuestionThread({ ...of, reader: 1 }));
  return one;
}

async function answers(stored: Stored): Promise<(readonly Series[])[]> {
  const thread = threadsOf(stored);
  const found: (readonly Series[])[] = [];
  for (const query of QUERIES) {
    const question: MetricsQuestion = {
      ...{ type: "metrics", tenants: ["t"], query: parse(query), exemplars: 0, seriesMax: 0 },
      startNano: BigInt(START_SECONDS + 5) * 1_000_000_000n,
      endNano: BigInt(START_SECONDS + 35) * 1_000_000_000n,
      stepNano: 10_000_000_000n,
    };
    found.push((await thread.ask(question)).series);
  }
  return found;
}

test("compare() of traces in several blocks counts what it counts in one", async () => {
  for (let seed = 1; seed <= SETS; seed++) {
    const random = prng(seed);
    const requests = Array.from({ length: BLOCKS }, () => spansOf(random));
    const whole = await answers(cut("whole", [requests]));
    const split = await answers(
      cut(
        "split",
        requests.map((one) => [one]),
      ),
    );
    for (const [i, query] of QUERIES.entries()) {
      expect(whole[i].length, query).toBeGreaterThan(0);
      expect(split[i], `seed ${seed}: ${query}`).toEqual(whole[i]);
    }
  }
}, 120_000);
