/**
 * Questions over HTTP to the real server about a data set in blocks on disk: latency by class of
 * query, one client and eight at once, and the server's CPU and memory.
 *
 *   bun bench/query.ts [--spans 3000000] [--data folder] [--only class,class] [--requests 60]
 *                      [--merged] [--save p50.json] [--against p50.json]
 *
 * Without a folder the data is made in a temporary one, and goes with it. A folder that has blocks
 * already is asked as it is, whoever filled it, and stays; an empty one is filled first.
 * With `--merged` the server first merges blocks until it finds no more to merge, as it does when
 * it has been up for hours. `--save` keeps the medians, and `--against` holds those of a larger
 * data set against them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { prng } from "../src/base/prng.ts";
import { hold, median } from "./budget.ts";
import { CLASSES, type QueryClass } from "./query-classes.ts";
import { at, QueryServer } from "./query-server.ts";

const { values: options } = parseArgs({
  options: {
    spans: { type: "string", default: "3000000" },
    data: { type: "string" },
    only: { type: "string" },
    requests: { type: "string", default: "60" },
    merged: { type: "boolean", default: false },
    save: { type: "string" },
    against: { type: "string" },
  },
});

const CLIENTS = 8;
/** Of a class before it is measured, whichever comes first: the runtime compiles what it saw. */
const WARM_REQUESTS = 1000;
const WARM_MS = 15_000;
/** How much larger the larger data set may make it: by its size and a tenth, or hardly. */
const GROWTH_MAX = 11;
const GROWTH_MAX_LIMITED = 2;
const RATIO_MAX = 4;

const random = prng(11);
const requests = Number(options.requests);
await using server = await QueryServer.start({
  folder: options.data,
  spans: Number(options.spans),
  isCopied: false,
  isMerged: options.merged,
});
const chosen = options.only?.split(",");
const medians: Record<string, number> = {};
for (const one of CLASSES) {
  if (chosen !== undefined && !chosen.includes(one.name)) continue;
  const p50 = await measure(one);
  if (p50 !== undefined) medians[one.name] = p50;
}
if (options.save !== undefined) writeFileSync(options.save, JSON.stringify(medians));

/** The median of one client; undefined when the server does not answer. */
async function measure(one: QueryClass): Promise<number | undefined> {
  try {
    const cold = await server.ask(one, random);
    const until = performance.now() + WARM_MS;
    for (let i = 0; i < WARM_REQUESTS && performance.now() < until; i++) {
      await server.ask(one, random);
    }
    const before = await server.usage();
    const alone: number[] = [];
    for (let i = 0; i < requests; i++) alone.push(await server.ask(one, random));
    const between = await server.usage();
    const together: number[] = [];
    const client = async () => {
      for (let i = 0; i < requests / CLIENTS + 4; i++) {
        together.push(await server.ask(one, random));
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const after = await server.usage();
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
  const [first, p99, ofEight, p99OfEight] = all.map((ms) => ms.toFixed(1));
  const over = ratio > RATIO_MAX ? "  OVER" : "";
  if (options.against === undefined) hold(`query_${one.name}_ms`, p50, "ms");
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
