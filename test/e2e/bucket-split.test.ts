/**
 * Traces that lie in two blocks, some of their spans in both, searched in a bucket of which nothing
 * is on the disk yet: each of the few that are better than what was found is read alone, out of the
 * pages that hold it (src/query/cut-out.ts). The answers are those of the same blocks on a disk.
 */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { Bucket, uploaded } from "../support/bucket.ts";
import { metric } from "../support/compaction.ts";
import { minioTool } from "../support/minio.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentSpan } from "../support/sent-span.ts";
import { Server, type ServerSettings } from "../support/server.ts";
import { leftOut, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

const SEED = 515;
const FIRST_SECONDS = 1_700_000_000;
/** Of a block, besides the split ones: small ones are on the disk as soon as a part of them is. */
const TRACES = 1500;
const SPANS = 30;
const SPLIT = 300;
/** Of these so many are newer than most others, fewer than are read alone at most. */
const NEWEST = 6;
/** Blocks that end last, with one trace each that is the newest: a search looks at them first. */
const LAST_BLOCKS = 2;
const LAST_TRACES = 200;
const WINDOW = { start: String(FIRST_SECONDS - 10), end: String(FIRST_SECONDS + 10_000) };

const QUERIES = [
  "{ span.number > 3 }",
  "{ span.half = `early` } >> { span.half = `late` } | select(span.number, event:name)",
  "{ } | sum(span.number) > 60",
];

/** Spans of one block each. */
function spansOfBlocks(): SentSpan[][] {
  const random = prng(SEED);
  const hexOf = (digits: number) =>
    Array.from({ length: digits }, () => random.below(16).toString(16)).join("");
  const spanAt = (seconds: number, own: Partial<SentSpan> & { traceId: string; spanId: string }) =>
    spanOf({
      ...{ start: `${seconds}000000000`, end: `${seconds}020000000`, name: "alone" },
      resource: [["service.name", ["string", `service-${random.below(5)}`]]],
      ...own,
    });
  const blocks: SentSpan[][] = [[], []];
  const alone = (seconds: number): SentSpan[] => {
    const traceId = hexOf(32);
    const root = hexOf(16);
    return Array.from({ length: SPANS }, (_, i) =>
      spanAt(seconds, {
        ...{ traceId, spanId: i === 0 ? root : hexOf(16), parentSpanId: i === 0 ? "" : root },
        end: `${seconds + 1}${String(random.below(1e9)).padStart(9, "0")}`,
        attributes: [["number", ["int", String(random.below(8))]]],
      }),
    );
  };
  for (const [i, block] of blocks.entries()) {
    for (let trace = 0; trace < TRACES; trace++) {
      block.push(...alone(FIRST_SECONDS + i * 2000 + trace));
    }
  }
  for (let trace = 0; trace < SPLIT; trace++) {
    const isNewest = trace % (SPLIT / NEWEST) === 0;
    const seconds = FIRST_SECONDS + (isNewest ? 9000 : 0) + trace;
    const traceId = hexOf(32);
    const spans = Array.from({ length: 12 }, (_, i) =>
      spanAt(seconds + i, {
        ...{ traceId, spanId: (i + 1).toString(16), name: i === 0 ? "root" : "split" },
        parentSpanId: i === 0 ? "" : (1 + random.below(i)).toString(16).padStart(16, "0"),
        attributes: [
          ["number", ["int", String(i)]],
          ["half", ["string", i < 6 ? "early" : "late"]],
        ],
        events: [{ time: `${seconds}000000000`, name: `event-${i}`, attributes: [] }],
      }),
    );
    // The late half comes with some of the early one, sent again; some others came too early.
    blocks[0].push(...spans.slice(0, 6), ...spans.filter((_, i) => i > 6 && i % 4 === 0));
    blocks[1].push(...spans.slice(6), ...spans.slice(0, 6).filter((_, i) => (i + trace) % 2 === 0));
  }
  const last = Array.from({ length: LAST_BLOCKS }, (_, i) =>
    Array.from({ length: LAST_TRACES }, (_, trace) =>
      alone(FIRST_SECONDS + (trace === 0 ? 9900 + i : 4000 + trace)),
    ).flat(),
  );
  return [...blocks, ...last];
}

async function fill(server: Server): Promise<void> {
  for (const spans of spansOfBlocks()) {
    for (let first = 0; first < spans.length; first += 2000) {
      const response = await server.send(requestOf(spans.slice(first, first + 2000)));
      await response.arrayBuffer();
      expect(response.status).toBe(200);
    }
    await server.flush();
  }
}

async function search(server: Server, q: string, limit: number): Promise<unknown> {
  const params = new URLSearchParams({ q, limit: String(limit), spss: "20", ...WINDOW });
  const response = await server.get(`/api/search?${params}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return (JSON.parse(text) as { traces: unknown }).traces;
}

test.skipIf(leftOut(minioTool))(
  titled(`split traces are answered cold as from a disk, seed ${SEED}`, minioTool),
  async () => {
    await using local = await Server.start({ "compactor.disabled": true });
    await fill(local);
    await using bucket = await Bucket.start();
    const settings: ServerSettings = { ...bucket.settings, "compactor.disabled": true };
    {
      await using writer = await Server.start(settings);
      await fill(writer);
      await uploaded(writer, 2 + LAST_BLOCKS);
    }
    expect((await bucket.blocks()).length).toBe(2 + LAST_BLOCKS);
    for (const q of QUERIES) {
      // One that has nothing of the blocks yet.
      await using reader = await Server.start(settings);
      await waitFor(
        async () => (await metric(reader, "vivace_block_rows")) > 0,
        () => reader.log,
      );
      for (const limit of [3, 10]) {
        const found = await search(reader, q, limit);
        expect(found, `${q}, ${limit}`).toEqual(await search(local, q, limit));
        expect((found as unknown[]).length, q).toBe(limit);
      }
    }
  },
  300_000,
);
