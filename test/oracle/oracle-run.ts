/**
 * `bun test/oracle/oracle-run.ts SEED PAIRS`: the server against the oracle on so many pairs of a
 * trace set and a question, a hundred questions a trace set. Prints the first difference, made
 * small, and ends with 1; the same seed and number give the same pairs.
 */
import { runOracle } from "./oracle-server.ts";

const QUESTIONS_PER_TENANT = 100;

const [seed, pairs] = process.argv.slice(2).map(Number);
if (!Number.isInteger(seed) || !(pairs > 0)) {
  process.stderr.write("usage: oracle-run.ts SEED PAIRS\n");
  process.exit(2);
}
const questionsPerTenant = Math.min(pairs, QUESTIONS_PER_TENANT);
const tenants = Math.ceil(pairs / questionsPerTenant);
const startedAt = performance.now();
const difference = await runOracle({
  seed,
  tenants,
  questionsPerTenant,
  onProgress: (text) => process.stderr.write(`${text}\n`),
});
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
if (difference === undefined) {
  process.stdout.write(`${tenants * questionsPerTenant} pairs agree, seed ${seed}, ${seconds} s\n`);
} else {
  process.stdout.write(`seed ${seed}:\n${difference}\n`);
  process.exit(1);
}
