/**
 * Objects that a server writes into its bucket an hour, merging and all, at 10,000 spans a second.
 *
 *   bun bench/bucket-hour.ts [tenants, 1 by default] [spans]
 *
 * The hour passes eight times as fast as others do: spans come at eight times the rate, and all
 * that waits waits an eighth as long. Halves of the head, blocks and merges are as large as they
 * are at the usual pace. It takes three to four minutes, on a machine that is too slow for the pace
 * as well, for it stops to send then; what was sent is what counts. The half that fills at the end
 * is not cut. Of many tenants the busiest sends 3 % of all spans, the half that sends least a
 * quarter.
 */
import { prng } from "../src/base/prng.ts";
import { Bucket, uploaded } from "../test/support/bucket.ts";
import { Server, type ServerSettings } from "../test/support/server.ts";
import { hold } from "./budget.ts";
import { shopRequests } from "./data/shop-requests.ts";
import { storeCounts } from "./store-counts.ts";

const FAST = 8;
const SPANS_PER_SECOND = 10_000;
/** Thirty-two halves: their merges fill two records. */
const SPANS = 8_450_000;
const SENDERS = 3;
const LOAD_MS_MAX = 100_000;
/** Longer than merges wait for others. */
const MERGES_MS_MAX = 75_000;
/** Longer than a block waits to be joined with others. */
const KEPT_MS_MAX = 60_000;

const [tenants, spans] = [1, SPANS].map((preset, i) => Number(process.argv[2 + i] ?? preset));
await using bucket = await Bucket.start();
await using server = await Server.start({ ...bucket.settings, ...hurried() });
// What a start asks the store for is told a second later.
await Bun.sleep(2000);
const before = await storeCounts(server);
const sent = await send();
await uploaded(server);
const unmerged = await storeCounts(server);
let after = unmerged;
const untilMs = performance.now() + MERGES_MS_MAX;
while (performance.now() < untilMs && after.merged < after.flushed - 1) {
  await Bun.sleep(2000);
  after = await storeCounts(server);
}
// Counts are told each second.
await Bun.sleep(1500);
after = await storeCounts(server);
const stored = await bucket.spans();
const written = after.puts - before.puts;
console.log(`${stored} spans in ${after.flushed} blocks, ${written} objects and parts written`);
console.log(`${after.merged} blocks merged, ${unmerged.merged} of them under load`);
const perHour = ((SPANS_PER_SECOND * 3600) / stored) * written;
const [what, unit] = ["bucket objects an hour", "at 10,000 spans/s, merged"];
if (tenants === 1) hold(what, perHour, unit);
else if (tenants === 1000) hold(`${what} of 1,000 tenants`, perHour, unit);
else console.log(`${what} of ${tenants} tenants: ${perHour.toFixed(0)} ${unit}, no budget`);
await holdKept();

/** The settings as a user gets them, but for what waits. */
function hurried(): ServerSettings {
  const compaction = "backend_scheduler.provider.compaction.compaction";
  const ms = (usual: number) => `${Math.round(usual / FAST)}ms`;
  return {
    "vivace.memory_budget_bytes": undefined,
    "vivace.upload_wait": ms(300_000),
    "storage.trace.blocklist_poll": ms(300_000),
    [`${compaction}.compaction_cycle`]: ms(30_000),
    multitenancy_enabled: tenants > 1,
  };
}

/** The half that fills is cut, too; what that writes is no part of the hour. */
async function holdKept(): Promise<void> {
  await server.flush();
  // What was just cut may not be known to wait yet, so what is there tells.
  const untilMs = performance.now() + KEPT_MS_MAX;
  let kept = await bucket.spans();
  while (kept !== sent && performance.now() < untilMs) {
    await Bun.sleep(2000);
    kept = await bucket.spans();
  }
  console.log(`${kept} of ${sent} spans sent are in the bucket`);
  if (kept !== sent) process.exitCode = 1;
}

/** Returns how many spans were acknowledged. */
async function send(): Promise<number> {
  const size = tenants > 1 ? 100 : 500;
  const templates = shopRequests({ seed: 3, requests: 400, spans: size, splitOneIn: 0 });
  const random = prng(11);
  // All in one window: where an hour ends there is one merge less, or one more.
  const atNano = BigInt(Date.now()) * 1_000_000n;
  const beganMs = performance.now();
  let sent = 0;
  let round = 0;
  const sender = async () => {
    while (sent < spans && performance.now() - beganMs < LOAD_MS_MAX) {
      const aheadMs = (sent * 1000) / (SPANS_PER_SECOND * FAST) - (performance.now() - beganMs);
      if (aheadMs > 5) await Bun.sleep(aheadMs);
      const { early } = templates[round % templates.length];
      round += 1;
      sent += early.spans;
      const tenant = Math.floor(tenants * random.unit() ** 2);
      const headers = tenants > 1 ? { "x-scope-orgid": `tenant-${tenant}` } : {};
      const response = await server.send(early.stamped({ round, atNano }), headers);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`bench: ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  const seconds = (performance.now() - beganMs) / 1000;
  console.log(`${sent} spans in ${seconds.toFixed(0)} s`);
  return sent;
}
