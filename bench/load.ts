/**
 * Sends seeded requests over loopback for a while:
 *
 *   bun bench/load.ts ORIGIN seconds clients format
 *
 * Each request gets fresh trace and span ids, so that nothing repeats; with gzip the bodies are
 * compressed once, before the clock starts, and ids repeat. Over UDP, `clients` is the number of
 * packets a second in thousands.
 */
import { prng } from "../src/base/prng.ts";
import { shopBatches } from "./data/shop-batches.ts";
import { loadFormats } from "./data/shop-formats.ts";
import { senderOf, sendPackets } from "./load-transport.ts";

const [origin = "", seconds = "10", clients = "16", name = "identity"] = process.argv.slice(2);
const format = loadFormats[name];
if (format === undefined) throw new Error(`formats: ${Object.keys(loadFormats).join(", ")}`);
const batches = shopBatches({ seed: 2, batches: 64, spans: 500 });
/** By batch: packets of one share traces, and are sent one behind the other with the same ids. */
const stock = batches.map((batch) =>
  (format.packets?.(batch) ?? [format.encode(batch)]).map((body) => ({
    body,
    places: format.places?.(body) ?? [],
  })),
);
const random = prng(3);
const due: (typeof stock)[number] = [];
let stamp = 0;
let sent = 0;
let refused = 0;

if (format.transport === "udp") {
  const perSecond = 1000 * Number(clients);
  sent = await sendPackets(origin, { perSecond, seconds: Number(seconds), next });
} else {
  const send = senderOf(origin, format);
  const end = performance.now() + Number(seconds) * 1000;
  await Promise.all(
    Array.from({ length: Number(clients) }, async () => {
      while (performance.now() < end) {
        if (await send(next())) sent += 1;
        else refused += 1;
      }
    }),
  );
}
const lengths = stock.flat().map(({ body }) => body.length);
const bytes = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
console.log(`${sent} requests of ${bytes.toFixed(0)} bytes sent, ${refused} of them refused`);
process.exit();

function next(): Uint8Array {
  if (due.length === 0) {
    due.push(...stock[random.below(stock.length)].toReversed());
    stamp += 1;
  }
  const one = due.pop();
  if (one === undefined) throw new Error("an empty batch");
  const body = one.body.slice();
  format.restamp?.(body, one.places, prng(stamp));
  return body;
}
