/** The rounds of kill-rounds.ts on a server that keeps its blocks in a bucket. */
import type { Bucket } from "../support/bucket.ts";
import type { Server } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";
import { type KillOptions, type KillReport, killRounds } from "./kill-rounds.ts";

const GRACE_MS = 4000;
const DEADLINE_MS = 60_000;

/** Objects of no block, as a process leaves them that dies between two uploads. */
const ORPHANS = ["data.parquet", "sidecar.bin"].map((name) => `blocks/${"0f".repeat(16)}/${name}`);

export async function bucketKillRounds(
  bucket: Bucket,
  options: Pick<KillOptions, "seed" | "kills" | "loadMsMax" | "onRound">,
): Promise<KillReport> {
  const compaction = "backend_scheduler.provider.compaction.compaction";
  for (const key of ORPHANS) await bucket.put(key, new Uint8Array(1000));
  return await killRounds({
    ...options,
    finalEvery: 5,
    settings: {
      ...bucket.settings,
      [`${compaction}.compacted_block_retention`]: `${GRACE_MS}ms`,
      "vivace.upload_wait": "1s",
    },
    atEnd: (server) => leftOvers(server, bucket),
  });
}

/** All blocks come into the bucket, and what belongs to none goes. */
async function leftOvers(server: Server, bucket: Bucket): Promise<string[]> {
  let problem = "";
  const clean = async () => {
    const text = await (await server.get("/metrics")).text();
    const pending = /^vivace_store_pending_blocks (\d+)$/m.exec(text)?.[1];
    const keys = await bucket.keys();
    const published = new Set(await bucket.blocks());
    const orphans = keys.filter((key) => {
      const id = /^blocks\/([^/]+)\//.exec(key)?.[1];
      return id !== undefined && !published.has(id);
    });
    const halves = [...published].filter((id) =>
      ["data.parquet", "sidecar.bin"].some((name) => !keys.includes(`blocks/${id}/${name}`)),
    );
    const rest = `orphans ${orphans.join(" ")}, in part ${halves.join(" ")}`;
    problem = `${pending} blocks pending, ${rest}`;
    return pending === "0" && orphans.length === 0 && halves.length === 0;
  };
  try {
    await waitFor(clean, () => problem, DEADLINE_MS);
    return [];
  } catch {
    return [problem];
  }
}
