/**
 * Kills servers that keep their blocks in a bucket and merge them there, many times:
 * bucket-kill-run.ts [rounds] [seed] [processes, 1 or 2].
 */
import { Bucket } from "../support/bucket.ts";
import { bucketKillRounds } from "./bucket-kill.ts";
import { bucketPairRounds } from "./bucket-pair.ts";

const [rounds, seed, processes] = [30, 1, 1].map((preset, i) =>
  Number(process.argv[2 + i] ?? preset),
);
const print = (line: string) => process.stdout.write(`${line}\n`);
await using bucket = await Bucket.start();
const options = { seed, kills: rounds, loadMsMax: 600, onRound: print };
const rounding = processes === 2 ? bucketPairRounds : bucketKillRounds;
const report = await rounding(bucket, options);
print(`seed ${seed}, ${rounds} rounds: ${[...report.moments].flat().join(" ")}`);
print(`acknowledged spans: ${report.acknowledgedSpans}`);
print(`requests without an answer: ${report.cutOffRequests}, stored: ${report.cutOffStored}`);
for (const offence of report.offences) print(`FAILED ${offence}`);
process.exitCode = report.offences.length === 0 ? 0 : 1;
