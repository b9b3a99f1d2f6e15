/** The rounds of kill-rounds.ts on a server that keeps its blocks in a bucket and merges them. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Bucket } from "../support/bucket.ts";
import { EAGER_COMPACTION } from "../support/compaction.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { Server, type ServerSettings } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";
import { BucketWatch } from "./bucket-watch.ts";
import {
  countSpans,
  type KillOptions,
  type KillReport,
  killRounds,
  type OtherMoment,
} from "./kill-rounds.ts";

export const GRACE_MS = 4000;
const DEADLINE_MS = 120_000;
/** What a kill is to hit comes soon, or there is nothing to do: then any time will do. */
const MOMENT_MS_MAX = 8_000;

/** Objects of no block, as a process leaves them that dies between two uploads. */
const ORPHANS = ["data.parquet", "sidecar.bin"].map((name) => `blocks/${"0f".repeat(16)}/${name}`);

/** Spans that go when they can, and when they are: nobody else's. */
const DOOMED = "doomed";
const DOOMED_SECONDS = 1_700_100_000;
const DOOMED_WINDOW = { start: String(DOOMED_SECONDS - 5), end: String(DOOMED_SECONDS + 5) };
const DOOMED_TRACES = 400;
const DOOMED_REQUESTS = 5;

/** `endpoint`: by way of a proxy. */
export function eagerBucket(bucket: Bucket, endpoint: string): ServerSettings {
  const compaction = "backend_scheduler.provider.compaction.compaction";
  return {
    ...bucket.settingsBy(endpoint),
    ...EAGER_COMPACTION,
    [`${compaction}.compacted_block_retention`]: `${GRACE_MS}ms`,
    "vivace.upload_wait": "1s",
    "vivace.retention_rules": [{ filter: `{ name = "${DOOMED}" }`, keep: "1s" }],
  };
}

export async function bucketKillRounds(
  bucket: Bucket,
  options: Pick<KillOptions, "seed" | "kills" | "loadMsMax" | "onRound">,
): Promise<KillReport> {
  for (const key of ORPHANS) await bucket.put(key, new Uint8Array(1000));
  await using watch = await BucketWatch.start({
    bucket,
    graceMs: GRACE_MS,
    isWithoutLeases: false,
  });
  const settings = eagerBucket(bucket, watch.endpoint);
  let sent = 0;
  return await killRounds({
    ...options,
    finalEvery: 5,
    settings,
    moments: bucketMoments(bucket),
    aside: async (server) => {
      sent += await sendDoomed(server);
    },
    rowsAside: doomedLeft,
    atEnd: async (server) => {
      const offences = await leftOvers([server], bucket);
      const left = await doomedLeft(server);
      if (left >= sent) offences.push(`${left} spans of ${sent} that were to go are there`);
      // Another process has nothing but the bucket.
      await using reader = await Server.start(settings);
      const [own, others] = [await allSpans(server), await allSpans(reader)];
      offences.push(...(await watch.stop()));
      if (own !== others) offences.push(`another process counts ${others} spans, not ${own}`);
      return offences;
    },
  });
}

/** Acknowledged spans; others of them may be there too. */
export async function sendDoomed(server: Server): Promise<number> {
  const start = String(BigInt(DOOMED_SECONDS) * 1_000_000_000n);
  for (let request = 0; request < DOOMED_REQUESTS; request++) {
    const spans = Array.from({ length: DOOMED_TRACES }, () => {
      const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
      return spanOf({ traceId: id, spanId: "1", name: DOOMED, start, end: start });
    });
    await (await server.send(requestOf(spans))).arrayBuffer();
  }
  return DOOMED_REQUESTS * DOOMED_TRACES;
}

export async function doomedLeft(server: Server): Promise<number> {
  return await countSpans(server, DOOMED_WINDOW);
}

async function allSpans(server: Server): Promise<number> {
  return await countSpans(server, { start: "1699999990", end: DOOMED_WINDOW.end });
}

/** Steps on the way of a block into the bucket, of merges, and of what goes. */
export function bucketMoments(bucket: Bucket): readonly OtherMoment[] {
  /** A key of that kind comes, or goes. */
  const key = (name: string, prefix: string, what: "comes" | "goes"): OtherMoment => ({
    name,
    comes: async () => {
      const of = async () => (await bucket.keys()).filter((one) => one.startsWith(prefix));
      const before = new Set(await of());
      await soon(async () => {
        const now = new Set(await of());
        const [from, to] = what === "comes" ? [now, before] : [before, now];
        return [...from].some((one) => !to.has(one));
      });
    },
  });
  const merging: OtherMoment = {
    name: "a merge",
    comes: async (server) => await soon(() => isMerging(server)),
  };
  const output: OtherMoment = {
    name: "the upload of a merged block",
    comes: async (server) => {
      const before = new Set(await bucket.keys());
      await soon(async () => {
        if (!isMerging(server)) return false;
        const keys = await bucket.keys();
        return keys.some((one) => one.startsWith("blocks/") && !before.has(one));
      });
    },
  };
  return [
    ...[key("an upload", "blocks/", "comes"), key("a meta", "metas/", "comes")],
    ...[merging, output, key("a commit", "compactions/", "comes")],
    ...[key("a removal", "blocks/", "goes"), key("the end of a meta", "metas/", "goes")],
  ];
}

function isMerging(server: Server): boolean {
  try {
    return readdirSync(join(server.blocksFolder, "merging")).length > 0;
  } catch {
    return false;
  }
}

async function soon(ask: () => boolean | Promise<boolean>): Promise<void> {
  await waitFor(ask, () => "", MOMENT_MS_MAX).catch(() => {});
}

/** All blocks come into the bucket, and what belongs to none goes. */
export async function leftOvers(servers: readonly Server[], bucket: Bucket): Promise<string[]> {
  let problem = "";
  const clean = async () => {
    let pending = 0;
    for (const server of servers) {
      const text = await (await server.get("/metrics")).text();
      pending += Number(/^vivace_store_pending_blocks (\d+)$/m.exec(text)?.[1]);
    }
    const live = new Set(await bucket.live());
    const keys = await bucket.keys();
    const wanted = new Set([...live].map((id) => `blocks/${id}/block.parquet`));
    const dead = keys.filter((key) => {
      const meta = /^metas\/(.+)\.json$/.exec(key)?.[1];
      return meta === undefined ? key.startsWith("blocks/") && !wanted.has(key) : !live.has(meta);
    });
    const missing = [...wanted].filter((key) => !keys.includes(key));
    problem = `${pending} blocks pending, left ${dead.join(" ")}, missing ${missing.join(" ")}`;
    return pending === 0 && dead.length === 0 && missing.length === 0;
  };
  try {
    await waitFor(clean, () => problem, DEADLINE_MS);
    return [];
  } catch {
    return [problem];
  }
}
