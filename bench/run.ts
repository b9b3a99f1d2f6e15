/**
 * Runs benches one after the other and holds their figures against budget.json.
 *
 *   npm run bench                                 all small ones; an error when one is over
 *   npm run bench -- encode wal                   these
 *   npm run bench -- compare ../other encode      this checkout and another, A B A B …
 *
 * compare prints the medians of each figure and their ratio. A figure is what budget.ts prints:
 * "name: value unit". Both checkouts have to be set up (npm run setup).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { median } from "./budget.ts";

const ROOT = join(import.meta.dirname, "..");
const SMALL = [
  "ring.bench",
  "kernel.bench",
  "scan.bench",
  "traceql.bench",
  "encode.bench",
  "wal.bench",
  "receive.bench",
  "formats.bench",
];
const ROUNDS = 5;

const [first, ...rest] = process.argv.slice(2);
if (first === "compare") await compare(rest);
else await runAll(first === undefined ? SMALL : [first, ...rest].map(fileOf));

async function runAll(names: readonly string[]): Promise<void> {
  const failed: string[] = [];
  for (const name of names) {
    console.log(`== ${name}`);
    const env = { ...process.env, BENCH_BUDGET: "fail" };
    const cmd = [process.execPath, join(import.meta.dirname, `${name}.ts`)];
    const child = Bun.spawn({ cmd, env, stdout: "inherit", stderr: "inherit" });
    if ((await child.exited) !== 0) failed.push(name);
  }
  if (failed.length === 0) return;
  console.log(`over budget or broken: ${failed.join(", ")}`);
  process.exitCode = 1;
}

async function compare([other, name]: readonly string[]): Promise<void> {
  if (other === undefined || name === undefined) {
    console.log("usage: npm run bench -- compare <other checkout> <bench>");
    process.exitCode = 2;
    return;
  }
  const here: Figures = new Map();
  const there: Figures = new Map();
  for (let round = 0; round < ROUNDS; round++) {
    await measure(ROOT, name, here);
    await measure(other, name, there);
  }
  console.log(`medians of ${ROUNDS}: here, ${other}, ratio`);
  for (const [figure, values] of here) {
    const [a, b] = [median(values), median(there.get(figure) ?? [Number.NaN])];
    console.log(`${figure}: ${a.toFixed(1)}  ${b.toFixed(1)}  ${(a / b).toFixed(3)}`);
  }
}

type Figures = Map<string, number[]>;

/** Runs one bench in a checkout and adds its figures. */
async function measure(checkout: string, name: string, figures: Figures): Promise<void> {
  const file = join(checkout, "bench", `${fileOf(name)}.ts`);
  const child = Bun.spawn({ cmd: [process.execPath, file], stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${file} failed`);
  for (const [, figure, value] of text.matchAll(/^(\w+): ([\d.]+) \S+, budget/gm)) {
    figures.set(figure, [...(figures.get(figure) ?? []), Number(value)]);
  }
}

/** "encode" is encode.bench.ts, "ingest" is ingest.ts. */
function fileOf(name: string): string {
  return existsSync(join(import.meta.dirname, `${name}.bench.ts`)) ? `${name}.bench` : name;
}
