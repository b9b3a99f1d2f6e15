/**
 * Questions and ingest at once, on the real server:
 *
 *   bun bench/query-under-ingest.ts [--data folder] [--seconds 10] [--rate 100000] [--only part,…]
 *
 *   slowdown: ingest at half of what it can take, without and with heavy queries that never pause
 *   search: a search by attribute over the last minute at `--rate` spans a second
 *   visible: at the same rate, how long after its acknowledgement a span shows, by each way to ask
 *   small: small questions among large ones
 *
 * The folder is one that bench/query.ts filled; the bench works on a copy.
 */
import { parseArgs } from "node:util";
import { prng } from "../src/base/prng.ts";
import { requestOf, spanOf } from "../test/support/send-spans.ts";
import { hold, median } from "./budget.ts";
import { CLASSES } from "./query-classes.ts";
import { at, QueryServer } from "./query-server.ts";
import type { Sent } from "./send-shop.ts";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    seconds: { type: "string", default: "10" },
    rate: { type: "string", default: "100000" },
    only: { type: "string", default: "slowdown,search,visible,small" },
  },
});

const ROUNDS = 3;
const HEAVY_CLIENTS = 4;
const HEAVY = CLASSES.filter(({ name }) => ["compare", "quantile", "group_count"].includes(name));
const POLL_MS = 100;
const FAILURES_MAX = 20;
const POLLS_MAX = 100;

const seconds = Number(options.seconds);
const rate = Number(options.rate);
const random = prng(23);
await using bench = await QueryServer.start({
  folder: options.data,
  spans: 3_000_000,
  isCopied: true,
});
const { server } = bench;
let seed = 0;
let markers = 0;
let failures = 0;

const parts: Readonly<Record<string, () => Promise<void>>> = { slowdown, search, visible, small };
for (const name of options.only.split(",")) {
  const part = parts[name];
  if (part === undefined) throw new Error(`--only ${name}: ${Object.keys(parts).join()}`);
  await part();
}
if (failures > 0) {
  console.log(`${failures} requests FAILED`);
  process.exitCode = 1;
}

async function send(perSecond: number, forSeconds: number): Promise<Sent> {
  seed += 1;
  const args = [`${server.otlp}/v1/traces`, forSeconds, perSecond, seed].map(String);
  const cmd = [process.execPath, `${import.meta.dirname}/send-shop.ts`, ...args];
  const child = Bun.spawn({ cmd, stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  // What send-shop.ts prints.
  return JSON.parse(text) as Sent;
}

/** Asks without pause while `work` runs; returns what it returned, and how much was answered. */
async function during<T>(work: Promise<T>, ask: () => Promise<unknown>, clients: number) {
  let isOver = false;
  let answers = 0;
  const client = async () => {
    while (!isOver) {
      try {
        await ask();
        answers++;
      } catch (error) {
        failures++;
        console.log(`  ${error instanceof Error ? error.message : error}`);
        if (failures > FAILURES_MAX) throw error;
      }
    }
  };
  const clientsEnd = Promise.all(Array.from({ length: clients }, client));
  const result = await work;
  isOver = true;
  await clientsEnd;
  return { result, answers };
}

async function heavy(): Promise<void> {
  await bench.ask(HEAVY[random.below(HEAVY.length)], random);
}

async function slowdown(): Promise<void> {
  const { spansPerSecond: most } = await send(0, seconds);
  const half = most / 2;
  console.log(`ingest takes ${most.toFixed(0)} spans/s; half of it is sent`);
  const alone: Sent[] = [];
  const queried: Sent[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await send(half, seconds));
    const { result, answers } = await during(send(half, seconds), heavy, HEAVY_CLIENTS);
    queried.push(result);
    show("alone", alone[round]);
    show(`with ${answers} heavy queries answered`, result);
  }
  const speed = (all: readonly Sent[]) => median(all.map(({ spansPerSecond }) => spansPerSecond));
  const refused = [...alone, ...queried].reduce((sum, one) => sum + one.refused, 0);
  hold("ingest_queried_slower_percent", (1 - speed(queried) / speed(alone)) * 100, "%");
  hold("ingest_queried_refused", refused, "requests");
}

function show(name: string, { spansPerSecond, p50Ms, p99Ms, refused }: Sent): void {
  const acks = `p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms`;
  console.log(`  ${name}: ${spansPerSecond.toFixed(0)} spans/s, ${acks}, ${refused} refused`);
}

async function search(): Promise<void> {
  const searches: number[] = [];
  const load = await during(
    send(rate, seconds * 2),
    async () => {
      searches.push(await timed(() => lastMinute()));
      await Bun.sleep(50);
    },
    1,
  );
  show("sent", load.result);
  const [p50, p99] = [at(searches, 0.5), at(searches, 0.99)];
  console.log(`search of the last minute, alone: p50 ${p50.toFixed(1)} ms`);
  hold("head_search_p99_ms", p99, "ms");
}

async function visible(): Promise<void> {
  const shownAfter = new Map<string, number[]>();
  const shown = await during(send(rate, seconds * 2), () => marker(shownAfter), 1);
  show(`sent, ${shown.answers} spans followed`, shown.result);
  for (const [way, ms] of shownAfter) {
    const [p50, p90, most] = [at(ms, 0.5), at(ms, 0.9), Math.max(...ms)].map((n) => n.toFixed(0));
    console.log(`  ${way}: p50 ${p50}, p90 ${p90}, the worst ${most} ms after`);
  }
  hold("visible_worst_ms", Math.max(...[...shownAfter.values()].flat()), "ms");
}

async function small(): Promise<void> {
  const smallMs: number[] = [];
  const largeMs: number[] = [];
  const both = during(
    Bun.sleep(seconds * 1000),
    async () => {
      largeMs.push(await timed(heavy));
    },
    HEAVY_CLIENTS,
  );
  await during(
    both,
    async () => {
      smallMs.push(await timed(() => lastMinute()));
      await Bun.sleep(50);
    },
    1,
  );
  console.log(
    `small questions among large ones: p50 ${at(smallMs, 0.5).toFixed(1)}, ` +
      `p99 ${at(smallMs, 0.99).toFixed(1)} ms; ` +
      `the large ones p50 ${at(largeMs, 0.5).toFixed(0)} ms`,
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** A search by an attribute over the last minute. */
async function lastMinute(): Promise<void> {
  const end = Math.ceil(Date.now() / 1000);
  const address = `10.0.${random.below(4)}.${10 + random.below(20)}`;
  const q = `{ span.network.peer.address = "${address}" }`;
  await json(`/api/search?${new URLSearchParams({ q, start: `${end - 60}`, end: `${end}` })}`);
}

async function json(path: string): Promise<unknown> {
  const response = await server.get(path);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 100)}`);
  return JSON.parse(text);
}

/** Sends one span of its own kind and follows it; notes when each way to ask first showed it. */
async function marker(shownAfter: Map<string, number[]>): Promise<void> {
  markers += 1;
  const value = `marker-${markers}`;
  const key = `key.${value}`;
  const traceId = `b${markers.toString(16).padStart(31, "0")}`;
  const start = `${Date.now()}000000`;
  const body = requestOf([
    spanOf({
      ...{ traceId, spanId: "1", name: value, start, end: start },
      attributes: [
        ["bench.marker", ["string", value]],
        [key, ["string", value]],
      ],
    }),
  ]);
  const response = await server.send(body);
  if (!response.ok) throw new Error(`marker: ${response.status}`);
  const acknowledged = performance.now();
  const end = Math.ceil(Date.now() / 1000) + 5;
  const range = { start: `${end - 120}`, end: `${end}` };
  const q = `{ span.bench.marker = "${value}" }`;
  const search = new URLSearchParams({ q, ...range });
  const count = new URLSearchParams({ q: `${q} | count_over_time()`, step: "10s", ...range });
  const times = new URLSearchParams(range);
  const ways: Readonly<Record<string, () => Promise<boolean>>> = {
    "trace by id": async () => (await server.get(`/api/v2/traces/${traceId}`)).status === 200,
    search: async () => shows(await json(`/api/search?${search}`), traceId.slice(-8)),
    tags: async () => shows(await json(`/api/v2/search/tags?${times}`), key),
    values: async () =>
      shows(await json(`/api/v2/search/tag/span.bench.marker/values?${times}`), value),
    metrics: async () => shows(await json(`/api/metrics/query_range?${count}`), '"value":1'),
  };
  await Promise.all(
    Object.entries(ways).map(async ([way, isShown]) => {
      for (let polls = 0; polls < POLLS_MAX; polls++) {
        const asked = performance.now();
        if (await isShown()) {
          const all = shownAfter.get(way) ?? [];
          shownAfter.set(way, all);
          all.push(performance.now() - acknowledged);
          return;
        }
        await Bun.sleep(Math.max(0, POLL_MS - (performance.now() - asked)));
      }
      throw new Error(`${value} does not show by ${way}`);
    }),
  );
}

function shows(answer: unknown, text: string): boolean {
  return JSON.stringify(answer).includes(text);
}
