/**
 * `bun test/oracle/mutants-run.ts SEED [PAIRS] [FIRST] [COUNT]`: the oracle against each wrong
 * engine of mutants.ts, on at most so many pairs, after it has agreed with the right one on the
 * same pairs. Prints a line each, and ends with 1 when one was not caught.
 */
import { MUTANTS } from "./mutants.ts";
import { catchMutant, findDifference } from "./mutants-catch.ts";

const PAIRS = 10_000;

const [seed, pairs = PAIRS, first = 0, count = MUTANTS.length] = process.argv.slice(2).map(Number);
if (!Number.isInteger(seed)) {
  process.stderr.write("usage: mutants-run.ts SEED [PAIRS] [FIRST] [COUNT]\n");
  process.exit(2);
}
const difference = await findDifference({ seed, pairs });
if (difference !== undefined) {
  process.stdout.write(`the right engine differs, seed ${seed}: ${difference}\n`);
  process.exit(1);
}
process.stdout.write(`the right engine agrees on ${pairs} pairs\n`);
const chosen = MUTANTS.slice(first, first + count);
let missed = 0;
for (const [i, mutant] of chosen.entries()) {
  const startedAt = performance.now();
  const caught = await catchMutant(mutant, { seed, pairs });
  if (caught === undefined) missed++;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const verdict = caught === undefined ? "NOT CAUGHT" : "caught";
  process.stdout.write(`${first + i} ${mutant.mistake}: ${verdict}, ${seconds} s\n`);
  if (caught !== undefined) process.stdout.write(`  ${caught}\n`);
}
process.stdout.write(`${chosen.length - missed} of ${chosen.length} caught, seed ${seed}\n`);
process.exitCode = missed === 0 ? 0 : 1;
