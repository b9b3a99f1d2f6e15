/**
 * Fuzzes the formats that are translated into OTLP and prints how their mutants ended:
 *
 *   fuzz-formats-run.ts [mutants] [seed] [first mutant] [format] [ask OTLP's oracle every]
 *
 * A failure prints its format, seed and the number of its mutant, which repeat it:
 * `fuzz-formats-run.ts 1 SEED MUTANT FORMAT`. Ends with 1 after a failure.
 */
import { FORMAT_NAMES, fuzzFormat } from "./fuzz-formats.ts";

const PROGRESS_EVERY = 100_000;

const [mutants, seed, from] = [20_000, 1, 0].map((preset, i) => {
  const text = process.argv[2 + i];
  return text === undefined ? preset : Number(text);
});
const only = process.argv[5];
const oracleEvery = Number(process.argv[6] ?? 1);
const print = (line: string) => process.stdout.write(`${line}\n`);

for (const format of FORMAT_NAMES.filter((name) => only === undefined || name === only)) {
  const began = performance.now();
  const report = fuzzFormat({
    ...{ format, mutants, seed, from, oracleEvery },
    onProgress: (done) => {
      if (done % PROGRESS_EVERY === 0) print(`${format}: ${from + done} mutants`);
    },
  });
  const { failures, ...counts } = report;
  const shown = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  print(`${format}: ${shown.join(", ")}`);
  print(`seconds: ${((performance.now() - began) / 1000).toFixed(1)}`);
  for (const failure of failures) print(`FAILED ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}
