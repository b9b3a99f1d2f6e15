/**
 * One sender of bench/overload.ts: connections that each have one request under way, as fast as
 * they are answered. Told "start" and "stop" by its parent; tells what became of its requests.
 *
 *   bun bench/overload-sender.ts http|grpc ADDRESS obey|ignore connections [tenants] [per second]
 *
 * Tenants have commas between them; connections are theirs in turns.
 */
import { prng } from "../src/base/prng.ts";
import { shopBatches } from "./data/shop-batches.ts";
import { loadFormats } from "./data/shop-formats.ts";
import { GrpcByHand } from "./grpc-by-hand.ts";

export interface SenderReport {
  readonly taken: number;
  readonly refused: number;
  /** Refusals over HTTP that do not say when to come again. */
  readonly unmarked: number;
  readonly failed: number;
}

const SPANS = 500;
const RETRY_AFTER_MS = 1000;

const [protocol, address = "", manners, connections = "1", tenants = "", perSecond] =
  process.argv.slice(2);
const names = tenants.split(",");
const random = prng(process.pid);
const batches = shopBatches({ seed: 2, batches: 32, spans: SPANS });
const places = batches.map((batch) => loadFormats["identity"].places?.(batch) ?? []);
const counts = { taken: 0, refused: 0, unmarked: 0, failed: 0 };
let sending = false;
/** When the next request is due, where there are to be so many a second. */
let dueMs = 0;

process.on("message", (message) => {
  sending = message === "start";
  if (message === "stop") {
    process.send?.({ ...counts });
    Object.assign(counts, { taken: 0, refused: 0, unmarked: 0, failed: 0 });
  }
});
for (let i = 0; i < Number(connections); i++) void run(names[i % names.length]);
process.send?.("ready");

async function run(tenant: string): Promise<void> {
  let send = await opened(tenant);
  let bytes: Uint8Array | undefined;
  for (;;) {
    if (!sending) {
      await Bun.sleep(20);
      continue;
    }
    if (perSecond !== undefined) await turn(1000 / Number(perSecond));
    bytes ??= body();
    const outcome = await send(bytes).catch(() => "failed" as const);
    counts[outcome] += 1;
    // What was refused comes again as it is, as exporters do it.
    if (outcome === "taken") bytes = undefined;
    if (outcome === "refused" && manners === "obey") {
      await Bun.sleep(RETRY_AFTER_MS * (1 + random.unit()));
    }
    if (outcome !== "failed") continue;
    await Bun.sleep(100);
    send = await opened(tenant);
  }
}

async function turn(everyMs: number): Promise<void> {
  const nowMs = performance.now();
  dueMs = Math.max(dueMs + everyMs, nowMs);
  if (dueMs > nowMs) await Bun.sleep(dueMs - nowMs);
}

type Outcome = keyof typeof counts;
type Send = (body: Uint8Array) => Promise<Outcome>;

async function opened(tenant: string): Promise<Send> {
  for (;;) {
    try {
      return protocol === "grpc" ? await overGrpc(tenant) : overHttp(tenant);
    } catch {
      await Bun.sleep(100);
    }
  }
}

function body(): Uint8Array {
  const index = random.below(batches.length);
  const bytes = batches[index].slice();
  loadFormats["identity"].restamp?.(bytes, places[index], random);
  return bytes;
}

function overHttp(tenant: string): Send {
  const headers = { "content-type": "application/x-protobuf", "x-scope-orgid": tenant };
  return async (bytes) => {
    const request = { method: "POST", body: new Uint8Array(bytes), headers };
    const response = await fetch(`http://${address}/v1/traces`, request);
    await response.arrayBuffer();
    if (response.ok) return "taken";
    if (response.headers.get("retry-after") === null) counts.unmarked += 1;
    return "refused";
  };
}

/** By hand: a client library would take more of the machine than the server does. */
async function overGrpc(tenant: string): Promise<Send> {
  const headers = { "x-scope-orgid": tenant };
  const client = await GrpcByHand.open(Number(address.split(":")[1]), headers);
  return async (bytes) => ((await client.call({ bytes })) ? "taken" : "refused");
}
