/**
 * Fuzzes the kernel with mutated requests and prints what was covered:
 *
 *   fuzz-run.ts [mutants] [seed] [first mutant]
 *
 * A failure prints its seed and the number of its mutant, which repeat it:
 * `fuzz-run.ts 1 SEED MUTANT`. Ends with 1 after a failure.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type End, type FuzzReport, fuzzRequests } from "./fuzz-requests.ts";

const PROGRESS_EVERY = 10_000;

const [mutants, seed, from] = [20_000, 1, 0].map((preset, i) => {
  const text = process.argv[2 + i];
  return text === undefined ? preset : Number(text);
});
const print = (line: string) => process.stdout.write(`${line}\n`);
const began = performance.now();
const report = fuzzRequests({
  ...{ mutants, seed, from },
  folder: mkdtempSync(join(tmpdir(), "vivace-fuzz-")),
  onProgress: (done) => {
    if (done % PROGRESS_EVERY === 0) print(`${from + done} mutants`);
  },
});
for (const line of linesOf(report)) print(line);
print(`seconds: ${((performance.now() - began) / 1000).toFixed(1)}`);
for (const failure of report.failures) print(`FAILED ${failure}`);
process.exitCode = report.failures.length === 0 ? 0 : 1;

function linesOf(report: FuzzReport): string[] {
  const shown = (ends: ReadonlyMap<string, number>) =>
    [...ends].map(([end, mutants]) => `${end} ${mutants}`).join(", ");
  const table = (rows: ReadonlyMap<string, ReadonlyMap<End, number>>) =>
    [...rows]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, ends]) => {
        const touched = [...ends.values()].reduce((sum, one) => sum + one, 0);
        return `  ${key.padEnd(52)} ${String(touched).padStart(8)}: ${shown(ends)}`;
      });
  return [
    ...["by field:", ...table(report.coverage), "by kind of change:", ...table(report.changes)],
    `ends: ${shown(report.ends)}`,
    `spans: accepted ${report.spansAccepted}, rejected ${report.spansRejected}`,
    `cuts: ${report.cuts}`,
    `malformed, though protobuf-es takes it: ${shown(report.stricter)}`,
    `mutants: ${report.sent}, outer parse passed: ${report.outerParses}`,
  ];
}
