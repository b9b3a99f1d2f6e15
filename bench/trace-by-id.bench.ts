/**
 * One trace by its id among blocks and a full head: milliseconds from the question to the encoded
 * trace, on the query thread.
 *
 *   bun bench/trace-by-id.bench.ts [blocks of 250,000 spans, 40 when not given]
 *
 * The blocks lie in a folder of their own in the system's temporary one, about 8 MB each, and stay
 * in its page cache. Each has the same spans with other ids.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { MiB } from "../src/base/bytes.ts";
import { prng } from "../src/base/prng.ts";
import { BlockCaches, BlockReader } from "../src/block/block-read.ts";
import { TRACE_ANSWER_BYTES_MAX } from "../src/config/limits.ts";
import { headRows } from "../src/head/head-read.ts";
import type { Span } from "../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceSchema } from "../src/proto-gen/tempopb/tempo_pb.ts";
import type { BlockView, HeadView, ListedBlock } from "../src/query/trace-by-id.ts";
import { TraceById } from "../src/query/trace-by-id.ts";
import { DiskStore } from "../src/store/store-disk.ts";
import { CutKernel } from "../test/support/cut-kernel.ts";
import { hold } from "./budget.ts";
import { shopBatches } from "./data/shop-batches.ts";

const TENANT = "single-tenant";
const BLOCKS = Number(process.argv[2] ?? 40);
const QUESTIONS = 4000;
const IDS_KEPT = 100;

const random = prng(3);
const requests = shopBatches({ seed: 1, batches: 500, spans: 500 });
// What protobuf-es decodes are views on the request, so that ids can be changed in place.
const spans: Span[] = requests
  .flatMap((request) => fromBinary(TraceSchema, request).resourceSpans)
  .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));

/** Makes all ids others, equal ones alike. */
function changeIds(): void {
  const mask = random.bytes(16);
  for (const { traceId, spanId, parentSpanId } of spans) {
    for (const id of [traceId, spanId, parentSpanId]) {
      for (let i = 0; i < id.length; i++) id[i] ^= mask[i];
    }
  }
}

const kernel = new CutKernel();
const root = mkdtempSync(join(tmpdir(), "vivace-bench-"));

function fill(): Uint8Array[] {
  changeIds();
  kernel.begin();
  for (const request of requests) kernel.add(request, TENANT);
  return Array.from({ length: IDS_KEPT }, () => spans[random.below(spans.length)].traceId.slice());
}

function makeBlocks(): { listed: ListedBlock[]; ids: Uint8Array[] } {
  const store = new DiskStore(root);
  const listed: ListedBlock[] = [];
  const ids: Uint8Array[] = [];
  for (let i = 0; i < BLOCKS; i++) {
    ids.push(...fill());
    for (const meta of kernel.cut(store, [i, i + 1])) {
      listed.push({ meta, folder: store.folderOf(meta) });
    }
  }
  return { listed, ids };
}

function finderOf(listed: readonly ListedBlock[]): TraceById {
  const reader = new BlockReader(new BlockCaches({ filesMax: 256, bytesMax: 32 * MiB }));
  const { buffer, half, scratch } = kernel;
  const head: HeadView = {
    pin: () => [{ base: half, epoch: 0, walFrom: BLOCKS, walTo: BLOCKS + 1 }],
    unpin: () => {},
    rows: (_, tenant, traceId) =>
      headRows({ buffer, kernel: kernel.kernel, half, scratch, tenant, traceId }),
  };
  const blocks: BlockView = {
    blocks: () => Promise.resolve(listed),
    rows: (block, tenant, traceId) => reader.rows(block, tenant, traceId),
    get inspectedBytes() {
      return reader.inspectedBytes;
    },
  };
  const onDamaged = (_: ListedBlock, error: Error) => {
    throw error;
  };
  return new TraceById({ head, blocks, nodeId: "node", onDamaged });
}

interface Asked {
  readonly finder: TraceById;
  readonly nextId: () => Uint8Array;
  readonly isThere: boolean;
  readonly questions?: number;
}

/** Milliseconds of each question, ascending. */
async function ask({ finder, nextId, isThere, questions = QUESTIONS }: Asked): Promise<number[]> {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < questions; i++) {
    const question = { tenants: [TENANT], traceId: nextId(), bytesMax: TRACE_ANSWER_BYTES_MAX };
    const began = performance.now();
    const found = await finder.find(question);
    times.push(performance.now() - began);
    bytes += found.inspectedBytes;
    if (found.spans > 0 !== isThere) throw new Error("not what was stored");
  }
  console.log(`  ${(bytes / questions / 1024).toFixed(0)} KiB inspected a question`);
  return times.sort((a, b) => a - b);
}

const at = (times: readonly number[], part: number) => times[Math.floor(times.length * part)];

function show(name: string, times: readonly number[]): void {
  const figures = [0.5, 0.9, 0.99].map((part) => at(times, part).toFixed(3)).join(", ");
  console.log(`${name}: p50, p90, p99 ${figures} ms, worst ${times.at(-1)?.toFixed(1)} ms`);
}

try {
  const { listed, ids } = makeBlocks();
  const headIds = fill();
  const total = listed.reduce((sum, { meta }) => sum + meta.spans, 0);
  console.log(`${total} spans in ${listed.length} blocks, ${spans.length} in the head`);
  const oneOf = (from: readonly Uint8Array[]) => () => from[random.below(from.length)];

  const finder = finderOf(listed);
  const inBlocks = { nextId: oneOf(ids), isThere: true };
  show("first questions", await ask({ finder, ...inBlocks, questions: 2 * listed.length }));
  const times = await ask({ finder, ...inBlocks });
  show("in a block", times);
  show("in the head", await ask({ finder, nextId: oneOf(headIds), isThere: true }));
  show("nowhere", await ask({ finder, nextId: () => random.bytes(16), isThere: false }));
  hold("trace_by_id_p50_ms", at(times, 0.5), "ms");
  hold("trace_by_id_p99_ms", at(times, 0.99), "ms");
} finally {
  rmSync(root, { recursive: true });
}
