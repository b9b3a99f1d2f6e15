/**
 * Sends the synthetic shop as of now over loopback, at a rate or as fast as it is taken, and prints
 * what came of it as one line of JSON: bun bench/send-shop.ts URL seconds spans-a-second [seed].
 * A rate of 0 is as fast as it is taken.
 */
import { shopRequests } from "./data/shop-requests.ts";
import { at } from "./query-server.ts";

const [url = "", seconds = "10", rate = "0", seed = "1"] = process.argv.slice(2);
const SENDERS = 8;
/** Rounds of two senders with the same seed must differ. */
const ROUNDS_OF_SEED = 1_000_000;

export interface Sent {
  readonly spans: number;
  readonly spansPerSecond: number;
  readonly refused: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const pairs = shopRequests({ seed: 5, requests: 64, spans: 500, splitOneIn: 0 });
const began = performance.now();
const end = began + Number(seconds) * 1000;
const times: number[] = [];
let round = Number(seed) * ROUNDS_OF_SEED;
let planned = 0;
let spans = 0;
let refused = 0;

async function sender(): Promise<void> {
  while (performance.now() < end) {
    const { early } = pairs[round % pairs.length];
    round += 1;
    const dueMs = Number(rate) === 0 ? 0 : began + (planned / Number(rate)) * 1000;
    planned += early.spans;
    const wait = dueMs - performance.now();
    if (wait > 0) await Bun.sleep(wait);
    // Templates begin within a second, which is over when they are sent.
    const body = early.stamped({ round, atNano: BigInt(Date.now() - 2000) * 1_000_000n });
    const headers = { "content-type": "application/x-protobuf" };
    const sentAt = performance.now();
    const response = await fetch(url, { method: "POST", body, headers });
    await response.arrayBuffer();
    times.push(performance.now() - sentAt);
    if (response.ok) spans += early.spans;
    else refused += 1;
  }
}

await Promise.all(Array.from({ length: SENDERS }, sender));
const took = (performance.now() - began) / 1000;
const sent: Sent = {
  spans,
  spansPerSecond: spans / took,
  refused,
  p50Ms: at(times, 0.5),
  p99Ms: at(times, 0.99),
};
console.log(JSON.stringify(sent));
