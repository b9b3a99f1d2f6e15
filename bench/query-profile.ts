/**
 * One class of queries over and over in this one thread, from the request to the encoded answer,
 * so that a profiler sees all of it:
 *
 *   bun --cpu-prof-md --cpu-prof-dir=DIR bench/query-profile.ts folder class [requests]
 *
 * The folder is one that bench/query.ts filled, or that a server's blocks lie in. It is only read.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { queryHandlers } from "../src/api/api-query.ts";
import { matchRoute } from "../src/api/api-routes.ts";
import { HeldAnswers } from "../src/api/api-stream.ts";
import { MiB } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { makeLogger } from "../src/base/log.ts";
import { prng } from "../src/base/prng.ts";
import { BlockCaches } from "../src/block/block-read.ts";
import { ValueCache } from "../src/block/file-cache.ts";
import { instantiate, makeMemory, sharedBuffer } from "../src/kernel/kernel.ts";
import type { BlockMeta } from "../src/model/block-meta.ts";
import type { Answer, AnswerTo, Asker, Question } from "../src/query/question.ts";
import { CONTROL_BYTES } from "../src/ring/control.ts";
import { StepScratch } from "../src/vector/step-scratch.ts";
import { VectorCache } from "../src/vector/vector-cache.ts";
import { BlockList } from "../src/worker/block-list.ts";
import { receiveAnswer } from "../src/worker/pass-answer.ts";
import { QueryQuestions } from "../src/worker/query-questions.ts";
import { CLASSES } from "./query-classes.ts";

const [folder = "", name = "", requests = "100"] = process.argv.slice(2);
const SCRATCH_BYTES = 192 * MiB;
const VECTOR_BYTES = 768 * MiB;
const LIMITS = {
  queryBytesMax: 1 << 20,
  searchTracesDefault: 20,
  searchTracesMax: 0,
  searchSpansDefault: 3,
  searchSpansMax: 100,
  searchRangeMsMax: 0,
  metricsRangeMsMax: 0,
  metricsStepsMax: 11_000,
  exemplarsMax: 100,
  seriesMax: 1000,
  tagValuesBytesMax: 10 * MiB,
  endCutoffMs: 0,
};

const localPath = join(folder, "blocks");
const logger = makeLogger({ level: "info", format: "logfmt", component: "profile" });
const caches = new BlockCaches({ filesMax: 256, bytesMax: 32 * MiB });
const memory = makeMemory(CONTROL_BYTES + SCRATCH_BYTES + VECTOR_BYTES);
const buffer = sharedBuffer(memory);
const kernel = instantiate(
  new WebAssembly.Module(
    readFileSync(join(import.meta.dirname, "..", "native", "build", "kernel.wasm")),
  ),
  memory,
);
const metas = readMetas();
const questions = new QueryQuestions({
  reader: 0,
  buffer,
  head: { pin: () => [], unpin: () => {} },
  blocks: new BlockList({
    control: new Int32Array(buffer, 0, 4096),
    caches,
    localPath,
    blocks: metas,
    owners: metas.map(() => 0),
    remotes: metas.map(() => undefined),
    versions: { blocks: 0, store: 0 },
    remote: undefined,
    clock: systemClock,
    retiredMs: 0,
    logger,
    onRemoved: () => {},
  }),
  nodeId: "none",
  clock: systemClock,
  timeoutMs: 60_000,
  tools: {
    caches,
    vectors: new VectorCache(CONTROL_BYTES + SCRATCH_BYTES, VECTOR_BYTES),
    scratch: new StepScratch(buffer, { base: CONTROL_BYTES, bytes: SCRATCH_BYTES }),
    kernel,
    residuals: new ValueCache(32 * MiB),
  },
  columns: undefined,
  logger,
  post: (message) => {
    if (message.type === "found") waiting?.resolve(receiveAnswer(message.answer));
    else if (message.type === "failed") waiting?.reject(new Error(message.message));
  },
});
let waiting: ReturnType<typeof Promise.withResolvers<Answer>> | undefined;

const asker: Asker = {
  ask: async <Q extends Question>(question: Q): Promise<AnswerTo<Q>> => {
    waiting = Promise.withResolvers();
    void questions.ask({ type: "ask", id: 1, question, withProgress: false });
    // It answers to what it was asked.
    return (await waiting.promise) as AnswerTo<Q>;
  },
};
const routes = queryHandlers(
  {
    httpApiPrefix: "",
    answersHeldBytesMax: 1 << 30,
    multitenancyEnabled: false,
    build: { version: "", revision: "" },
    query: LIMITS,
    queryTimeoutMs: 60_000,
    flushTimeoutMs: 60_000,
  },
  { asker, clock: systemClock, answers: new HeldAnswers(1 << 30) },
).map(([pattern, handler]) => ({ pattern, handler }));

const random = prng(5);
const start = Math.min(...metas.map((meta) => Number(meta.startUnixNano) / 1e9));
const end = Math.max(...metas.map((meta) => Number(meta.endUnixNano) / 1e9));
const chosen = CLASSES.find((one) => one.name === name);
if (chosen === undefined) {
  throw new Error(`classes: ${CLASSES.map((one) => one.name).join(" ")}`);
}
const times: number[] = [];
for (let n = 0; n < Number(requests); n++) {
  const before = process.cpuUsage();
  await once(n);
  const { user, system } = process.cpuUsage(before);
  times.push((user + system) / 1000);
}
console.log(`CPU in ms of the first: ${times.slice(0, 4).map((ms) => ms.toFixed(1))}`);
const later = times.slice(4).sort((a, b) => a - b);
console.log(`then the median ${later[later.length >> 1]?.toFixed(2)}`);

async function once(n: number): Promise<void> {
  const range = {
    start: Math.floor(start) - 60 + random.below(120),
    end: Math.floor(end) - 60 + random.below(120),
  };
  const url = new URL(`http://localhost${chosen?.path(n, range)}`);
  const match = matchRoute(routes, url.pathname);
  if (match === undefined) throw new Error(`no route ${url.pathname}`);
  const call = { request: new Request(url.href), url, segments: match.segments };
  const response = await match.route.handler(call);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
}

function readMetas(): BlockMeta[] {
  const tenant = join(localPath, "single", "single-tenant");
  return readdirSync(tenant).map(
    (id) => JSON.parse(readFileSync(join(tenant, id, "meta.json"), "utf8")) as BlockMeta,
  );
}
