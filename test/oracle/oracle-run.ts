/**
 * `bun test/oracle/oracle-run.ts SEED PAIRS [KINDS]`: the server against the oracle on so many
 * pairs of a trace set and a question, a hundred questions a trace set. Prints the first
 * difference, made small, and ends with 1; the same seed and number give the same pairs. KINDS:
 * some of search,metrics,names,values; all when left out.
 */
import { ASKED_KINDS, type AskedKind } from "./oracle-ask.ts";
import { runOracle } from "./oracle-server.ts";

const QUESTIONS_PER_TENANT = 100;

const [seed, pairs] = process.argv.slice(2).map(Number);
const kinds = (process.argv[4] ?? ASKED_KINDS.join()).split(",").filter(isKind);
if (!Number.isInteger(seed) || !(pairs > 0) || kinds.length === 0) {
  process.stderr.write("usage: oracle-run.ts SEED PAIRS [search,metrics,names,values]\n");
  process.exit(2);
}
const questionsPerTenant = Math.min(pairs, QUESTIONS_PER_TENANT);
const tenants = Math.ceil(pairs / questionsPerTenant);
const startedAt = performance.now();
const difference = await runOracle({
  seed,
  tenants,
  questionsPerTenant,
  kinds,
  onProgress: (text) => process.stderr.write(`${text}\n`),
});
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
if (difference === undefined) {
  process.stdout.write(`${tenants * questionsPerTenant} pairs agree, seed ${seed}, ${seconds} s\n`);
} else {
  process.stdout.write(`seed ${seed}:\n${difference}\n`);
  process.exit(1);
}

function isKind(text: string): text is AskedKind {
  return ASKED_KINDS.some((kind) => kind === text);
}
