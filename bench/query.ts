/**
 * Questions over HTTP to the real server about a data set in blocks on disk: latency by class of
 * query, one client and eight at once, and the server's CPU and memory.
 *
 *   bun bench/query.ts [--spans 3000000] [--data folder] [--only class,class] [--requests 60]
 *                      [--save p50.json] [--against p50.json]
 *
 * Without a folder the data is made in a temporary one, and goes with it. A folder that has blocks
 * already is asked as it is, whoever filled it, and stays; an empty one is filled first.
 * `--save` keeps the medians, and `--against` holds those of a larger data set against them.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { prng } from "../src/base/prng.ts";
import { Server } from "../test/support/server.ts";
import { hold, median } from "./budget.ts";
import { fillShop } from "./data/fill-shop.ts";
import { CLASSES, type QueryClass, type TimeRange } from "./query-classes.ts";

const { values: options } = parseArgs({
  options: {
    spans: { type: "string", default: "3000000" },
    data: { type: "string" },
    only: { type: "string" },
    requests: { type: "string", default: "60" },
    save: { type: "string" },
    against: { type: "string" },
  },
});

const CLIENTS = 8;
const WARM_REQUESTS = 4;
/** An hour for three million, ten for thirty. */
const SPREAD_SECONDS_PER_SPAN = 3600 / 3e6;
/** How much larger the larger data set may make it: by its size and a tenth, or hardly. */
const GROWTH_MAX = 11;
const GROWTH_MAX_LIMITED = 2;
const RATIO_MAX = 4;

const random = prng(11);
const folder = options.data ?? mkdtempSync(join(tmpdir(), "vivace-bench-"));
mkdirSync(folder, { recursive: true });
const server = await Server.start({
  "storage.trace.local.path": join(folder, "blocks"),
  "storage.trace.wal.path": join(folder, "wal"),
  "vivace.memory_budget_bytes": undefined,
});
let asked = 0;
try {
  if (blockMetas().length === 0) await fill();
  const range = wholeRange();
  const chosen = options.only?.split(",");
  const medians: Record<string, number> = {};
  for (const one of CLASSES) {
    if (chosen === undefined || chosen.includes(one.name)) {
      const p50 = await measure(one, range);
      if (p50 !== undefined) medians[one.name] = p50;
    }
  }
  if (options.save !== undefined) writeFileSync(options.save, JSON.stringify(medians));
} finally {
  await server[Symbol.asyncDispose]();
  if (options.data === undefined) rmSync(folder, { recursive: true, force: true });
}

async function fill(): Promise<void> {
  const began = performance.now();
  const spans = Number(options.spans);
  const sent = await fillShop(server, { spans, spreadSeconds: spans * SPREAD_SECONDS_PER_SPAN });
  console.log(`${sent} spans stored in ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

interface Meta {
  readonly startUnixNano: string;
  readonly endUnixNano: string;
}

function blockMetas(): Meta[] {
  const tenant = join(folder, "blocks", "single", "single-tenant");
  if (!existsSync(tenant)) return [];
  return readdirSync(tenant)
    .map((id) => join(tenant, id, "meta.json"))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, "utf8")) as Meta);
}

function wholeRange(): TimeRange {
  const metas = blockMetas();
  const start = Math.min(...metas.map(({ startUnixNano }) => Number(startUnixNano) / 1e9));
  const end = Math.max(...metas.map(({ endUnixNano }) => Number(endUnixNano) / 1e9));
  console.log(`${metas.length} blocks over ${(end - start).toFixed(0)} s`);
  return { start: Math.floor(start), end: Math.ceil(end) };
}

/** Around all of the data, give or take a minute. */
function someRange({ start, end }: TimeRange): TimeRange {
  return { start: start - 60 + random.below(120), end: end - 60 + random.below(120) };
}

/** Milliseconds until the whole answer is there. */
async function ask(one: QueryClass, range: TimeRange): Promise<number> {
  const path = one.path(asked++, someRange(range));
  const began = performance.now();
  const response = await server.get(path);
  const text = await response.text();
  const took = performance.now() - began;
  if (!response.ok) throw new Error(`${one.name}: ${response.status} ${text.slice(0, 200)}`);
  one.check(JSON.parse(text));
  return took;
}

/** The median of one client; undefined when the server does not answer. */
async function measure(one: QueryClass, range: TimeRange): Promise<number | undefined> {
  const requests = Number(options.requests);
  try {
    const cold = await ask(one, range);
    for (let i = 1; i < WARM_REQUESTS; i++) await ask(one, range);
    const before = await usage();
    const alone: number[] = [];
    for (let i = 0; i < requests; i++) alone.push(await ask(one, range));
    const between = await usage();
    const together: number[] = [];
    const client = async () => {
      for (let i = 0; i < requests / CLIENTS + 4; i++) together.push(await ask(one, range));
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const after = await usage();
    show({ one, cold, alone, together });
    const cpu = (name: "query" | "all") => (between[name] - before[name]) * 1000;
    console.log(
      `  CPU a query ${(cpu("query") / requests).toFixed(1)} ms in query threads, ` +
        `${(cpu("all") / requests).toFixed(1)} in all; ` +
        `resident ${(after.bytes / 1e6).toFixed(0)} MB`,
    );
    return median(alone);
  } catch (error) {
    console.log(`${one.name}: FAILED ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
    return undefined;
  }
}

interface Shown {
  readonly one: QueryClass;
  readonly cold: number;
  readonly alone: readonly number[];
  readonly together: readonly number[];
}

function show({ one, cold, alone, together }: Shown): void {
  const p50 = median(alone);
  const p50Together = median(together);
  const ratio = p50Together / p50;
  const all = [cold, at(alone, 0.99), p50Together, at(together, 0.99)];
  const figures = all.map((ms) => ms.toFixed(1));
  const [first, p99, ofEight, p99OfEight] = figures;
  const over = ratio > RATIO_MAX ? "  OVER" : "";
  if (options.against === undefined) hold(one.budget, p50, "ms");
  else holdGrowth(one, p50, options.against);
  console.log(
    `  p99 ${p99}, first ${first}; eight clients: p50 ${ofEight}, p99 ${p99OfEight} ms, ` +
      `${ratio.toFixed(1)} times${over}`,
  );
}

function holdGrowth(one: QueryClass, p50: number, file: string): void {
  const smaller = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, number>>;
  const growth = p50 / smaller[one.name];
  const bound = one.isLimited === true ? GROWTH_MAX_LIMITED : GROWTH_MAX;
  const over = growth <= bound ? "" : "  OVER";
  console.log(
    `${one.name}: ${p50.toFixed(1)} ms, ${growth.toFixed(1)} times, bound ${bound}${over}`,
  );
}

function at(times: readonly number[], part: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * part)];
}

/** CPU seconds and resident bytes of the server. */
async function usage(): Promise<{ query: number; all: number; bytes: number }> {
  const text = await (await server.get("/metrics")).text();
  const sum = (pattern: RegExp) =>
    text
      .split("\n")
      .filter((line) => pattern.test(line))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  return {
    query: sum(/^vivace_thread_cpu_seconds_total\{.*query/),
    all: sum(/^process_cpu_seconds_total /),
    bytes: sum(/^process_resident_memory_bytes /),
  };
}
