/**
 * The real server with its blocks in a MinIO on the same machine.
 *
 *   bun bench/bucket.ts ingest [spans]   CPU of our process per span, against blocks on disk
 *   bun bench/bucket.ts trace [blocks]   a trace by id among so many blocks, after a start
 *   bun bench/bucket.ts search [spans]   an attribute, cold and warm
 *   bun bench/bucket.ts poll [blocks]    a poll with nothing new
 *
 * MinIO shares the processors, so walls are longer than with a store elsewhere.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { TraceSchema } from "../src/proto-gen/tempopb/tempo_pb.ts";
import { metaOf } from "../test/store/block-metas.ts";
import { Bucket, uploaded } from "../test/support/bucket.ts";
import { Server, type ServerSettings } from "../test/support/server.ts";
import { hold, median } from "./budget.ts";
import { fillShop } from "./data/fill-shop.ts";
import { shopRequests } from "./data/shop-requests.ts";
import { cpuSecondsOf, storeCounts } from "./store-counts.ts";

const SPREAD_SECONDS_PER_SPAN = 3600 / 3e6;
const ROUNDS = 3;
const ASKED = 40;
/** Joining, and bringing into the bucket, takes less. */
const SETTLE_MS = 4000;
const PLACES = ["disk", "bucket"] as const;
/** Of ingest; the first is for the compilers, which a server that runs for days has behind it. */
const PAIRS = 5;

const [part = "", amount] = process.argv.slice(2);
await using bucket = await Bucket.start();
/** As a user gets it. */
const usual: ServerSettings = { "vivace.memory_budget_bytes": undefined };
// Whole halves of the head: the rest of one, which a flush cuts, is seldom in a server's life.
if (part === "ingest") await ingest(Number(amount ?? 1_044_000));
else if (part === "trace") await traceById(Number(amount ?? 1000));
else if (part === "search") await search(Number(amount ?? 10_000_000));
else if (part === "poll") await poll(Number(amount ?? 10_000));
else console.log("which part: ingest, trace, search or poll");

/**
 * Both servers are there all the while, and take spans in turns: the machine is not the same from
 * minute to minute.
 */
async function ingest(spans: number): Promise<void> {
  // Merging is measured by itself. Small blocks are joined, as by default, but sooner.
  const alone = {
    ...usual,
    "backend_scheduler.provider.compaction.compaction.compaction_cycle": "1h",
  };
  const kept = { ...alone, ...bucket.settings, "vivace.upload_wait": "1s" };
  await using disk = await Server.start(alone);
  await using other = await Server.start({ ...kept, "storage.trace.blocklist_poll": undefined });
  const servers = { disk, bucket: other };
  const cpu = { disk: [] as number[], bucket: [] as number[] };
  // What a start asks the store for is told a second later.
  await Bun.sleep(2000);
  const before = await storeCounts(other);
  let sent = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    for (const place of pair % 2 === 0 ? PLACES : PLACES.toReversed()) {
      const one = await ingestInto(servers[place], spans);
      cpu[place].push((one.cpuSeconds * 1e6) / one.spans);
      if (place === "bucket") sent += one.spans;
    }
  }
  console.log(`CPU µs/span: disk ${show(cpu.disk)}, bucket ${show(cpu.bucket)}`);
  const [onDisk, inBucket] = [cpu.disk, cpu.bucket].map((all) => sum(all.slice(1)));
  hold("bucket ingest against disk", (inBucket / onDisk) * 100, "%");
  await uploaded(other);
  const after = await storeCounts(other);
  const puts = after.puts - before.puts;
  console.log(`${(puts / (after.flushed - before.flushed)).toFixed(2)} objects written a block`);
  console.log(`${(((10_000 * 3600) / sent) * puts).toFixed(0)} objects an hour without merging`);
}

/** Until all of it is where it stays. */
async function ingestInto(server: Server, spans: number) {
  const before = cpuSecondsOf(server.pid);
  const spreadSeconds = spans * SPREAD_SECONDS_PER_SPAN;
  const sent = await fillShop(server, { spans, spreadSeconds });
  // On disk as well: threads that rest cost something, too. To ask for metrics costs more.
  await Bun.sleep(SETTLE_MS);
  return { spans: sent, cpuSeconds: cpuSecondsOf(server.pid) - before };
}

async function traceById(blocks: number): Promise<void> {
  const ids = await fillBlocks(blocks);
  const startedMs = performance.now();
  await using server = await Server.start({ ...usual, ...bucket.settings });
  console.log(`ready after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  const ask = async (id: string) => {
    const began = performance.now();
    const response = await server.get(`/api/traces/${id}`);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`bench: ${id}: ${response.status}`);
    return performance.now() - began;
  };
  const cold: number[] = [];
  for (const id of ids) cold.push(await ask(id));
  const warm: number[] = [];
  for (const id of ids) warm.push(await ask(id));
  console.log(`cold ${show(cold)} ms\nwarm ${show(warm)} ms`);
  hold("bucket trace after start", Math.max(...cold.slice(0, 5)), "ms");
  hold("bucket trace cold", median(cold), "ms");
  hold("bucket trace warm", median(warm), "ms");
}

/** Returns ids of traces, each of another block. */
async function fillBlocks(blocks: number): Promise<string[]> {
  await using server = await Server.start({ ...usual, ...bucket.settings });
  const pairs = shopRequests({ seed: 3, requests: 400, spans: 500, splitOneIn: 1e9 });
  const ids: string[] = [];
  for (let block = 0; block < blocks; block++) {
    const { early } = pairs[block % pairs.length];
    const atNano = BigInt(Date.now() - (blocks - block) * 1000) * 1_000_000n;
    const body = early.stamped({ round: block + 1, atNano });
    if (block % Math.ceil(blocks / ASKED) === 0) ids.push(firstTrace(body));
    await server.send(body);
    await server.flush();
  }
  await uploaded(server);
  return ids;
}

function firstTrace(body: Uint8Array): string {
  const { resourceSpans } = fromBinary(TraceSchema, body);
  return resourceSpans[0].scopeSpans[0].spans[0].traceId.toHex();
}

async function search(spans: number): Promise<void> {
  {
    await using writer = await Server.start({ ...usual, ...bucket.settings });
    await fillShop(writer, { spans, spreadSeconds: spans * SPREAD_SECONDS_PER_SPAN });
    await uploaded(writer);
  }
  const times: number[][] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    await using server = await Server.start({ ...usual, ...bucket.settings });
    const before = await storeCounts(server);
    for (const list of times) {
      const began = performance.now();
      const q = encodeURIComponent('{ span.http.request.method = "POST" }');
      const response = await server.get(`/api/search?q=${q}&limit=20`);
      await response.text();
      if (!response.ok) throw new Error(`bench: ${response.status}`);
      list.push(performance.now() - began);
    }
    const { cpu } = await storeCounts(server);
    console.log(`CPU of both: ${(cpu - before.cpu).toFixed(2)} s`);
  }
  console.log(`cold ${show(times[0])} ms, warm ${show(times[1])} ms`);
  hold("bucket search cold", median(times[0]), "ms");
  hold("bucket search warm", median(times[1]), "ms");
}

async function poll(blocks: number): Promise<void> {
  let next = 0;
  const put = async () => {
    for (let i = next++; i < blocks; i = next++) {
      const meta = metaOf(i);
      await bucket.put(`metas/${meta.id}.json`, new TextEncoder().encode(JSON.stringify(meta)));
    }
  };
  await Promise.all(Array.from({ length: 32 }, put));
  // No block has files, so none of their filters can be read.
  await using server = await Server.start({
    ...{ ...usual, ...bucket.settings, "vivace.bloom_filter_bytes_max": 0 },
  });
  await Bun.sleep(5000);
  const before = await storeCounts(server);
  await Bun.sleep(10_000);
  const after = await storeCounts(server);
  const polls = after.polls - before.polls;
  hold("bucket poll", after.pollSeconds * 1000, "ms");
  hold("bucket poll requests", (after.requests - before.requests) / polls, "requests");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function show(values: readonly number[]): string {
  return values.map((value) => value.toFixed(value < 100 ? 2 : 0)).join(" ");
}
