/**
 * `bun test/oracle/oracle-run.ts SEED PAIRS [KINDS] [QUESTIONS]`: the server against the oracle on
 * so many pairs of a trace set and a question, a hundred or QUESTIONS a trace set: with few, most
 * are the first to read their columns. Prints the first difference, made small, and ends with 1;
 * equal numbers give equal pairs. KINDS: some of search,metrics,names,values, or all.
 */
import { ASKED_KINDS, type AskedKind } from "./oracle-ask.ts";
import { runOracle } from "./oracle-server.ts";

const QUESTIONS_PER_TENANT = 100;

const [seed, pairs] = process.argv.slice(2).map(Number);
const [asked = "all", questions = String(QUESTIONS_PER_TENANT)] = process.argv.slice(4);
const kinds = asked === "all" ? ASKED_KINDS : asked.split(",").filter(isKind);
if (!Number.isInteger(seed) || !(pairs > 0) || kinds.length === 0 || !(Number(questions) > 0)) {
  const usage = "oracle-run.ts SEED PAIRS [all|search,metrics,names,values] [QUESTIONS]";
  process.stderr.write(`usage: ${usage}\n`);
  process.exit(2);
}
const questionsPerTenant = Math.min(pairs, Number(questions));
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
