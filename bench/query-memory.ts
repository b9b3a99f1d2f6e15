/**
 * Resident memory while all classes of queries run at once, eight clients, caches included.
 *
 *   bun bench/query-memory.ts [--spans 3000000] [--data folder] [--seconds 300]
 */
import { parseArgs } from "node:util";
import { prng } from "../src/base/prng.ts";
import { hold } from "./budget.ts";
import { CLASSES } from "./query-classes.ts";
import { at, QueryServer } from "./query-server.ts";

const { values: options } = parseArgs({
  options: {
    spans: { type: "string", default: "3000000" },
    data: { type: "string" },
    seconds: { type: "string", default: "300" },
  },
});

const CLIENTS = 8;
/** From here on it is the larger data set. */
const LARGE_SPANS = 10_000_000;

await using server = await QueryServer.start({
  folder: options.data,
  spans: Number(options.spans),
  isCopied: false,
});
const end = performance.now() + Number(options.seconds) * 1000;
const random = prng(17);
const times = new Map<string, number[]>();
let failed = 0;
let reason = "";
let peak = 0;

async function client(): Promise<void> {
  while (performance.now() < end) {
    const one = CLASSES[random.below(CLASSES.length)];
    try {
      const took = await server.ask(one, random);
      times.set(one.name, [...(times.get(one.name) ?? []), took]);
    } catch (error) {
      failed++;
      reason = error instanceof Error ? error.message : String(error);
    }
  }
}

async function watch(): Promise<void> {
  let shown = performance.now();
  while (performance.now() < end) {
    const { bytes } = await server.usage();
    peak = Math.max(peak, bytes);
    if (performance.now() - shown > 30_000) {
      console.log(`  ${(bytes / 1e6).toFixed(0)} MB, the most so far ${(peak / 1e6).toFixed(0)}`);
      shown = performance.now();
    }
    await Bun.sleep(500);
  }
}

await Promise.all([watch(), ...Array.from({ length: CLIENTS }, client)]);
for (const [name, all] of times) {
  const [p50, p99] = [at(all, 0.5), at(all, 0.99)].map((ms) => ms.toFixed(0));
  console.log(`  ${name}: ${all.length} answers, p50 ${p50}, p99 ${p99} ms`);
}
if (failed > 0) {
  console.log(`${failed} questions FAILED, the last one: ${reason}`);
  process.exitCode = 1;
}
const name = server.spans < LARGE_SPANS ? "query_rss_mb" : "query_rss_large_mb";
hold(name, peak / 1e6, "MB");
