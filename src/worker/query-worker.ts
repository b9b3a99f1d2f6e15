/**
 * The query thread: questions from main, answered from the head in shared memory and from the
 * blocks on disk.
 *
 * Each question reads the head in one turn, so that pins are held for milliseconds.
 */
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { MiB } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { watchHeap } from "../base/heap-watch.ts";
import { makeLogger } from "../base/log.ts";
import { threadId } from "../base/thread-cpu.ts";
import { lowerThreadPriority } from "../base/thread-priority.ts";
import { BlockCaches } from "../block/block-read.ts";
import { ValueCache } from "../block/file-cache.ts";
import { TRACE_ANSWER_BYTES_MAX } from "../config/limits.ts";
import { instantiate, sharedBuffer } from "../kernel/kernel.ts";
import { type TraceAnswer, traceAnswer } from "../query/trace-answer.ts";
import { type ListedBlock, TraceById } from "../query/trace-by-id.ts";
import type { FoundTrace } from "../query/trace-finder.ts";
import { THREAD_IDS, THREAD_QUERY } from "../ring/control.ts";
import { StepScratch } from "../vector/step-scratch.ts";
import { VectorCache } from "../vector/vector-cache.ts";
import { BlockList } from "./block-list.ts";
import { HeadPins } from "./head-pins.ts";
import { isShortOfVectors, vectorBytesFor } from "./memory-plan.ts";
import { QueryQuestions } from "./query-questions.ts";
import { RemoteAhead, RemoteFiles } from "./remote-files.ts";
import { StoreLink } from "./store-link.ts";
import type { QueryAnswer, QueryRequest, QueryStart, TraceRequest } from "./worker-protocol.ts";

/** Two of a block; a process may hold 1,024 on many systems, and connections are most of them. */
const FILES_MAX = 256;
/** Of a block some 500 KB: with few blocks it is not reached. */
const CACHE_BYTES_MAX = 48 * MiB;

/** Attributes that have no column, of blocks that were asked for lately. */
const RESIDUAL_BYTES_MAX = 32 * MiB;

/** Above it an answer leaves more behind than a collection costs. */
const COLLECT_BYTES_MIN = 4 * MiB;

/** Of 19: heavy questions without pause must not take the machine from ingest. */
const PRIORITY = 5;

const start = workerData as QueryStart;
lowerThreadPriority(PRIORITY);
const logger = makeLogger({ ...start.log, component: "query" });
const buffer = sharedBuffer(start.memory);
const control = new Int32Array(buffer, 0, 4096);
Atomics.store(control, THREAD_IDS + THREAD_QUERY + start.reader, threadId());

const { localPath, nodeId, plan, queryTimeoutMs, reader, versions, cachePath } = start;
const link = new StoreLink(queryTimeoutMs);
const files = cachePath === undefined ? undefined : new RemoteFiles(cachePath, link, systemClock);
const caches = new BlockCaches({
  filesMax: FILES_MAX,
  bytesMax: CACHE_BYTES_MAX,
  partial: files,
});
const remote = files && { files, ahead: new RemoteAhead(files, link, caches) };
const scratch = new StepScratch(buffer, plan.steps[reader]);
const vectors = new VectorCache(plan.vectors[reader].base, plan.vectors[reader].bytes);
const blocks = new BlockList({
  control,
  caches,
  localPath,
  blocks: start.blocks,
  owners: start.owners,
  remotes: start.remotes,
  versions,
  remote,
  clock: systemClock,
  retiredMs: 2 * queryTimeoutMs,
  logger,
  onRemoved: (folder) => vectors.forget(join(folder, "/")),
});
const kernel = instantiate(start.module, start.memory);
const head = new HeadPins({ buffer, kernel, plan, reader, clock: systemClock });
const onDamaged = ({ meta }: ListedBlock, { message }: EngineError) => {
  logger.error("a damaged block is left out of an answer", { block: meta.id, error: message });
};
const traces = new TraceById({ head, blocks, nodeId, onDamaged });

const questions = new QueryQuestions({
  reader,
  buffer,
  head,
  blocks,
  nodeId,
  clock: systemClock,
  timeoutMs: queryTimeoutMs,
  tools: { caches, vectors, scratch, kernel, residuals: new ValueCache(RESIDUAL_BYTES_MAX) },
  columns: remote?.ahead,
  logger,
  post: (message) => parentPort?.postMessage(message),
});

keepVectors();
watchHeap();

function change(message: Extract<QueryRequest, { type: "blocks" }>): void {
  blocks.change(message);
  keepVectors();
  void questions.came(message.added);
}

/** Few blocks have no use for much memory. */
function keepVectors(): void {
  vectors.bytesMax = vectorBytesFor(blocks.spansOf(reader));
  vectors.isShort = isShortOfVectors(blocks.spansOf(reader));
}

/** One answer after the other: each may hold as much memory as an answer may have bytes, thrice. */
let last = Promise.resolve();

parentPort?.on("message", (message: QueryRequest) => {
  if (message.type === "blocks") change(message);
  else if (message.type === "ask") void questions.ask(message);
  else if (message.type === "cancel") questions.cancel(message.id);
  else if (message.type === "store") link.connect(message);
  else if (message.type === "peer") questions.peers.connect(message.reader, message.port);
  else last = last.then(() => answer(message.id, message.request));
});

async function answer(id: number, request: TraceRequest): Promise<void> {
  const differingBefore = traces.differingSpans;
  let found: TraceAnswer;
  let isDamage = false;
  try {
    const whole = await find(request);
    isDamage = whole.damagedBlocks.length > 0;
    found = answerOf(whole, request);
  } catch (error) {
    isDamage = error instanceof EngineError && error.code === "block_corrupt";
    found = failed(error);
  }
  const body = found.body.map(owned);
  const { status, contentType } = found;
  const differingSpans = traces.differingSpans - differingBefore;
  const counts = { differingSpans, isDamage };
  const message: QueryAnswer = { type: "answer", id, status, contentType, body, ...counts };
  const bytes = body.reduce((sum, piece) => sum + piece.length, 0);
  parentPort?.postMessage(
    message,
    body.map((piece) => piece.buffer),
  );
  if (bytes > COLLECT_BYTES_MIN) Bun.gc(true);
}

async function find(request: TraceRequest): Promise<FoundTrace> {
  const { tenants, traceId, startSeconds, endSeconds } = request;
  return traces.find({
    tenants,
    traceId,
    ...(startSeconds !== undefined && { startSeconds }),
    ...(endSeconds !== undefined && { endSeconds }),
    bytesMax: TRACE_ANSWER_BYTES_MAX,
  });
}

function answerOf(found: FoundTrace, { version, accept, filter }: TraceRequest): TraceAnswer {
  return traceAnswer({ version, accept, found, bytesMax: TRACE_ANSWER_BYTES_MAX, filter });
}

function failed(error: unknown): TraceAnswer {
  const known = error instanceof EngineError ? error : undefined;
  const text = error instanceof Error ? error.message : String(error);
  const status = known?.face.http ?? 500;
  if (status >= 500) {
    const stack = known === undefined && error instanceof Error ? error.stack : undefined;
    logger.error("trace cannot be answered", { error: text, stack });
  }
  const body = new TextEncoder().encode(known === undefined ? "internal error" : text);
  return { status, contentType: "text/plain; charset=utf-8", body: [body] };
}

/** Bytes that can be handed over: alone in their buffer. */
function owned(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer: whole } = body;
  if (!(whole instanceof ArrayBuffer) || whole.byteLength > 2 * body.length) return body.slice();
  return new Uint8Array(whole, body.byteOffset, body.length);
}
