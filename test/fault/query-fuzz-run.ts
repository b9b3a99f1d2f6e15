/**
 * Fuzzes the query API of a server over HTTP and prints how requests ended:
 *
 *   query-fuzz-run.ts [requests] [seed]
 *
 * A failure prints the number of its request and the query; the same seed repeats it. Ends with 1
 * after a failure.
 */
import { fuzzQueries } from "./query-fuzz.ts";

const PROGRESS_EVERY = 10_000;

const [requests, seed] = [20_000, 1].map((preset, i) => {
  const text = process.argv[2 + i];
  return text === undefined ? preset : Number(text);
});
const print = (line: string) => process.stdout.write(`${line}\n`);
const began = performance.now();
const report = await fuzzQueries({
  requests,
  seed,
  onProgress: (done) => {
    if (done % PROGRESS_EVERY === 0) print(`${done} requests`);
  },
});
for (const [kind, ends] of report.ends) {
  const shown = [...ends].sort(([a], [b]) => a - b).map(([status, count]) => `${status} ${count}`);
  print(`  ${kind.padEnd(12)} ${shown.join(", ")}`);
}
for (const { ms, request } of report.slowest) {
  const { kind, path, query = path } = request;
  print(`slow: ${ms.toFixed(0)} ms, ${kind}, ${query.length} characters: ${query.slice(0, 120)}`);
}
print(`memory: ${(report.memoryBytesMax / 2 ** 20).toFixed(0)} MiB`);
print(`seconds: ${((performance.now() - began) / 1000).toFixed(1)}`);
for (const failure of report.failures) print(`FAILED ${failure}`);
process.exitCode = report.failures.length === 0 ? 0 : 1;
