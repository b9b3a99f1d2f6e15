/** Two processes that keep and merge their blocks in one bucket, and are killed again and again. */
import { prng } from "../../src/base/prng.ts";
import type { Bucket } from "../support/bucket.ts";
import { Server } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";
import {
  bucketMoments,
  doomedLeft,
  eagerBucket,
  GRACE_MS,
  leftOvers,
  sendDoomed,
} from "./bucket-kill.ts";
import { BucketWatch } from "./bucket-watch.ts";
import {
  countSpans,
  holdTraces,
  judgeCutOff,
  type KillOptions,
  type KillReport,
  someOf,
  WAITING_PAUSE_MS,
} from "./kill-rounds.ts";
import { LEDGER_WINDOW, LedgerLoad } from "./ledger-load.ts";

const CONNECTIONS = 4;
const LOAD_MS_MIN = 150;
const AFTER_MS_MAX = 150;
const AGREE_MS_MAX = 60_000;
const BETWEEN_MS = 1000;
/** While merges go on nothing may seem to be missing or twice. */
const LOOKS = 10;
const WHO = ["the first", "the second", "both"] as const;

interface Side {
  readonly server: Server;
  readonly ledger: LedgerLoad;
}

export async function bucketPairRounds(
  bucket: Bucket,
  options: Pick<KillOptions, "seed" | "kills" | "loadMsMax" | "onRound">,
): Promise<KillReport> {
  const { seed, kills, loadMsMax, onRound } = options;
  const random = prng(seed);
  // Leases only save work: what is right must not depend on them.
  await using watch = await BucketWatch.start({ bucket, graceMs: GRACE_MS, isWithoutLeases: true });
  const settings = eagerBucket(bucket, watch.endpoint);
  await using first = await Server.start(settings);
  await using second = await Server.start(settings);
  const sides = [first, second].map((server) => ({ server, ledger: new LedgerLoad(random) }));
  const names = new Map<string, number>();
  const offences: string[] = [];
  let cutOffRequests = 0;
  let cutOffStored = 0;
  const moments = bucketMoments(bucket);
  const work = new Work();
  for (let round = 0; round < kills; round++) {
    const from = sides.map(({ ledger }) => ledger.requests.length);
    const who = WHO[(round + seed) % WHO.length];
    const victims = who === "both" ? sides : [sides[WHO.indexOf(who)]];
    const moment = moments[(round + seed) % moments.length];
    const name = `${who} at ${moment.name}`;
    names.set(name, (names.get(name) ?? 0) + 1);
    const running = sides.map(({ server, ledger }) => ledger.run(server.otlp, CONNECTIONS));
    await Promise.all(sides.map(({ server }) => sendDoomed(server)));
    await Bun.sleep(LOAD_MS_MIN + random.below(loadMsMax - LOAD_MS_MIN));
    for (const { server } of sides) server.flush().catch(() => {});
    for (const { ledger } of sides) ledger.pauseMs = WAITING_PAUSE_MS;
    await moment.comes(victims[0].server);
    for (const { ledger } of sides) ledger.pauseMs = 0;
    await Bun.sleep(random.below(AFTER_MS_MAX));
    await Promise.all(victims.map(({ server }) => server.kill()));
    for (const { server } of victims) work.add(server);
    for (const { ledger } of sides) ledger.stop();
    await Promise.all(running);
    await Promise.all(victims.map(({ server }) => server.restart()));
    const before = offences.length;
    for (const [i, { server, ledger }] of sides.entries()) {
      const requests = ledger.requests.slice(from[i]).filter((one) => one.outcome === "cut off");
      cutOffRequests += requests.length;
      cutOffStored += await judgeCutOff(server, { ledger, requests, offences });
    }
    await agree(sides, offences);
    for (const [i, { ledger }] of sides.entries()) {
      const other = sides[1 - i].server;
      await holdTraces(other, someOf(ledger.requests.slice(from[i])), offences);
    }
    const line = `round ${round + 1}, ${name}, rows ${totalOf(sides)}`;
    onRound?.(line);
    for (let i = before; i < offences.length; i++) offences[i] = `${line}: ${offences[i]}`;
  }
  await watch.meeting(async () => {
    await Promise.all(sides.map(({ server }) => sendDoomed(server)));
    await Promise.all(sides.map(({ server }) => server.flush()));
    await Bun.sleep(BETWEEN_MS);
  });
  offences.push(...(await leftOvers([first, second], bucket)));
  await agree(sides, offences);
  offences.push(...(await watch.stop()));
  const [one, other] = [await doomedLeft(first), await doomedLeft(second)];
  if (one !== other) offences.push(`${one} and ${other} spans of those that go are there`);
  for (const { server } of sides) work.add(server);
  onRound?.(`${work.merges} merges, ${work.late} came too late`);
  return {
    acknowledgedSpans: totalOf(sides),
    cutOffRequests,
    cutOffStored,
    moments: names,
    offences: offences.map((offence) => `seed ${seed}: ${offence}`),
  };
}

/** What was done, and what was done twice; by the logs. */
class Work {
  merges = 0;
  late = 0;

  add({ log }: Server): void {
    this.merges += log.split('msg="blocks merged"').length - 1;
    this.late += log.split('msg="merge comes too late"').length - 1;
  }
}

/** Each process sees all spans of both, and goes on seeing them. */
async function agree(sides: readonly Side[], offences: string[]): Promise<void> {
  const expected = totalOf(sides);
  await Promise.all(sides.map(({ server }) => server.flush()));
  for (const [i, { server }] of sides.entries()) {
    let found = 0;
    const asExpected = async () => {
      found = await countSpans(server, LEDGER_WINDOW);
      return found === expected;
    };
    try {
      await waitFor(asExpected, () => "", AGREE_MS_MAX);
      for (let look = 0; look < LOOKS; look++) if (!(await asExpected())) throw new Error("then");
    } catch {
      offences.push(`process ${i + 1} counts ${found} spans, expected ${expected}`);
    }
  }
}

function totalOf(sides: readonly Side[]): number {
  return sides.reduce((sum, { ledger }) => sum + ledger.acknowledgedSpans, 0);
}
