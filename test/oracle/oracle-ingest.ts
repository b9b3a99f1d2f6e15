/**
 * `bun test/oracle/oracle-ingest.ts SEED TENANTS`: the server under full ingest against the oracle
 * (see oracle-writing.ts). Prints the first difference and ends with 1.
 */
import { runWhileWriting } from "./oracle-writing.ts";

const [seed, tenants] = process.argv.slice(2).map(Number);
if (!Number.isInteger(seed) || !(tenants > 0)) {
  process.stderr.write("usage: oracle-ingest.ts SEED TENANTS\n");
  process.exit(2);
}
const startedAt = performance.now();
const { difference, questions, spans, cuts } = await runWhileWriting({ seed, tenants });
const seconds = (performance.now() - startedAt) / 1000;
const beside = `${spans} spans sent beside them in ${seconds.toFixed(1)} s, ${cuts} cuts`;
if (difference === undefined) {
  process.stdout.write(`${questions} questions agree, seed ${seed}; ${beside}\n`);
} else {
  process.stdout.write(`seed ${seed}:\n${difference}\n`);
  process.exit(1);
}
