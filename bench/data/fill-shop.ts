/**
 * Fills a server with the synthetic shop: start times anywhere within the last hours, one trace in
 * twenty split over two blocks by a cut.
 */
import { prng } from "../../src/base/prng.ts";
import type { Server } from "../../test/support/server.ts";
import { type Stamp, shopRequests, type Template } from "./shop-requests.ts";

export interface FillOptions {
  readonly spans: number;
  /** Start times are from so long ago up to now. */
  readonly spreadSeconds: number;
  /** As fast as it goes when it is not given. */
  readonly spansPerSecond?: number;
}

const SENDERS = 2;
/** More spans than a half of the head takes: in between there was a cut. */
const LATE_AFTER_SPANS = 300_000;
const SPLIT_ONE_IN = 20;

interface Waiting {
  readonly template: Template;
  readonly stamp: Stamp;
  /** How many spans have been sent before. */
  readonly sent: number;
}

/** Returns how many spans were acknowledged, all of them in blocks. */
export async function fillShop(server: Server, options: FillOptions): Promise<number> {
  const { spansPerSecond = Number.POSITIVE_INFINITY } = options;
  const pairs = shopRequests({ seed: 3, requests: 460, spans: 500, splitOneIn: SPLIT_ONE_IN });
  const random = prng(7);
  const endNano = BigInt(Date.now()) * 1_000_000n;
  const waiting: Waiting[] = [];
  const beganMs = performance.now();
  let sent = 0;
  let round = 0;
  const send = async (template: Template, stamp: Stamp) => {
    sent += template.spans;
    const response = await server.send(template.stamped(stamp));
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`fill: ${response.status}`);
  };
  const sendNext = async () => {
    const { early, late } = pairs[round % pairs.length];
    round += 1;
    const agoNs = Math.floor(random.unit() * options.spreadSeconds * 1e9);
    const stamp = { round, atNano: endNano - BigInt(agoNs) };
    if (late !== undefined) waiting.push({ template: late, stamp, sent });
    await send(early, stamp);
  };
  const sendLate = async () => {
    const next = waiting.shift();
    if (next !== undefined) await send(next.template, next.stamp);
  };
  const sender = async () => {
    while (sent < options.spans) {
      const aheadMs = (sent * 1000) / spansPerSecond - (performance.now() - beganMs);
      if (aheadMs > 5) await Bun.sleep(aheadMs);
      if (waiting.length > 0 && waiting[0].sent + LATE_AFTER_SPANS < sent) await sendLate();
      else await sendNext();
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  await server.flush();
  while (waiting.length > 0) await sendLate();
  await server.flush();
  return sent;
}
