/** Kills the server under load many times: kill-run.ts [kills] [seed] [ms of load]. */
import { killRounds } from "./kill-rounds.ts";

const [kills, seed, loadMsMax] = [20, 1, 1600].map((preset, i) =>
  Number(process.argv[2 + i] ?? preset),
);
const print = (line: string) => process.stdout.write(`${line}\n`);
const report = await killRounds({ seed, kills, loadMsMax, finalEvery: 1, onRound: print });
print(`seed ${seed}, ${kills} kills: ${[...report.moments].flat().join(" ")}`);
print(`acknowledged spans: ${report.acknowledgedSpans}`);
print(`requests without an answer: ${report.cutOffRequests}, stored: ${report.cutOffStored}`);
for (const offence of report.offences) print(`FAILED ${offence}`);
process.exitCode = report.offences.length === 0 ? 0 : 1;
